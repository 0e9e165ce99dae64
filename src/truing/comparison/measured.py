"""What is compared: scores by question, and how they came about."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

__all__ = ["Key", "MeasuredSet", "MeasuredTask", "Scored"]


class Key(NamedTuple):
    """A question asked once: the sample and its epoch."""

    sample: str
    epoch: int


class Scored(NamedTuple):
    """One answer's score."""

    score: float | None
    """In [0, 1]; None where it could not be scored."""
    cluster: str
    side: str
    """Sides are compared apart, and count alike in the row."""
    asked: str
    """Hash of the question: one name may stand for two questions."""
    placed: tuple[tuple[str, float], ...] = ()
    """Where sides follow the answers: each side that this one counts on, with its score there."""


class MeasuredTask(msgspec.Struct, frozen=True, kw_only=True):
    """One model on one task."""

    task: str
    scorer: str
    elicitation: str | None
    """How the answers were drawn out, where it is known; several modes are joined by a plus."""
    unit: str
    """`sample`, or `group`: then a score is a whole group's."""
    answers: dict[Key, Scored]
    sides: tuple[str, ...]
    by_outcome: bool = False
    """Sides follow the answers (calibration, explanation): `placed` says on which one counts."""
    by_seed: bool = False
    """Later questions follow earlier answers: two models share the seeds, not the questions."""
    fewest: int = 1
    """Answers below which a side is unknown."""
    settings: dict[str, Any] = {}
    """What this task alone was asked with."""
    share: str = ""
    """What the mean of the scores is beside the row, if it says something: `share right`."""


class MeasuredSet(msgspec.Struct, frozen=True, kw_only=True):
    """One model on several tasks."""

    name: str
    """The file or folder, as it was given."""
    model: str
    settings: dict[str, Any]
    """What all of it was asked with."""
    tasks: dict[str, MeasuredTask]
    base_model: bool = False
    """It cannot chat: it was asked to continue a transcript."""
