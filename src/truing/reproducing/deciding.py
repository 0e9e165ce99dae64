"""What would decide a row that is undecided: how many seeds, and how many calls."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

from truing.quantiles import student_quantile
from truing.reproducing.components import LEVEL
from truing.stats import Interval, wilson_interval
from truing.stats.paired_sides import PairedSides

__all__ = ["Seeds", "decides", "reach_of"]

_STEP, _MOST_TIMES = 1.05, 100.0
_quantile = cache(student_quantile)


class Seeds(NamedTuple):
    """Of a task."""

    asked: int
    """Again."""
    of_run: int
    of_set: int


def reach_of(rate: Interval) -> float:
    """How far the farther end of an interval is from its estimate."""
    return max(rate.estimate - rate.low, rate.high - rate.estimate)


def decides(
    moved: Sequence[PairedSides],
    rate: Interval,
    counted: tuple[int, int],
    seeds: Seeds,
    calls: int,
) -> str:
    """How many seeds would decide an undecided row, if moves and flips stay what they are."""
    reach = reach_of(rate)
    if math.isnan(reach):
        return "the row itself is unknown: measure more of it"
    if not moved:
        return "nothing was asked again that could be paired: vary a source (--arms)"
    asked, available = seeds.asked, seeds.of_run
    if asked < available:
        factor = _enough(moved, lambda _: reach, available / asked)
        need = available if factor is None else min(available, math.ceil(asked * factor))
        more = f"-n {need}: {math.ceil(calls * (need / asked - 1)):,} calls more"
        if factor is None:
            return f"perhaps all {available:,} seeds ({more})"
        return f"about {need:,} seeds ({more})"
    factor = _enough(moved, _reach_foreseen(rate, *counted), _MOST_TIMES)
    if factor is None:
        return "no larger run: its own interval would narrow along with those of the moves"
    need = math.ceil(asked * factor)
    there = f" (the set has {seeds.of_set:,})" if need > seeds.of_set else ""
    return f"a run of about {need:,} seeds{there}, made again: {math.ceil(calls * factor):,} calls"


def _enough(
    moved: Sequence[PairedSides], reach: Callable[[float], float], most: float
) -> float | None:
    """The least factor of clusters, up to `most`, with which the word is another one."""
    factor = 1.0
    while factor < most:
        factor = min(most, factor * _STEP)
        bound = reach(factor)
        own = [_foreseen(one, factor, LEVEL) for one in moved]
        wide = [_foreseen(one, factor, 1 - (1 - LEVEL) / len(moved)) for one in moved]
        if all(-bound <= low and high <= bound for low, high in own) or any(
            low > bound or high < -bound for low, high in wide
        ):
            return factor
    return None


def _foreseen(moved: PairedSides, factor: float, level: float) -> tuple[float, float]:
    """The interval of a move on so many times the clusters, alike: as `PairedSides.interval`."""
    count, mean = moved.clusters * factor, moved.difference
    centre = mean * count / (count + 2)
    squares = count * (float(moved.values.var()) + (mean - centre) ** 2)
    squares += (1 - centre) ** 2 + (1 + centre) ** 2
    error = math.sqrt(squares / (count + 1) / (count + 2))
    half = _quantile(round(count + 1), 1 - (1 - level) / 2) * error
    return min(mean, centre - half), max(mean, centre + half)


def _reach_foreseen(rate: Interval, clusters: int, units: int) -> Callable[[float], float]:
    """Factor of clusters -> the reach of the row with so many.

    Wilson's, of as many times the answers as give the reach that is there.
    """
    alone = clusters == units

    def at(answers: float, factor: float) -> float:
        df = math.inf if alone else clusters * factor - 1
        return reach_of(wilson_interval(rate.estimate, answers, level=LEVEL, df=df))

    few, many = 1e-3, 1e9
    for _ in range(40):
        middle = math.sqrt(few * many)
        few, many = (middle, many) if at(middle, 1) > reach_of(rate) else (few, middle)
    return lambda factor: at(few * factor, factor)
