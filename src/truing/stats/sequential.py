"""Stopping early: tests and confidence sequences that hold however often one looks.

The unit is the mean of a cluster, in [0, 1]. N clusters are there, and they are drawn without
replacement in random order, so what is left is known ever better, and with all N drawn the mean
is known. What is tested is the mean over these N clusters: what the whole set would have said.

Wealth is bet against a threshold m. The mean of what is left, if m were the whole mean, is
m_t = (N m - sum so far)/(N - t), and a bet of a share f of the wealth on "more" multiplies it by
1 + f (x/m_t - 1), which under "mean at most m" grows on average by nothing. The shares are fixed
ones, evenly spaced, and their wealths are averaged, so that the best of them is near without being
known before (dKelly of Waudby-Smith & Ramdas 2023, JRSS B 86(1); without replacement: 2020,
arXiv 2006.04347). Wealth falls in m for every share, so the rates not rejected are an interval. By
Ville's inequality wealth passes 1/alpha with probability alpha at most if the threshold holds.

Clusters may be of unlike size: the rate over all their units is at least m exactly where the mean
of `share * value + (1 - share) m` is, `share` being a cluster's size over the largest one's.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Mapping
from enum import StrEnum

import numpy as np

from truing.stats.intervals import Floats, Interval

__all__ = [
    "BEYOND",
    "AnytimeRate",
    "ConfidenceSequence",
    "SidesTest",
    "ThresholdTest",
    "Verdict",
    "clusters_until_decided",
    "e_processes",
]

BEYOND = 10**9
"""So many clusters that drawing some says nothing of the others: bets are on the rate of questions
like these, of which a set holds a few."""

_SHARES: Floats = (np.arange(8) + 0.5) / 8
_LEAST = 1e-12
"""Nearer than this to 0 or 1 the mean of what is left counts as there."""
_MOST = 1e250
"""Where wealth stops growing, far above any threshold, so that nothing overflows."""


class Verdict(StrEnum):
    """What a test says so far."""

    PASSES = "passes"
    """The mean is on the good side of the threshold, wrong with probability alpha at most."""
    FAILS = "fails"
    """It is on the other side, wrong with probability alpha at most."""
    UNDECIDED = "undecided"
    """Neither yet."""


class _Wealth:
    """The wealth of bets either way against each of several thresholds, fed value by value."""

    def __init__(self, clusters: int, thresholds: Floats) -> None:
        if clusters < 1:
            raise ValueError(f"{clusters} clusters: at least one is wanted")
        self.clusters, self.thresholds = clusters, thresholds
        self.seen = 0
        self.total: Floats = np.zeros(thresholds.size)
        """What was seen, filled up with the threshold where a cluster is smaller than others."""
        self._more = np.ones((_SHARES.size, thresholds.size))
        self._less = np.ones((_SHARES.size, thresholds.size))

    def add(self, value: float, share: float = 1.0) -> None:
        if not 0 <= value <= 1:
            raise ValueError(f"a cluster mean of {value}: it is wanted in [0, 1]")
        if not 0 <= share <= 1:
            raise ValueError(f"a cluster's share of {share}: it is wanted in [0, 1]")
        if self.seen == self.clusters:
            raise ValueError(f"all {self.clusters} clusters are drawn: no more are expected")
        rest = (self.clusters * self.thresholds - self.total) / (self.clusters - self.seen)
        filled = share * value + (1 - share) * self.thresholds
        more, less = _gains(filled, rest)
        self._more = np.minimum(self._more * (1 + _SHARES[:, None] * more), _MOST)
        self._less = np.minimum(self._less * (1 + _SHARES[:, None] * less), _MOST)
        self.seen += 1
        self.total = self.total + filled

    def more(self) -> Floats:
        """E values that the mean is above each threshold; infinite where it must be."""
        sure = self.total > self.clusters * self.thresholds + 1e-9 * self.clusters
        return np.where(sure, math.inf, self._more.mean(0))

    def less(self) -> Floats:
        """E values that the mean is below each threshold; infinite where it must be."""
        most = self.total + self.clusters - self.seen
        sure = most < self.clusters * self.thresholds - 1e-9 * self.clusters
        return np.where(sure, math.inf, self._less.mean(0))


def _gains(value: Floats | np.float64, rest: Floats) -> tuple[Floats, Floats]:
    """What the whole wealth, bet on "more" and on "less", would gain; at least -1."""
    left = np.clip(rest, _LEAST, 1 - _LEAST)
    return value / left - 1, (1 - value) / (1 - left) - 1


def e_processes(values: Floats, clusters: int, threshold: float) -> tuple[Floats, Floats]:
    """E values after each cluster that the mean is above, and below, the threshold.

    `values` has shape (..., drawn), several orders at once, of `clusters` in all; both results
    have the same shape. What `ThresholdTest` says step by step. Raises ValueError for more values
    than clusters, or values outside [0, 1].
    """
    values = np.asarray(values, dtype=np.float64)
    drawn = values.shape[-1]
    if drawn > clusters:
        raise ValueError(f"{drawn} values of {clusters} clusters")
    if values.size and not (values.min() >= 0 and values.max() <= 1):
        raise ValueError("cluster means are wanted in [0, 1]")
    after = np.cumsum(values, axis=-1)
    left = clusters - np.arange(drawn)
    more, less = _gains(values, (clusters * threshold - (after - values)) / left)
    above, below = np.zeros_like(values), np.zeros_like(values)
    with np.errstate(over="ignore"):
        for share in _SHARES:
            above += np.minimum(np.cumprod(1 + share * more, axis=-1), _MOST) / _SHARES.size
            below += np.minimum(np.cumprod(1 + share * less, axis=-1), _MOST) / _SHARES.size
    slack = 1e-9 * clusters
    above[after > clusters * threshold + slack] = math.inf
    below[after + left - 1 < clusters * threshold - slack] = math.inf
    return above, below


def clusters_until_decided(rate: float, threshold: float, alpha: float) -> int | None:
    """After how many clusters, all right or wrong as a whole, a rate is usually shown to be above.

    Of a set without end; without a failure exactly so many. None where it never is: at the rate the
    wealth of no bet grows, as below the threshold and a little above it.
    """
    if not 0 < threshold < 1:
        return None
    right, wrong = np.log1p(_SHARES * (1 / threshold - 1)), np.log1p(-_SHARES)
    growth = rate * right + (1 - rate) * wrong
    if growth.max() <= 1e-9:
        return None
    enough = math.log(_SHARES.size / alpha)

    def reached(clusters: int) -> bool:
        return bool(np.logaddexp.reduce(clusters * growth) >= enough - 1e-9)

    high = 1
    while not reached(high):
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return high


class ThresholdTest:
    """Is the mean of N clusters at least a threshold? Fed cluster by cluster, in random order.

    `passes` once the e value of "above" reaches 1/alpha, `fails` once that of "below" does; either
    is said wrongly with probability `alpha` at most, whenever one looks or stops. A verdict stays.
    With all clusters drawn it is decided by the mean itself (at the threshold: passes). With
    `at_most` the good side is below. Raises ValueError for a threshold outside [0, 1].
    """

    def __init__(
        self, clusters: int, threshold: float, *, alpha: float = 0.05, at_most: bool = False
    ) -> None:
        if not 0 <= threshold <= 1:
            raise ValueError(f"a threshold of {threshold}: it is wanted in [0, 1]")
        self.clusters, self.threshold = clusters, threshold
        self.alpha, self.at_most = alpha, at_most
        self.above = self.below = 1.0
        self.verdict = Verdict.UNDECIDED
        self._wealth = _Wealth(clusters, np.array([threshold]))

    @property
    def seen(self) -> int:
        """Clusters fed so far."""
        return self._wealth.seen

    @property
    def e_value(self) -> float:
        """The larger of the two e values, as they stand after the last cluster."""
        return max(self.above, self.below)

    def add(self, value: float, share: float = 1.0) -> Verdict:
        """The verdict after one more cluster mean; ValueError past N or outside [0, 1].

        `share` is the cluster's size over the largest one's.
        """
        wealth = self._wealth
        wealth.add(value, share)
        self.above, self.below = float(wealth.more()[0]), float(wealth.less()[0])
        if self.verdict is Verdict.UNDECIDED:
            good, bad = (self.below, self.above) if self.at_most else (self.above, self.below)
            if good >= 1 / self.alpha:
                self.verdict = Verdict.PASSES
            elif bad >= 1 / self.alpha:
                self.verdict = Verdict.FAILS
            elif wealth.seen == wealth.clusters:
                # Neither bet is sure: the mean is the threshold itself.
                self.verdict = Verdict.PASSES
        return self.verdict


class SidesTest:
    """Is every side's mean at least its threshold? Both sides of a cluster are fed together.

    Passes once each side has passed at `alpha` (an intersection-union test: no correction).
    Fails once the mean of the sides' e values of "below" reaches 1/alpha: an e value that all
    sides pass, so "fails" too is said wrongly with probability `alpha` at most. `failing` names
    the sides that are below with that certainty for all named at once (Bonferroni).
    """

    def __init__(
        self, clusters: int, thresholds: Mapping[str, float], *, alpha: float = 0.05
    ) -> None:
        self.alpha = alpha
        self.sides = {
            name: ThresholdTest(clusters, threshold, alpha=alpha)
            for name, threshold in thresholds.items()
        }
        self._passed: set[str] = set()
        self._failing: set[str] = set()
        self.verdict = Verdict.UNDECIDED
        self.e_fails = 1.0

    @property
    def failing(self) -> list[str]:
        """Sides found to be below their thresholds, in the order given."""
        return [name for name in self.sides if name in self._failing]

    def add(self, values: Mapping[str, float]) -> Verdict:
        """The verdict after one more cluster; `values` has its mean on every side.

        Raises KeyError where a side is missing, ValueError as `ThresholdTest.add`.
        """
        for name, side in self.sides.items():
            side.add(values[name])
            drawn = side.seen == side.clusters and not math.isinf(side.below)
            if side.above >= 1 / self.alpha or drawn:
                self._passed.add(name)
            if side.below >= len(self.sides) / self.alpha:
                self._failing.add(name)
        self.e_fails = sum(side.below for side in self.sides.values()) / len(self.sides)
        if self.verdict is Verdict.UNDECIDED:
            if len(self._passed) == len(self.sides):
                self.verdict = Verdict.PASSES
            elif self.e_fails >= 1 / self.alpha:
                self.verdict = Verdict.FAILS
        return self.verdict


class ConfidenceSequence:
    """An interval for the mean of N clusters that holds at all times at once.

    `interval` after each cluster: the rates that neither bet has rejected at (1 - level)/2, cut
    by what the clusters left could still make of the mean, and never wider than before; with all
    drawn it is the mean. Rates are tried on a grid of `steps` (rounded outwards, so the interval
    is at most 1/steps wider at either end than it need be).
    """

    def __init__(self, clusters: int, *, level: float = 0.95, steps: int = 500) -> None:
        self.level = level
        self.interval = Interval(math.nan, 0.0, 1.0)
        self._wealth = _Wealth(clusters, np.linspace(0, 1, steps + 1))

    def add(self, value: float) -> Interval:
        """The interval after one more cluster mean; ValueError past N or outside [0, 1]."""
        wealth = self._wealth
        wealth.add(value)
        enough = 2 / (1 - self.level)
        too_low = np.flatnonzero(wealth.more() >= enough)
        too_high = np.flatnonzero(wealth.less() >= enough)
        low = wealth.thresholds[too_low[-1]] if too_low.size else 0.0
        high = wealth.thresholds[too_high[0]] if too_high.size else 1.0
        seen = float(wealth.total[0])
        least = seen / wealth.clusters
        most = least + 1 - wealth.seen / wealth.clusters
        # Where an earlier interval missed, or by rounding, the two must not change places.
        low = min(self.interval.high, max(self.interval.low, float(low), least))
        high = max(low, min(self.interval.high, float(high), most))
        mean = seen / wealth.seen
        self.interval = Interval(min(high, max(low, mean)), low, high)
        return self.interval


class AnytimeRate:
    """One-sided bounds of a rate, at any alpha, that hold however often one looks or stops.

    Fed cluster by cluster, in random order, the mean over what is scored taken twice: with all that
    is unscored counted as failed (`least`) and as passed (`most`). The lower bound is of the first,
    the upper of the second, so that neither depends on why something is unscored. With `BEYOND`
    clusters it is the rate of questions like these, else of the N there are. `thresholds` are tried
    exactly, others on a grid, rounded outwards by 1/steps at most.
    """

    def __init__(
        self, clusters: int, *, thresholds: Iterable[float] = (), steps: int = 500
    ) -> None:
        grid = np.unique([*np.linspace(0, 1, steps + 1), *thresholds])
        self._least = self._most = _Wealth(clusters, grid)
        self._above: Floats = np.ones(grid.size)
        self._below: Floats = np.ones(grid.size)
        self._passed = [0.0, 0.0]
        self._shares = 0.0

    @property
    def shares(self) -> float:
        """What the clusters that were fed amount to, in the largest one's size."""
        return self._shares

    @property
    def clusters(self) -> int:
        """How many there are, fed or not."""
        return self._least.clusters

    @property
    def seen(self) -> int:
        """Clusters fed so far."""
        return self._least.seen

    def add(self, least: float, most: float, share: float = 1.0) -> None:
        """Feed a cluster; ValueError past N or outside [0, 1]."""
        if least != most and self._least is self._most:
            self._most = copy.deepcopy(self._least)
        self._least.add(least, share)
        if self._most is not self._least:
            self._most.add(most, share)
        self._above = np.maximum(self._above, self._least.more())
        self._below = np.maximum(self._below, self._most.less())
        self._passed[0] += share * least
        self._passed[1] += share * most
        self._shares += share

    def low(self, alpha: float) -> float:
        """The lower bound, one-sided at alpha; 0 where nothing is known."""
        too_low = np.flatnonzero(self._above >= (1 - 1e-9) / alpha)
        low = float(self._least.thresholds[too_low[-1]]) if too_low.size else 0.0
        left = self._least.clusters - self.seen
        if not self._shares + left:
            return 0.0
        return max(low, round(self._passed[0] / (self._shares + left), 12))

    def high(self, alpha: float) -> float:
        """The upper bound, one-sided at alpha; 1 where nothing is known."""
        too_high = np.flatnonzero(self._below >= (1 - 1e-9) / alpha)
        high = float(self._most.thresholds[too_high[0]]) if too_high.size else 1.0
        left = self._most.clusters - self.seen
        if not self._shares + left:
            return 1.0
        return min(high, round((self._passed[1] + left) / (self._shares + left), 12))
