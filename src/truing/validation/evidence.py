"""What is known of a test set beside its card: `evidence.json`, read and written.

It is not in the card, because the card is part of every run's identity and evidence comes later.
A block speaks of one content of the task: where card or seeds have changed since, it is shown as
out of date. Knows the file and its shape, not how the evidence comes about.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import msgspec

from truing.errors import TaskError, UsageError
from truing.tasks import Task, task_folder, task_ids
from truing.tasks.perturbed import MARK
from truing.validation.finding import Finding

__all__ = [
    "Agreement",
    "Evidence",
    "HalvedRun",
    "Overlap",
    "Relabelled",
    "SplitHalves",
    "TwoEditions",
    "evidence_of",
    "folder_of",
    "read_evidence",
    "shipped_folder",
    "write_evidence",
    "write_whole",
]

FILE = "evidence.json"


class _Part(msgspec.Struct, frozen=True, kw_only=True):
    pass


class Agreement(_Part, frozen=True):
    """How far a reader and the task agree; None where there is nothing to compare."""

    items: int
    seeds: int
    agreed: float | None
    """Share of the items of which the reader says what the task says: their validity rate."""
    agreed_low: float | None
    agreed_high: float | None
    kappa: float | None
    low: float | None
    high: float | None


class Relabelled(_Part, frozen=True):
    """A blind reader beside the task's own gold."""

    readers: list[str]
    first: Agreement
    """Of everything that was read at first, before anything was dropped or mended."""
    present: Agreement
    """Of what is still in the set, as it was read last."""
    dropped: int
    """Seeds that the reader did not agree with and that are no longer in the set."""
    changed: int
    """Seeds that the reader did not agree with and that read otherwise now."""
    lost: int
    """Answers that could not be read: to questions that were gone when the file came back."""


class HalvedRun(_Part, frozen=True):
    """A run whose seeds were halved at random, many times."""

    model: str
    run: str
    edition: int
    seeds: int
    rate: float | None
    difference: float | None
    """Mean absolute difference of the halves' rates."""
    constant: bool
    """Every half has the same rate: it says nothing of the set."""
    left_out: int
    """Answers to seeds that are no longer in the set."""
    same_questions: float
    """Share of the run's first questions that are asked word for word today."""


class SplitHalves(_Part, frozen=True):
    """Do two halves of the set say the same of a model, and of models beside each other?"""

    draws: int
    runs: list[HalvedRun]
    models: int
    """How many stand behind the reliability."""
    reliability: float | None
    """Correlation of the halves over models, stepped up to the whole length."""
    why_not: str = ""


class TwoEditions(_Part, frozen=True):
    """The same model under the same settings on two editions."""

    model: str
    runs: tuple[str, str]
    editions: tuple[int, int]
    rates: tuple[float, float]
    difference: float
    low: float
    high: float
    verdict: Literal["within", "not within", "undecided"]
    """Whether the whole interval lies within .05, or outside, or neither."""


class Overlap(_Part, frozen=True):
    """Prompts that nearly repeat one of a public set."""

    sets: list[str]
    against: int
    """How many different public prompts."""
    prompts: int
    alike: int
    share: float
    examples: list[str]


class Evidence(_Part, frozen=True):
    """`evidence.json`: what speaks for and against a task of one content."""

    content: str
    """Hash of card and seeds."""
    date: str
    truing: str
    v: int = 1
    form: list[Finding] = []
    policies: list[Finding] = []
    shortcuts: list[Finding] = []
    canary: str | None = None
    split_halves: SplitHalves | None = None
    editions: list[TwoEditions] = []
    overlap: Overlap | None = None
    relabelled: Relabelled | None = None
    missing: dict[str, str] = {}
    """Part -> why there is none."""
    generated: dict[str, Any] = {}
    """Where the seeds were written by a model: how, and what was thrown out."""


def read_evidence(folder: Path) -> Evidence | None:
    """The evidence beside a card, if any. Raises `TaskError` where it is malformed."""
    file = folder / FILE
    try:
        return msgspec.json.decode(file.read_bytes(), type=Evidence)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise TaskError(f"{file}: not a block of evidence: {error}") from error


def write_evidence(folder: Path, evidence: Evidence) -> None:
    """Write the evidence beside a card. Raises `UsageError` where the folder cannot be written."""
    encoded = msgspec.json.format(msgspec.json.encode(evidence), indent=1)
    write_whole(folder / FILE, encoded + b"\n")


def write_whole(file: Path, data: bytes) -> None:
    """Write a file of a task's folder, whole or not at all. Raises `UsageError`."""
    part = file.with_name(f".{file.name}.part")
    try:
        part.write_bytes(data)
        part.replace(file)
    except OSError as error:
        raise UsageError(
            f"cannot write {file}: {error.strerror or error}; give a copy of the task's folder"
        ) from error


def evidence_of(task: Task) -> Evidence | None:
    """The evidence of a task, wherever it lies; None of a public set, which has no folder."""
    folder = _place(task)
    return None if folder is None else read_evidence(folder)


def folder_of(task: Task) -> Path:
    """The folder of a task's card. Raises `UsageError` where it has none of its own."""
    folder = _place(task)
    if folder is None or MARK in task.id:
        raise UsageError(
            f"{task.id}: evidence is kept beside a card: expected a task that ships or a folder"
        )
    return folder


def _place(task: Task) -> Path | None:
    if task.folder is not None:
        return task.folder
    return task_folder(task.id) if task.id in task_ids() else None


def shipped_folder(task: str) -> Path | None:
    """The folder of a task that ships with truing itself; None of any other."""
    folder = Path(str(files("truing.tasks"))).joinpath(*task.split("/"))
    return folder if "/" in task and (folder / "card.toml").is_file() else None
