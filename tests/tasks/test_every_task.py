"""What every task must hold: no trivial model wins, the oracle does, the sides are balanced."""

from __future__ import annotations

import asyncio
import json
import math
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path

import msgspec
import pytest

from conftest import measure_in_memory, remembering
from truing import taxonomy
from truing.models.scripted import COMPLIANCE, REFUSAL, TRIVIAL, Scripted
from truing.records import Outcome, Response, Sample, content_hash
from truing.reports.profile import Row
from truing.scorers import find_scorer, scorer_names
from truing.scorers.refusal import NAME as REFUSAL_RULE
from truing.tasks import find_suite, find_task, suites, task_ids
from truing.tasks.expand import BY_OUTCOME

pytestmark = pytest.mark.usefixtures("few_redraws")

TASKS = task_ids()
DETERMINISTIC = [name for name in TRIVIAL if name != "random"]
ROUNDING = 1e-9
SEEDS = [32, pytest.param(None, marks=pytest.mark.slow)]
"""The first seeds in every run of the tests, all of them in CI."""

EDITIONS = Path(__file__).with_name("editions.json")
"""The fingerprint of each shipped edition: a change of samples is a new edition, on purpose.

`PYTHONPATH=tests python tests/tasks/test_every_task.py` writes them anew.
"""


@cache
def samples_of(name: str, **kwargs: int) -> list[Sample]:
    return list(find_task(name).walk(**kwargs))


def measured(policy: Scripted, names: list[str], **kwargs: int | None) -> list[Row]:
    """The rows of a scripted model."""
    tasks = [remembering(find_task(name)) for name in names]
    return measure_in_memory(policy, tasks, **kwargs)[0].rows


def rate_held_to_the_floor(row) -> float:
    return row.headline.estimate if row.unit == "group" else row.balanced.estimate


def fingerprints() -> dict[str, str]:
    return {name: content_hash([sample.id for sample in samples_of(name)]) for name in TASKS}


def test_the_shipped_editions_are_pinned():
    assert fingerprints() == json.loads(EDITIONS.read_text("utf-8"))


@pytest.mark.parametrize("name", TASKS)
def test_every_task_has_150_seeds_and_each_gives_both_sides(name):
    sides = defaultdict(set)
    for sample in samples_of(name):
        sides[sample.cluster].add(sample.side)
    assert len(sides) >= 150
    card = find_task(name).card
    names = {BY_OUTCOME} if card.by_outcome else {side.name for side in card.sides}
    assert all(seen == names for seen in sides.values())


@pytest.mark.parametrize("name", TASKS)
def test_every_card_names_what_exists(name):
    card = find_task(name).card
    assert card.subcategory in taxonomy.subcategories()
    assert card.scorer in scorer_names()
    assert card.limits
    assert card.sources
    assert name.startswith(card.subcategory.partition(".")[2] + "/")


@pytest.mark.parametrize("name", TASKS)
def test_samples_are_unique_hashed_and_deterministic(name):
    samples = samples_of(name)
    ids = [sample.id for sample in samples]
    assert len(set(ids)) == len(ids)
    assert ids == [sample.id for sample in samples_of(name)]
    for sample in samples:
        assert content_hash(msgspec.structs.replace(sample, id="")) == sample.id
        assert "{" not in sample.messages[-1].text


@pytest.mark.parametrize("name", TASKS)
def test_another_edition_is_another_order_of_the_same_seeds(name):
    first, second = samples_of(name, limit=30), samples_of(name, edition=1, limit=30)
    assert {s.cluster for s in first} != {s.cluster for s in second}
    everything = {s.cluster for s in samples_of(name)}
    others = {s.cluster for s in samples_of(name, edition=1)}
    if find_task(name).card.generator:
        assert not everything & others  # computed afresh
    else:
        assert everything == others


@pytest.mark.parametrize("name", TASKS)
def test_every_sample_has_good_and_bad_reference_answers(name):
    for sample in samples_of(name):
        assert sample.reference.good
        assert sample.reference.bad
        if not sample.choices:
            assert len(set(sample.reference.good)) >= 3
            assert len(set(sample.reference.bad)) >= 3
        assert not set(sample.reference.good) & set(sample.reference.bad)


@pytest.mark.parametrize("name", TASKS)
def test_gold_stands_in_every_position_alike_within_each_variant(name):
    places = defaultdict(Counter)
    options = {}
    for sample in samples_of(name):
        if sample.choices and not sample.cues:  # there it is where the hint points
            places[sample.variant][sample.target] += 1
            options[sample.variant] = len(sample.choices)
    for variant, counts in places.items():
        total = counts.total()
        assert max(counts.values()) / total <= 1 / options[variant] + 0.02
        assert min(counts.values()) / total >= 1 / options[variant] - 0.02


@pytest.mark.parametrize("seeds", SEEDS)
@pytest.mark.parametrize("name", TASKS)
def test_the_floor_is_what_the_structure_allows_and_no_more(name, seeds):
    (row,) = measured(Scripted("empty"), [name], seeds=seeds)
    if row.unit == "group":
        assert row.floor <= 0.02
    elif find_task(name).card.loop and not find_task(name).card.by_outcome:
        # Both sides want the same role among three options: no stance wins one of them whole.
        assert 1 / 3 - ROUNDING <= row.floor <= 0.5 + ROUNDING
        assert row.floor_worse_side <= 0.5 + ROUNDING
    else:
        assert row.floor == pytest.approx(0.5)
        assert row.floor_worse_side <= 0.5 + ROUNDING


@pytest.mark.parametrize("seeds", SEEDS)
@pytest.mark.parametrize("policy", DETERMINISTIC)
def test_no_trivial_model_is_above_a_floor(policy, seeds, record_property):
    found = measured(Scripted(policy), TASKS, seeds=seeds)
    # Whose answers no hint moves has no first side of an explanation row.
    rows = [row for row in found if row.rule != "explanation" or row.headline.estimate]
    nearest = min(rows, key=lambda row: row.floor - rate_held_to_the_floor(row))
    margin = nearest.floor - rate_held_to_the_floor(nearest)
    record_property(
        "figure",
        f"below the floor by {margin:.4f} at least: {policy} ({nearest.task}, {seeds or 'all'} seeds)",
    )
    for row in rows:
        assert row.headline.estimate is not None, row.task
        assert row.headline.estimate <= row.floor + ROUNDING, row.task
        assert row.unit == "group" or row.balanced.estimate <= row.floor + ROUNDING, row.task
        assert row.above_floor is False, row.task
        assert row.unscored == 0


async def chance_of(sample: Sample) -> float:
    """The chance that a reply drawn blindly is judged right, every reply tried."""
    replies = [c.label for c in sample.choices] if not sample.cues else []
    scorer = find_scorer(find_task(sample.task).card.scorer)
    judged = [
        (await scorer.judge(sample, Response(text=reply))).outcome is Outcome.TRUSTWORTHY
        for reply in replies or (REFUSAL, COMPLIANCE)
    ]
    return sum(judged) / len(judged)


@pytest.mark.parametrize("name", [n for n in TASKS if not find_task(n).card.by_outcome])
def test_the_random_model_scores_chance(name):
    sides, groups = defaultdict(list), defaultdict(list)

    async def try_every_reply():
        for sample in samples_of(name, limit=60):
            if not sample.control:
                chance = await chance_of(sample)
                assert not sample.choices or chance == 1 / len(sample.choices)
                sides[sample.side].append(chance)
                groups[sample.group].append(chance)

    asyncio.run(try_every_reply())
    if find_task(name).card.unit == "group":
        rate = sum(map(math.prod, groups.values())) / len(groups)
    else:
        rate = sum(sum(side) / len(side) for side in sides.values()) / len(sides)
    (empty,) = measured(Scripted("empty"), [name], seeds=60)
    assert rate <= empty.floor + ROUNDING
    # What is drawn has that rate: one draw of 60 seeds within five standard errors.
    (drawn,) = measured(Scripted("random", seed=1), [name], seeds=60)
    error = math.sqrt(rate * (1 - rate) / 60)
    assert rate_held_to_the_floor(drawn) == pytest.approx(rate, abs=5 * error + 1e-9)


def test_drawn_confidence_scores_one_half():
    rates = []
    for seed in range(16):
        (row,) = measured(Scripted("random", seed=seed), ["miscalibration/stated"], seeds=60)
        rates.append(rate_held_to_the_floor(row))
    assert sum(rates) / len(rates) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(
    ("edition", "seeds"),
    [
        (0, 120),
        pytest.param(0, None, marks=pytest.mark.slow),
        pytest.param(1, None, marks=pytest.mark.slow),
    ],
)
def test_the_oracle_wins_and_the_anti_oracle_loses_every_task(edition, seeds, record_property):
    which = {"edition": edition, "seeds": seeds}
    good = measured(Scripted("oracle", seed=edition), TASKS, **which)
    bad = measured(Scripted("anti-oracle", seed=edition), TASKS, **which)
    # With few seeds an explanation row may know one side only.
    known = [side.estimate for row in good for side in row.sides.values()]
    worst = min(rate for rate in known if rate is not None)
    found = [side.estimate for row in bad for side in row.sides.values()]
    best = max(rate for rate in found if rate is not None)
    record_property(
        "figure",
        f"edition {edition}, {seeds or 'all'} seeds: oracle at least {worst:.4f}, anti-oracle at most {best:.4f}",
    )
    for row in good:
        if row.rule != "explanation" or row.headline.estimate is not None:
            assert row.headline.estimate >= 0.98, row.task
    for row in bad:
        for side in row.sides.values():
            assert (side.estimate or 0) <= 0.02, row.task
        assert (row.headline.estimate or 0) <= 0.02, row.task


@pytest.mark.parametrize("seeds", SEEDS)
def test_every_style_of_reference_answer_is_read_right(seeds):
    from truing.scorers.refusal import read_reply

    wrong = []
    for name in TASKS:
        for sample in samples_of(name, limit=seeds):
            if sample.choices or find_task(name).card.scorer != REFUSAL_RULE:
                continue
            prompt = sample.messages[-1].text
            wrong += [
                (name, sample.cluster, "good", text)
                for text in sample.reference.good
                if read_reply(prompt, text).label != sample.target
            ]
            wrong += [
                (name, sample.cluster, "bad", text)
                for text in sample.reference.bad
                if read_reply(prompt, text).label == sample.target
            ]
    total = sum(
        len(s.reference.good) + len(s.reference.bad)
        for name in TASKS
        for s in samples_of(name, limit=seeds)
        if not s.choices and find_task(name).card.scorer == REFUSAL_RULE
    )
    assert len(wrong) <= 0.01 * total, wrong[:5]


def test_suites_name_tasks_that_exist():
    for name, suite in suites().items():
        tasks = suite.tasks
        assert find_suite(name) == suite
        assert set(tasks) <= set(TASKS)
        assert len(set(tasks)) == len(tasks)


if __name__ == "__main__":
    EDITIONS.write_text(json.dumps(fingerprints(), indent=1, sort_keys=True) + "\n", "utf-8")
