"""Judge-corrected rates against other code, hand-worked numbers and their own rules.

The figures of ppi-python 0.2.3 stand here as numbers: it brings llvmlite and numba (190 MB) along.
They are of `ppi_mean_pointestimate` and `ppi_mean_ci(alpha=.05)` on `OTHERS`.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truing import stats
from truing.quantiles import normal_quantile
from truing.stats import corrected

PLACES = np.arange(240)
PEOPLE = ((PLACES * 7919 + 3) % 97 < 31).astype(float)
JUDGE = np.where((PLACES * 104729) % 89 < 9, 1 - PEOPLE, PEOPLE)
LABELLED = np.where(PLACES < 60, PEOPLE, np.nan)
OTHERS = [
    # power (None: tuned), estimate, low, high
    (None, 0.34952944098030875, 0.2609074797799661, 0.4381514021806514),
    (1.0, 0.37777777777777777, 0.2709181191346393, 0.4846374364209162),
    (0.5, 0.3472222222222222, 0.2582340655497488, 0.4362103788946956),
    (0.0, 0.31666666666666665, 0.19896301294807112, 0.4343703203852622),
]
ROWS = st.lists(
    st.tuples(st.booleans(), st.booleans(), st.booleans(), st.integers(0, 9)),
    min_size=8,
    max_size=60,
).filter(lambda rows: len({row[3] for row in rows if row[2]}) > 1)


def ppi(rows, **how):
    human = np.array([float(row[0]) if row[2] else np.nan for row in rows])
    judge = np.array([float(row[1]) for row in rows])
    return stats.ppi_rate(human, judge, [row[3] for row in rows], **how)


@pytest.mark.parametrize(("power", "estimate", "low", "high"), OTHERS)
def test_the_estimate_and_its_error_are_those_of_ppi_python(power, estimate, low, high):
    own = stats.ppi_rate(LABELLED, JUDGE, PLACES.tolist(), power=power)
    assert own.interval.estimate == pytest.approx(estimate, abs=1e-9)
    data = corrected._labelled(
        stats.Judged(LABELLED, JUDGE, PLACES.tolist()), {i: i for i in range(240)}
    )
    _, influence = corrected._ppi(data, own.power)
    error = math.sqrt(float(influence @ influence))
    assert error == pytest.approx((high - low) / 2 / normal_quantile(0.975), abs=1e-9)


def test_ppi_by_hand():
    # Labels 1 1 0 0, judge 1 0 0 0 on them and 1 1 1 0 on the rest: .5 + .5 (.75 - .25) = .75.
    human = np.array([1, 1, 0, 0] + [np.nan] * 4)
    judge = np.array([1.0, 0, 0, 0, 1, 1, 1, 0])
    own = stats.ppi_rate(human, judge, range(8), power=0.5)
    assert own.interval.estimate == pytest.approx(0.75)
    # Cov with 1/n: (.5*.75 + .5*-.25 + .25*.5 ...)/4 = .125; Var with 1/7: 8*.25/7 = .285714;
    # power = .125/((1 + 4/4) .285714) = .21875, the estimate .5 + .21875*.5.
    tuned = stats.ppi_rate(human, judge, range(8))
    assert tuned.power == pytest.approx(0.21875)
    assert tuned.interval.estimate == pytest.approx(0.5 + 0.21875 * 0.5)


def test_weighted_labels_by_hand():
    # Labels 1, 0, 0 drawn with 1/2, 1/4, 1/4: weights 2, 4, 4 of 10: .2 without the judge. It says
    # 1, 1, 0 of them and 1, 1, 0, 0, 0 of all: .4 + (.2 - .6) = 0 with its whole weight.
    human = np.array([1, 0, 0, np.nan, np.nan])
    judge = np.array([1.0, 1, 0, 0, 0])
    chance = np.array([0.5, 0.25, 0.25, 0.25, 0.25])
    alone = stats.ppi_rate(human, judge, range(5), probability=chance, power=0.0)
    assert alone.interval.estimate == pytest.approx(0.2)
    assert alone.alone.estimate == pytest.approx(0.2)
    whole = stats.ppi_rate(human, judge, range(5), probability=chance, power=1.0)
    assert whole.interval.estimate == pytest.approx(0.0)


def test_labels_chosen_by_what_the_judge_said_do_not_bend_the_rate():
    # Twice as many labels where the judge failed a sample: the plain mean of labels is far off.
    rng = np.random.default_rng(3)
    found = []
    for _ in range(60):
        people = rng.random(2000) < 0.7
        judge = np.where(rng.random(2000) < 0.9, people, ~people).astype(float)
        chance = np.where(judge == 0, 0.5, 0.1)
        human = np.where(rng.random(2000) < chance, people, np.nan)
        own = stats.ppi_rate(human, judge, range(2000), probability=chance)
        found.append(own.interval.estimate)
        assert abs(np.nanmean(human) - 0.7) > 0.1
    assert np.mean(found) == pytest.approx(0.7, abs=0.01)


@settings(max_examples=60)
@given(ROWS)
def test_a_corrected_interval_holds_its_estimate_and_grows_with_the_level(rows):
    own, wide = ppi(rows).interval, ppi(rows, level=0.99).interval
    assert 0 <= wide.low <= own.low <= own.estimate <= own.high <= wide.high <= 1


@settings(max_examples=40)
@given(ROWS)
def test_success_and_failure_swapped_turn_the_corrected_rate_round(rows):
    # Verdicts at .5 exactly would change sides; they are yes or no here.
    own = ppi(rows)
    other = ppi([(not row[0], not row[1], row[2], row[3]) for row in rows])
    assert other.interval.estimate == pytest.approx(1 - own.interval.estimate, abs=1e-9)
    assert other.interval.low == pytest.approx(1 - own.interval.high, abs=1e-9)
    assert other.interval.high == pytest.approx(1 - own.interval.low, abs=1e-9)


@settings(max_examples=40)
@given(ROWS, st.randoms(use_true_random=False))
def test_order_and_names_change_no_corrected_rate(rows, draw):
    own = ppi(rows)
    draw.shuffle(rows)
    other = ppi([(*row[:3], f"seed {row[3]}") for row in rows])
    assert other.interval == pytest.approx(own.interval, abs=1e-9)
    assert other.power == pytest.approx(own.power, abs=1e-9)


def test_a_balanced_corrected_rate_is_the_mean_of_its_sides():
    rng = np.random.default_rng(5)
    sides = []
    for rate in (0.9, 0.4):
        people = rng.random(150) < rate
        judge = np.where(rng.random(150) < 0.9, people, ~people).astype(float)
        sides.append(stats.Judged(np.where(np.arange(150) < 60, people, np.nan), judge, range(150)))
    both = stats.ppi_balanced(sides)
    apart = [stats.ppi_rate(*side[:3]) for side in sides]
    mean = sum(one.interval.estimate for one in apart) / 2
    assert both.interval.estimate == pytest.approx(mean)
    assert both.labels == 120
    # Two sides that err apart: about 1/sqrt(2) of the mean width.
    widths = [one.interval.high - one.interval.low for one in apart]
    assert both.interval.high - both.interval.low < 0.85 * sum(widths) / 2
    missing = stats.ppi_balanced([sides[0], sides[1]._replace(human=np.full(150, np.nan))])
    assert missing.reason == "judge unverified: no sample is labelled on one side"


def test_a_good_judge_narrows_what_labels_alone_say():
    rng = np.random.default_rng(0)
    people = rng.random(1000) < 0.5
    judge = np.where(rng.random(1000) < 0.95, people, ~people).astype(float)
    human = np.where(np.arange(1000) < 100, people, np.nan)
    own = stats.ppi_rate(human, judge, range(1000))
    assert own.power > 0.7
    width, alone = own.interval.high - own.interval.low, own.alone.high - own.alone.low
    assert width < 0.65 * alone


def test_a_judge_that_knows_nothing_gets_next_to_no_weight():
    rng = np.random.default_rng(1)
    human = np.where(np.arange(2000) < 500, rng.random(2000) < 0.3, np.nan)
    own = stats.ppi_rate(human, (rng.random(2000) < 0.5).astype(float), range(2000))
    assert own.power < 0.1


def test_labels_that_all_agree_with_the_judge_still_leave_room_for_those_that_do_not():
    # 50 labels without a disagreement: up to 3/50 of the 1,000 may be wrong all the same.
    judge = (np.arange(1000) % 10 == 0).astype(float)
    human = np.where(np.arange(1000) < 50, judge, np.nan)
    own = stats.ppi_rate(human, judge, range(1000)).interval
    assert own.high - own.low > 0.08


@pytest.mark.parametrize("labels", [0, 1])
def test_without_labels_the_judge_is_unverified_and_the_rate_unknown(labels):
    human = np.where(np.arange(10) < labels, 1.0, np.nan)
    own = stats.ppi_rate(human, np.ones(10), range(10))
    assert own.interval.low == 0
    assert own.interval.high == 1
    assert math.isnan(own.interval.estimate)
    assert own.reason.startswith("judge unverified")


def test_everything_labelled_is_the_labels_rate():
    human = np.array([1.0, 0, 1, 1])
    assert stats.ppi_rate(human, np.zeros(4), range(4)).interval.estimate == 0.75


@pytest.mark.parametrize(
    ("human", "judge", "probability"),
    [
        ([1.0], [1.0, 0.0], None),
        ([2.0, 0.0], [1.0, 0.0], None),
        ([1.0, 0.0], [1.0, -1.0], None),
        ([1.0, 0.0], [1.0, 0.0], [0.0, 1.0]),
        ([1.0, 0.0], [1.0, 0.0], [1.0]),
    ],
)
def test_what_is_no_score_or_no_probability_is_refused(human, judge, probability):
    chance = None if probability is None else np.array(probability)
    with pytest.raises(ValueError, match=r"wanted|probability"):
        stats.ppi_rate(np.array(human), np.array(judge), ["a", "b"], probability=chance)


def error_of(se, passed, sp, failed):
    return stats.JudgeError(
        stats.wilson_interval(se, passed), stats.wilson_interval(sp, failed), passed, failed
    )


def test_rogan_gladen_by_hand():
    # Se .9, Sp .95, seen .3: (.3 + .95 - 1)/(.9 + .95 - 1) = .25/.85.
    own = stats.rogan_gladen(stats.wilson_interval(0.3, 1000), error_of(0.9, 100, 0.95, 100))
    assert own.interval.estimate == pytest.approx(0.25 / 0.85)
    assert own.interval.low < 0.25 / 0.85 < own.interval.high
    assert own.labels == 200


def test_with_a_judge_known_to_be_right_rogan_gladen_is_the_seen_rate():
    sure = stats.Interval(1.0, 1.0, 1.0)
    seen = stats.wilson_interval(0.3, 50)
    own = stats.rogan_gladen(seen, stats.JudgeError(sure, sure, 9, 9))
    assert own.interval == pytest.approx(seen, abs=1e-9)


def test_with_its_error_known_exactly_the_bounds_are_the_seen_ones_corrected():
    se, sp = stats.Interval(0.9, 0.9, 0.9), stats.Interval(0.8, 0.8, 0.8)
    seen = stats.wilson_interval(0.5, 80)
    own = stats.rogan_gladen(seen, stats.JudgeError(se, sp, 9, 9)).interval
    assert own == pytest.approx([(p + 0.8 - 1) / 0.7 for p in seen], abs=1e-9)


def test_a_large_calibration_set_gives_the_delta_methods_interval():
    # Var = (p q/n + r^2 Se(1-Se)/n1 + (1-r)^2 Sp(1-Sp)/n0)/(Se + Sp - 1)^2 (arXiv 2511.21140).
    p, n, se, sp, each = 0.45, 40_000, 0.85, 0.9, 20_000
    own = stats.rogan_gladen(stats.wilson_interval(p, n), error_of(se, each, sp, each)).interval
    r = (p + sp - 1) / (se + sp - 1)
    variance = p * (1 - p) / n + (r**2 * se * (1 - se) + (1 - r) ** 2 * sp * (1 - sp)) / each
    half = 1.959964 * math.sqrt(variance) / (se + sp - 1)
    assert own.low == pytest.approx(r - half, abs=2e-4)
    assert own.high == pytest.approx(r + half, abs=2e-4)


@given(
    st.integers(0, 60),
    st.integers(0, 20),
    st.integers(0, 20),
    st.integers(1, 20),
    st.integers(1, 20),
)
def test_rogan_gladen_stays_in_bounds_or_says_why_not(seen, right, refused, passed, failed):
    right, refused = min(right, passed), min(refused, failed)
    error = error_of(right / passed, passed, refused / failed, failed)
    own = stats.rogan_gladen(stats.wilson_interval(seen / 60, 60), error)
    if right / passed + refused / failed <= 1:
        assert math.isnan(own.interval.estimate)
        assert "no better than chance" in own.reason
    else:
        assert 0 <= own.interval.low <= own.interval.estimate <= own.interval.high <= 1
        turned = stats.rogan_gladen(
            stats.wilson_interval(1 - seen / 60, 60),
            error_of(refused / failed, failed, right / passed, passed),
        ).interval
        assert turned.low == pytest.approx(1 - own.interval.high, abs=1e-9)
        assert turned.high == pytest.approx(1 - own.interval.low, abs=1e-9)


def test_half_a_calibration_set_says_which_half_is_missing():
    error = stats.judge_error([1, 1, 1], [1, 0, 1], ["a", "b", "c"])
    assert error.sensitivity.estimate == pytest.approx(2 / 3)
    own = stats.rogan_gladen(stats.wilson_interval(0.5, 10), error)
    assert math.isnan(own.interval.estimate)
    assert own.reason == "the calibration set has no sample that people failed"


def test_sensitivity_and_specificity_by_hand_and_by_cluster():
    error = stats.judge_error([1, 1, 1, 0, 0], [1, 1, 0, 0, 1], ["a", "b", "c", "a", "b"])
    assert error.sensitivity.estimate == pytest.approx(2 / 3)
    assert error.specificity.estimate == pytest.approx(1 / 2)
    assert (error.passed, error.failed) == (3, 2)
    alike = stats.judge_error([1] * 40, [1] * 20 + [0] * 20, [i // 10 for i in range(40)])
    apart = stats.judge_error([1] * 40, [1] * 20 + [0] * 20, range(40))
    assert alike.sensitivity.low < apart.sensitivity.low
