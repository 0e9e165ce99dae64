"""The variance of a rate over levels, and over levels by clusters. Arrays in, numbers out.

A table has one row a cluster of questions and one column a level (the run as it is stored, and each
time that it was made again or otherwise); the mean of a column is the rate at that level. Every
cell is mean + cluster + level + (cluster x level), all of them random: what a cluster is worth,
how far the level moves all of them (the shift), and what it does to each (verdicts that flip). The
variances are found by the method of moments from the mean squares of the two-way table without
replication: they are unbiased whatever the distributions, and a shift may therefore come out below
0. Source: Henderson 1953, Biometrics 9(2), method 1; Searle, Casella & McCulloch 1992, chapter 4.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from truing.quantiles import student_quantile
from truing.stats import Floats, Interval, wilson_interval

__all__ = ["Components", "combined", "components"]

LEVEL = 0.95


class Components(NamedTuple):
    """Variances of a cluster's score; NaN with fewer than two clusters or levels."""

    shift: Interval
    """Between levels, for all clusters alike."""
    flips: Interval
    """Of cluster x level; never below 0, as it is a mean square."""


def components(table: Floats, *, level: float = LEVEL) -> Components:
    """Both components of a table of shape (clusters, levels), each with an interval.

    Intervals are over clusters, for the levels that there are. Where no cluster moves, that of the
    flips goes up to what Wilson's says of none moved.
    """
    clusters, levels = table.shape
    if clusters < 2 or levels < 2:
        unknown = Interval(math.nan, 0.0, math.inf)
        return Components(unknown, unknown)
    between, squares = _mean_squares(table)
    flips = float(squares.mean())
    # Half of the levels at either end of a score's range.
    largest = levels // 2 * (levels - levels // 2) / (levels * (levels - 1))
    shift = (between - flips) / clusters
    low, high = _shift_bounds(table, level)
    return Components(
        shift=Interval(shift, min(low, max(0.0, shift)), max(high, shift)),
        flips=_mean_square(squares, largest, level),
    )


def _mean_squares(table: Floats) -> tuple[float, Floats]:
    """That of levels, and each cluster's share of that of clusters x levels: their mean is it."""
    clusters, levels = table.shape
    mean, by_cluster, by_level = table.mean(), table.mean(axis=1), table.mean(axis=0)
    between = clusters * float(np.sum((by_level - mean) ** 2)) / (levels - 1)
    rest = table - by_cluster[:, None] - by_level[None, :] + mean
    return between, (rest**2).sum(axis=1) * clusters / ((clusters - 1) * (levels - 1))


def _shift_bounds(table: Floats, level: float) -> tuple[float, float]:
    """Bounds for the variance of the levels, from the non-central chi-square of their spread.

    With a cluster more for each level, that stands out there alone: levels that never differ get no
    bound of 0. The root of such a chi-square is nearly normal about the root of its mean less 1,
    with a variance of 1 at most, which errs on the wide side (with two levels it is Student's t
    on their difference); a spread below its mean counts as its mean, so that no bound is empty.
    """
    levels = table.shape[1]
    between, squares = _mean_squares(np.vstack([table, np.eye(levels)]))
    within, clusters, free = float(squares.mean()), len(squares), levels - 1
    spread = free * between / within
    z = student_quantile(clusters - 1, 1 - (1 - level) / 2)
    unit = within / (clusters * free)
    low = max(0.0, max(0.0, math.sqrt(spread) - z) ** 2 - (free - 1)) * unit
    high = max(0.0, (math.sqrt(max(spread, free)) + z) ** 2 - (free - 1)) * unit
    return low, high


def _mean_square(squares: Floats, largest: float, level: float) -> Interval:
    """Interval for the mean of squares of which most may be 0; shape (clusters,).

    As if so many clusters had moved, by the same each, as give the mean and the variance that are
    seen: Wilson's interval for their share, half a cluster more in its upper bound, as the mean was
    taken off them. With right and wrong answers and two levels that is the share of clusters whose
    verdict flips.
    """
    mean, count = float(squares.mean()), squares.size
    if mean < 1e-15:
        return Interval(0.0, 0.0, largest * wilson_interval(0.0, count, level=level).high)
    size = float(np.sum(squares**2) / np.sum(squares))
    low, high = (
        wilson_interval(min(1.0, mean / size + more / count), count, level=level, df=count - 1)
        for more in (0.0, 0.5)
    )
    return Interval(mean, size * low.low, size * high.high)


def combined(terms: Sequence[tuple[int, Interval]]) -> Interval:
    """Sum of estimates, each taken with its sign, with an interval.

    The upper bound recovers variances from the bounds of the terms (MOVER; Zou & Donner 2008,
    Statist. Med. 27(10)); estimates beyond their own interval count as the end they are beyond. A
    shift that is none is seen above 0 as often as not, and MOVER's lower bound would then lie too
    high: the lower bound is the sum of the terms' own.
    """
    estimate = sum(sign * term.estimate for sign, term in terms)
    centre = low = up = 0.0
    for sign, term in terms:
        at = min(max(term.estimate, term.low), term.high)
        centre += sign * at
        low += sign * (term.low if sign > 0 else term.high)
        up += (term.high - at if sign > 0 else at - term.low) ** 2
    return Interval(estimate, min(low, estimate), centre + math.sqrt(up))
