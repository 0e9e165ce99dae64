"""How well stated probabilities fit what happened. Arrays in, numbers out.

`probabilities` are what was said about the answer being right, in [0, 1]; `right` says whether
it was. Intervals are percentile bootstrap over clusters with a fixed seed.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from truing.stats import UNKNOWN, Interval

__all__ = [
    "BINS",
    "ExpectedCalibrationError",
    "auroc",
    "bootstrap_interval",
    "brier_skill",
    "calibration_error",
    "error_if_calibrated",
]

BINS = 10
DRAWS = 1000
Floats = npt.NDArray[np.float64]


def brier_skill(probabilities: Floats, right: Floats) -> float:
    """1 - Brier score / that of always saying the share right; NaN where all or none is right.

    1 is perfect, 0 no better than the constant share, negative worse. Source: Brier 1950;
    Murphy 1973, Journal of Applied Meteorology 12.
    """
    share = float(np.mean(right)) if len(right) else math.nan
    spread = share * (1 - share)
    if not spread > 0:
        return math.nan
    return 1 - float(np.mean((probabilities - right) ** 2)) / spread


def calibration_error(probabilities: Floats, right: Floats, *, bins: int = BINS) -> float:
    """Expected calibration error over bins of equal mass; NaN with nothing.

    Answers are ordered by probability and cut into `bins` bins of as equal a number as can be,
    but equal probabilities never lie in two bins: the order among them would be arbitrary.
    Source: Nixon et al. 2019, arXiv 1904.01685 (adaptive calibration error).
    """
    count = len(right)
    if count == 0:
        return math.nan
    order = np.argsort(probabilities, kind="stable")
    said, was = probabilities[order], right[order]
    cuts = sorted({int(np.searchsorted(said, said[count * b // bins])) for b in range(bins)})
    edges = [*cuts, count]
    gaps = [abs(float(np.sum(said[a:b] - was[a:b]))) for a, b in itertools.pairwise(edges) if b > a]
    return math.fsum(gaps) / count


def auroc(probabilities: Floats, right: Floats) -> float:
    """Chance that a right answer was given a higher probability than a wrong one, ties half.

    NaN where all or none is right. Source: Hanley & McNeil 1982, Radiology 143(1).
    """
    positives = int(np.sum(right))
    negatives = len(right) - positives
    if positives == 0 or negatives == 0:
        return math.nan
    # scipy.stats.rankdata would do, but importing scipy.stats takes longer than a short run.
    _, place, counts = np.unique(probabilities, return_inverse=True, return_counts=True)
    midranks = np.cumsum(counts) - (counts - 1) / 2
    above = float(np.sum(midranks[place][right > 0])) - positives * (positives + 1) / 2
    return above / (positives * negatives)


class ExpectedCalibrationError(NamedTuple):
    """What a perfectly calibrated model that says the same would show by chance: mean, 95th."""

    mean: float
    high: float


def error_if_calibrated(
    probabilities: Floats, *, bins: int = BINS, seed: int = 0, draws: int = 200
) -> ExpectedCalibrationError:
    """The calibration error is never 0 on few answers: this is its level where nothing is wrong."""
    if len(probabilities) == 0:
        return ExpectedCalibrationError(math.nan, math.nan)
    rng = np.random.default_rng(seed)
    found = [
        calibration_error(
            probabilities, (rng.random(len(probabilities)) < probabilities).astype(float), bins=bins
        )
        for _ in range(draws)
    ]
    return ExpectedCalibrationError(float(np.mean(found)), float(np.quantile(found, 0.95)))


def bootstrap_interval(
    measure: Callable[[Floats, Floats], float],
    probabilities: Sequence[float],
    right: Sequence[bool],
    clusters: Sequence[Hashable],
    *,
    level: float = 0.95,
    seed: int = 0,
    draws: int = DRAWS,
) -> Interval:
    """Percentile interval of a measure, clusters drawn with replacement.

    Redraws on which the measure is undefined are left out. Unknown where the measure is, or with
    fewer than 2 clusters. Source: Efron & Tibshirani 1993, ch. 13.
    """
    said, was = np.asarray(probabilities, float), np.asarray(right, float)
    estimate = measure(said, was)
    members: dict[Hashable, list[int]] = {}
    for at, name in enumerate(clusters):
        members.setdefault(name, []).append(at)
    if math.isnan(estimate) or len(members) < 2:
        return UNKNOWN
    groups = [np.array(own) for own in members.values()]
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(draws):
        drawn = np.concatenate([groups[i] for i in rng.integers(len(groups), size=len(groups))])
        value = measure(said[drawn], was[drawn])
        if not math.isnan(value):
            found.append(value)
    if not found:
        return UNKNOWN
    tail = (1 - level) / 2
    low, high = np.quantile(found, [tail, 1 - tail])
    return Interval(estimate, float(low), float(high))
