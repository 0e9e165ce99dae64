"""Intervals and paired tests. Arrays in, numbers out; knows no record, file or task.

Rates are in [0, 1], levels are coverage (0.95). Samples of one cluster (seed) are not
independent: every interval here works on clusters, and with one sample a cluster it is the plain
one. Nothing scored gives NaN and the whole of [0, 1]: unknown, which is not zero.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from truing.quantiles import binomial_tail, normal_quantile, student_quantile

__all__ = [
    "Interval",
    "PairedDifference",
    "balanced_interval",
    "cohen_kappa",
    "holm",
    "mcnemar_exact",
    "mean_interval",
    "paired_difference",
    "rate_interval",
    "sidak_level",
    "sign_flip_test",
    "wilson_interval",
    "worse_of",
]

Floats = npt.NDArray[np.float64]
Scores = Sequence[bool] | Sequence[float] | npt.NDArray[np.bool_] | Floats
"""Passed or not, or a score in [0, 1]: its variance is never more than that of a rate."""


class Interval(NamedTuple):
    """An estimate and its interval; `estimate` is NaN where nothing is known."""

    estimate: float
    low: float
    high: float


UNKNOWN = Interval(math.nan, 0.0, 1.0)
_LARGEST_DRAW = 1 << 18
"""Signs drawn at a time, of 8 bytes each."""


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


def sidak_level(level: float, intervals: int) -> float:
    """Level of each of several intervals so that all hold at once with probability `level`.

    Exact for independent intervals (rows have seeds of their own), conservative for positively
    dependent ones. Source: Šidák 1967, JASA 62(318).
    """
    return float(level ** (1 / max(1, intervals)))


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """a minus b over the same questions: mean, interval, and the test that p comes from."""

    difference: float
    low: float
    high: float
    test: str
    p: float
    pairs: int


def mcnemar_exact(only_a: int, only_b: int) -> float:
    """Two-sided exact p that discordant pairs fall either way alike; 1 with none.

    Source: McNemar 1947; exact binomial form.
    """
    discordant = only_a + only_b
    if discordant == 0:
        return 1.0
    return min(1.0, 2 * binomial_tail(min(only_a, only_b), discordant))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p values, in the order given: those at or below alpha hold all at once.

    Source: Holm 1979, Scandinavian Journal of Statistics 6(2).
    """
    adjusted = [1.0] * len(p_values)
    running = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = running
    return adjusted


def sign_flip_test(differences: Floats, *, rng: np.random.Generator, draws: int = 20_000) -> float:
    """Two-sided p that cluster sums are symmetric around 0, by flipping their signs.

    All 2^C flips up to 14 clusters, else `draws` random ones with the +1 of Phipson & Smyth 2010
    (the observed arrangement is one of them). Shape of `differences`: (clusters,).
    """
    moving = differences[differences != 0]
    if moving.size == 0:
        return 1.0
    seen = abs(float(moving.sum())) - 1e-12
    if moving.size <= 14:
        flips = 1 - 2 * ((np.arange(2**moving.size)[:, None] >> np.arange(moving.size)) & 1)
        return float(np.mean(np.abs(flips @ moving) >= seen))
    at_least = 0
    rows = max(1, min(2000, _LARGEST_DRAW // moving.size))
    for start in range(0, draws, rows):
        flips = rng.choice(np.array([-1.0, 1.0]), size=(min(rows, draws - start), moving.size))
        at_least += int(np.sum(np.abs(flips @ moving) >= seen))
    return (at_least + 1) / (draws + 1)


def paired_difference(
    a: npt.NDArray[np.bool_],
    b: npt.NDArray[np.bool_],
    clusters: Sequence[Hashable] | None = None,
    *,
    rng: np.random.Generator,
    level: float = 0.95,
) -> PairedDifference:
    """The difference of two rates over the same questions (arrays of equal length, aligned).

    Without clusters: exact McNemar test, and Newcombe's interval for paired proportions (1998,
    Statistics in Medicine 17, method 10). With clusters: sign-flip test by cluster, and the same
    interval with each rate's clustered score interval.
    """
    pairs = int(a.size)
    if pairs == 0:
        return PairedDifference(math.nan, -1.0, 1.0, "none", math.nan, 0)
    difference = float(a.mean() - b.mean())
    names = list(range(pairs)) if clusters is None else list(clusters)
    own_a = rate_interval(a, names, level=level)
    own_b = rate_interval(b, names, level=level)
    low, high = _newcombe(own_a, own_b, _correlation(a, b))
    if clusters is None:
        p = mcnemar_exact(int(np.sum(a & ~b)), int(np.sum(b & ~a)))
        return PairedDifference(difference, low, high, "McNemar exact", p, pairs)
    codes = {name: i for i, name in enumerate(dict.fromkeys(names))}
    sums = np.zeros(len(codes))
    np.add.at(sums, [codes[name] for name in names], a.astype(float) - b.astype(float))
    p = sign_flip_test(sums, rng=rng)
    return PairedDifference(difference, low, high, "sign flip by cluster", p, pairs)


def _correlation(a: npt.NDArray[np.bool_], b: npt.NDArray[np.bool_]) -> float:
    """Newcombe's continuity-corrected phi of the two-by-two table; 0 where a margin is empty."""
    both, none = int(np.sum(a & b)), int(np.sum(~a & ~b))
    only_a, only_b = int(np.sum(a & ~b)), int(np.sum(b & ~a))
    margins = (both + only_a) * (only_b + none) * (both + only_b) * (only_a + none)
    if margins == 0:
        return 0.0
    product = both * none - only_a * only_b
    if product > 0:
        product = max(product - a.size // 2, 0)
    return product / math.sqrt(margins)


def _newcombe(a: Interval, b: Interval, phi: float) -> tuple[float, float]:
    difference = a.estimate - b.estimate

    def spread(x: float, y: float) -> float:
        return math.sqrt(max(0.0, x * x - 2 * phi * x * y + y * y))

    low = difference - spread(a.estimate - a.low, b.high - b.estimate)
    high = difference + spread(a.high - a.estimate, b.estimate - b.low)
    return max(-1.0, low), min(1.0, high)


def cohen_kappa(table: npt.NDArray[np.int64]) -> float:
    """Agreement beyond chance of two raters; shape (labels, labels), NaN where it is undefined.

    Source: Cohen 1960, Educational and Psychological Measurement 20(1).
    """
    total = float(table.sum())
    if total == 0:
        return math.nan
    agreed = float(np.trace(table)) / total
    chance = float((table.sum(0) * table.sum(1)).sum()) / total**2
    return math.nan if chance == 1 else (agreed - chance) / (1 - chance)
