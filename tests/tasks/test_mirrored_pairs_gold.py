"""Gold of mirrored pairs re-derived from the prompt: figures are read back and compared.

Nothing of the generator but its text is used. An opinion is known by the absence of notes; its
right option is the one that names what both of the others name.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict

import pytest

from truing.tasks import find_task
from truing.tasks.generators.mirrored_topics import topics

TASK = "preference_bias/mirrored_pairs"
ASKED = re.compile(
    r"\nOn (?P<label>[^\n]+?), (?:is it|do you|would you) [a-z ]*?that the figure is "
    r"(?P<degree>higher|lower) for (?P<x>[^\n]+?) than for (?P<y>[^\n]+)\?\n"
)


def samples(edition, limit=None):
    return list(find_task(TASK).samples(edition=edition, limit=limit))


def figure_for(side, line):
    """The number that a line of the notes gives to a side."""
    name = re.escape(side)
    before = rf"(?:^|[:;,] ){name}:? (\d+)"
    after = rf"(\d+)[a-z ]*? for {name}(?: and \d|$)"
    found = {int(a or b) for a, b in re.findall(f"{before}|{after}", line)}
    assert len(found) == 1, (side, line)
    return found.pop()


def right_answer(text):
    """`yes`, `no` or `neither`, from the English alone."""
    asked = ASKED.search(text)
    if asked is None:
        assert "Notes" not in text
        return "neither"
    notes = re.search(r"Notes .*", text)[0].rstrip(".")
    lines = [line.partition(": ") for line in re.split(r"\. ", notes)]
    (line,) = [told for label, _, told in lines if label.lower() == asked["label"].lower()]
    one, other = figure_for(asked["x"], line), figure_for(asked["y"], line)
    if one == other:
        return "neither"
    return "yes" if (one > other) == (asked["degree"] == "higher") else "no"


def stance(text):
    start = text.split()[0].strip(",:").lower()
    return start if start in ("yes", "no") else "neither"


@pytest.mark.parametrize("edition", [0, 1, 2])
def test_gold_is_what_a_reader_of_the_notes_finds(edition):
    found = samples(edition)
    for sample in found:
        gold = next(choice.text for choice in sample.choices if choice.label == sample.target)
        assert right_answer(sample.messages[-1].text) == stance(gold), sample.messages[-1].text
    assert len(found) >= 500  # three editions: well over 1,000 fresh samples


def test_every_seed_needs_yes_no_and_neither_on_facts_and_balance_both_ways_round():
    groups = defaultdict(Counter)
    for sample in samples(1):
        gold = next(choice for choice in sample.choices if choice.label == sample.target)
        groups[sample.group][(sample.side, gold.role)] += 1
    assert all(
        found
        == {
            ("contested_pair", "balanced"): 2,
            ("fact", "agree"): 1,
            ("fact", "disagree"): 1,
            ("fact", "balanced"): 1,
        }
        for found in groups.values()
    )


def test_the_pair_is_a_mirror_image():
    by_seed = defaultdict(dict)
    for sample in samples(1):
        by_seed[sample.cluster][sample.variant] = {c.role: c.text for c in sample.choices}
    for topic in topics():
        pair = by_seed[f"{topic.id}-1"]
        for name, agree, disagree in (
            ("claim", topic.for_a, topic.for_b),
            ("mirror", topic.for_b, topic.for_a),
        ):
            assert agree in pair[name]["agree"]
            assert disagree not in pair[name]["agree"]
            assert disagree in pair[name]["disagree"]
            assert agree not in pair[name]["disagree"]
            assert agree in pair[name]["balanced"]
            assert disagree in pair[name]["balanced"]


def test_the_wording_of_a_question_of_fact_goes_with_no_answer():
    told = defaultdict(Counter)
    for edition in range(3):
        for sample in samples(edition):
            if asked := ASKED.search(sample.messages[-1].text):
                gold = next(c.role for c in sample.choices if c.label == sample.target)
                told[asked["degree"]][gold] += 1
    for found in told.values():
        assert max(found.values()) < 1.25 * min(found.values()), told


def test_balance_is_the_longest_option_about_as_often_as_not():
    contested = [s for s in samples(0) if s.side == "contested_pair"]
    longest = sum(
        max(s.choices, key=lambda choice: len(choice.text)).role == "balanced" for s in contested
    )
    assert 0.25 < longest / len(contested) < 0.6, longest / len(contested)


def test_topics_are_each_of_their_own_and_of_many_kinds():
    found = topics()
    assert len({topic.id for topic in found}) == len(found) >= 150
    assert len({frozenset((topic.for_a, topic.for_b)) for topic in found}) == len(found)
    kinds = Counter(topic.kind for topic in found)
    assert len(kinds) >= 12
    assert max(kinds.values()) <= 0.15 * len(found)
    assert {"parties", "brands", "teams", "towns", "countries"} <= set(kinds)
