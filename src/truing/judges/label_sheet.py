"""The file that a labeller fills, and how it is read back into the run's label journal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from truing.errors import UsageError
from truing.judges.queue import Asked, Queue, Side, prompt_of
from truing.judges.sheets import read_sheet, write_sheet
from truing.labels import UNSURE, LabelLine, LabelWriter, standing

__all__ = ["COLUMNS", "Taken", "label_rows", "take_labels", "write_label_sheet"]

COLUMNS = ("id", "row", "prompt", "reply", "question", "labels", "label", "note")
_UNSURE_MEANS = "you cannot say"


def label_rows(answers: Sequence[tuple[Side, Asked]]) -> Iterator[dict[str, str]]:
    """What a labeller sees of each answer: no verdict, no side, nothing of what would be right."""
    for side, answer in answers:
        meanings = {**side.rubric.labels, UNSURE: _UNSURE_MEANS}
        yield {
            "id": _id(side, answer),
            "row": answer.sample.task,
            "prompt": prompt_of(answer.sample),
            "reply": answer.text,
            "question": side.rubric.text,
            "labels": "\n".join(f"{label}: {meaning}" for label, meaning in meanings.items()),
            "label": "",
            "note": "",
        }


def write_label_sheet(file: Path, answers: Sequence[tuple[Side, Asked]]) -> None:
    """Write answers for a labeller: a table where the name ends in .csv, else JSON lines.

    Raises `UsageError` where the file is there already or cannot be written.
    """
    write_sheet(file, COLUMNS, label_rows(answers), option="-o")


def _id(side: Side, answer: Asked) -> str:
    # A word in front: a spreadsheet takes digits around an e for a number.
    rubric = side.stratum.rubric_hash[:8]
    return f"answer-{answer.sample.id}-{answer.epoch}-{answer.judged}-{rubric}"


class Taken(msgspec.Struct, kw_only=True):
    """What became of a file's rows."""

    taken: int = 0
    """New labels, written to the run."""
    changed: int = 0
    """Of these: in place of another label by the same labeller."""
    unsure: int = 0
    """Of these: `unsure`."""
    there: int = 0
    """Given before, by the same labeller."""
    blank: int = 0


@dataclass(frozen=True, slots=True)
class _Given:
    side: Side
    answer: Asked
    label: str
    labeller: str
    note: str


def take_labels(
    queue: Queue, file: Path, writer: LabelWriter, *, labeller: str, adjudicates: bool = False
) -> Taken:
    """Read a filled file into a run; reading it again changes nothing.

    A column `labeller` names who gave a row's label, else it is `labeller`. `adjudicates`: the
    labels settle what people differ on. Raises `UsageError`, with file and line, where a row is
    of no answer of this run, of a reply or rubric that has changed, or has an unknown label: then
    nothing of the file was taken.
    """
    taken = Taken()
    given = list(_read(queue, file, taken, labeller))
    last = _last_labels(queue.labelling.lines)
    for own in given:
        place = (*own.answer.key, own.labeller)
        before = last.get(place)
        same = before is not None and (before.judged, before.rubric_hash) == (
            own.answer.judged,
            own.side.stratum.rubric_hash,
        )
        if same and before and (before.label, before.adjudicates) == (own.label, adjudicates):
            taken.there += 1
            continue
        last[place] = writer.give(
            sample=own.answer.sample.id,
            epoch=own.answer.epoch,
            judged=own.answer.judged,
            label=own.label,
            labeller=own.labeller,
            rubric=own.side.stratum.rubric,
            rubric_hash=own.side.stratum.rubric_hash,
            note=own.note,
            adjudicates=adjudicates,
        )
        taken.taken += 1
        taken.changed += same
        taken.unsure += own.label == UNSURE
    return taken


def _last_labels(lines: Sequence[LabelLine]) -> dict[tuple[str, int, str], LabelLine]:
    """(sample, epoch, labeller) -> the record that counts of each; see `held_labels`."""
    return {(*line.key, line.labeller): line for line in standing(lines)}


def _read(queue: Queue, file: Path, taken: Taken, labeller: str) -> Iterator[_Given]:
    known = {
        _id(side, answer): (side, answer)
        for side in queue.sides
        for answer in side.answers.values()
    }
    seen: dict[tuple[str, str], str] = {}
    for fields, where in read_sheet(file, option="FILE"):
        if not {"id", "label"} <= set(fields):
            raise UsageError(f"{where}: expected a row with `id` and `label`")
        label = _text(fields, "label").casefold()
        if not label:
            taken.blank += 1
            continue
        name = _text(fields, "id")
        if name not in known:
            raise UsageError(f"{where}: {_unknown(name, known)}; nothing was taken")
        side, answer = known[name]
        allowed = (*side.rubric.labels, UNSURE)
        if label not in allowed:
            raise UsageError(
                f"{where}: no label {label!r}: expected {', '.join(allowed)} or nothing; "
                "nothing was taken"
            )
        who = _text(fields, "labeller") or labeller
        if seen.setdefault((name, who), label) != label:
            raise UsageError(
                f"{where}: {who} gives this answer two labels in one file; nothing was taken"
            )
        yield _Given(side, answer, label, who, _text(fields, "note"))


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    return value.strip() if isinstance(value, str) else ""


def _unknown(name: str, known: dict[str, tuple[Side, Asked]]) -> str:
    """What is wrong with an id that is none of the run's."""
    parts = name.split("-")
    if len(parts) == 5:
        near = [other for other in known if other.split("-")[1:3] == parts[1:3]]
        if near and near[0].split("-")[3] != parts[3]:
            return "the reply has changed since the file was made: ask for a new file"
        if near:
            return "the rubric has changed since the file was made: ask for a new file"
    return f"{name[:80]!r} is no answer of this run"
