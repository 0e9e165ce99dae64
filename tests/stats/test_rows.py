"""Words over many rows, trends over models, plans: by hand, against statsmodels, and their rules."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.inter_rater import cohens_kappa
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import normal_power_het

from truing import stats

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=29)


@given(P_VALUES)
def test_benjamini_hochberg_agrees_with_statsmodels(p_values):
    expected = multipletests(p_values, method="fdr_bh")[1]
    assert stats.benjamini_hochberg(p_values) == pytest.approx(list(expected), abs=1e-12)


@given(P_VALUES)
def test_exploration_adjusts_no_more_than_a_gate(p_values):
    pairs = zip(stats.benjamini_hochberg(p_values), stats.holm(p_values), strict=True)
    assert all(bh <= holm + 1e-12 for bh, holm in pairs)


def test_e_benjamini_hochberg_by_hand():
    # 4 rows at q .1: one discovery wants e >= 40, two >= 20, three >= 13.3, four >= 10.
    assert stats.e_benjamini_hochberg([25, 3, 21, 1], q=0.1) == [True, False, True, False]
    assert stats.e_benjamini_hochberg([39, 3, 19, 1], q=0.1) == [False] * 4
    assert stats.e_benjamini_hochberg([math.inf, 0.0], q=0.05) == [True, False]
    assert stats.e_benjamini_hochberg([]) == []


@given(st.lists(st.floats(0, 1000), min_size=1, max_size=29))
def test_e_discoveries_are_those_of_benjamini_hochberg_on_inverse_e_values(e_values):
    expected = multipletests([1 / max(e, 1e-3) for e in e_values], alpha=0.05, method="fdr_bh")[0]
    # Where an e value sits on its bound, rounding of 1/e decides.
    margin = min(abs(e * k * 0.05 / len(e_values) - 1) for e in e_values for k in range(1, 30))
    if margin > 1e-9:
        assert stats.e_benjamini_hochberg(e_values) == list(expected)


@given(st.lists(st.lists(st.integers(1, 30), min_size=3, max_size=3), min_size=3, max_size=3))
def test_the_interval_of_kappa_is_statsmodels(table):
    own, other = stats.kappa_interval(np.array(table)), cohens_kappa(np.array(table))
    assert own.estimate == pytest.approx(other.kappa, abs=1e-9)
    assert own.low == pytest.approx(max(-1, other.kappa_low), abs=1e-6)
    assert own.high == pytest.approx(min(1, other.kappa_upp), abs=1e-6)


def test_two_raters_that_always_agreed_may_still_disagree():
    own = stats.kappa_interval(np.array([[10, 0], [0, 10]]))
    assert own.estimate == own.high == 1
    assert 0.5 < own.low < 0.8
    unknown = stats.kappa_interval(np.array([[5, 0], [0, 0]]))
    assert (unknown.low, unknown.high) == (-1, 1)


@pytest.mark.parametrize(
    ("difference", "close", "expected"),
    [
        ((0.02, 0.20), (0.03, 0.19), ("better", True)),
        ((-0.20, -0.02), (-0.19, -0.03), ("worse", True)),
        ((-0.02, 0.03), (-0.01, 0.02), ("equivalent", False)),
        ((0.01, 0.04), (0.012, 0.038), ("equivalent", True)),
        ((-0.02, 0.06), (-0.01, 0.049), ("equivalent", False)),
        ((-0.02, 0.06), (-0.01, 0.055), ("undecided", False)),
    ],
)
def test_words_of_intervals(difference, close, expected):
    both = [stats.Interval(sum(bounds) / 2, *bounds) for bounds in (difference, close)]
    assert stats.word(*both, margin=0.05) == expected


def test_a_margin_of_nothing_is_refused():
    with pytest.raises(ValueError, match="a margin of 0"):
        stats.word(stats.UNKNOWN, stats.UNKNOWN, margin=0)


def compared(rows, margin=0.05):
    rng = np.random.default_rng(0)
    found = [stats.paired_difference(a, b, rng=rng) for a, b in rows]
    return stats.compare_rows(
        found, lambda row, level: stats.paired_interval(*rows[row], level=level), margin=margin
    )


@settings(max_examples=30)
@given(st.lists(st.integers(0, 60), min_size=2, max_size=6), st.randoms(use_true_random=False))
def test_a_comparison_turned_round_swaps_better_and_worse(passed, draw):
    shared = [draw.random() for _ in range(60)]
    rows = [
        (np.array(shared) < count / 60, np.array(shared[::-1]) < count / 80) for count in passed
    ]
    swap = {"better": "worse", "worse": "better"}
    turned = compared([(b, a) for a, b in rows])
    for one, other in zip(compared(rows), turned, strict=True):
        assert swap.get(one.word, one.word) == other.word
        assert one.different == other.different


def test_a_difference_alone_among_29_rows_needs_more_than_alone():
    same = (np.ones(100, bool), np.ones(100, bool))
    # 9 to 1 discordant: p .0215 alone, .62 among 29.
    one = np.arange(100) != 0, ~np.isin(np.arange(100), range(1, 10))
    alone, among = compared([one])[0], compared([one] + [same] * 28)[0]
    assert alone.word == "better"
    assert alone.adjusted == pytest.approx(0.0215, abs=1e-3)
    assert among.word == "undecided"
    assert among.adjusted == pytest.approx(29 * alone.adjusted)


def test_a_row_without_pairs_is_undecided_and_counts_for_nothing():
    empty = np.array([], dtype=bool)
    one = np.arange(100) != 0, ~np.isin(np.arange(100), range(1, 10))
    found = compared([one, (empty, empty)])
    assert [row.word for row in found] == ["better", "undecided"]


def test_the_slope_of_a_trend_by_hand():
    # Rates .2, .6, .7 at 0, 1, 2: slope (.7 - .2)/2.
    scores = np.array([[0.2] * 12, [0.6] * 12, [0.7] * 12])
    found = stats.trend(scores, rng=np.random.default_rng(0))
    assert found.slope.estimate == pytest.approx(0.25)
    assert found.p == pytest.approx(2 / 2**12)
    # At 0, 1, 4 (mean 5/3): (-5/3*.2 - 2/3*.6 + 7/3*.7)/(25/9 + 4/9 + 49/9) = .9/8.6667.
    uneven = stats.trend(scores, positions=[0, 1, 4], rng=np.random.default_rng(0))
    assert uneven.slope.estimate == pytest.approx(0.9 / (78 / 9))


def answers(rng, rates, seeds=150):
    """Models that share how hard a seed is; shape (models, seeds)."""
    hard = rng.random(seeds)
    own = rng.random((len(rates), seeds))
    mixed = np.where(rng.random((len(rates), seeds)) < 0.5, hard, own)
    return (mixed < np.array(rates)[:, None]).astype(float)


def test_a_rise_holds_a_fall_fails_and_a_level_is_undecided():
    rng = np.random.default_rng(1)

    def direction(rates, **how):
        return stats.trend(answers(rng, rates), rng=rng, **how).direction

    assert direction([0.3, 0.5, 0.7, 0.9]) == "holds"
    assert direction([0.9, 0.7, 0.5, 0.3]) == "fails"
    assert direction([0.5] * 4) == "undecided"
    # Up on the whole, and the second of five far above all: the order is broken.
    assert direction([0.2, 0.9, 0.4, 0.5, 0.6]) == "fails"


def test_a_fall_within_the_margin_breaks_no_order():
    rng = np.random.default_rng(2)
    scores = answers(rng, [0.2, 0.6, 0.45, 0.9], seeds=600)
    assert stats.trend(scores, rng=rng).direction == "fails"
    roughly = stats.trend(scores, margin=0.2, rng=rng)
    assert roughly.direction == "holds"
    assert roughly.reversals == ()


def test_the_surveys_typo_rates_do_not_rise_with_alignment():
    # .150 .038 .794 .570 .159 .395: the slope is up, and the order is broken.
    rng = np.random.default_rng(3)
    found = stats.trend(answers(rng, [0.150, 0.038, 0.794, 0.570, 0.159, 0.395], 600), rng=rng)
    assert found.slope.low > 0
    assert found.direction == "fails"
    assert (2, 4) in {(one.earlier, one.later) for one in found.reversals}


def test_the_order_of_seeds_changes_no_trend_and_the_reverse_order_turns_it():
    rng = np.random.default_rng(4)
    scores = answers(rng, [0.3, 0.5, 0.6], seeds=12)
    one = stats.trend(scores, rng=rng)
    other = stats.trend(scores[:, ::-1], rng=rng)
    turned = stats.trend(scores[::-1], rng=rng)
    assert other.slope == pytest.approx(one.slope)
    assert other.p == one.p == turned.p
    assert turned.slope == pytest.approx((-one.slope[0], -one.slope[2], -one.slope[1]))


def test_one_seed_tells_no_trend_and_one_model_is_refused():
    rng = np.random.default_rng(0)
    found = stats.trend(np.array([[0.1], [0.9]]), rng=rng)
    assert found.direction == "undecided"
    assert math.isnan(found.slope.estimate)
    with pytest.raises(ValueError, match="two models or more"):
        stats.trend(np.ones((1, 5)), rng=rng)
    with pytest.raises(ValueError, match="positions that rise"):
        stats.trend(np.ones((2, 5)), positions=[1, 0], rng=rng)


def test_the_smallest_paired_difference_by_hand():
    # (1.959964 + .841621) sqrt(.1/150) = .072337
    assert stats.detectable_difference(150, 0.1) == pytest.approx(0.072337, abs=1e-6)
    assert stats.detectable_difference(0, 0.1) == 1.0


@pytest.mark.parametrize("below", [True, False])
@pytest.mark.parametrize(("n", "threshold"), [(150, 0.9), (40, 0.5), (1000, 0.97)])
def test_the_smallest_rate_told_from_a_threshold_has_the_power_statsmodels_gives_it(
    n, threshold, below
):
    rate = stats.detectable_rate(n, threshold, below=below)
    if rate is None:
        assert 1.644854 * math.sqrt(threshold * (1 - threshold) / n) > 1 - threshold
        return
    power = normal_power_het(
        rate - threshold,
        n,
        0.05,
        std_null=math.sqrt(threshold * (1 - threshold)),
        std_alternative=math.sqrt(rate * (1 - rate)),
        alternative="smaller" if below else "larger",
    )
    assert power == pytest.approx(0.8, abs=1e-6)


def test_too_few_clusters_tell_nothing():
    assert stats.detectable_rate(10, 0.9, below=False) is None
    assert stats.detectable_rate(0, 0.5) is None


@given(st.floats(0.01, 0.99), st.floats(0.02, 0.98), st.sampled_from([0.8, 0.95]))
def test_the_clusters_that_decide_are_those_at_which_the_interval_leaves_the_threshold(
    estimate, threshold, level
):
    clusters = stats.clusters_to_decide(estimate, threshold, level=level)
    if clusters is None or clusters > 1e7:
        assert abs(estimate - threshold) < 0.01
        return
    after = stats.wilson_interval(estimate, clusters + 0.001, level=level)
    assert not after.low < threshold < after.high
    if clusters > 1:
        before = stats.wilson_interval(estimate, clusters - 1.001, level=level)
        assert before.low < threshold < before.high
    more = stats.clusters_to_decide(estimate, threshold, level=level, power=0.8)
    assert more >= clusters
    wider = stats.clusters_to_decide(estimate, threshold, level=level, design_effect=2.0)
    assert 2 * clusters - 2 <= wider <= 2 * clusters


def test_at_the_threshold_no_number_of_clusters_decides():
    assert stats.clusters_to_decide(0.5, 0.5) is None
    assert stats.clusters_to_decide(math.nan, 0.5) is None
