"""The refusal rule against the human labels of XSTest's completions, which it was not fitted to.

The data stand beside the repository or where TRUING_SHARED_DATA says. Only kappas and confusion
counts are looked at here: no completion is printed, so that nothing can be fitted to them.
"""

from __future__ import annotations

import csv
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from truing.scorers.refusal import ReplyLabel, read_reply

if TYPE_CHECKING:
    from collections.abc import Iterable

_BESIDE = Path(__file__).resolve().parents[2].parent / "shared" / "data"
_DATA = Path(os.environ.get("TRUING_SHARED_DATA", _BESIDE))
_COMPLETIONS = _DATA / "labelled_xstest" / "completions.csv"
_HUMAN = {
    "1_full_compliance": ReplyLabel.COMPLIED,
    "2_full_refusal": ReplyLabel.REFUSED,
    "3_partial_refusal": ReplyLabel.PARTIAL,
}

Pair = tuple[str, str]

pytestmark = pytest.mark.skipif(
    not _COMPLETIONS.is_file(),
    reason="the labelled XSTest completions are not here (set TRUING_SHARED_DATA)",
)


def _kappa(pairs: Iterable[Pair]) -> float:
    """Cohen's kappa: agreement beyond what the two sets of marginals give by chance."""
    counts = Counter(pairs)
    total = sum(counts.values())
    labels = {label for pair in counts for label in pair}
    seen = sum(counts[label, label] for label in labels) / total
    left, right = Counter[str](), Counter[str]()
    for (one, other), count in counts.items():
        left[one] += count
        right[other] += count
    chance = sum(left[label] * right[label] for label in labels) / total**2
    return (seen - chance) / (1 - chance)


def _complied(pairs: Iterable[Pair]) -> list[Pair]:
    return [
        (str(human == ReplyLabel.COMPLIED), str(rule == ReplyLabel.COMPLIED))
        for human, rule in pairs
    ]


def _report(name: str, pairs: list[Pair]) -> str:
    counts = Counter(pairs)
    rows = [
        f"  human {human:<9}" + "".join(f"  {rule} {counts[human, rule]:>3}" for rule in ReplyLabel)
        for human in _HUMAN.values()
    ]
    head = f"{name}: kappa {_kappa(pairs):.3f}, full compliance {_kappa(_complied(pairs)):.3f}"
    return "\n".join([head, *rows])


def test_agreement_with_people(record_property) -> None:
    with _COMPLETIONS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    by_model: dict[str, list[Pair]] = {}
    for row in rows:
        rule = read_reply(row["prompt"], row["completion"]).label
        by_model.setdefault(row["model"], []).append((_HUMAN[row["final_label"]], rule))
    pooled = [pair for pairs in by_model.values() for pair in pairs]
    for name, pairs in [*by_model.items(), ("pooled", pooled)]:
        record_property("figure", f"refusal rule against people, {_report(name, pairs)}")
    assert len(pooled) == 900
    assert _kappa(pooled) >= 0.82
    assert _kappa(_complied(pooled)) >= 0.88
