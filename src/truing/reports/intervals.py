"""The intervals of a row: of a fixed number of seeds, or, where it could stop, of any."""

from __future__ import annotations

import math

from truing import stats
from truing.reports.counted import GROUPS, Counted

__all__ = ["RowIntervals"]


class RowIntervals:
    """The intervals of sides, their mean and whole groups, each at any level.

    Of a row that is asked until it is decided they hold at all times at once (`AnytimeRate`), as
    those of a fixed number do not once the answers had a say in it; they are wider.
    """

    def __init__(self, counted: Counted) -> None:
        self._counted = counted

    def side(self, name: str, level: float) -> stats.Interval:
        """Of a side's rate."""
        own = stats.rate_interval(*self._counted.sides[name], level=level)
        return self._anytime(name, own, level)

    def groups(self, level: float) -> stats.Interval:
        """Of whole groups. Raises ValueError where the unit is the sample."""
        if self._counted.groups is None:
            raise ValueError("there are no groups: the unit is the sample")
        own = stats.rate_interval(*self._counted.groups, level=level)
        return self._anytime(GROUPS, own, level)

    def balanced(self, level: float) -> stats.Interval:
        """Of the mean of the sides; at any time: both hold at once (Bonferroni)."""
        sides = self._counted.sides
        own = stats.balanced_interval(list(sides.values()), level=level)
        if self._counted.anytime is None or math.isnan(own.estimate):
            return own
        each = [self.side(name, 1 - (1 - level) / len(sides)) for name in sides]
        low = sum(one.low for one in each) / len(each)
        high = sum(one.high for one in each) / len(each)
        return stats.Interval(own.estimate, low, high)

    def _anytime(self, part: str, fixed: stats.Interval, level: float) -> stats.Interval:
        if self._counted.anytime is None or math.isnan(fixed.estimate):
            return fixed
        rate, alpha = self._counted.anytime[part], (1 - level) / 2
        low, high = rate.low(alpha), rate.high(alpha)
        return stats.Interval(fixed.estimate, min(low, fixed.estimate), max(high, fixed.estimate))
