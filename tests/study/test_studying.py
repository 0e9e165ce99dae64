"""Models x rows: cells by hand, what is compared and what is left out, what is refused."""

from __future__ import annotations

import math

import msgspec
import pytest
from study_models import model_of, task_of

from truing import stats
from truing.comparison.measured import Key, Scored
from truing.errors import UsageError
from truing.study.studying import study

GOOD = [1.0] * 9 + [0.0]
HALF = [1.0, 0.0] * 5
POOR = [0.0] * 9 + [1.0]


def three(**changes):
    return [
        model_of(name, [task_of("row", scores, **changes)])
        for name, scores in (("good", GOOD), ("half", HALF), ("poor", POOR))
    ]


def test_a_cell_is_the_rate_with_wilsons_interval_alone_and_for_all_cells():
    (row,) = study(three()).rows
    for cell, passed in zip(row.cells, (9, 5, 1), strict=True):
        alone = stats.wilson_interval(passed / 10, 10)
        wide = stats.wilson_interval(passed / 10, 10, level=0.95 ** (1 / 3))
        assert (cell.estimate, cell.low, cell.high) == pytest.approx(alone)
        assert cell.simultaneous == pytest.approx(wide[1:])
        assert (cell.worse_side, cell.scored, cell.clusters) == (None, 10, 10)


def test_a_cell_of_two_sides_is_their_mean_with_the_worse_side_beside():
    answers = {
        Key(f"{side}{i}", 0): Scored(float(i < right), f"seed{i}", side, "")
        for side, right in (("harmful", 8), ("harmless", 2))
        for i in range(10)
    }
    task = task_of("row", [], answers=answers, sides=("harmful", "harmless"))
    (row,) = study([model_of("m", [task])]).rows
    (cell,) = row.cells
    assert cell.estimate == pytest.approx(0.5)
    assert cell.worse_side == "harmless"
    assert {name: side.estimate for name, side in cell.sides.items()} == {
        "harmful": 0.8,
        "harmless": 0.2,
    }


def test_what_is_missing_is_null_and_says_why_and_is_never_zero():
    sets = [
        model_of("both", [task_of("a", GOOD), task_of("b", HALF)]),
        model_of("one", [task_of("a", HALF)]),
        model_of("failed", [task_of("a", POOR), task_of("b", [None] * 10)]),
    ]
    result = study(sets)
    by_row = {row.task: row for row in result.rows}
    assert [cell.missing for cell in by_row["a"].cells] == [None] * 3
    assert [cell.missing for cell in by_row["b"].cells] == [None, "not asked", "no answer scored"]
    for cell in by_row["b"].cells[1:]:
        assert (cell.estimate, cell.low, cell.high, cell.simultaneous) == (None,) * 4
    assert by_row["b"].ranks is None
    assert by_row["b"].not_ranked == "one model has it"
    assert [one.model for one in by_row["a"].ranks.models] == ["both", "one", "failed"]
    assert result.overall is None


def test_a_side_with_fewer_answers_than_it_needs_is_missing():
    task = task_of("row", GOOD, fewest=11)
    result = study([model_of("m", [task]), *three()])
    assert result.rows[0].cells[0].missing == "side 'all' has fewer than 11 answers"


def test_only_what_all_models_answered_is_ranked_and_the_rest_is_counted():
    longer = model_of("longer", [task_of("row", [*GOOD, 0.0, 0.0])])
    gap = model_of("gap", [task_of("row", [None, *HALF[1:]])])
    renamed = task_of("row", POOR)
    key = Key("q1", 0)
    renamed.answers[key] = renamed.answers[key]._replace(asked="something else")
    (row,) = study([longer, gap, model_of("renamed", [renamed])]).rows
    left = row.left_out
    assert (left.not_all, left.another_question, left.unscored) == (2, 1, 1)
    assert row.questions == 8
    # Questions 2 to 9: seven, four and one right.
    assert [one.rate for one in row.ranks.models] == pytest.approx([7 / 8, 4 / 8, 1 / 8])
    assert row.cells[0].estimate == pytest.approx(9 / 12)  # the cell is of all its answers


def test_no_question_in_common_is_not_ranked_and_fails_only_where_all_intervals_are_apart():
    def other(name, rate, first):
        task = task_of("row", [float(i < rate * 100) for i in range(100)])
        moved = {Key(f"{first}{key.sample}", 0): one for key, one in task.answers.items()}
        return model_of(name, [msgspec.structs.replace(task, answers=moved)])

    models = [other("a", 0.9, "x"), other("b", 0.5, "y"), other("c", 0.55, "z")]
    result = study(models, order=["a", "b", "c"])
    assert result.rows[0].ranks is None
    assert result.rows[0].not_ranked == "no question that all models answered"
    (claim,) = result.claims
    assert (claim.paired, claim.word, claim.slope, claim.p) == (False, "fails", None, None)
    assert [(one.earlier, one.later) for one in claim.breaks] == [("a", "b"), ("a", "c")]
    assert study(models, order=["b", "c", "a"]).claims[0].word == "undecided"


def test_one_model_has_a_table_and_nothing_more():
    result = study([model_of("only", [task_of("a", GOOD), task_of("b", HALF)])])
    assert [row.cells[0].estimate for row in result.rows] == [0.9, 0.5]
    assert all(row.ranks is None for row in result.rows)
    assert result.overall is None
    assert result.dimensions.refused.startswith("1 model:")


def test_one_cluster_leaves_everything_open():
    sets = [
        model_of(n, [task_of("row", s, clusters=["c"] * 10)]) for n, s in (("a", GOOD), ("b", POOR))
    ]
    result = study(sets, order=["b", "a"])
    assert [(one.low, one.high) for one in result.rows[0].ranks.models] == [(1, 2)] * 2
    assert (result.claims[0].word, result.claims[0].slope) == ("undecided", None)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        (
            "scorer",
            "refusal_rule@2",
            "not the same scorer: labels (good, half); refusal_rule@2 (poor)",
        ),
        (
            "elicitation",
            "logprob",
            "not the same elicitation: unknown (good, half); logprob (poor)",
        ),
        ("elicitation", "parsed+logprob", "poor mixes elicitations: parsed+logprob"),
        ("unit", "group", "not the same unit: sample (good, half); group (poor)"),
    ],
)
def test_a_row_scored_or_asked_otherwise_is_refused_with_the_difference_named(field, value, said):
    good, half, poor = three()
    other = msgspec.structs.replace(poor.tasks["row"], **{field: value})
    sets = [good, half, model_of("poor", [other])]
    with pytest.raises(UsageError) as error:
        study(sets)
    assert said in str(error.value)
    for one in sets:
        one.tasks["fine"] = task_of("fine", HALF)
    result = study(sets)
    assert [row.task for row in result.rows] == ["fine"]
    assert [(one.task, one.why) for one in result.not_compared] == [("row", said)]


def test_other_settings_are_refused_with_the_difference_named_unless_allowed():
    sets = [
        model_of("cold", [task_of("row", GOOD)], temperature=0),
        model_of("hot", [task_of("row", HALF)], temperature=1),
    ]
    with pytest.raises(
        UsageError, match=r"cold and hot were asked differently \(temperature: 0 and 1"
    ):
        study(sets)
    (told,) = study(sets, despite_settings=True).settings
    assert (told.model, told.settings) == ("hot", {"temperature": (0, 1)})


def test_sets_of_one_model_are_one_column_where_their_rows_differ_and_two_where_not():
    first = model_of("m", [task_of("a", GOOD)])
    second = msgspec.structs.replace(model_of("m", [task_of("b", HALF)]), name="runs/second")
    again = msgspec.structs.replace(first, name="runs/again")
    assert [one.sources for one in study([first, second]).models] == [["runs/m", "runs/second"]]
    assert [one.model for one in study([first, again]).models] == ["m (m)", "m (again)"]
    elsewhere = msgspec.structs.replace(first, name="old/m")
    assert study([first, elsewhere]).models[1].model == "m (old/m)"
    assert study([first, again], order=["again", "m (m)"]).order == ["m (again)", "m (m)"]
    with pytest.raises(UsageError, match="given twice"):
        study([first, first])


@pytest.mark.parametrize(
    ("order", "said"),
    [
        (["good", "better"], "--order better: no model of that name, there are good, half, poor"),
        (["good"], "two models or more"),
        (["good", "half", "good"], "each once"),
    ],
)
def test_an_order_that_cannot_be_read_is_refused(order, said):
    with pytest.raises(UsageError, match=said):
        study(three(), order=order)


def test_models_stand_in_the_order_given_and_are_named_by_their_last_part():
    sets = [model_of(f"lab/{one.model}", list(one.tasks.values())) for one in three()]
    result = study(sets, order=["poor", "runs/lab/good"])
    assert [one.model for one in result.models] == ["lab/poor", "lab/good", "lab/half"]
    assert result.claims[0].models == ["lab/poor", "lab/good"]


def test_the_same_seed_gives_the_same_study_without_a_number_that_is_none():
    sets = three()
    first = msgspec.json.encode(study(sets, order=["poor", "half", "good"]))
    assert msgspec.json.encode(study(sets, order=["poor", "half", "good"])) == first
    assert "NaN" not in first.decode()


def test_rows_that_share_seeds_are_not_independent_in_their_mean():
    # Two rows that are the same answers: their mean is as uncertain as one of them.
    seeds = [f"seed{i}" for i in range(10)]
    alone = [model_of(n, [task_of("x", s, clusters=seeds)]) for n, s in (("a", GOOD), ("b", HALF))]
    twice = [
        model_of(n, [task_of(row, s, clusters=seeds) for row in "xy"])
        for n, s in (("a", GOOD), ("b", HALF))
    ]
    one, both = study(alone).rows[0].ranks.pairs[0], study(twice).overall.pairs[0]
    assert (one.low, one.high) == pytest.approx((both.low, both.high))
    assert math.isclose(both.difference, 0.4)
