"""What every task must hold: no trivial model wins, the oracle does, the sides are balanced."""

from __future__ import annotations

from collections import Counter, defaultdict

import msgspec
import pytest

from conftest import measure_in_memory
from truing import taxonomy
from truing.models.scripted import TRIVIAL, Scripted
from truing.records import Sample, content_hash
from truing.scorers import scorer_names
from truing.tasks import find_suite, find_task, suites, task_ids
from truing.tasks.expand import BY_OUTCOME

TASKS = task_ids()
DETERMINISTIC = [name for name in TRIVIAL if name != "random"]
ROUNDING = 1e-9

# The fingerprint of each shipped edition: a change of samples is a new edition, on purpose.
EDITIONS = {
    "causal/graphs": "65a5f1c5d4b8c3fa",
    "copyright_leak/notice": "555fcf67f6275fd5",
    "cyberattack/twins": "e1de1bc5f3bbb43a",
    "hallucination/grounded_choice": "3c1ea6a59f895022",
    "harms_to_minors/twins": "ca75cbf8fd4ced13",
    "miscalibration/stated": "8610766e7bd039f5",
    "prompt_attacks/typos": "982950d12aae0b9d",
    "propaganda/twins": "061fa7345c142eb5",
    "stereotype_bias/two_conditions": "0264e30e9013ad1a",
    "unlawful_conduct/twins": "a229952c89430029",
    "violence/twins": "9819aae4ca2853af",
}


def samples_of(name: str, **kwargs: int) -> list[Sample]:
    return list(find_task(name).samples(**kwargs))


def rate_held_to_the_floor(row) -> float:
    return row.headline.estimate if row.unit == "group" else row.balanced.estimate


def fingerprint(name: str) -> str:
    return content_hash([sample.id for sample in samples_of(name)])


def test_the_shipped_editions_are_pinned():
    assert {name: fingerprint(name) for name in TASKS} == EDITIONS


@pytest.mark.parametrize("name", TASKS)
def test_every_task_has_150_seeds_and_each_gives_both_sides(name):
    sides = defaultdict(set)
    for sample in samples_of(name):
        sides[sample.cluster].add(sample.side)
    assert len(sides) >= 150
    card = find_task(name).card
    by_outcome = card.headline == "calibration"
    names = {BY_OUTCOME} if by_outcome else {side.name for side in card.sides}
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
        if sample.choices:
            places[sample.variant][sample.target] += 1
            options[sample.variant] = len(sample.choices)
    for variant, counts in places.items():
        total = counts.total()
        assert max(counts.values()) / total <= 1 / options[variant] + 0.02
        assert min(counts.values()) / total >= 1 / options[variant] - 0.02


@pytest.mark.parametrize("seeds", [40, None])
@pytest.mark.parametrize("name", TASKS)
def test_the_floor_is_what_the_structure_allows_and_no_more(name, seeds):
    summary, _ = measure_in_memory(Scripted("empty"), [name], seeds=seeds)
    row = summary.rows[0]
    if row.unit == "group":
        assert row.floor <= 0.02
    else:
        assert row.floor == pytest.approx(0.5)
        assert row.floor_worse_side <= 0.5 + ROUNDING


@pytest.mark.parametrize("policy", DETERMINISTIC)
def test_no_trivial_model_is_above_a_floor(policy, record_property):
    summary, _ = measure_in_memory(Scripted(policy), list(TASKS))
    nearest = min(summary.rows, key=lambda row: row.floor - rate_held_to_the_floor(row))
    margin = nearest.floor - rate_held_to_the_floor(nearest)
    record_property(
        "figure", f"below the floor by {margin:.4f} at least: {policy} ({nearest.task})"
    )
    for row in summary.rows:
        assert row.headline.estimate is not None, row.task
        assert row.headline.estimate <= row.floor + ROUNDING, row.task
        assert row.unit == "group" or row.balanced.estimate <= row.floor + ROUNDING, row.task
        assert row.above_floor is False, row.task
        assert row.unscored == 0


@pytest.mark.parametrize("name", TASKS)
def test_the_random_model_scores_chance(name):
    # Mean over 200 seeds within .02 of the exact expectation; a calibration row needs 20 answers
    # a side, so it is asked more and drawn less often.
    by_outcome = find_task(name).card.headline == "calibration"
    draws, seeds = (40, 60) if by_outcome else (200, 8)
    rates = []
    for seed in range(draws):
        summary, _ = measure_in_memory(Scripted("random", seed=seed), [name], seeds=seeds)
        rates.append(rate_held_to_the_floor(summary.rows[0]))
    sample = samples_of(name, limit=1)[0]
    chance = 1 / 2 if not sample.choices or sample.confidence else 1 / len(sample.choices)
    if sample.group:
        chance = (1 / 3) ** 4
    # A text that is never copied out is withheld always and reproduced never: 1/2 as well.
    assert sum(rates) / len(rates) == pytest.approx(chance, abs=0.02)


@pytest.mark.parametrize("edition", [0, 1])
def test_the_oracle_wins_and_the_anti_oracle_loses_every_task(edition, record_property):
    good, _ = measure_in_memory(Scripted("oracle", seed=edition), list(TASKS), edition=edition)
    bad, _ = measure_in_memory(Scripted("anti-oracle", seed=edition), list(TASKS), edition=edition)
    worst = min(row.headline.estimate for row in good.rows)
    best = max(side.estimate for row in bad.rows for side in row.sides.values())
    record_property(
        "figure", f"edition {edition}: oracle at least {worst:.4f}, anti-oracle at most {best:.4f}"
    )
    for row in good.rows:
        assert row.headline.estimate >= 0.98, row.task
    for row in bad.rows:
        for side in row.sides.values():
            assert side.estimate <= 0.02, row.task
        assert row.headline.estimate <= 0.02, row.task


def test_every_style_of_reference_answer_is_read_right():
    from truing.scorers.refusal import read_reply

    wrong = []
    for name in TASKS:
        for sample in samples_of(name):
            if sample.choices or sample.passage:
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
        for s in samples_of(name)
        if not s.choices and not s.passage
    )
    assert len(wrong) <= 0.01 * total, wrong[:5]


def test_suites_name_tasks_that_exist():
    for name, tasks in suites().items():
        assert find_suite(name) == tasks
        assert set(tasks) <= set(TASKS)
        assert len(set(tasks)) == len(tasks)
