"""Words, p values and what is left out, of synthetic sets and of real logs."""

from __future__ import annotations

import itertools
from collections import Counter
from math import comb
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truing.comparison.comparing import compare
from truing.comparison.measured import Key, MeasuredSet, MeasuredTask, Scored
from truing.comparison.of_logs import measured_logs
from truing.comparison.pairing import differences_of
from truing.errors import UsageError
from truing.interop import read_logs
from truing.interop.foreign import ForeignAnswer, ForeignLog

DATA = Path(__file__).parents[1] / "interop" / "data"


def kept(name):
    return measured_logs(DATA / name, read_logs(DATA / name))


def row_of(a, b):
    (row,) = compare(a, b).rows
    return row


def test_lm_eval_logs_are_compared_by_exact_mcnemar():
    (plain,), (aloud,) = kept("lm_eval_plain"), kept("lm_eval_aloud")
    row = row_of(plain, aloud)
    # Of 24 sums both have 5 right and 7 wrong; 1 is right in `plain` alone, 11 in `aloud` alone.
    assert (row.whole.a, row.whole.b) == (6 / 24, 16 / 24)
    by_hand = 2 * (comb(12, 0) + comb(12, 1)) / 2**12
    assert (row.whole.test, row.whole.pairs) == ("McNemar exact", 24)
    assert row.whole.p == pytest.approx(by_hand) == pytest.approx(0.00634765625)
    assert row.whole.verdict == "worse"


def test_inspect_logs_are_compared_by_flipping_samples_with_both_epochs():
    (plain,), (aloud,) = kept("inspect_plain.eval"), kept("inspect_aloud.eval")
    row = row_of(plain, aloud)
    # Both epochs of a sample are alike here: `aloud` alone has 7 samples right, `plain` alone 2.
    sums = [-2] * 7 + [2] * 2
    seen = abs(sum(sums))
    flips = list(itertools.product([-1, 1], repeat=len(sums)))
    far = sum(abs(sum(s * f for s, f in zip(sums, flip, strict=True))) >= seen for flip in flips)
    assert row.whole.p == pytest.approx(far / 2**9) == pytest.approx(92 / 512)
    assert (row.whole.test, row.whole.pairs, row.whole.clusters) == ("sign flip by cluster", 48, 24)
    assert row.whole.difference == pytest.approx(-10 / 48)
    assert row.whole.verdict == "undecided"


def test_epochs_are_not_new_samples():
    (plain,), (aloud,) = kept("inspect_plain.eval"), kept("inspect_aloud.eval")

    def first(measured):
        (task,) = measured.tasks.values()
        once = {key: one for key, one in task.answers.items() if key.epoch == 0}
        return made(once, name="sums")

    once, twice = row_of(first(plain), first(aloud)), row_of(plain, aloud)
    assert (once.whole.pairs, twice.whole.pairs) == (24, 48)
    # Nothing was learnt by asking again: the interval and p are those of one epoch.
    assert once.whole.p == pytest.approx(twice.whole.p)
    assert (once.whole.low, once.whole.high) == pytest.approx((twice.whole.low, twice.whole.high))


def test_promptfoos_two_providers_are_compared_without_the_test_that_neither_answered():
    carries, forgets = kept("promptfoo.json")
    row = row_of(carries, forgets)
    # Seven sums have a carry: 2 C(7,0) / 2^7.
    assert row.whole.p == pytest.approx(2 / 2**7)
    assert row.left_out.unscored == 1
    assert row.whole.pairs == 11


def test_a_question_that_stands_twice_is_refused():
    answer = ForeignAnswer(sample="s", epoch=0, cluster="s", asked="q", score=1.0)
    log = ForeignLog(tool="", model="m", task="t", scorer="s", settings={}, answers=[answer] * 2)
    with pytest.raises(UsageError, match="sample s, epoch 1 stands twice in t"):
        measured_logs(Path("log"), [log])
    once = ForeignLog(tool="", model="m", task="t", scorer="s", settings={}, answers=[answer])
    with pytest.raises(UsageError, match=r"t \(s\) stands twice for m"):
        measured_logs(Path("log"), [once, once])


def made(answers, *, name="t", scorer="s", elicitation=None, unit="sample", **more):
    sides = tuple(dict.fromkeys(one.side for one in answers.values()))
    task = MeasuredTask(
        task=name,
        scorer=scorer,
        elicitation=elicitation,
        unit=unit,
        answers=answers,
        sides=sides,
        **more,
    )
    return MeasuredSet(name="x", model="m", settings={}, tasks={name: task})


def answers(scores, *, side="all"):
    """Question -> score; each its own cluster."""
    return {Key(name, 0): Scored(score, name, side, name) for name, score in scores.items()}


def test_what_is_left_out_is_counted_by_reason():
    a = answers({"both": 1.0, "mine": 1.0, "failed": None, "other": 0.0, "too": 0.0})
    b = answers({"both": 0.0, "failed": 1.0, "other": 0.0, "too": 1.0, "x": 1.0, "y": None})
    b[Key("other", 0)] = b[Key("other", 0)]._replace(asked="another text")
    b[Key("both", 1)] = b[Key("both", 0)]
    row = row_of(made(a), made(b))
    left = row.left_out
    assert (left.only_a, left.only_b, left.another_question, left.unscored) == (1, 3, 1, 1)
    assert (row.whole.pairs, row.whole.a, row.whole.b) == (2, 0.5, 0.5)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"scorer": "s@2"}, "another scorer: s and s@2"),
        ({"elicitation": "parsed"}, "another elicitation: None and parsed"),
        ({"elicitation": "constrained+parsed"}, "b mixes elicitations: constrained+parsed"),
        ({"unit": "group"}, "another unit: sample and group"),
        ({"name": "u"}, "only in a"),
    ],
)
def test_what_is_not_comparable_is_refused_with_the_difference(change, why):
    both = answers({"x": 1.0, "y": 0.0})
    result = compare(made(both), made(both, **change))
    assert not result.rows
    assert result.not_compared[0].why == why


@pytest.mark.parametrize(
    ("a", "b", "why"),
    [
        ({"x": 1.0}, {"y": 1.0}, "no question in common"),
        ({"x": None}, {"x": 1.0}, "no question that was scored in both"),
        ({}, {"x": 1.0}, "a has no answer to it"),
    ],
)
def test_without_pairs_the_reason_is_named(a, b, why):
    assert compare(made(answers(a)), made(answers(b))).not_compared[0].why == why


def test_the_same_names_for_other_questions_are_said_to_be_so():
    other = {key: one._replace(asked="new") for key, one in answers({"x": 1.0}).items()}
    result = compare(made(answers({"x": 1.0})), made(other))
    assert "the same names stand for other questions" in result.not_compared[0].why


def test_settings_are_compared_for_all_and_for_each_common_task():
    both = answers({"x": 1.0})
    a, b = made(both, settings={"shots": 0}), made(both, settings={"shots": 5, "chat": True})
    assert differences_of(a, b) == {"shots": (0, 5), "chat": (None, True)}
    b.tasks["only_b"] = b.tasks["t"]
    assert differences_of(a, b) == {"shots": (0, 5), "chat": (None, True)}
    a.tasks["only_b"] = b.tasks["t"]
    assert set(differences_of(a, b)) == {"shots of t", "chat of t"}


def test_a_mean_that_hides_two_opposite_sides_is_marked():
    a = answers({f"h{i}": 1.0 for i in range(40)}, side="harmful")
    a |= answers({f"n{i}": 0.0 for i in range(40)}, side="harmless")
    b = {key: one._replace(score=1.0 - one.score) for key, one in a.items()}
    row = row_of(made(a), made(b))
    assert row.whole.difference == 0
    assert row.opposed
    assert [side.verdict for side in row.sides.values()] == ["better", "worse"]


def test_a_small_difference_that_is_sure_is_equivalent_and_said_to_be_different():
    a = answers({str(i): 1.0 for i in range(2000)})
    b = answers({str(i): float(i >= 30) for i in range(2000)})
    whole = row_of(made(a), made(b)).whole
    assert (whole.verdict, whole.different) == ("equivalent", True)
    assert row_of(made(a), made(a)).whole.verdict == "equivalent"


def test_the_margin_is_the_users():
    a = answers({str(i): 1.0 for i in range(200)})
    wide, narrow = (
        compare(made(a), made(a), margin=margin).rows[0].whole for margin in (0.02, 0.005)
    )
    assert (wide.verdict, narrow.verdict) == ("equivalent", "undecided")
    # To find a difference four times smaller takes sixteen times as many.
    assert narrow.clusters_needed == pytest.approx(16 * wide.clusters_needed, rel=0.1)


def test_rows_are_paired_by_seed_where_questions_follow_earlier_answers():
    a, b = ({} for _ in range(2))
    for seed in range(30):
        a[Key(f"a{seed}", 0)] = Scored(1.0, str(seed), "all", f"a{seed}")
        b[Key(f"b{seed}", 0)] = Scored(float(seed < 10), str(seed), "all", f"b{seed}")
    b[Key("b-more", 0)] = Scored(1.0, "31", "all", "b-more")
    b[Key("b-failed", 0)] = Scored(None, "3", "all", "b-failed")
    row = row_of(made(a, by_seed=True), made(b, by_seed=True))
    assert (row.paired_by, row.whole.test) == ("seed", "swap by cluster")
    assert (row.whole.a, row.whole.b) == (1.0, pytest.approx(1 / 3))
    assert (row.left_out.only_a, row.left_out.only_b, row.left_out.unscored) == (0, 1, 1)
    assert row.whole.verdict == "better"


def test_drawn_signs_are_those_of_the_row_whatever_else_is_compared():
    draw = np.random.default_rng(8)
    rows = {
        name: [{str(i): float(x) for i, x in enumerate(draw.random(30))} for _ in "ab"]
        for name in ("one", "other")
    }
    both = [
        MeasuredSet(
            name="",
            model="",
            settings={},
            tasks={
                name: made(answers(own[place]), name=name).tasks[name] for name, own in rows.items()
            },
        )
        for place in (0, 1)
    ]
    alone = [made(answers(rows["other"][place]), name="other") for place in (0, 1)]
    first, again = compare(*both).rows[1].whole, row_of(*alone).whole
    assert first.p == again.p
    assert 0 < first.p < 1
    (other_draw,) = compare(*alone, seed=1).rows
    assert other_draw.whole.p != first.p


scored = st.sampled_from([None, 0.0, 0.5, 1.0])
many = st.lists(
    st.tuples(scored, scored, st.integers(0, 5), st.booleans()), min_size=1, max_size=12
)


@settings(max_examples=40)
@given(many)
def test_swapping_a_and_b_negates(rows):
    a, b = ({} for _ in range(2))
    for place, (mine, theirs, cluster, left) in enumerate(rows):
        side = "left" if left else "right"
        a[Key(str(place), 0)] = Scored(mine, str(cluster), side, "q")
        b[Key(str(place), 0)] = Scored(theirs, str(cluster), side, "q")
    there, back = compare(made(a), made(b)), compare(made(b), made(a))
    assert there.not_compared == back.not_compared
    opposite = {"better": "worse", "worse": "better"}
    for one, other in zip(there.rows, back.rows, strict=True):
        for mine, theirs in zip(
            [one.whole, *one.sides.values()], [other.whole, *other.sides.values()], strict=True
        ):
            assert mine.difference == pytest.approx(-theirs.difference)
            assert (mine.low, mine.high) == pytest.approx((-theirs.high, -theirs.low))
            assert mine.simultaneous == pytest.approx([-end for end in theirs.simultaneous[::-1]])
            assert mine.p == pytest.approx(theirs.p)
            assert opposite.get(mine.verdict, mine.verdict) == theirs.verdict


def drawn(draw, rates):
    """29 rows of two sides that share 40 seeds, each answered with its own rate."""
    tasks = {}
    for row, row_rates in enumerate(rates):
        own = {}
        for side, seeds in zip(("one", "other"), row_rates, strict=True):
            for seed, right in enumerate(draw.random(40) < seeds):
                key = Key(f"{side}{seed}", 0)
                own[key] = Scored(float(right), str(seed), side, key.sample)
        tasks[str(row)] = made(own, name=str(row)).tasks[str(row)]
    return MeasuredSet(name="x", model="m", settings={}, tasks=tasks)


@pytest.mark.slow
def test_the_same_model_twice_is_better_or_worse_in_one_table_of_twenty_at_most(record_property):
    draw = np.random.default_rng(11)
    words, tables = Counter(), 200
    for _ in range(tables):
        # A model is right on some seeds mostly, on others rarely.
        rates = draw.choice([0.02, 0.3, 0.5, 0.7, 0.98], size=(29, 2, 40))
        result = compare(drawn(draw, rates), drawn(draw, rates))
        said = [row.whole.verdict in ("better", "worse") for row in result.rows]
        sides = [
            side.verdict in ("better", "worse")
            for row in result.rows
            for side in row.sides.values()
        ]
        words["rows"] += any(said)
        words["sides"] += any(sides)
        words["any"] += any(said) or any(sides)
    record_property("figure", f"A/A tables with a better or worse of {tables}: {dict(words)}")
    assert words["rows"] <= 0.05 * tables
    assert words["any"] <= 0.05 * tables
