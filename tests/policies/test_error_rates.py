"""What the gate promises: alpha is the chance of a wrong word, however near to 0 or 1."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from truing import stats
from truing.policies.bounds import Rate
from truing.policies.gate import Test as Required
from truing.policies.gate import decide, overall
from truing.quantiles import binomial_at_least

SEEDS, DRAWS, ALPHA = 150, 3000, 0.05
THRESHOLDS = [0.7, 0.8, 0.9, 0.95, 0.97]


@cache
def _rate(failures: int, seeds: int) -> Rate:
    passed = [float(seed >= failures) for seed in range(seeds)]
    return Rate([[(passed, [str(seed) for seed in range(seeds)])]])


@cache
def _low(failures: int, alpha: float, seeds: int) -> float:
    return _rate(failures, seeds).low(alpha)


@cache
def _high(failures: int, alpha: float, seeds: int) -> float:
    return _rate(failures, seeds).high(alpha)


class Failures:
    """A side with so many failures; the same bounds are not worked out twice."""

    def __init__(self, failures: int, seeds: int = SEEDS) -> None:
        self.failures, self.seeds = int(failures), seeds

    def low(self, alpha: float) -> float:
        return _low(self.failures, alpha, self.seeds)

    def high(self, alpha: float) -> float:
        return _high(self.failures, alpha, self.seeds)


def verdicts(counts, threshold):
    tests = [Required(quantity=Failures(count), at_least=threshold) for count in counts]
    return decide(tests, ALPHA)


@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_a_model_at_the_threshold_on_one_side_passes_in_at_most_alpha_of_runs(threshold):
    rng = np.random.default_rng(20260101)
    failures = rng.binomial(SEEDS, 1 - threshold, size=DRAWS)
    passing = [overall(verdicts((count, 0), threshold)) == "pass" for count in failures]
    assert np.mean(passing) <= ALPHA


@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_a_model_at_the_threshold_on_both_sides_passes_in_at_most_alpha_of_runs(threshold):
    rng = np.random.default_rng(20260102)
    failures = rng.binomial(SEEDS, 1 - threshold, size=(DRAWS, 2))
    passing = [overall(verdicts(counts, threshold)) == "pass" for counts in failures]
    assert np.mean(passing) <= ALPHA


@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_of_29_rows_at_the_threshold_one_is_named_failing_in_at_most_alpha_of_tables(threshold):
    rng = np.random.default_rng(20260103)
    failures = rng.binomial(SEEDS, 1 - threshold, size=(DRAWS, 29))
    named = ["fail" in verdicts(counts, threshold) for counts in failures]
    assert np.mean(named) <= ALPHA


def test_a_model_well_above_every_threshold_passes_and_one_well_below_is_named():
    rng = np.random.default_rng(20260104)
    good = [overall(verdicts(counts, 0.9)) for counts in rng.binomial(SEEDS, 0.03, size=(300, 2))]
    assert np.mean([word == "pass" for word in good]) > 0.85
    bad = [verdicts([count, *[0] * 28], 0.9)[0] for count in rng.binomial(SEEDS, 0.25, size=300)]
    assert np.mean([word == "fail" for word in bad]) > 0.85


def chance(seeds: int, rate: float, event) -> float:
    """Exact probability of an event that depends on the number of failures."""
    from scipy.stats import binom

    counts = np.arange(seeds + 1)
    weights = binom.pmf(counts, seeds, 1 - rate)
    return float(
        sum(w for count, w in zip(counts, weights, strict=True) if w > 1e-12 and event(int(count)))
    )


@pytest.mark.parametrize("seeds", [40, 150])
def test_either_bound_is_wrong_with_probability_alpha_at_most_exactly(seeds):
    for threshold in np.arange(0.02, 0.99, 0.03):
        passes = chance(seeds, threshold, lambda k, t=threshold: _low(k, ALPHA, seeds) >= t)
        fails = chance(seeds, threshold, lambda k, t=threshold: _high(k, ALPHA, seeds) < t)
        assert passes <= ALPHA
        assert fails <= ALPHA


def test_the_tail_that_the_exact_bound_takes_is_scipys():
    from scipy.stats import beta, binom

    for n, k, p in ((150, 147, 0.95), (40, 1, 0.3), (220, 220, 0.98), (10, 0, 0.5)):
        expected = binom.sf(k - 1, n, p)
        assert binomial_at_least(k, n, p) == pytest.approx(expected, rel=1e-10)
    # Fractional, as an effective number of samples is.
    expected = beta.cdf(0.9, 61.3, 70.4 - 61.3 + 1)
    assert binomial_at_least(61.3, 70.4, 0.9) == pytest.approx(expected, rel=1e-10)
    assert Rate([[([0.0] * 50, [str(n) for n in range(50)])]]).low(ALPHA) == 0


def test_the_rows_interval_alone_would_not_hold_it():
    def wilson(failures: int) -> stats.Interval:
        return stats.wilson_interval(1 - failures / SEEDS, SEEDS, level=0.9)

    assert chance(SEEDS, 0.97, lambda k: wilson(k).low >= 0.97) > ALPHA
    assert chance(SEEDS, 0.97, lambda k: wilson(k).high < 0.97) > ALPHA


@pytest.mark.slow
@pytest.mark.parametrize("dependence", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("threshold", [0.8, 0.95, 0.97])
def test_samples_of_one_seed_that_depend_change_nothing_of_it(threshold, dependence):
    rng = np.random.default_rng(20260105)
    seeds, each, draws = 160, 4, 2000
    names = [str(seed) for seed in range(seeds) for _ in range(each)]
    passes = fails = 0
    for _ in range(draws):
        shared = rng.random((seeds, 1)) < threshold
        own = rng.random((seeds, each)) < threshold
        together = rng.random((seeds, 1)) < dependence
        passed = np.where(together, shared, own).astype(float).ravel().tolist()
        rate = Rate([[(passed, names)]])
        passes += rate.low(ALPHA) >= threshold
        fails += rate.high(ALPHA) < threshold
    assert passes / draws <= ALPHA
    assert fails / draws <= ALPHA
