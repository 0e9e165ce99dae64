"""How far rows say the same, and when nothing is said."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as oracle
from study_models import model_of, task_of

from truing.study.dimensions import spearman_interval
from truing.study.studying import study


def models_of(*columns, of=200):
    """Rows of models right on so many of 200 questions, in an order of each row's own."""
    by_model = []
    for m, rights in enumerate(columns):
        tasks = [
            task_of(f"row{r}", [float((i * 37 + r) % of < right) for i in range(of)])
            for r, right in enumerate(rights)
        ]
        by_model.append(model_of(f"m{m}", tasks))
    return by_model


RISES = [20, 60, 100, 140, 180, 195]
TWIN = [15, 50, 90, 130, 170, 190]
FALLS = RISES[::-1]
MIXED = [100, 20, 180, 60, 195, 140]


def test_the_correlation_is_spearmans():
    found = study(models_of(*zip(RISES, TWIN, FALLS, MIXED, strict=True))).dimensions
    by_pair = {(one.a, one.b): one for one in found.pairs}
    for (a, left), (b, right) in (
        (("row0", RISES), ("row1", TWIN)),
        (("row0", RISES), ("row2", FALLS)),
        (("row1", TWIN), ("row3", MIXED)),
    ):
        known = oracle.spearmanr(left, right).statistic
        assert by_pair[a, b].correlation == pytest.approx(known)


def test_rows_that_order_these_models_alike_are_redundant_and_others_are_not():
    found = study(models_of(*zip(RISES, TWIN, MIXED, strict=True))).dimensions
    redundant = [(one.a, one.b) for one in found.pairs if one.redundant]
    assert redundant == [("row0", "row1")]
    (one,) = (pair for pair in found.pairs if pair.redundant)
    assert one.low < 0.5 < one.questions[0]  # six models say little about others


def test_one_number_carries_all_of_rows_that_are_one_and_no_more_than_chance_of_others():
    alike = study(models_of(*zip(RISES, RISES, RISES, strict=True))).dimensions.one_number
    assert alike.share == pytest.approx(1)
    assert alike.by_chance[1] < alike.share
    mixed = study(models_of(*zip(RISES, MIXED, strict=True))).dimensions.one_number
    rates = np.array([RISES, MIXED]) / 200
    # Two standardised rows: the first component carries (1 + |r|)/2.
    assert mixed.share == pytest.approx((1 + abs(np.corrcoef(rates)[0, 1])) / 2)
    assert mixed.by_chance[0] <= mixed.share <= mixed.by_chance[1]


def test_under_five_models_nothing_is_said_and_why():
    found = study(models_of(*zip(RISES[:4], TWIN[:4], strict=True))).dimensions
    assert found.pairs == []
    assert found.one_number is None
    assert found.refused == "4 models: a correlation over fewer than 5 could be anything"
    five = study(models_of(*zip(RISES[:5], TWIN[:5], strict=True))).dimensions
    assert five.refused is None


def test_a_row_on_which_all_are_alike_or_that_a_model_lacks_is_named():
    sets = models_of(*zip(RISES, TWIN, [50] * 6, RISES, strict=True))
    del sets[0].tasks["row3"]
    found = study(sets).dimensions
    assert found.rows == ["row0", "row1"]
    assert found.left_out == {"row2": "all models alike", "row3": "a model lacks it"}


def test_a_perfect_correlation_is_not_certain():
    assert spearman_interval(1.0, 6, level=0.95)[1] == 1
    assert 0.3 < spearman_interval(1.0, 6, level=0.95)[0] < 0.5
    assert spearman_interval(-1.0, 6, level=0.95)[0] == -1


@pytest.mark.slow
@pytest.mark.parametrize("models", [6, 12])
def test_the_interval_over_models_holds_the_true_correlation(models, record_property):
    rng = np.random.default_rng(2)
    pearson, runs, inside = 0.6, 2000, 0
    true = 6 / np.pi * np.arcsin(pearson / 2)  # of bivariate normals
    for _ in range(runs):
        x, noise = rng.normal(size=(2, models))
        y = pearson * x + np.sqrt(1 - pearson**2) * noise
        low, high = spearman_interval(oracle.spearmanr(x, y).statistic, models, level=0.95)
        inside += low <= true <= high
    record_property("figure", f"study: Spearman over {models} models covers {inside / runs:.3f}")
    assert inside / runs >= 0.93
