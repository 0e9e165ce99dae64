"""Replies that people labelled: the rows of a table, in the words of a rubric.

Knows which column means what because it is told; reads no file itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import msgspec

from truing.errors import TaskError, UsageError
from truing.records import Message, Response, Role, Sample, content_hash

__all__ = [
    "MEANINGS",
    "OTHER",
    "Labelled",
    "data_hash",
    "read_labelled",
    "sample_of",
    "split_names",
]

MEANINGS = (
    "prompt",
    "response",
    "label",
    "model",
    "row",
    "cluster",
    "side",
    "first",
    "second",
    "truncated",
)
OTHER = "other"
"""Stands for every label that is not named, where people were asked for some labels only."""
_TRUE = {"1", "true", "yes"}


class Labelled(msgspec.Struct, frozen=True, kw_only=True):
    """One reply with the label that people gave it."""

    prompt: str
    response: str
    label: str
    model: str = ""
    """Who answered; empty where no column says it."""
    row: str = ""
    """Sub-category or topic."""
    cluster: str = ""
    """Replies to one question are not independent."""
    side: str = ""
    first: str = ""
    second: str = ""
    """Two people's own labels, before they were settled; empty where not given."""
    truncated: bool = False
    verdict: str = ""
    """A judge's verdict that came with the reply; empty where none can be read."""


def split_names(names: Mapping[str, str]) -> dict[str, str]:
    """THEIRS -> OURS of `OURS=THEIRS|THEIRS`. Raises `UsageError` where one stands for two."""
    ours: dict[str, str] = {}
    for name, theirs in names.items():
        for one in theirs.split("|"):
            if ours.setdefault(one.strip(), name) != name:
                raise UsageError(
                    f"--label-names: {one.strip()!r} stands for {ours[one.strip()]} and {name}"
                )
    return ours


def read_labelled(
    rows: Iterable[Mapping[str, str]],
    columns: Mapping[str, str],
    labels: Collection[str],
    *,
    names: Mapping[str, str] | None = None,
    verdicts: str | None = None,
    where: str = "labels",
) -> list[Labelled]:
    """The labelled rows of a table; those with an empty label are left out.

    `columns` maps meanings to columns, `names` the labels of the rubric to those of the table
    (`refused` -> `2_full_refusal|3_partial_refusal`); `other` may be named too, for what is none of
    those named. `verdicts` is a column with a judge's verdicts, in the same names; what is none of
    them is unscored. Without a cluster column a question is a cluster.

    Raises `UsageError` for a meaning or column that is not there, `TaskError` for a label that is
    neither the rubric's nor named, and where no row has a label.
    """
    _check_meanings(columns, verdicts)
    ours = split_names(names or {})
    if unknown := sorted(set(ours.values()) - set(labels) - {OTHER}):
        known = ", ".join([*labels, OTHER])
        raise UsageError(f"--label-names: no label {unknown[0]!r}: the rubric has {known}")
    read = {**{label: label for label in labels}, **ours}
    found = []
    for number, row in enumerate(rows, 1):
        for column in (*columns.values(), *([verdicts] if verdicts else [])):
            if column not in row:
                there = ", ".join(sorted(row)[:12])
                raise UsageError(f"{where}, row {number}: no column {column!r}; there are: {there}")
        cells = {meaning: row[column] for meaning, column in columns.items()}
        label = cells["label"].strip()
        if not label:
            continue
        for meaning in ("label", "first", "second"):
            given = cells.get(meaning, "").strip()
            if given and given not in read:
                raise TaskError(
                    f"{where}, row {number}: expected a label of {', '.join(labels)}, found "
                    f"{given[:60]!r}: say what it stands for with --label-names OURS=THEIRS"
                )
        found.append(
            Labelled(
                prompt=cells.get("prompt", ""),
                response=cells.get("response", ""),
                label=read[label],
                model=cells.get("model", "").strip(),
                row=cells.get("row", "").strip(),
                cluster=cells.get("cluster")
                or content_hash(cells.get("prompt") or f"row {number}"),
                side=cells.get("side", "").strip(),
                first=read.get(cells.get("first", "").strip(), ""),
                second=read.get(cells.get("second", "").strip(), ""),
                truncated=cells.get("truncated", "").strip().casefold() in _TRUE,
                verdict=read.get(row[verdicts].strip(), "") if verdicts else "",
            )
        )
    if not found:
        raise TaskError(f"{where}: expected at least one labelled row, found none")
    if verdicts and not any(one.verdict for one in found):
        raise TaskError(
            f"{where}: no verdict of the column {verdicts!r} is one of {', '.join(read)}: "
            "say what they stand for with --label-names OURS=THEIRS"
        )
    return found


def _check_meanings(columns: Mapping[str, str], verdicts: str | None) -> None:
    if unknown := sorted(set(columns) - set(MEANINGS)):
        raise UsageError(
            f"--columns: no meaning named {unknown[0]!r}: known are {', '.join(MEANINGS)}"
        )
    needed = ["label"] if verdicts else ["prompt", "response", "label"]
    if missing := [meaning for meaning in needed if meaning not in columns]:
        raise UsageError(f"--columns: name the {missing[0]} column ({missing[0]}=...)")


def data_hash(replies: Iterable[Labelled]) -> str:
    """What identifies labelled data: every prompt, reply and label, in order."""
    return content_hash([(one.prompt, one.response, one.label) for one in replies])


def sample_of(reply: Labelled) -> tuple[Sample, Response]:
    """A labelled reply as a scorer takes it; right is the label that people gave."""
    sample = Sample(
        id=content_hash((reply.prompt, reply.response)),
        task="labelled",
        messages=(Message(role=Role.USER, text=reply.prompt),),
        target=reply.label,
        side=reply.side,
        cluster=reply.cluster,
    )
    return sample, Response(text=reply.response, truncated=reply.truncated)
