"""A test set with a fault is found out, and told which; one without passes."""

from __future__ import annotations

import asyncio
import json

import msgspec
import pytest
from click.testing import CliRunner

from truing.cli import cli
from truing.tasks import Task, find_task
from truing.validation.checks import check_across, check_form, check_policies
from truing.validation.shortcuts import check_shortcuts

GOOD = "hallucination/grounded_choice"


def task_with(change=None, *, name=GOOD, **card_changes):
    """A shipped task with its seeds or its card changed."""
    task = find_task(name)
    seeds = [dict(seed) for seed in task.seeds()]
    if change:
        seeds = [change(place, seed) for place, seed in enumerate(seeds)]
    return Task(msgspec.structs.replace(task.card, **card_changes), seeds)


def failures(findings):
    return {finding.check for finding in findings if finding.ok is False}


def policies_of(task):
    return list(asyncio.run(check_policies(task)))


def test_a_good_set_has_no_failure():
    task = find_task(GOOD)
    assert not failures([*check_form(task), *policies_of(task)])


def test_too_few_seeds_are_found():
    task = find_task(GOOD)
    few = Task(task.card, list(task.seeds())[:149])
    assert failures(check_form(few)) == {"seeds"}


def test_a_seed_that_repeats_another_is_found_with_its_name():
    words = ("passage_with", "passage_without", "question")

    def repeat(place, seed):
        source = find_task(GOOD).seeds()[0 if place < 5 else place]
        return {**seed, **{name: source[name] for name in words}}

    found = {f.check: f for f in check_form(task_with(repeat))}
    duplicates = found["near-duplicates across seeds"]
    assert duplicates.ok is False
    # 5 seeds of 168 alike: ten of 336 samples.
    assert duplicates.figure.startswith("0.030")
    assert find_task(GOOD).seeds()[0]["id"] in duplicates.detail


def test_a_slot_left_unfilled_is_found():
    def spoil(place, seed):
        return {**seed, "question": "Who is {person}?"} if place == 3 else seed

    found = {f.check: f for f in check_form(task_with(spoil))}
    assert found["ids and slots"].ok is False


def test_gold_in_one_place_is_found():
    task = find_task(GOOD)
    sides = [
        msgspec.structs.replace(
            side,
            variants=[
                msgspec.structs.replace(v, options=["right", "abstain"]) for v in side.variants
            ],
        )
        for side in task.card.sides
    ]
    # Two options and an even number of turns between seeds: the first 84 of 168 by hand.
    fixed = Task(msgspec.structs.replace(task.card, sides=sides), task.seeds())
    assert "position of gold" not in failures(check_form(fixed))

    class Stuck(Task):
        def samples(self, **kwargs):
            for sample in super().samples(**kwargs):
                first = [c for c in sample.choices if c.label == sample.target]
                rest = [c for c in sample.choices if c.label != sample.target]
                relabelled = tuple(
                    msgspec.structs.replace(c, label=letter)
                    for letter, c in zip("ABC", [*first, *rest], strict=False)
                )
                yield msgspec.structs.replace(sample, choices=relabelled, target="A")

    assert "position of gold" in failures(check_form(Stuck(task.card, task.seeds())))


def test_a_licence_that_may_not_be_shipped_is_found():
    assert failures(check_form(task_with(licence="CC-BY-NC-4.0"))) == {"licence"}


def test_a_task_that_answering_blindly_wins_is_found():
    card = find_task(GOOD).card
    answerable, other = card.sides
    # Both sides want the way out: whoever always abstains is right everywhere.
    out = msgspec.structs.replace(answerable.variants[0], right="abstain")
    one_sided = msgspec.structs.replace(
        card, sides=[msgspec.structs.replace(answerable, variants=[out]), other]
    )
    found = {f.check: f for f in policies_of(Task(one_sided, find_task(GOOD).seeds()))}
    assert found["floor"].ok is False
    assert found["floor"].figure == "1.0000"


def test_reference_answers_that_are_wrong_are_found():
    card = find_task("violence/twins").card
    harmful, harmless = card.sides
    swapped = msgspec.structs.replace(
        harmful.variants[0], good=harmful.variants[0].bad, bad=harmful.variants[0].good
    )
    sides = [msgspec.structs.replace(harmful, variants=[swapped]), harmless]
    found = policies_of(
        Task(msgspec.structs.replace(card, sides=sides), find_task(card.id).seeds())
    )
    assert {"oracle", "anti-oracle"} <= failures(found)


def test_a_question_in_two_tasks_is_found():
    task = find_task(GOOD)
    other = Task(msgspec.structs.replace(task.card, id="hallucination/other"), task.seeds())
    (found,) = check_across([task, other])
    assert found.ok is False
    assert "hallucination/other" in found.detail
    (found,) = check_across([task, find_task("violence/twins")])
    assert found.ok is True


def test_options_that_give_the_answer_away_are_found():
    pytest.importorskip("sklearn")

    class Marked(Task):
        def samples(self, **kwargs):
            for sample in super().samples(**kwargs):
                told = tuple(
                    msgspec.structs.replace(c, text=f"{c.text}, so to speak")
                    if c.label == sample.target
                    else c
                    for c in sample.choices
                )
                yield msgspec.structs.replace(sample, choices=told)

    task = find_task(GOOD)
    assert "options alone" not in failures(check_shortcuts(task, 0.5))
    assert "options alone" in failures(check_shortcuts(Marked(task.card, task.seeds()), 0.5))


def test_twins_that_share_no_words_are_found():
    pytest.importorskip("sklearn")

    def mark(_place, seed):
        return {**seed, "twin": f"Please, for my school garden: {seed['twin']}"}

    assert not failures(check_shortcuts(find_task("violence/twins"), 0.5))
    assert failures(check_shortcuts(task_with(mark, name="violence/twins"), 0.5)) == {
        "twins told apart by words"
    }


def test_the_command_says_what_fails_and_exits_1(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli, ["tasks", "check", GOOD, "--json"], standalone_mode=False)
    assert done.return_value == 0
    found = json.loads(done.stdout)
    assert {finding["check"] for finding in found[GOOD]} >= {"seeds", "floor", "oracle"}
    done = CliRunner().invoke(cli, ["tasks", "check", "no/such"])
    assert done.exit_code != 0
