"""Does a rate rise over an ordered list of models?"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from truing.stats.intervals import UNKNOWN, Floats, Interval, mean_interval
from truing.stats.paired import sign_flip_test

__all__ = ["Direction", "Reversal", "Trend", "trend"]


class Direction(StrEnum):
    """Whether "the later, the higher" holds."""

    HOLDS = "holds"
    """The slope is above 0, and no later model is shown to be lower than an earlier one."""
    FAILS = "fails"
    """The slope is below 0, or a later model is lower than an earlier one by more than allowed."""
    UNDECIDED = "undecided"
    """Neither is shown."""


class Reversal(NamedTuple):
    """A later model below an earlier one: places in the order, and the difference (below 0)."""

    earlier: int
    later: int
    difference: Interval


@dataclass(frozen=True, slots=True)
class Trend:
    """Slope in rate per step with its interval, two-sided p of no slope, what goes against it."""

    slope: Interval
    p: float
    direction: Direction
    reversals: tuple[Reversal, ...]
    clusters: int


def trend(
    scores: Floats,
    *,
    margin: float = 0.0,
    positions: Sequence[float] | None = None,
    alpha: float = 0.05,
    rng: np.random.Generator,
) -> Trend:
    """A monotone rise over models in order, from `scores` of shape (models, clusters).

    Each score is a model's mean on a cluster (seed), in [0, 1]; all models answered the same
    seeds. `positions` places the models (steps of 1 otherwise).

    Per seed the slope is the least-squares one over the models, so what makes a seed hard cancels.
    The test flips the signs of the seeds' slopes. Permuting the models within a seed would test
    that all models are alike, which a rise and fall breaks as well; signs ask about the slope
    alone. The interval is Student's t on the seeds' slopes.

    A slope can be above 0 while the order is broken. So every pair is looked at too: a fall from
    an earlier to a later model counts as a reversal when it is larger than `margin`, one-sided,
    with alpha/2 shared between the pairs (Bonferroni). Holds wants a slope above 0 by test and
    interval, and no reversal; fails wants a reversal, or a slope below 0: with models all alike
    each is said with probability alpha at most.

    Raises ValueError with fewer than two models, and for positions that do not rise. With fewer
    than two clusters it is undecided, the slope unknown.
    """
    scores = np.asarray(scores, dtype=np.float64)
    models, clusters = scores.shape
    places = np.arange(models, dtype=np.float64) if positions is None else np.asarray(positions)
    if models < 2 or places.shape != (models,) or not np.all(np.diff(places) > 0):
        raise ValueError("a trend wants two models or more, at positions that rise")
    weights = places - places.mean()
    weights /= float(weights @ weights)
    steepest = float(np.abs(weights).sum()) / 2
    if clusters < 2:
        unknown = Interval(UNKNOWN.estimate, -steepest, steepest)
        return Trend(unknown, 1.0, Direction.UNDECIDED, (), clusters)
    names = range(clusters)
    slopes = weights @ scores
    slope = mean_interval(slopes.tolist(), names, bounds=(-steepest, steepest), level=1 - alpha)
    p = sign_flip_test(slopes, rng=rng)
    pairs = list(itertools.combinations(range(models), 2))
    reversals = []
    for earlier, later in pairs:
        change = (scores[later] - scores[earlier]).tolist()
        fall = mean_interval(change, names, level=1 - alpha / len(pairs))
        if fall.high < -margin:
            reversals.append(Reversal(earlier, later, fall))
    shown = p <= alpha
    if reversals or (shown and slope.high < 0):
        direction = Direction.FAILS
    elif shown and slope.low > 0:
        direction = Direction.HOLDS
    else:
        direction = Direction.UNDECIDED
    return Trend(slope, p, direction, tuple(reversals), clusters)
