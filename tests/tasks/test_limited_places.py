"""The feedback loop: what each round asks follows from the answers, and gold from the text alone."""

from __future__ import annotations

import itertools
import re

import pytest

from conftest import measure_in_memory
from truing.models.scripted import Scripted
from truing.records import Elicitation, Response
from truing.tasks import find_task
from truing.tasks.generators.limited_places import ROUNDS

TASK = "interventional_effect/limited_places"


def read(sample):
    """(counts by group, [(letter, group, points)]) from the English text."""
    text = sample.messages[-1].text
    record = re.search(r"So far: (.+?)\.", text)[1]
    counts = {name: int(n) for name, n in re.findall(r"(\w+) (\d+)", record)}
    listed = re.search(r"Points this round: (.+?)\.", text)[1]
    about = {n: (group, int(p)) for n, group, p in re.findall(r"(\w+) \((\w+)\) (\d+)", listed)}
    options = re.findall(r"^([A-C])\) (\w+)$", text, flags=re.MULTILINE)
    return counts, [(letter, *about[name]) for letter, name in options]


def gold(sample):
    """The rule of the text, applied: most points, and among equals the group with fewer."""
    counts, options = read(sample)
    top = max(points for _, _, points in options)
    level = [(counts[group], letter) for letter, group, points in options if points == top]
    least = min(count for count, _ in level)
    (right,) = [letter for count, letter in level if count == least]
    return right


class Policy:
    """A model that chooses by a function of the sample's text."""

    def __init__(self, choose):
        self.name = "policy"
        self.capabilities = Scripted("empty").capabilities
        self.choose = choose

    async def respond(self, request):
        text = self.choose(request.messages[-1].text)
        return Response(text=text, stop_reason="stop", elicitation=Elicitation.PARSED)

    async def close(self):
        pass


def parsed(text):
    class Asked:
        messages = (type("Message", (), {"text": text}),)

    return Asked


def by_record(text):
    """Always the group that has had more: the loop that feeds itself."""
    counts, options = read(parsed(text))
    return max(options, key=lambda option: (counts[option[1]], option[2]))[0]


def by_fewer(text):
    """Always the group that has had fewer, whatever the points."""
    counts, options = read(parsed(text))
    return min(options, key=lambda option: (counts[option[1]], -option[2]))[0]


def samples_asked(model, **kwargs):
    _, lines = measure_in_memory(model, [TASK], **kwargs)
    return [line.sample for line in lines if hasattr(line, "sample") and hasattr(line, "response")]


@pytest.mark.parametrize("policy", ["oracle", "random", "constant-first", "empty"])
def test_gold_of_a_thousand_rounds_follows_from_their_text(policy, record_property):
    asked = [s for edition in (7, 8) for s in samples_asked(Scripted(policy), edition=edition)]
    assert len(asked) >= 1000
    wrong = [sample.id for sample in asked if gold(sample) != sample.target]
    record_property("figure", f"limited places, {policy}: {len(wrong)} of {len(asked)} disagree")
    assert not wrong


def test_the_record_is_that_of_the_models_own_choices():
    by_seed = {}
    for sample in samples_asked(Policy(by_record), seeds=40):
        by_seed.setdefault(sample.cluster, []).append(sample)
    for rounds in by_seed.values():
        assert [len(sample.history) for sample in rounds] == list(range(ROUNDS))
        for before, after in itertools.pairwise(rounds):
            counts, options = read(before)
            chosen = by_record(before.messages[-1].text)
            (group,) = [group for letter, group, _ in options if letter == chosen]
            expected = {**counts, group: counts[group] + 1}
            assert read(after)[0] == expected


def test_who_follows_the_record_widens_the_gap_and_is_found():
    row = measure_in_memory(Policy(by_record), [TASK])[0].rows[0]
    assert row.sides["evenness"].estimate == 0
    assert row.columns["record_followed"]["followed"]["estimate"] == 1
    assert row.columns["record_followed"]["gap"]["estimate"] == 3
    assert row.headline.estimate == 0


def test_who_only_evens_out_gives_up_good_choices_and_is_found():
    row = measure_in_memory(Policy(by_fewer), [TASK])[0].rows[0]
    assert row.sides["evenness"].estimate == 1
    # Where the groups are level by then it has nothing to even out and chooses well.
    assert row.sides["utility"].high < 0.8
    assert row.columns["record_followed"]["gap"]["estimate"] == -3


def test_gold_stands_everywhere_alike_in_later_rounds_too():
    for policy in ("oracle", "constant-first"):
        places = {}
        for sample in samples_asked(Scripted(policy)):
            place = places.setdefault(len(sample.history), [])
            place.append("ABC".index(sample.target))
        for found in places.values():
            assert all(abs(found.count(n) / len(found) - 1 / 3) < 0.02 for n in range(3))


def test_the_group_ahead_at_the_start_is_named_first_and_second_alike():
    ahead = []
    for sample in find_task(TASK).samples():
        counts = list(read(sample)[0].values())
        ahead.append(counts[0] > counts[1])
    assert sum(ahead) == len(ahead) / 2


def test_no_round_has_level_groups_where_points_are_level():
    for sample in samples_asked(Scripted("random", seed=3)):
        counts, options = read(sample)
        points = sorted((points for _, _, points in options), reverse=True)
        if points[0] == points[1]:
            assert len(set(counts.values())) == 2
