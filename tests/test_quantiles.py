"""Quantiles and tails, against scipy (which is not needed to run truing)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from truing.quantiles import binomial_tail, normal_quantile, student_quantile

PROBABILITIES = st.floats(1e-7, 1 - 1e-7)


@given(PROBABILITIES)
def test_the_normal_quantile_is_scipys(p):
    assert normal_quantile(p) == pytest.approx(special.ndtri(p), rel=1e-11, abs=1e-12)


@given(st.one_of(st.integers(1, 5000), st.floats(0.8, 1e7)), PROBABILITIES)
def test_students_quantile_is_scipys(df, p):
    assert student_quantile(df, p) == pytest.approx(special.stdtrit(df, p), rel=1e-9, abs=1e-10)


@pytest.mark.parametrize("df", [999, 999.999, 1000, 1001])
@pytest.mark.parametrize("p", [0.5, 0.9, 0.975, 0.999999])
def test_where_the_two_ways_to_students_quantile_meet_they_agree(df, p):
    assert student_quantile(df, p) == pytest.approx(special.stdtrit(df, p), rel=1e-9, abs=1e-12)


def test_with_endless_degrees_of_freedom_student_is_normal():
    assert student_quantile(float("inf"), 0.975) == normal_quantile(0.975)


@given(st.integers(1, 20_000), st.data())
def test_the_binomial_tail_is_scipys(n, data):
    successes = data.draw(st.integers(0, n))
    expected = special.bdtr(successes, n, 0.5)
    assert binomial_tail(successes, n) == pytest.approx(expected, rel=1e-8, abs=1e-250)


def test_two_coins_by_hand():
    # At most no head of two: 1/4; at most one: 3/4; at most two: 1.
    assert [binomial_tail(k, 2) for k in (0, 1, 2)] == pytest.approx([0.25, 0.75, 1.0], abs=1e-15)
