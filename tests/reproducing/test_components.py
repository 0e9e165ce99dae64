"""Where a rate's variance comes from: hand-worked tables, bias and coverage by simulation."""

from __future__ import annotations

import functools
import itertools
import math

import numpy as np
import pytest

import truing.reproducing.components
import truing.stats.intervals
from truing.quantiles import student_quantile
from truing.reproducing.components import combined, components
from truing.stats import Interval, wilson_interval
from truing.stats.paired_sides import Side, paired_sides


def table(*columns):
    return np.array(columns, np.float64).T


def test_the_mean_squares_of_a_small_table_worked_by_hand():
    # Rates .75 and .50; the difference of the four pairs is 0, 1, 0, 0: mean .25, variance .25.
    found = components(table([1, 1, 1, 0], [1, 0, 1, 0]))
    # Two levels: flips = variance of the differences / 2, shift = (.25^2 - variance / 4) / 2.
    assert found.flips.estimate == pytest.approx(0.25 / 2)
    assert found.shift.estimate == pytest.approx((0.25**2 - 0.25 / 4) / 2, abs=1e-15)


def test_what_never_moves_has_no_variance_and_a_bound_that_is_not_zero():
    found = components(table(*[[1, 0, 1, 1, 0, 1, 1, 1, 0, 1]] * 3))
    assert (found.shift.estimate, found.flips.estimate) == (0, 0)
    # Half of a third at either end: 1 * 2 / (3 * 2) of the range at most, for each that may move.
    none_of_ten = wilson_interval(0.0, 10).high
    assert found.flips == Interval(0.0, 0.0, pytest.approx(none_of_ten / 3))
    assert found.shift.low == 0
    assert 0 < found.shift.high < 1


def test_a_shift_of_two_levels_has_the_bounds_of_their_paired_difference():
    rng = np.random.default_rng(3)
    first = rng.random(60) < 0.8
    second = first & (rng.random(60) < 0.6)
    own = table(first, second)
    clusters = list(range(60))
    low, high = paired_sides([Side(own[:, 1], clusters, own[:, 0], clusters)]).interval()[1:]
    found = components(own).shift
    # Two levels d apart have the variance d^2 / 2.
    assert (math.sqrt(2 * found.low), math.sqrt(2 * found.high)) == pytest.approx((-high, -low))


def test_one_cluster_or_one_level_says_nothing():
    for found in (components(np.ones((1, 3))), components(np.ones((5, 1)))):
        assert math.isnan(found.shift.estimate)
        assert math.isnan(found.flips.estimate)


def test_a_sum_takes_its_low_end_from_the_ends_and_its_high_end_from_their_squares():
    found = combined([(1, Interval(5, 4, 8)), (1, Interval(2, 1, 6)), (-1, Interval(1, 0, 2))])
    assert found == (6, 3, pytest.approx(6 + math.sqrt(9 + 16 + 1)))
    # A shift estimated below 0 counts as 0, which it is at least.
    assert combined([(1, Interval(-1, 0, 3))]) == (-1, -1, 3)


def drawn(rng, clusters, levels, p, down, up):
    """Right with probability p at the first level; at others right turns wrong or wrong right."""
    first = rng.random(clusters) < p
    draws = rng.random((levels - 1, clusters))
    return table(first, *np.where(first, draws >= down, draws < up))


def truth(levels, p, down, up):
    """The variances of shift and flips of `drawn`: of the levels' rates, and variance less
    covariance of two levels, averaged over all of them and all pairs."""
    other = p * (1 - down) + (1 - p) * up
    with_first = p * (1 - down) - p * other
    with_other = p * (1 - down) ** 2 + (1 - p) * up**2 - other**2
    variance = (p * (1 - p) + (levels - 1) * other * (1 - other)) / levels
    pairs = levels * (levels - 1) / 2
    covariance = ((levels - 1) * with_first + (pairs - levels + 1) * with_other) / pairs
    return float(np.var([p] + [other] * (levels - 1), ddof=1)), variance - covariance


def test_known_components_come_back_without_bias():
    rng = np.random.default_rng(11)
    for levels, p, down, up in ((2, 0.9, 0.1, 0.3), (4, 0.5, 0.2, 0.0), (3, 0.5, 0.1, 0.1)):
        found = [components(drawn(rng, 40, levels, p, down, up)) for _ in range(120)]
        for name, true in zip(("shift", "flips"), truth(levels, p, down, up), strict=True):
            estimates = [getattr(one, name).estimate for one in found]
            error = np.std(estimates) / math.sqrt(len(estimates))
            assert abs(np.mean(estimates) - true) < 3.5 * error, (name, levels)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_intervals_of_the_components_cover_them(record_property, monkeypatch):
    """At least .92 everywhere with three flips or more to be expected, .94 on average."""
    quantile = functools.cache(student_quantile)
    for module in (truing.reproducing.components, truing.stats.intervals):
        monkeypatch.setattr(module, "student_quantile", quantile)
    rng = np.random.default_rng(12)
    covered = {"shift": [], "flips": [], "sd": []}
    apart = []
    moves = ((0.03, 0.03), (0.1, 0.1), (0.2, 0.0), (0.1, 0.3), (0.3, 0.3))
    for levels, clusters, p, (down, up) in itertools.product(
        (2, 4), (20, 50, 120), (0.1, 0.5, 0.97), moves
    ):
        shift, flips = truth(levels, p, down, up)
        hits = dict.fromkeys(covered, 0)
        draws = 1200
        for _ in range(draws):
            found = components(drawn(rng, clusters, levels, p, down, up))
            of_rate = Interval(*(value / clusters for value in found.flips))
            both = combined([(1, found.shift), (1, of_rate)])
            hits["shift"] += found.shift.low <= shift <= found.shift.high
            hits["flips"] += found.flips.low <= flips <= found.flips.high
            hits["sd"] += max(0.0, both.low) <= shift + flips / clusters <= both.high
        rare = clusters * (levels - 1) * (p * down + (1 - p) * up) < 3
        for name, own in hits.items():
            (apart if rare else covered[name]).append(own / draws)
    for name, own in covered.items():
        record_property(
            "figure",
            f"reproduce, interval of {name}: coverage least {min(own):.3f}, "
            f"mean {np.mean(own):.3f}, {len(own)} cells",
        )
        assert min(own) >= 0.92, name
        assert np.mean(own) >= 0.94, name
    record_property(
        "figure",
        f"reproduce, fewer than 3 flips expected: coverage least {min(apart):.3f}, "
        f"mean {np.mean(apart):.3f}, {len(apart)} cells",
    )
