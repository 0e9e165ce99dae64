"""Scores of stated probabilities, against numbers worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from truing.forecasts import (
    auroc,
    bootstrap_interval,
    brier_skill,
    calibration_error,
    error_if_calibrated,
)


def arrays(probabilities, right):
    return np.array(probabilities, float), np.array(right, float)


def test_brier_skill_by_hand():
    # Errors .2, .4, .4, .2; squares .04 .16 .16 .04, mean .10. Half is right: spread .25.
    # Skill 1 - .10/.25 = .6.
    assert brier_skill(*arrays([0.8, 0.6, 0.4, 0.2], [1, 1, 0, 0])) == pytest.approx(0.6)


def test_always_saying_the_share_right_has_no_skill():
    assert brier_skill(*arrays([0.25] * 4, [1, 0, 0, 0])) == pytest.approx(0)


def test_sure_and_wrong_half_of_the_time_has_negative_skill():
    # Squares 0 0 1 1, mean .5, spread .25: 1 - 2 = -1.
    assert brier_skill(*arrays([1, 1, 1, 1], [1, 1, 0, 0])) == pytest.approx(-1)


def test_calibration_error_by_hand():
    # Two bins of four: .9 x 4, right 2 of 4: gap .4; .3 x 4, right 1 of 4: gap .05.
    # (4 x .4 + 4 x .05) / 8 = .225.
    found = calibration_error(*arrays([0.9] * 4 + [0.3] * 4, [1, 1, 0, 0, 1, 0, 0, 0]), bins=2)
    assert found == pytest.approx(0.225)


def test_equal_probabilities_lie_in_one_bin():
    # One value, ten bins: a single bin, gap |.7 - .5|, in whatever order the answers come.
    right = [1, 0] * 10
    assert calibration_error(*arrays([0.7] * 20, right)) == pytest.approx(0.2)
    assert calibration_error(*arrays([0.7] * 20, sorted(right))) == pytest.approx(0.2)


def test_a_perfectly_calibrated_set_has_no_error():
    said = [0.8] * 10 + [0.2] * 10
    right = [1] * 8 + [0] * 2 + [1] * 2 + [0] * 8
    assert calibration_error(*arrays(said, right)) == pytest.approx(0)


def test_auroc_by_hand():
    # Pairs (right, wrong): .9>.8 yes, .9>.1 yes, .8=.8 half, .8>.1 yes: 3.5 of 4.
    assert auroc(*arrays([0.9, 0.8, 0.8, 0.1], [1, 1, 0, 0])) == pytest.approx(0.875)


def test_constant_confidence_tells_nothing_apart():
    assert auroc(*arrays([0.7] * 6, [1, 0, 1, 0, 0, 1])) == pytest.approx(0.5)


@pytest.mark.parametrize("measure", [brier_skill, auroc])
def test_undefined_where_all_or_none_is_right(measure):
    assert math.isnan(measure(*arrays([0.5, 0.6], [1, 1])))
    assert math.isnan(measure(*arrays([], [])))


def test_the_error_of_a_calibrated_model_is_not_zero_and_shrinks():
    few = error_if_calibrated(np.full(40, 0.7))
    many = error_if_calibrated(np.full(4000, 0.7))
    assert 0.02 < few.mean < 0.12
    assert many.mean < few.mean / 5
    assert few.mean < few.high


def test_the_interval_holds_the_truth_as_often_as_it_says():
    # AUROC of confidences .3 .5 .7 with chances to be right equal to them: P(X>Y) + P(X=Y)/2
    # with X of the right, Y of the wrong answers, over a uniform draw of the three.
    values = np.array([0.3, 0.5, 0.7])
    of_right, of_wrong = values / values.sum(), (1 - values) / (1 - values).sum()
    truth = sum(
        of_right[i] * of_wrong[j] * (1.0 if values[i] > values[j] else 0.5 if i == j else 0.0)
        for i in range(3)
        for j in range(3)
    )
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(200):
        said = rng.choice(values, 120)
        right = rng.random(120) < said
        found = bootstrap_interval(auroc, said, right, range(120), draws=200)
        held += found.low <= truth <= found.high
    assert held / 200 >= 0.95 - 3 * 0.0155


@given(st.lists(st.tuples(st.sampled_from([0.1, 0.2, 0.5, 0.9]), st.booleans()), min_size=2))
def test_auroc_is_the_mann_whitney_statistic(pairs):
    said, right = arrays([p for p, _ in pairs], [r for _, r in pairs])
    high, low = said[right > 0], said[right == 0]
    if len(high) and len(low):
        wins = (high[:, None] > low).sum() + (high[:, None] == low).sum() / 2
        assert auroc(said, right) == pytest.approx(wins / (len(high) * len(low)))


@given(
    st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60),
    st.integers(1, 12),
)
def test_bounds(pairs, bins):
    said, right = arrays([p for p, _ in pairs], [r for _, r in pairs])
    assert 0 <= calibration_error(said, right, bins=bins) <= 1
    area = auroc(said, right)
    assert math.isnan(area) or 0 <= area <= 1
    skill = brier_skill(said, right)
    assert math.isnan(skill) or skill <= 1
