"""What blind readers said of a task, kept beside its card in `relabelled.jsonl`.

Nothing is ever taken out: what a reader said of a seed that was dropped or mended since still
counts in the first agreement, so that dropping does not flatter it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from truing.errors import TaskError
from truing.tasks import Task
from truing.validation.evidence import Relabelled, write_whole
from truing.validation.relabelling import Given, Read, agreement, expected_of

__all__ = ["add_reading", "read_readings", "summarise_readings", "write_readings"]

FILE = "relabelled.jsonl"


def read_readings(folder: Path) -> list[Given]:
    """Every answer kept beside a card, in the order read. Raises `TaskError`, naming the line."""
    file = folder / FILE
    if not file.exists():
        return []
    found = []
    try:
        lines = file.read_bytes().split(b"\n")
    except OSError as error:
        raise TaskError(f"{file}: cannot be read: {error}") from error
    for number, line in enumerate(lines, 1):
        if line:
            try:
                found.append(msgspec.json.decode(line, type=Given))
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise TaskError(f"{file}:{number}: not a reader's answer: {error}") from error
    return found


def write_readings(folder: Path, kept: Sequence[Given]) -> None:
    """Keep every answer beside the card. Raises `UsageError` where it cannot be written."""
    write_whole(folder / FILE, b"".join(msgspec.json.encode(one) + b"\n" for one in kept))


def add_reading(
    kept: Sequence[Given], new: Sequence[Given], reader: str, task: Task
) -> list[Given]:
    """What was kept and what is new in a reader's file.

    The same answer of the same reader again adds nothing. It goes on with the last reading while
    the reader is the same, no answer is another than before and nothing read has left the set.
    """
    last = {(one.reader, one.item): one for one in kept}
    fresh = [
        one
        for one in new
        if (before := last.get((reader, one.item))) is None or before.given != one.given
    ]
    there = expected_of(task)
    goes_on = all(
        one.reader == reader and there.get(one.item) == one.expected for one in kept
    ) and not any((reader, one.item) in last for one in fresh)
    reading = max((one.reading for one in kept), default=1)
    if kept and not goes_on:
        reading += 1
    return [
        *kept,
        *(msgspec.structs.replace(one, reading=reading, reader=reader) for one in fresh),
    ]


def summarise_readings(task: Task, kept: Sequence[Given], *, lost: int = 0) -> Relabelled | None:
    """How far readers and task agree, at first and now; None where nobody read anything."""
    if not kept:
        return None
    there = expected_of(task)
    latest = {one.item: one for one in kept if there.get(one.item) == one.expected}
    gone = {one.seed for one in kept if not one.agrees and one.item not in latest}
    seeds = {str(seed.get("cluster", seed["id"])) for seed in task.seeds()}
    return Relabelled(
        readers=list(dict.fromkeys(one.reader for one in kept)),
        first=agreement([one for one in kept if one.reading == 1]),
        present=agreement(list(latest.values())),
        dropped=len(gone - seeds),
        changed=len(gone & seeds),
        lost=lost,
    )


def lost_now(before: Relabelled | None, read: Read | None) -> int:
    """How many answers could not be read so far."""
    known = 0 if before is None else before.lost
    return known if read is None else max(known, read.lost)
