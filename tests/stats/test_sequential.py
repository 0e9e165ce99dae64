"""Stopping early: against confseq, by hand, and the promises that hold at any time.

The e values of confseq 0.0.11 (`diversified_betting_mart`, shares of the most that may be bet) stand
here as numbers: it compiles against Boost to install.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truing import stats
from truing.stats.sequential import _SHARES

SEEN = [1, 0, 0.5, 1, 1, 0, 1, 0.5, 1, 1, 0, 1, 1, 1, 0.5, 1, 1, 1, 0, 1]
CONFSEQ = [
    # threshold, e values of "above" and of "below" after 1, 5, 10 and 20 of 40
    (
        0.3,
        [2.1666666666666665, 5.959803117329235, 99.36955548273373, math.inf],
        [0.5, 0.2509966451654989, 0.13924741777678737],
    ),
    (
        0.5,
        [1.5, 1.3285936628069197, 2.1838885587590133, 33.5840359001523],
        [0.5, 0.29615859985351567, 0.1748663822740935, 0.07984407728319663],
    ),
    (
        0.8,
        [1.125, 0.5379993185465205, 0.3629046027650054, 0.23946483116815237],
        [0.5, 0.641848155430385, 0.6974935430646007, 0.6631969420341679],
    ),
]
MEANS = st.sampled_from([0.0, 0.5, 1.0]) | st.floats(0, 1)
WHOLE = st.lists(MEANS, min_size=1, max_size=30)


@pytest.mark.parametrize(("threshold", "above", "below"), CONFSEQ)
def test_e_values_are_those_of_confseq(threshold, above, below):
    more, less = stats.e_processes(np.array(SEEN), 40, threshold)
    assert more[[0, 4, 9, 19]] == pytest.approx(above, rel=1e-9)
    # Once the mean must be above, confseq gives infinity both ways; its value is left out.
    assert less[[0, 4, 9, 19][: len(below)]] == pytest.approx(below, rel=1e-9)


def test_an_e_value_by_hand():
    # N 4, threshold 1/2, seen 1 then 0. Left of the mean: 2/4, then (2 - 1)/3. A share f gains
    # 1 + f(1/(1/2) - 1) = 1 + f, then 1 + f(0 - 1) = 1 - f: the mean of 1 - f^2.
    shares = [Fraction(2 * k + 1, 2 * _SHARES.size) for k in range(_SHARES.size)]
    expected = sum(1 - f * f for f in shares) / len(shares)
    test = stats.ThresholdTest(4, 0.5)
    test.add(1.0)
    test.add(0.0)
    assert test.above == pytest.approx(float(expected))


@settings(max_examples=40)
@given(WHOLE, st.sampled_from([0.1, 0.5, 0.9]))
def test_fed_one_by_one_or_all_at_once_it_is_the_same(values, threshold):
    above, below = stats.e_processes(np.array([values, values[::-1]]), 30, threshold)
    for row, order in enumerate((values, values[::-1])):
        test = stats.ThresholdTest(30, threshold)
        for place, value in enumerate(order):
            test.add(value)
            assert test.above == pytest.approx(above[row, place], rel=1e-9)
            assert test.below == pytest.approx(below[row, place], rel=1e-9)


@settings(max_examples=40)
@given(WHOLE, st.sampled_from([0.0, 0.3, 0.5, 1.0]))
def test_with_all_drawn_the_mean_itself_decides_unless_a_bet_did_before(values, threshold):
    test = stats.ThresholdTest(len(values), threshold)
    for value in values:
        before = test.verdict
        test.add(value)
    if before is stats.Verdict.UNDECIDED and abs(np.mean(values) - threshold) > 1e-6:
        right = "passes" if np.mean(values) >= threshold else "fails"
        assert test.verdict == right
    assert test.verdict is not stats.Verdict.UNDECIDED


@settings(max_examples=40)
@given(WHOLE, st.sampled_from([0.2, 0.5]))
def test_failures_at_most_is_passes_at_least_turned_round(values, threshold):
    one = stats.ThresholdTest(31, threshold, at_most=True)
    two = stats.ThresholdTest(31, 1 - threshold)
    for value in values:
        one.add(value)
        two.add(1 - value)
    assert one.verdict == two.verdict
    assert one.below == pytest.approx(two.above, rel=1e-6)


@settings(max_examples=40)
@given(WHOLE)
def test_the_sequence_only_narrows_and_ends_at_the_mean(values):
    sequence = stats.ConfidenceSequence(len(values))
    last = (0.0, 1.0)
    for value in values:
        found = sequence.add(value)
        assert last[0] <= found.low <= found.estimate <= found.high <= last[1]
        last = found.low, found.high
    # Unless an early interval missed, what is left is the mean.
    mean = float(np.mean(values))
    if last[0] <= mean <= last[1] + 1e-9:
        assert last == pytest.approx((mean, mean), abs=1e-9)


def test_evidence_falls_as_the_threshold_rises_so_that_what_is_left_is_an_interval():
    rng = np.random.default_rng(2)
    values = rng.random((20, 50)) ** 2
    above = np.array([stats.e_processes(values, 60, m)[0] for m in np.linspace(0.01, 0.99, 40)])
    with np.errstate(invalid="ignore"):
        assert np.all(above[1:] <= above[:-1] * (1 + 1e-12))


@pytest.mark.parametrize("values", [[1.0] * 400, [0.0] * 400])
def test_long_runs_of_one_answer_overflow_nothing(values):
    above, below = stats.e_processes(np.array(values), 5000, 0.01)
    assert not np.isnan(above).any()
    assert not np.isnan(below).any()


def test_both_sides_must_pass_and_one_that_fails_is_named():
    test = stats.SidesTest(100, {"harmful": 0.5, "harmless": 0.5})
    for _ in range(40):
        test.add({"harmful": 1.0, "harmless": 0.0})
    assert test.verdict == "fails"
    assert test.failing == ["harmless"]
    good = stats.SidesTest(100, {"harmful": 0.5, "harmless": 0.5})
    steps = 0
    while good.add({"harmful": 1.0, "harmless": 1.0}) is stats.Verdict.UNDECIDED:
        steps += 1
    assert good.verdict == "passes"
    assert good.failing == []
    assert steps < 12


@settings(max_examples=40)
@given(st.lists(st.tuples(MEANS, MEANS), min_size=1, max_size=20))
def test_sides_are_decided_when_all_is_drawn(values):
    test = stats.SidesTest(len(values), {"a": 0.5, "b": 0.7})
    for a, b in values:
        test.add({"a": a, "b": b})
    assert test.verdict is not stats.Verdict.UNDECIDED


def test_more_clusters_than_there_are_and_means_outside_0_to_1_are_refused():
    test = stats.ThresholdTest(1, 0.5)
    with pytest.raises(ValueError, match="wanted in"):
        test.add(1.5)
    test.add(1.0)
    with pytest.raises(ValueError, match="all 1 clusters are drawn"):
        test.add(1.0)
    with pytest.raises(ValueError, match="a threshold of 2"):
        stats.ThresholdTest(5, 2)
    with pytest.raises(ValueError, match="at least one"):
        stats.ConfidenceSequence(0)
    with pytest.raises(ValueError, match="3 values of 2"):
        stats.e_processes(np.ones(3), 2, 0.5)
    with pytest.raises(ValueError, match="wanted in"):
        stats.e_processes(np.array([2.0]), 2, 0.5)


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(0, 4)), min_size=2, max_size=20),
    st.sampled_from([0.2, 0.5, 0.8]),
)
def test_clusters_of_unlike_size_are_decided_by_the_rate_of_all_their_units(clusters, threshold):
    counts = [(size, min(size, passed)) for size, passed in clusters]
    largest = max(size for size, _ in counts)
    rate = sum(passed for _, passed in counts) / sum(size for size, _ in counts)
    test = stats.ThresholdTest(len(counts), threshold)
    bounds = stats.AnytimeRate(len(counts))
    for size, passed in counts:
        before = test.verdict
        test.add(passed / size, size / largest)
        bounds.add(passed / size, passed / size, size / largest)
    if before is stats.Verdict.UNDECIDED and abs(rate - threshold) > 1e-6:
        assert test.verdict == ("passes" if rate >= threshold else "fails")
    if bounds.low(1e-9) < bounds.high(1e-9):
        raise AssertionError("with all drawn the rate is known")
    assert bounds.low(1e-9) == pytest.approx(rate)


@pytest.mark.parametrize("threshold", [0.3, 0.85, 0.97])
def test_how_many_without_a_failure_decide_is_what_the_test_takes(threshold):
    needed = stats.clusters_until_decided(1.0, threshold, 0.05)
    above, _ = stats.e_processes(np.ones(needed), stats.BEYOND, threshold)
    assert above[-1] >= 20 > above[-2]
    assert stats.clusters_until_decided(threshold, threshold, 0.05) is None
    assert stats.clusters_until_decided(1.0, 1.0, 0.05) is None


def test_bounds_at_any_time_of_nothing_are_everything_and_shares_are_checked():
    bounds = stats.AnytimeRate(stats.BEYOND)
    assert (bounds.low(0.05), bounds.high(0.05)) == (0.0, 1.0)
    with pytest.raises(ValueError, match="a cluster's share of 2"):
        bounds.add(1.0, 1.0, 2)


@pytest.mark.parametrize(("rate", "saved"), [(0.4, 0.92), (0.0, 0.79), (0.2, 0.52), (0.1, 0.02)])
def test_stopping_saves_what_simulation_says_it_can(rate, saved):
    # Failures at most .10, 200 samples planned; the shares saved by a plain betting test.
    rng = np.random.default_rng(4)
    whole = np.tile((np.arange(200) < rate * 200).astype(float), (300, 1))
    above, below = stats.e_processes(rng.permuted(whole, axis=1), 200, 0.1)
    decided = np.maximum(above, below) >= 20
    stopped = np.where(decided.any(1), decided.argmax(1) + 1, 200)
    assert 1 - stopped.mean() / 200 >= saved - 0.01
