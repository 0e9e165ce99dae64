"""The claim "the later, the better": words by hand, and how often they are wrong."""

from __future__ import annotations

import numpy as np
import pytest
from study_models import drawn, model_of, task_of

from truing.study.studying import study


def claim_of(*rights, margin=0.0, of=100):
    sets = [
        model_of(f"m{i}", [task_of("row", [float(q < right) for q in range(of)])])
        for i, right in enumerate(rights)
    ]
    (claim,) = study(sets, order=[one.model for one in sets], margin=margin).claims
    return claim


def test_a_rise_holds_with_the_slope_per_step():
    claim = claim_of(20, 50, 80)
    assert claim.word == "holds"
    assert claim.slope == pytest.approx(0.3)  # .2, .5, .8: (.8 - .2) / 2
    assert claim.simultaneous == pytest.approx((claim.low, claim.high), abs=0.02)
    assert claim.breaks == []


def test_a_fall_fails_and_a_level_line_is_undecided():
    assert claim_of(80, 50, 20).word == "fails"
    assert claim_of(50, 51, 50).word == "undecided"


def test_a_rise_with_a_model_far_below_an_earlier_one_fails_and_says_which():
    claim = claim_of(10, 90, 40, 95)
    assert claim.low > 0
    assert claim.word == "fails"
    (broken,) = claim.breaks
    assert (broken.earlier, broken.later) == ("m1", "m2")
    assert broken.difference == pytest.approx(-0.5)
    assert broken.high < 0


def test_a_model_below_by_less_than_the_margin_breaks_nothing():
    assert claim_of(10, 90, 75, 99, of=100).word == "fails"
    assert claim_of(10, 90, 75, 99, of=100, margin=0.2).word == "holds"


def test_a_model_that_lacks_the_row_keeps_its_step():
    sets = [
        model_of("a", [task_of("row", [1.0] * 20 + [0.0] * 80), task_of("other", [1.0, 0.0])]),
        model_of("b", [task_of("other", [1.0, 0.0])]),
        model_of("c", [task_of("row", [1.0] * 60 + [0.0] * 40), task_of("other", [1.0, 0.0])]),
    ]
    by_row = {one.task: one for one in study(sets, order=["a", "b", "c"]).claims}
    assert by_row["row"].models == ["a", "c"]
    assert by_row["row"].slope == pytest.approx(0.2)  # .4 over two steps


def test_words_hold_for_all_rows_at_once():
    # A row that alone is just past .05 has no word beside eleven others.
    def sets(rows):
        return [
            model_of(
                m,
                [task_of("row0", [1.0] * (30 + up) + [0.0] * (30 - up))]
                + [task_of(f"row{i}", [1.0, 0.0] * 30) for i in range(1, rows)],
            )
            for m, up in (("a", 0), ("b", 8))
        ]

    assert study(sets(1), order=["a", "b"]).claims[0].word == "holds"
    assert study(sets(12), order=["a", "b"]).claims[0].word == "undecided"


@pytest.mark.slow
@pytest.mark.parametrize(("rate", "questions"), [(0.5, 40), (0.95, 60), (0.8, 150)])
def test_with_models_alike_any_row_has_a_word_in_one_study_of_twenty_at_most(
    few_draws, record_property, rate, questions
):
    rng = np.random.default_rng(8)
    runs, wrong = 300, 0
    for seed in range(runs):
        sets = drawn(rng, [[rate] * 4] * 4, questions, spread=min(0.2, 1 - rate))
        found = study(sets, order=["m0", "m1", "m2", "m3"], seed=seed).claims
        wrong += any(one.word != "undecided" for one in found)
    record_property(
        "figure", f"study: a word under the null, rate {rate}, n {questions}: {wrong / runs:.3f}"
    )
    # Two standard errors of 300 runs above .05.
    assert wrong / runs <= 0.075
