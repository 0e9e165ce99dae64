"""From judged answers to a folder of training data: records, what was left out, the card.

`records.jsonl` holds what every line was made of, `FORMAT.jsonl` the lines, `dropped.jsonl` what
was left out and why, `export.json` every figure, `README.md` the same for people.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec

from truing.alignment.answers import Prompt
from truing.alignment.balance import balance_sides
from truing.alignment.filters import (
    Bounds,
    Dropped,
    contradicted,
    doubtful_labels,
    drop_answers,
    drop_records,
)
from truing.alignment.formats import PAIRED, line_of
from truing.alignment.records import Record, make_records
from truing.alignment.style import StyleLeak, balance_length, style_leak
from truing.errors import JournalError, UsageError
from truing.runs import write_atomically

__all__ = ["Export", "Making", "make_export", "read_records", "write_export"]


class Making(msgspec.Struct, frozen=True, kw_only=True):
    """How an export is made."""

    format: str
    all_pairs: bool = False
    per_side: int | None = None
    most: dict[str, int] = {}
    """Side -> most records of it in a row."""
    twins: float = 1.0
    """Largest ratio of a row's sides."""
    length_share: float | None = 0.6
    """Most of the pairs in which the chosen text is the longer (or the shorter) one."""
    seed: int = 0


class Export(msgspec.Struct, kw_only=True):
    """`export.json`."""

    truing: str
    v: int = 1
    made_at: float
    making: Making
    sources: list[str]
    prompts: int
    """Prompts with a judged answer."""
    prompts_both: int
    """Of them those with a good and a bad answer."""
    pairs: int
    """Every good answer against every bad one of the same prompt, before any filter."""
    held_back: int = 0
    """Answers of the `measure` part, which were not read."""
    left_out: dict[str, int] = {}
    """Reason -> answers or records."""
    doubtful: int = 0
    """Short answers whose words are labelled good after some prompts and bad after others."""
    kept: int = 0
    by_side: dict[str, dict[str, int]] = {}
    by_source: dict[str, int] = {}
    leak_before: StyleLeak | None = None
    leak: StyleLeak | None = None
    rows: list[dict[str, Any]] = []
    """Which rows were chosen to be repaired, and why."""
    licences: list[str] = []


def make_export(
    prompts: Sequence[Prompt],
    making: Making,
    *,
    sources: Sequence[str],
    bounds: Bounds | None = None,
    already: Iterable[Dropped] = (),
    held_back: int = 0,
    left_out: dict[str, int] | None = None,
) -> tuple[Export, list[Record], Dropped]:
    """Filter, pair, balance. `already` is what filters before this one have left out."""
    bounds = bounds or Bounds()
    both = [p for p in prompts if p.of(good=True) and p.of(good=False)]
    counted = Export(
        truing=metadata.version("truing"),
        made_at=time.time(),
        making=making,
        sources=list(sources),
        prompts=len(prompts),
        prompts_both=len(both),
        pairs=sum(len(p.of(good=True)) * len(p.of(good=False)) for p in both),
        held_back=held_back,
        doubtful=doubtful_labels(prompts),
    )
    dropped: Dropped = [entry for one in already for entry in one]
    dropped += contradicted(prompts)
    dropped += drop_answers(prompts, bounds)
    paired = making.format in PAIRED
    made = [
        record
        for prompt in prompts
        for record in make_records(prompt, pairs=paired, all_pairs=making.all_pairs)
    ]
    made = [record for record in made if line_of(record, making.format) is not None]
    records, gone = drop_records(_once_a_prompt(made) if making.format == "grpo" else made, bounds)
    dropped += gone
    counted.leak_before = style_leak(records, seed=making.seed)
    tally: Counter[str] = Counter(left_out or {})
    if paired and making.length_share is not None:
        records, lopsided = balance_length(records, most=making.length_share)
        tally["length alone would tell the chosen text"] += lopsided
    records, surplus = balance_sides(
        records,
        per_side=making.per_side,
        most=making.most,
        ratio=making.twins,
        seed=making.seed,
    )
    tally["more than the row's other side, or its share, has room for"] += surplus
    tally.update(reason for reason, _ in dropped)
    counted.left_out = dict(sorted((reason, n) for reason, n in tally.items() if n))
    counted.kept = len(records)
    counted.by_side = _by_side(records)
    counted.by_source = dict(Counter(a.source for r in records for a in r.texts).most_common())
    counted.leak = style_leak(records, seed=making.seed)
    counted.licences = sorted({record.licence for record in records})
    return counted, records, dropped


def _once_a_prompt(records: Iterable[Record]) -> list[Record]:
    first: dict[tuple[str, ...], Record] = {}
    for record in records:
        first.setdefault(tuple(message.text for message in record.messages), record)
    return list(first.values())


def _by_side(records: Iterable[Record]) -> dict[str, dict[str, int]]:
    counts: dict[str, Counter[str]] = {}
    for record in records:
        counts.setdefault(record.task, Counter())[record.side] += 1
    return {task: dict(sorted(sides.items())) for task, sides in sorted(counts.items())}


def write_export(
    folder: Path, export: Export, records: Sequence[Record], dropped: Dropped, card: str
) -> None:
    """Write an export into a new or empty folder.

    Raises `UsageError` where it holds something, `JournalError` where it cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"-o: expected a new or empty folder, {folder} is not: name another")
    encoder = msgspec.json.Encoder()
    lines = [line_of(record, export.making.format) for record in records]
    left_out = [{"reason": reason, "what": what} for reason, what in dropped]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / "records.jsonl", encoder.encode_lines(records))
        write_atomically(folder / f"{export.making.format}.jsonl", encoder.encode_lines(lines))
        write_atomically(folder / "dropped.jsonl", encoder.encode_lines(left_out))
        figures = msgspec.json.format(encoder.encode(export), indent=1)
        write_atomically(folder / "export.json", figures + b"\n")
        write_atomically(folder / "README.md", card.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise JournalError(f"cannot write to {folder}: {error.strerror or error}") from error


def read_records(folder: Path) -> tuple[Export, list[Record]]:
    """An export that was written. Raises `UsageError` where the folder holds none."""
    try:
        export = msgspec.json.decode((folder / "export.json").read_bytes(), type=Export)
        lines = (folder / "records.jsonl").read_bytes().splitlines()
        records = [msgspec.json.decode(line, type=Record) for line in lines]
    except FileNotFoundError as error:
        raise UsageError(
            f"{folder}: no export of truing align ({Path(error.filename).name} is not in it)"
        ) from error
    except (OSError, msgspec.DecodeError) as error:
        raise UsageError(f"{folder}: not an export: {error}") from error
    return export, records
