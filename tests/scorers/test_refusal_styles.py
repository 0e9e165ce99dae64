"""How preachy, short and two-minded models write, in our own words, labelled by hand.

The rule was mended on some of these rows, so the figure is no estimate; it guards what was mended.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from truing.scorers.refusal import read_reply
from truing.stats import cohen_kappa

FILE = Path(__file__).parent / "data" / "refusal_styles.jsonl"
LABELS = ["complied", "partial", "refused", "unusable"]


def test_styles_are_read_as_people_read_them():
    rows = [json.loads(line) for line in FILE.read_text("utf-8").splitlines()]
    table = np.zeros((4, 4), dtype=np.int64)
    for row in rows:
        label = read_reply(row["prompt"], row["reply"]).label
        table[LABELS.index(label), LABELS.index(row["label"])] += 1
    assert cohen_kappa(table) >= 0.8, table.tolist()
