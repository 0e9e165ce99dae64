"""One-sided bounds of a row's rates that hold what they promise near 0 and 1.

The bound is the end of the row's own interval at level 1 - 2 alpha, or the exact binomial one for
the same effective number of samples where that is further out: Wilson's interval alone holds a
one-sided 5 % only on average (at .95 with 150 seeds a model at the threshold would pass in 6 to
7 % of runs, and of 29 such rows one would be found failing in 13 % of tables). Source of the exact
bound with an effective sample size: Korn & Graubard 1998, Survey Methodology 24(2).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from truing import stats
from truing.quantiles import binomial_at_least, normal_quantile
from truing.reports.counted import Sided

__all__ = ["Rate", "Worth"]


class Worth(NamedTuple):
    """A rate and the number of independent samples that it is worth, for either bound."""

    rate: float
    wilson: float
    exact: float

    def reaches(self, threshold: float, alpha: float, *, times: float = 1.0) -> bool:
        """Whether the lower bound, with so many times the samples, is at or above a threshold."""
        level = 1 - 2 * alpha
        wilson = stats.wilson_interval(self.rate, self.wilson * times, level=level)
        n = self.exact * times
        # The last digits of a bound that was found by this very test are not held against it.
        return wilson.low >= threshold - 1e-12 and (
            binomial_at_least(self.rate * n, n, threshold) <= alpha * (1 + 1e-9)
        )

    def lower(self, alpha: float) -> float:
        """The lower bound, one-sided at alpha; 0 where nothing is known."""
        if math.isnan(self.rate) or self.exact <= 0:
            return 0.0
        high = stats.wilson_interval(self.rate, self.wilson, level=1 - 2 * alpha).low
        if high <= 0 or self.reaches(high, alpha):
            return high
        low = 0.0
        for _ in range(50):
            middle = (low + high) / 2
            low, high = (middle, high) if self.reaches(middle, alpha) else (low, middle)
        return low


def worth_of(sides: Sequence[Sided], alpha: float) -> Worth:
    """What the mean of some sides is worth for a lower bound, one-sided at alpha.

    Where clusters have several samples, how much they depend is an estimate, and with few failures
    a poor one: one more failure in the same cluster moves it most. So the exact bound takes it with
    one more cluster that fails as a whole. With one sample a cluster nothing is estimated.
    """
    own = stats.balanced_interval(sides, level=1 - 2 * alpha)
    n = _samples_for(own, alpha)
    sizes = [(len(passed), len(set(clusters))) for passed, clusters in sides]
    units = sum(size for size, _ in sizes)
    if not n or (len(sides) == 1 and units == sizes[0][1]):
        return Worth(own.estimate, n, n)
    more = [math.ceil(size / clusters) for size, clusters in sizes]
    failing = [
        ([*passed, *[0.0] * extra], [*clusters, *[""] * extra])
        for (passed, clusters), extra in zip(_renamed(sides), more, strict=True)
    ]
    wider = _samples_for(stats.balanced_interval(failing, level=1 - 2 * alpha), alpha)
    return Worth(own.estimate, n, min(n, wider * units / (units + sum(more))))


def _renamed(sides: Sequence[Sided]) -> list[Sided]:
    """The same sides with cluster names that are never empty."""
    return [(passed, [f".{cluster}" for cluster in clusters]) for passed, clusters in sides]


def _samples_for(own: stats.Interval, alpha: float) -> float:
    """Independent samples for which Wilson's lower bound would be this one; 0 where unknown."""
    if math.isnan(own.estimate) or own.low <= 0:
        return 0.0
    z = normal_quantile(1 - alpha)
    return z * z * own.low * (1 - own.low) / (own.estimate - own.low) ** 2


class Rate:
    """A rate that a requirement is about: a side's, or the worst of several means of sides."""

    def __init__(self, parts: Sequence[Sequence[Sided]]) -> None:
        self._good = parts
        self._bad = [[([1 - x for x in p], c) for p, c in part] for part in parts]
        means = [stats.balanced_interval(part).estimate for part in parts]
        known = bool(means) and not any(map(math.isnan, means))
        self.estimate: float | None = min(means) if known else None

    def low(self, alpha: float) -> float:
        """The lower bound, one-sided at alpha; 0 where nothing is known."""
        return min(worth_of(part, alpha).lower(alpha) for part in self._good)

    def high(self, alpha: float) -> float:
        """The upper bound, one-sided at alpha: 1 minus the lower one of failing."""
        return min(1 - worth_of(part, alpha).lower(alpha) for part in self._bad)

    def best(self, alpha: float, *, times: float) -> float:
        """The lower bound of as many units, or so many times as many, without one failure."""
        perfect = [[([1.0] * len(p), c) for p, c in part] for part in self._good]
        return min(
            Worth(1.0, times * worth.wilson, times * worth.exact).lower(alpha)
            for worth in (worth_of(part, alpha) for part in perfect)
        )

    def times_to_pass(self, threshold: float, alpha: float) -> float | None:
        """How many times the samples would prove the threshold at the present rate, or None."""
        if self.estimate is None or self.estimate <= threshold:
            return None
        return max(_times(worth_of(part, alpha), threshold, alpha) for part in self._good)

    def times_to_fail(self, threshold: float, alpha: float) -> float | None:
        """How many times the samples would prove that it is below the threshold, or None."""
        if self.estimate is None or self.estimate >= threshold:
            return None
        worths = [worth_of(part, alpha) for part in self._bad]
        return min(
            _times(worth, 1 - threshold, alpha) for worth in worths if worth.rate > 1 - threshold
        )


_MOST = 2.0**24


def _times(worth: Worth, threshold: float, alpha: float) -> float:
    """The least factor at which the bound reaches a threshold below the rate; at most 2^24."""
    if worth.exact <= 0:
        return _MOST
    high = 1.0
    while high < _MOST and not worth.reaches(threshold, alpha, times=high):
        high *= 2
    low = high / 2
    for _ in range(12):
        middle = (low + high) / 2
        low, high = (
            (low, middle) if worth.reaches(threshold, alpha, times=middle) else (middle, high)
        )
    return high
