"""Causal gold re-derived from the English text by another method than the generator's.

The generator enumerates states. Here the story is read back with regular expressions and every
part is written as a polynomial over GF(2) in the switches (the algebraic normal form, unique for
a Boolean function), so that "makes a difference", "always" and "never" are comparisons of
polynomials. Nothing of the generator but its text is used.
"""

from __future__ import annotations

import re
from collections import Counter

import pytest

from truing.tasks import find_task
from truing.tasks.generators.causal_graphs import seeds

Poly = frozenset[frozenset[str]]
ZERO: Poly = frozenset()
ONE: Poly = frozenset([frozenset()])
RULE = re.compile(r"The ([\w ]+?) is on exactly when ([^.]+)\.")


def plus(left: Poly, right: Poly) -> Poly:
    return left ^ right


def times(left: Poly, right: Poly) -> Poly:
    total: Poly = ZERO
    for a in left:
        for b in right:
            total = plus(total, frozenset([a | b]))
    return total


def read_story(story: str) -> tuple[dict[str, tuple[str, list[str]]], dict[str, bool]]:
    rules = {}
    for name, when in RULE.findall(story):
        if match := re.fullmatch(r"the ([\w ]+) is on", when):
            rules[name] = ("copy", [match[1]])
        elif match := re.fullmatch(r"the ([\w ]+) is off", when):
            rules[name] = ("not", [match[1]])
        elif match := re.fullmatch(r"both the ([\w ]+) and the ([\w ]+) are on", when):
            rules[name] = ("and", [match[1], match[2]])
        else:
            match = re.fullmatch(r"the ([\w ]+) or the ([\w ]+) or both are on", when)
            assert match, when
            rules[name] = ("or", [match[1], match[2]])
    now = re.search(r"Right now ([^.]+)\.", story)
    state = {
        n: on == "on" for n, on in re.findall(r"the ([\w ]+?) is (on|off)", now[1] if now else "")
    }
    return rules, state


def polynomial(name: str, rules, held: dict[str, Poly]) -> Poly:
    if name in held:
        return held[name]
    if name not in rules:
        return frozenset([frozenset([name])])
    kind, parents = rules[name]
    inputs = [polynomial(parent, rules, held) for parent in parents]
    if kind == "copy":
        return inputs[0]
    if kind == "not":
        return plus(ONE, inputs[0])
    product = times(inputs[0], inputs[1])
    return product if kind == "and" else plus(plus(inputs[0], inputs[1]), product)


def value(poly: Poly, state: dict[str, bool]) -> bool:
    return sum(all(state[name] for name in term) for term in poly) % 2 == 1


def answer(story: str, question: str) -> str:
    """Yes or no to an English question about an English story."""
    rules, state = read_story(story)

    def held(cause: str, effect: str, *, on: bool) -> Poly:
        return polynomial(effect, rules, {cause: ONE if on else ZERO})

    part = r"the ([\w ]+?)"
    hold = rf"Somebody may hold {part} on or off by hand; everything else goes by its rule\. "
    if match := re.fullmatch(rf"{hold}Can that ever change whether {part} is on\?", question):
        true = held(*match.groups(), on=True) != held(*match.groups(), on=False)
    elif match := re.fullmatch(
        rf"{hold}Is {part} the same either way, whatever the switches\?", question
    ):
        true = held(*match.groups(), on=True) == held(*match.groups(), on=False)
    elif match := re.fullmatch(
        rf"Somebody holds {part} (on|off) by hand\. Is {part} then (on|off), "
        r"whatever the switches\?",
        question,
    ):
        cause, how, effect, then = match.groups()
        true = held(cause, effect, on=how == "on") == (ONE if then == "on" else ZERO)
    elif match := re.fullmatch(
        rf"Somebody holds {part} (on|off) by hand\. Can {part} still be (on|off)\?", question
    ):
        cause, how, effect, still = match.groups()
        true = held(cause, effect, on=how == "on") != (ZERO if still == "on" else ONE)
    else:
        match = re.fullmatch(
            rf"If somebody now turned {part} the other way by hand, "
            rf"would {part} (change|stay as it is)\?",
            question,
        )
        assert match, question
        cause, effect, what = match.groups()
        actual = value(polynomial(cause, rules, {}), state)
        before = value(polynomial(effect, rules, {}), state)
        after = value(held(cause, effect, on=not actual), state)
        true = (before != after) == (what == "change")
    return "yes" if true else "no"


@pytest.mark.parametrize("edition", [77, 78])
def test_a_thousand_fresh_samples_have_the_gold_that_another_method_derives(
    edition, record_property
):
    wrong, asked = [], 0
    for seed in seeds(edition, 250):
        for side in ("causal", "not"):
            for question, gold in zip(seed[f"asked_{side}"], seed[f"gold_{side}"], strict=True):
                asked += 1
                if answer(seed["story"], question) != gold:
                    wrong.append((seed["story"], question, gold))
    assert asked == 1000
    record_property("figure", f"causal gold, edition {edition}: {len(wrong)} of {asked} disagree")
    assert wrong == []


def test_the_shipped_samples_too():
    for sample in find_task("causal/graphs").samples():
        story, _, rest = sample.messages[-1].text.partition("\n\n")
        question = rest.split("\n")[0]
        gold = next(choice.role for choice in sample.choices if choice.label == sample.target)
        assert answer(story, question) == gold


def test_every_kind_of_question_and_of_contrast_occurs():
    made = seeds(0, 160)
    assert Counter(seed["kind"] for seed in made) == dict.fromkeys(
        ("effect", "sufficient", "necessary", "but_for"), 40
    )
    assert {seed["contrast"] for seed in made} >= {"weaker", "reversed", "confounded"}


def test_stories_do_not_repeat_and_editions_do_not_share_them():
    first, second = ({seed["story"] for seed in seeds(edition, 160)} for edition in (0, 1))
    assert len(first) == len(second) == 160
    assert not first & second


def test_half_of_the_questions_are_asked_the_other_way_round():
    counts = Counter(
        (sample.side, choice.role)
        for sample in find_task("causal/graphs").samples()
        for choice in sample.choices
        if choice.label == sample.target
    )
    assert set(counts.values()) == {80}


def test_the_check_can_fail():
    story = "In a mine, people set a red switch and a blue switch as they like. The drill is on exactly when the red switch is on."
    ask = "Somebody holds the {} switch on by hand. Is the drill then on, whatever the switches?"
    assert answer(story, ask.format("red")) == "yes"
    assert answer(story, ask.format("blue")) == "no"
