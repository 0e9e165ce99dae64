"""Intervals for rates and means of clustered samples.

Rates are in [0, 1], levels are coverage (0.95). Samples of one cluster (seed) are not
independent: every interval here works on clusters, and with one sample a cluster it is the plain
one. Nothing scored gives NaN and the whole of [0, 1]: unknown, which is not zero.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from truing.quantiles import normal_quantile, student_quantile

Floats = npt.NDArray[np.float64]
Scores = Sequence[bool] | Sequence[float] | npt.NDArray[np.bool_] | Floats
"""Passed or not, or a score in [0, 1]: its variance is never more than that of a rate."""


class Interval(NamedTuple):
    """An estimate and its interval; `estimate` is NaN where nothing is known."""

    estimate: float
    low: float
    high: float


UNKNOWN = Interval(math.nan, 0.0, 1.0)


def wilson_interval(
    rate: float, n: float, *, level: float = 0.95, df: float = math.inf
) -> Interval:
    """Score interval for a rate seen on `n` independent samples (`n` may be an effective number).

    `df` takes the quantile from Student's t. At 0 and 1 the bound on that side is exact (0 or 1).
    Source: Wilson 1927, JASA 22(158).
    """
    if not n > 0 or math.isnan(rate):
        return UNKNOWN
    tail = 1 - (1 - level) / 2
    z = normal_quantile(tail) if math.isinf(df) else student_quantile(df, tail)
    centre = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    low = 0.0 if rate == 0 else max(0.0, centre - half)
    high = 1.0 if rate == 1 else min(1.0, centre + half)
    return Interval(rate, low, high)


def rate_interval(
    passed: Scores,
    clusters: Sequence[Hashable],
    *,
    level: float = 0.95,
) -> Interval:
    """Interval for the share of samples passed, samples of one cluster taken together.

    With one sample a cluster this is Wilson's. Otherwise Wilson's with the effective number of
    samples p(1-p)/SE^2, SE clustered (Miller 2024, arXiv 2411.00640) and the quantile of
    Student's t on C - 1; never more samples than there are, and where SE is 0 (all or none
    passed) as many as there are clusters.
    """
    return balanced_interval([(passed, clusters)], level=level)


def balanced_interval(
    sides: Sequence[tuple[Scores, Sequence[Hashable]]],
    *,
    level: float = 0.95,
) -> Interval:
    """Interval for the mean of the sides' rates, where sides share clusters.

    Each side is (passed, clusters), of equal length. A side on which nothing was scored makes
    the whole unknown. Source: influence values per cluster, u_c = mean over sides of
    sum(s - m_side)/n_side, SE^2 = C/(C-1) sum u_c^2.
    """
    values = [np.asarray(passed, dtype=np.float64) for passed, _ in sides]
    if any(side.size == 0 for side in values):
        return UNKNOWN
    names = {name: i for i, name in enumerate({c: None for _, cs in sides for c in cs})}
    codes = [np.array([names[c] for c in clusters]) for _, clusters in sides]
    total, count = sum(side.size for side in values), len(names)
    means = [float(side.mean()) for side in values]
    rate = sum(means) / len(means)
    if len(sides) == 1 and count == total:
        return wilson_interval(rate, total, level=level)
    if count < 2:
        return Interval(rate, 0.0, 1.0)
    influence = np.zeros(count)
    for side, code, mean in zip(values, codes, means, strict=True):
        np.add.at(influence, code, (side - mean) / (side.size * len(sides)))
    variance = count / (count - 1) * float(np.sum(influence**2))
    # Below this the sum is rounding error of values that are all alike.
    if variance < 1e-18:
        effective = float(count)
    else:
        effective = min(rate * (1 - rate) / variance, float(total))
    if rate in (0.0, 1.0):
        return wilson_interval(rate, effective, level=level)
    return wilson_interval(rate, effective, level=level, df=count - 1)


def mean_interval(
    values: Sequence[float],
    clusters: Sequence[Hashable],
    *,
    bounds: tuple[float, float] = (-1.0, 1.0),
    level: float = 0.95,
) -> Interval:
    """Interval for the mean of bounded values, clustered, with Student's t on C - 1.

    Where all cluster sums agree with the mean (SE 0) the interval is as wide as the rule of three
    allows: 3/C of the range on either side, cut at the bounds. Unknown spans the bounds.
    """
    low, high = bounds
    if not values:
        return Interval(math.nan, low, high)
    data = np.asarray(values, dtype=np.float64)
    mean = float(data.mean())
    codes = {name: i for i, name in enumerate(dict.fromkeys(clusters))}
    count = len(codes)
    if count < 2:
        return Interval(mean, low, high)
    sums = np.zeros(count)
    np.add.at(sums, [codes[name] for name in clusters], (data - mean) / data.size)
    error = math.sqrt(count / (count - 1) * float(np.sum(sums**2)))
    half = student_quantile(count - 1, 1 - (1 - level) / 2) * error
    if error < 1e-9:
        half = 3 / count * (high - low)
    return Interval(mean, max(low, mean - half), min(high, mean + half))


def worse_of(sides: Sequence[Interval]) -> Interval:
    """The worse side: the smallest estimate, the smaller low and the smaller high.

    Unknown where a side is.
    """
    if any(math.isnan(side.estimate) for side in sides):
        return UNKNOWN
    return Interval(
        min(side.estimate for side in sides),
        min(side.low for side in sides),
        min(side.high for side in sides),
    )
