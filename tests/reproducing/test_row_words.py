"""What is said of a row that was asked again: moves, shares, words."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest

import truing.reproducing.components
import truing.stats.intervals
import truing.stats.paired_sides
from truing.comparison.measured import Key, MeasuredTask, Scored
from truing.quantiles import student_quantile
from truing.reproducing.deciding import Seeds
from truing.reproducing.rows import Levels, Source, Word, reproduce_row
from truing.reproducing.tables import cluster_table, epochs_of, flip_rate, own_interval, renamed

SIDES = ("one", "other")


def measured(scores, *, sides=("one",), epochs=1, task="row", **changed):
    """Answers in the order side, cluster, epoch; shape of `scores`: (sides, clusters, epochs)."""
    given = np.asarray(scores, np.float64).reshape(len(sides), -1, epochs)
    answers = {
        Key(f"{side}{cluster}", epoch): Scored(
            None if math.isnan(value) else float(value), f"c{cluster}", side, f"{side}{cluster}"
        )
        for side, own in zip(sides, given, strict=True)
        for cluster, values in enumerate(own)
        for epoch, value in enumerate(values)
    }
    return MeasuredTask(
        task=task,
        scorer="choice@1",
        elicitation="parsed",
        unit="sample",
        answers=answers,
        sides=sides,
        **changed,
    )


def reproduced(own, *levels, seeds=(40, 40, 40)):
    return reproduce_row(own, levels, {}, seeds=Seeds(*seeds))


def share(row, source):
    (found,) = [one for one in row.whole.sources if one.source is source]
    return found


def test_the_columns_of_a_table_are_the_rates_of_a_row_with_two_sides():
    own = measured([[1, 1, 0, 1], [0, 0, 1, 0]], sides=SIDES)
    again = measured([[1, 0, 0, 1], [0, 1, 1, 0]], sides=SIDES)
    found = cluster_table([own, again])
    assert found.shape == (4, 2)
    assert found.mean(axis=0) == pytest.approx([(0.75 + 0.25) / 2, (0.5 + 0.5) / 2])
    # Every cluster is on either side once: its share is its own mean.
    assert found[:, 0] == pytest.approx([0.5, 0.5, 0.5, 0.5])


def test_what_is_unscored_at_one_level_is_left_out_at_all():
    own, again = measured([1, 1, 0, 1]), measured([1, math.nan, 0, 0])
    assert len(cluster_table([own, again])) == 3
    rate, each = flip_rate([own, again])
    assert (rate.estimate, each) == (pytest.approx(1 / 3), [pytest.approx(1 / 3)])


def test_a_model_that_answers_alike_moves_by_nothing_and_is_reproducible():
    for scores in ([1] * 40, [1, 0] * 20, [0] * 40):
        own = measured(scores)
        row = reproduced(
            own,
            Levels(Source.AGAIN, own, [("again-1", own)]),
            Levels(Source.FORM, own, [("a", own), ("b", own), ("c", own)]),
        )
        assert row.whole.verdict is Word.REPRODUCIBLE
        assert [one.sd for one in row.whole.sources] == [0, 0]
        assert [one.flip_rate for one in row.whole.sources] == [0, 0]
        assert row.whole.sources[0].sd_high > 0
        # All there is is the standard error of the row itself.
        error = np.std(scores, ddof=1) / math.sqrt(40)
        assert row.whole.items_sd == pytest.approx(error, abs=1e-12)
        assert row.whole.total_sd == pytest.approx(error, abs=1e-12)


def test_a_form_that_turns_most_verdicts_is_not_reproducible():
    own = measured([1] * 36 + [0] * 4)
    other = measured([0] * 36 + [0] * 4)
    row = reproduced(own, Levels(Source.FORM, own, [("form_layout", other)]))
    (move,) = share(row, Source.FORM).moves
    assert row.whole.verdict is Word.NOT
    assert (move.move, move.rate, move.flips) == (pytest.approx(-0.9), 0, pytest.approx(0.9))
    assert share(row, Source.FORM).share > 0.95


def test_an_undecided_row_says_how_many_seeds_would_decide_it_and_how_many_calls():
    rng = np.random.default_rng(5)
    full = (rng.random(400) < 0.5).astype(float)
    few = full[:40].copy()
    for way in (0, 1):
        few[np.flatnonzero(full[:40] == way)[:2]] = 1 - way
    own, again = measured(full), measured(few)
    row = reproduced(own, Levels(Source.AGAIN, own, [("again-1", again)]), seeds=(40, 400, 400))
    assert row.whole.verdict is Word.UNDECIDED
    assert row.whole.decides.startswith("about ")
    assert "calls more" in row.whole.decides
    seeds = int(row.whole.decides.split()[1].replace(",", ""))
    assert 40 < seeds < 400
    # Asked again on all of them with a tenth as many flips it is decided.
    many = np.concatenate([few, full[40:]])
    whole = reproduced(own, Levels(Source.AGAIN, own, [("again-1", measured(many))]))
    assert whole.whole.verdict is Word.REPRODUCIBLE
    assert whole.whole.decides == ""


def test_a_row_asked_again_in_full_says_how_large_a_run_would_decide_it():
    """Rare flips are known to within 1/C, the rate to within 1/sqrt(C): more seeds help."""

    def asked(clusters):
        """Half of them right, and a fifth flip, as many up as down."""
        pairs, flipped = clusters // 2, round(clusters / 10)
        first = np.array([1.0] * pairs + [0.0] * pairs)
        second = first.copy()
        second[:flipped], second[len(second) - flipped :] = 0.0, 1.0
        own = measured(first)
        levels = Levels(Source.AGAIN, own, [("again-1", measured(second))])
        return reproduced(own, levels, seeds=(clusters, clusters, 40)).whole

    few = asked(10)
    assert few.verdict is Word.UNDECIDED
    need = int(few.decides.removeprefix("a run of about ").split()[0])
    assert few.decides.startswith(f"a run of about {need} seeds")
    assert (" (the set has 40), made again" in few.decides) == (need > 40)
    assert asked(10 * math.ceil(need / 10)).verdict is Word.REPRODUCIBLE
    assert asked(10 * math.floor(0.8 * need / 10)).verdict is Word.UNDECIDED


def test_opposite_moves_of_the_sides_show_on_the_sides():
    own = measured([[1] * 30, [0] * 30], sides=SIDES)
    other = measured([[0] * 30, [1] * 30], sides=SIDES)
    row = reproduced(own, Levels(Source.FORM, own, [("form_layout", other)]))
    assert [side.verdict for side in row.sides.values()] == [Word.NOT, Word.NOT]
    assert row.sides["one"].sources[0].moves[0].move == -1
    assert row.whole.sources[0].moves[0].move == 0
    assert row.whole.sources[0].flip_rate == 1


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_noise_is_taken_off_what_other_sources_move():
    """A form that does nothing but let the model draw anew has no variance of its own."""
    rng = np.random.default_rng(7)
    nets, raws = [], []
    for _ in range(100):
        chance = rng.random(60)
        levels = [measured((rng.random(60) < chance).astype(float)) for _ in range(4)]
        row = reproduced(
            levels[0],
            Levels(Source.AGAIN, levels[0], [("again-1", levels[1])]),
            Levels(Source.FORM, levels[0], [("a", levels[2]), ("b", levels[3])]),
        )
        nets.append(share(row, Source.FORM).flips_variance * 60)
        raws.append(share(row, Source.AGAIN).flips_variance * 60)
    # The noise of a draw: the mean of p(1 - p) over p uniform is 1/6.
    assert np.mean(raws) == pytest.approx(1 / 6, abs=0.025)
    assert abs(np.mean(nets)) < 3.5 * np.std(nets) / math.sqrt(len(nets))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_items_repeats_and_forms_add_up_to_what_was_put_in():
    """p = .5 + item + form + item x form: all are found, and add up to the variance of a rate."""
    rng = np.random.default_rng(8)
    found = []
    clusters, forms = 80, 4
    for _ in range(120):
        item = rng.choice([-0.2, 0.2], clusters)
        shift = rng.choice([-0.1, 0.1], forms)
        cross = rng.choice([-0.1, 0.1], (forms, clusters))
        chances = 0.5 + item + shift[:, None] + cross
        asked = [measured((rng.random(clusters) < p).astype(float)) for p in chances]
        again = measured((rng.random(clusters) < chances[0]).astype(float))
        row = reproduced(
            asked[0],
            Levels(Source.AGAIN, asked[0], [("again-1", again)]),
            Levels(Source.FORM, asked[0], list(zip("abc", asked[1:], strict=True))),
        )
        noise, form = row.whole.sources
        found.append(
            (
                noise.flips_variance * clusters,
                form.flips_variance * clusters,
                form.shift_variance,
                row.whole.items_sd**2 * clusters,
            )
        )
    # A draw with chance p has p(1 - p), on average .25 - .04 - .01 - .01.
    for own, true in zip(np.array(found).T, (0.19, 0.01, 0.01, 0.04), strict=True):
        assert abs(own.mean() - true) < 3.5 * own.std() / math.sqrt(len(own)), true


def test_epochs_are_levels_of_the_run_itself_and_count_by_their_number():
    rng = np.random.default_rng(9)
    drawn = (rng.random((1, 50, 4)) < 0.5).astype(float)
    own = measured(drawn, epochs=4)
    first, *later = epochs_of(own)
    assert [len(one.answers) for one in (first, *later)] == [50] * 4
    named = [(f"epoch {k}", one) for k, one in enumerate(later, 1)]
    row = reproduced(own, Levels(Source.EPOCH, first, named, averaged=4, called=False))
    # One draw has the variance 1/4, the mean of four over fifty clusters 1/4 / 4 / 50.
    assert share(row, Source.EPOCH).flips_variance == pytest.approx(0.25 / 4 / 50, rel=0.25)


def test_another_form_takes_the_names_of_its_own():
    own = measured([1, 0])
    other = measured([1, 1], task="row+form_layout")
    answers = {Key(f"x{key.sample}", 0): one for key, one in other.answers.items()}
    answers = {key: one._replace(asked=f"x{one.asked}") for key, one in answers.items()}
    other = MeasuredTask(
        **{f: getattr(other, f) for f in other.__struct_fields__ if f != "answers"}, answers=answers
    )
    names = {f"x{key.sample}": key.sample for key in own.answers}
    back = renamed(other, "row", names)
    assert back.task == "row"
    assert [one.asked for one in back.answers.values()] == [
        one.asked for one in own.answers.values()
    ]
    row = reproduced(own, Levels(Source.FORM, own, [("form_layout", back)]))
    assert share(row, Source.FORM).moves[0].pairs == 2


def test_what_cannot_be_paired_is_said_not_left_out_in_silence():
    own = measured([1, 0, 1, 1])
    other = measured([1, 0, 1, 1])
    other = MeasuredTask(
        **{
            **{f: getattr(other, f) for f in other.__struct_fields__},
            "elicitation": "constrained",
        }
    )
    row = reproduced(own, Levels(Source.AGAIN, own, [("again-1", other)]))
    assert row.not_varied == {
        "again": "again-1 cannot be paired with the run: another elicitation: constrained and parsed"
    }
    assert row.whole.verdict is Word.UNDECIDED
    assert "--arms" in row.whole.decides


def test_nothing_scored_is_unknown_and_says_so():
    own = measured([math.nan] * 4)
    row = reproduced(own, Levels(Source.AGAIN, own, [("again-1", own)]))
    assert (row.whole.rate, row.whole.reach, row.whole.items_sd) == (None, None, None)
    assert row.whole.decides == "the row itself is unknown: measure more of it"
    assert math.isnan(own_interval(own)[0].estimate)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_row_that_moves_farther_than_its_interval_is_seldom_called_reproducible(
    record_property, monkeypatch
):
    """The word is wrong in 1 of 20 at most where the true move lies at the reach, or beyond."""
    quantile = functools.cache(student_quantile)
    for module in (
        truing.reproducing.components,
        truing.stats.intervals,
        truing.stats.paired_sides,
    ):
        monkeypatch.setattr(module, "student_quantile", quantile)
    rng = np.random.default_rng(13)
    worst = 0.0
    for clusters, p in ((40, 0.5), (80, 0.5), (160, 0.9), (80, 0.97), (160, 1.0)):
        wrong = words = 0
        for _ in range(800):
            first = (rng.random(clusters) < p).astype(float)
            own = measured(first)
            interval, _, _ = own_interval(own)
            reach = max(interval.estimate - interval.low, interval.high - interval.estimate)
            if reach >= p:
                continue
            # Right answers turn wrong so often that the rate is lower by just the reach.
            turned = rng.random(clusters) < reach / p
            other = measured(np.where(turned, 0.0, first))
            row = reproduced(own, Levels(Source.FORM, own, [("form_layout", other)]))
            words += 1
            wrong += row.whole.verdict is Word.REPRODUCIBLE
        worst = max(worst, wrong / words)
    record_property("figure", f"reproduce, called reproducible at the edge: at most {worst:.3f}")
    assert worst <= 0.06
