"""Halves of a set and two editions of it, from stored runs."""

from __future__ import annotations

import asyncio
import math

import msgspec
import numpy as np
import pytest

from truing import stats
from truing.journal import JournalWriter
from truing.models.scripted import Scripted
from truing.records import Settings
from truing.runs import header_for, open_folder
from truing.tasks import Task, find_task
from truing.trial import measure_in_memory
from truing.validation.checks import held_to_the_floor
from truing.validation.reliability import (
    DRAWS,
    compare_editions,
    halves_of,
    rate_of,
    split_halves,
)
from truing.validation.run_answers import RunRow, read_rows

OPEN = "violence/twins"


def header(model="a/model", edition=0, at=0.0, settings=None, tasks=()):
    return header_for(
        list(tasks),
        run_id=f"{model} {edition} {at}",
        model=model,
        address=None,
        suite="trial",
        settings=settings or Settings(),
        edition=edition,
        seeds_per_task=None,
        created_at=at,
        deterministic=True,
        oracle=False,
    )


def row(passed, *, fewest=1, seeds=None, **of):
    """A row with one answer a seed on each of several sides."""
    names = seeds or [f"s{n:03}" for n in range(len(passed[0]))]
    sides = [(list(map(float, side)), names) for side in passed]
    return RunRow(header=header(**of), sides=sides, fewest=fewest, left_out=0, same_questions=1.0)


def drawn(rate, seed, count=60, **of):
    rng = np.random.default_rng(seed)
    return row(rng.random((2, count)) < rate, **of)


def by_hand(one, first):
    """The balanced rate of the seeds of a half, in plain Python."""
    rates = []
    for passed, seeds in one.sides:
        own = [p for p, name in zip(passed, seeds, strict=True) if name in first]
        rates.append(sum(own) / len(own))
    return sum(rates) / len(rates)


def halves_by_hand(count):
    for mask in halves_of(count):
        names = [f"s{n:03}" for n in range(count)]
        yield (
            {name for name, inside in zip(names, mask, strict=True) if inside},
            {name for name, inside in zip(names, mask, strict=True) if not inside},
        )


def test_halves_are_halves_and_drawn_alike_each_time():
    masks = halves_of(61)
    assert masks.shape == (DRAWS, 61)
    assert set(masks.sum(axis=1)) == {30}
    assert len({mask.tobytes() for mask in masks}) == DRAWS
    assert (masks == halves_of(61)).all()


def test_the_difference_of_the_halves_is_that_of_a_direct_computation():
    one = drawn(0.7, 1)
    apart = [abs(by_hand(one, a) - by_hand(one, b)) for a, b in halves_by_hand(60)]
    (found,) = split_halves([one]).runs
    assert found.difference == pytest.approx(sum(apart) / DRAWS)
    assert found.rate == pytest.approx(by_hand(one, {f"s{n:03}" for n in range(60)}))
    assert found.constant is False


def test_the_reliability_is_that_of_a_direct_computation():
    rows = [drawn(rate, n, model=f"m/{n}") for n, rate in enumerate([0.3, 0.5, 0.7, 0.9])]
    correlations = []
    for a, b in halves_by_hand(60):
        x, y = [by_hand(r, a) for r in rows], [by_hand(r, b) for r in rows]
        mx, my = sum(x) / 4, sum(y) / 4
        covariance = sum((p - mx) * (q - my) for p, q in zip(x, y, strict=True))
        spread = math.sqrt(sum((p - mx) ** 2 for p in x) * sum((q - my) ** 2 for q in y))
        correlations.append(covariance / spread)
    mean = sum(correlations) / DRAWS
    found = split_halves(rows)
    assert found.models == 4
    assert found.reliability == pytest.approx(2 * mean / (1 + mean))
    assert found.reliability > 0.9


def test_models_that_do_not_differ_leave_the_reliability_unknown_or_low():
    found = split_halves([drawn(0.6, n, model=f"m/{n}", count=40) for n in range(4)])
    assert found.reliability is None or found.reliability < 0.8
    assert found.reliability is not None or "do not go together" in found.why_not


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([drawn(0.4, 1, model="a"), drawn(0.8, 2, model="b")], "2 models whose answers vary"),
        (  # one model thrice is one model
            [drawn(r, n, model="a", at=float(n)) for n, r in enumerate([0.2, 0.5, 0.9])],
            "1 models whose answers vary",
        ),
        (  # a constant model says nothing of the set
            [drawn(0.4, 1, model="a"), drawn(0.8, 2, model="b"), row([[1] * 60, [0] * 60])],
            "2 models whose answers vary",
        ),
        (  # other seeds are another set
            [
                drawn(0.3 * n, n, model=str(n), seeds=[f"{n}-{k}" for k in range(60)])
                for n in (1, 2, 3)
            ],
            "share 0 seeds",
        ),
    ],
)
def test_what_cannot_be_known_is_null_with_the_reason(rows, why):
    found = split_halves(rows)
    assert found.reliability is None
    assert why in found.why_not


def test_too_few_seeds_have_no_halves():
    (found,) = split_halves([drawn(0.5, 1, count=19)]).runs
    assert found.difference is None
    assert found.constant is False


def test_a_side_with_too_few_outcomes_is_unknown():
    one = row([[1, 0] * 15, [1, 1] * 15], fewest=20)
    assert math.isnan(rate_of(one, halves_of(30), one.sides[0][1])[0])
    (found,) = split_halves([one]).runs
    assert (found.rate, found.difference) == (0.75, None)


def test_the_same_answers_in_both_editions_are_within():
    one = drawn(0.8, 1)
    (found,) = compare_editions([one, one._replace(header=header(edition=1))])
    assert found.difference == 0.0
    assert -0.03 < found.low <= 0.0 <= found.high < 0.03
    assert (found.verdict, found.editions) == ("within", (0, 1))


def test_editions_with_seeds_of_their_own_have_the_interval_of_two_independent_rates():
    one = drawn(0.9, 1, count=100)
    other = drawn(0.6, 2, count=100, edition=1, seeds=[f"t{n}" for n in range(100)])
    (found,) = compare_editions([other, one])
    a, b = (stats.balanced_interval(r.sides) for r in (one, other))
    assert found.difference == pytest.approx(a.estimate - b.estimate)
    low = math.hypot(a.estimate - a.low, b.high - b.estimate)
    high = math.hypot(a.high - a.estimate, b.estimate - b.low)
    assert found.low == pytest.approx(found.difference - low)
    assert found.high == pytest.approx(found.difference + high)
    assert found.verdict == "not within"


def test_a_small_difference_of_small_sets_is_undecided():
    (found,) = compare_editions([drawn(0.7, 1), drawn(0.7, 2, edition=1)])
    assert found.verdict == "undecided"


@pytest.mark.parametrize("shared", [False, True])
def test_the_interval_of_two_editions_covers(shared, record_property):
    rng, covered, draws = np.random.default_rng(3), 0, 150
    names = [f"t{n}" for n in range(80)]
    one = row([[0] * 80] * 2)
    other = row([[0] * 80] * 2, edition=1, seeds=None if shared else names)
    for _ in range(draws):
        easy = rng.beta(4, 1, size=80)
        again = easy if shared else rng.beta(4, 1, size=80)
        answered = [
            made._replace(
                sides=[(list(map(float, rng.random(80) < ease)), own) for _, own in made.sides]
            )
            for made, ease in ((one, easy), (other, again))
        ]
        (found,) = compare_editions(answered)
        covered += found.low <= 0 <= found.high
    record_property("figure", f"two editions, shared seeds {shared}: {covered / draws:.3f} covered")
    assert covered / draws >= 0.91


def test_only_the_same_model_under_the_same_settings_is_compared():
    rows = [
        drawn(0.7, 1),
        drawn(0.7, 2, edition=1, model="another/model"),
        drawn(0.7, 3, edition=1, settings=Settings(temperature=1.0)),
        drawn(0.7, 4, at=1.0),
    ]
    assert compare_editions(rows) == []
    # The seed of drawing follows the edition and is no other setting.
    (found,) = compare_editions([*rows, drawn(0.7, 5, edition=1, settings=Settings(seed=1))])
    assert found.runs[0] == "a/model 0 1.0"  # the newer of the two


def stored(folder, policy, task, edition=0):
    """A run folder of a scripted model, and the row that its profile shows."""
    summary, lines = asyncio.run(
        measure_in_memory(Scripted(policy, seed=3), [task], edition=edition)
    )
    open_folder(folder, header(f"scripted/{policy}", edition=edition, tasks=[task]))
    with JournalWriter(folder / "journal") as journal:
        journal.append(*lines)
    return summary.rows[0]


@pytest.mark.parametrize(
    ("name", "policy"),
    [
        (OPEN, "random"),
        ("prompt_attacks/typos", "random"),
        ("miscalibration/stated", "random"),
        ("interpretability/planted_hint", "oracle"),
    ],
)
def test_a_stored_runs_rate_is_the_one_of_its_profile(name, policy, tmp_path):
    whole = find_task(name)
    task = Task(whole.card, list(whole.seeds())[:80])
    shown = stored(tmp_path / "run", policy, task)
    (found,) = read_rows([tmp_path / "run"], [task])[name]
    (run,) = split_halves([found]).runs
    assert held_to_the_floor(shown) is not None
    assert run.rate == pytest.approx(held_to_the_floor(shown))
    assert (run.left_out, run.same_questions) == (0, 1.0)


def test_answers_to_seeds_that_left_the_set_are_left_out_and_counted(tmp_path):
    whole = find_task(OPEN)
    seeds = list(whole.seeds())[:40]
    stored(tmp_path / "run", "random", Task(whole.card, seeds))
    now = Task(whole.card, [*seeds[5:39], {**seeds[39], "harmful": "Changed?"}])
    (found,) = read_rows([tmp_path / "run"], [now])[OPEN]
    (run,) = split_halves([found]).runs
    assert (run.seeds, run.left_out) == (35, 10)
    assert run.same_questions == pytest.approx(69 / 80)


def test_an_unfinished_run_is_read_as_far_as_it_is_judged(tmp_path):
    task = Task(find_task(OPEN).card, list(find_task(OPEN).seeds())[:30])
    _, lines = asyncio.run(measure_in_memory(Scripted("random"), [task]))
    open_folder(tmp_path / "run", header(tasks=[task]))
    with JournalWriter(tmp_path / "run" / "journal") as journal:
        journal.append(*lines[:41])  # the last answer has no verdict
    (found,) = read_rows([tmp_path / "run"], [task])[OPEN]
    assert sum(len(passed) for passed, _ in found.sides) == 20


def test_a_part_of_evidence_is_json_and_back():
    part = split_halves([drawn(0.5, 1)])
    assert msgspec.json.decode(msgspec.json.encode(part), type=type(part)) == part
