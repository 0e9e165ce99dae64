"""A model's rate on a row, from all its scored answers."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from truing import stats
from truing.comparison.measured import MeasuredTask
from truing.study.answered import scores_by_side

__all__ = ["Cell", "Rate", "cell", "missing"]


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """A rate in [0, 1] and its interval."""

    estimate: float
    low: float
    high: float


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One model on one row. `missing` says why there is no rate; then every number is null."""

    model: str
    estimate: float | None
    """The mean of the sides' rates, or the share of groups right as a whole."""
    low: float | None
    high: float | None
    simultaneous: tuple[float, float] | None
    """Holds at once for all cells of the study."""
    worse_side: str | None
    """The side with the smallest rate, of a row with several."""
    sides: dict[str, Rate]
    """Of a row with several sides: each side's own rate."""
    scored: int
    unscored: int
    clusters: int
    missing: str | None


def missing(task: MeasuredTask | None) -> str | None:
    """Why a model has no rate on a row, or None where it has one."""
    if task is None or not task.answers:
        return "not asked"
    if all(one.score is None for one in task.answers.values()):
        return "no answer scored"
    for name, own in scores_by_side(task, list(task.answers)).items():
        if len(own) < task.fewest:
            few = "no answer" if task.fewest == 1 else f"fewer than {task.fewest} answers"
            return f"side {name!r} has {few}"
    return None


def cell(model: str, task: MeasuredTask | None, *, level: float, shared: float) -> Cell:
    """The rate with its interval at `level`, and at `shared`, the level of each of all cells."""
    why = missing(task)
    answers = {} if task is None else task.answers
    unscored = sum(one.score is None for one in answers.values())
    if why is not None or task is None:
        return Cell(
            model=model,
            estimate=None,
            low=None,
            high=None,
            simultaneous=None,
            worse_side=None,
            sides={},
            scored=len(answers) - unscored,
            unscored=unscored,
            clusters=0,
            missing=why,
        )
    sides = {
        name: ([score for score, _ in own], [cluster for _, cluster in own])
        for name, own in scores_by_side(task, list(answers)).items()
    }
    own, wide = (
        stats.balanced_interval(list(sides.values()), level=each) for each in (level, shared)
    )
    rates = {name: _rate(side, level) for name, side in sides.items()} if len(sides) > 1 else {}
    return Cell(
        model=model,
        estimate=own.estimate,
        low=own.low,
        high=own.high,
        simultaneous=(wide.low, wide.high),
        worse_side=min(rates, key=lambda name: rates[name].estimate) if rates else None,
        sides=rates,
        scored=len(answers) - unscored,
        unscored=unscored,
        clusters=len({cluster for _, own in sides.values() for cluster in own}),
        missing=None,
    )


def _rate(side: tuple[Sequence[float], Sequence[str]], level: float) -> Rate:
    estimate, low, high = stats.rate_interval(*side, level=level)
    return Rate(estimate=estimate, low=low, high=high)
