"""Intervals and paired tests against hand-worked numbers, other libraries and their own rules."""

from __future__ import annotations

import itertools
import math
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.inter_rater import cohens_kappa
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from truing import stats

RATES = st.lists(st.booleans(), min_size=1, max_size=60)
CLUSTERED = st.lists(st.tuples(st.booleans(), st.integers(0, 12)), min_size=1, max_size=60)


def test_nothing_scored_is_unknown_not_zero():
    for interval in (
        stats.wilson_interval(math.nan, 0),
        stats.rate_interval([], []),
        stats.balanced_interval([([True], ["a"]), ([], [])]),
        stats.worse_of([stats.UNKNOWN, stats.Interval(0.5, 0.4, 0.6)]),
    ):
        assert math.isnan(interval.estimate)
        assert (interval.low, interval.high) == (0.0, 1.0)


def test_wilson_by_hand():
    # 8 of 10, z = 1.959964: centre (.8 + z^2/20)/(1 + z^2/10) = .71674,
    # half z/(1 + z^2/10) sqrt(.8*.2/10 + z^2/400) = .22658: [.4902, .9433].
    interval = stats.wilson_interval(0.8, 10)
    assert interval.low == pytest.approx(0.4902, abs=5e-5)
    assert interval.high == pytest.approx(0.9433, abs=5e-5)


@given(st.integers(0, 400), st.integers(1, 400), st.sampled_from([0.8, 0.95, 0.99]))
def test_wilson_agrees_with_statsmodels(k, n, level):
    k = min(k, n)
    low, high = proportion_confint(k, n, alpha=1 - level, method="wilson")
    own = stats.wilson_interval(k / n, n, level=level)
    assert own.low == pytest.approx(low, abs=1e-9)
    assert own.high == pytest.approx(high, abs=1e-9)


def test_no_failure_leaves_a_bound_near_the_rule_of_three():
    assert stats.wilson_interval(1.0, 150).high == 1.0
    assert stats.wilson_interval(1.0, 150).low == pytest.approx(0.975, abs=1e-3)


@given(RATES)
def test_one_sample_a_cluster_is_plain_wilson(passed):
    own = stats.rate_interval(passed, list(range(len(passed))))
    assert own == stats.wilson_interval(sum(passed) / len(passed), len(passed))


@given(CLUSTERED, st.sampled_from([0.8, 0.95]))
def test_a_clustered_interval_is_ordered_and_grows_with_the_level(rows, level):
    passed, clusters = [r[0] for r in rows], [r[1] for r in rows]
    own = stats.rate_interval(passed, clusters, level=level)
    wider = stats.rate_interval(passed, clusters, level=0.99)
    assert 0 <= wider.low <= own.low <= own.estimate <= own.high <= wider.high <= 1


@given(CLUSTERED, st.randoms(use_true_random=False))
def test_names_and_order_of_clusters_change_nothing(rows, draw):
    passed, clusters = [r[0] for r in rows], [r[1] for r in rows]
    own = stats.rate_interval(passed, clusters)
    draw.shuffle(rows)
    other = stats.rate_interval([r[0] for r in rows], [f"name {r[1]}" for r in rows])
    assert own == pytest.approx(other)


def test_samples_of_one_seed_are_not_independent():
    # 10 seeds of 4 alike samples are worth 10 samples, not 40.
    passed = [bool(c % 2) for c in range(10) for _ in range(4)]
    clusters = [c for c in range(10) for _ in range(4)]
    clustered = stats.rate_interval(passed, clusters)
    plain = stats.wilson_interval(0.5, 40)
    ten = stats.wilson_interval(0.5, 10)
    assert clustered.high - clustered.low > 1.8 * (plain.high - plain.low)
    assert clustered.high - clustered.low >= ten.high - ten.low


def test_one_cluster_alone_tells_nothing_of_the_spread():
    interval = stats.rate_interval([True, False, True], ["a", "a", "a"])
    assert (interval.low, interval.high) == (0.0, 1.0)


def test_the_balanced_rate_is_the_mean_of_the_sides_whatever_their_sizes():
    sides = [([True] * 3 + [False], list("abcd")), ([False, True], list("ab"))]
    assert stats.balanced_interval(sides).estimate == pytest.approx((0.75 + 0.5) / 2)


def test_a_model_that_wins_one_side_and_loses_the_other_keeps_an_interval():
    # Influence is 0 everywhere; as many samples as clusters are counted.
    seeds = list(range(40))
    interval = stats.balanced_interval([([True] * 40, seeds), ([False] * 40, seeds)])
    assert interval.low < 0.4 < 0.6 < interval.high


def test_the_worse_side_takes_the_smaller_of_each_bound():
    one, two = stats.Interval(0.9, 0.8, 0.95), stats.Interval(0.6, 0.4, 0.97)
    assert stats.worse_of([one, two]) == (0.6, 0.4, 0.95)


def test_sidak_by_hand():
    # .95^(1/6) = .99149
    assert stats.sidak_level(0.95, 6) == pytest.approx(0.99149, abs=1e-5)
    assert stats.sidak_level(0.95, 1) == pytest.approx(0.95)


@given(st.integers(0, 200), st.integers(0, 200))
def test_mcnemar_agrees_with_statsmodels(only_a, only_b):
    expected = mcnemar([[5, only_a], [only_b, 5]], exact=True).pvalue
    assert stats.mcnemar_exact(only_a, only_b) == pytest.approx(min(1.0, expected), abs=1e-9)


def test_the_surveys_own_pair():
    # davinci against text-davinci-003: 36 and 150 discordant, p 9.63e-18.
    assert stats.mcnemar_exact(36, 150) == pytest.approx(9.63e-18, rel=2e-3)


def test_sign_flips_by_hand_and_by_brute_force():
    rng = np.random.default_rng(0)
    # Sums 3, 1, -1: |sum| = 3; of 8 flips those with |sum| >= 3 are 3+1-1, 3-1+1, 3+1+1, and
    # their opposites: 6 of 8.
    assert stats.sign_flip_test(np.array([3.0, 1.0, -1.0]), rng=rng) == pytest.approx(6 / 8)
    sums = np.array([2.0, 1.0, 1.0, -1.0, 3.0, 0.0])
    moving = [2.0, 1.0, 1.0, -1.0, 3.0]
    signs = itertools.product((1, -1), repeat=5)
    far = sum(
        abs(sum(s * x for s, x in zip(sign, moving, strict=True))) >= abs(sums.sum()) - 1e-9
        for sign in signs
    )
    assert stats.sign_flip_test(sums, rng=rng) == pytest.approx(far / 32)


def test_drawn_sign_flips_are_seeded_and_near_the_exact_value():
    sums = np.array([1.0] * 13 + [-1.0] * 7)
    first = stats.sign_flip_test(sums, rng=np.random.default_rng(5))
    assert first == stats.sign_flip_test(sums, rng=np.random.default_rng(5))
    # 20 signs: P(|heads - tails| >= 6) = 2 P(heads >= 13) = .2632
    assert first == pytest.approx(0.2632, abs=0.02)
    assert stats.sign_flip_test(np.zeros(4), rng=np.random.default_rng(0)) == 1.0


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_a_paired_difference_is_antisymmetric_and_holds_its_estimate(pairs):
    a, b = np.array([p[0] for p in pairs]), np.array([p[1] for p in pairs])
    rng = np.random.default_rng(0)
    one = stats.paired_difference(a, b, rng=rng)
    two = stats.paired_difference(b, a, rng=rng)
    assert one.low <= one.difference <= one.high
    assert two.difference == pytest.approx(-one.difference)
    assert (two.low, two.high) == (pytest.approx(-one.high), pytest.approx(-one.low))
    assert one.p == two.p


def test_newcombe_by_hand():
    # Newcombe 1998, table II (50 pairs: 36, 12, 2, 0): difference .20, interval .0569 to .3404.
    a = np.array([True] * 36 + [True] * 12 + [False] * 2)
    b = np.array([True] * 36 + [False] * 12 + [True] * 2)
    result = stats.paired_difference(a, b, rng=np.random.default_rng(0))
    assert result.difference == pytest.approx(0.20)
    assert result.low == pytest.approx(0.0569, abs=1e-4)
    assert result.high == pytest.approx(0.3404, abs=1e-4)


def test_nothing_paired_is_unknown():
    empty = np.array([], dtype=bool)
    result = stats.paired_difference(empty, empty, rng=np.random.default_rng(0))
    assert math.isnan(result.difference)
    assert (result.low, result.high, result.pairs) == (-1.0, 1.0, 0)


@given(st.lists(st.lists(st.integers(1, 30), min_size=3, max_size=3), min_size=3, max_size=3))
def test_kappa_agrees_with_statsmodels(table):
    counts = np.array(table, dtype=np.int64)
    assert stats.cohen_kappa(counts) == pytest.approx(cohens_kappa(counts).kappa, abs=1e-9)


def test_kappa_of_nothing_and_of_one_label_alone_is_unknown():
    assert math.isnan(stats.cohen_kappa(np.zeros((2, 2), dtype=np.int64)))
    assert math.isnan(stats.cohen_kappa(np.array([[5, 0], [0, 0]])))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_agrees_with_statsmodels(p_values):
    with mock.patch("gc.collect"):  # it collects all garbage at every call
        expected = multipletests(p_values, method="holm")[1]
    assert stats.holm(p_values) == pytest.approx(list(expected), abs=1e-12)


def test_a_mean_stays_within_its_bounds_and_never_has_no_width():
    flat = stats.mean_interval([0.0] * 20, list(range(20)))
    assert flat.low < 0 < flat.high
    interval = stats.mean_interval([1.0, 1.0, 0.0, -1.0], list("aabc"))
    assert -1 <= interval.low <= interval.estimate <= interval.high <= 1
    assert math.isnan(stats.mean_interval([], []).estimate)
