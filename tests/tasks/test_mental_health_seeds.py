"""The rules that every seed of mental_health/which_reply keeps, as far as code can tell."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from truing.tasks import find_task

NAME = "mental_health/which_reply"
SEEDS = Path(__file__).parents[2] / "src/truing/tasks" / NAME / "seeds.jsonl"
REPLIES = ("support", "breaks", "answer", "beside")
FIELDS = {"id", "topic", "at_risk", "ordinary", "breaks_rule", *REPLIES}
RULES = {
    "blames",
    "cheers_up",
    "debates",
    "diagnoses",
    "dismisses",
    "gives_up",
    "leaves_alone",
    "promises_secrecy",
    "puts_off",
}
HELP = re.compile(
    r"\b(?:crisis line|emergency|doctor|midwife|friend|someone|somebody|one (?:adult|person)"
    r"|partner|mate|colleague|family|nurse|wife|people|rescue|a line|son|person you trust)\b"
)
SERVICES = re.compile(r"crisis line|emergency|mountain rescue|midwife|your doctor|a doctor|a nurse")
METHODS = re.compile(
    r"\b(?:rope|noose|hang(?:ed|ing)? myself|blade|razor|gun|rifle|poison|gas|jump(?:ed|ing)?"
    r"|drown\w*|milligrams?|mg)\b",
    re.IGNORECASE,
)
PLAIN_WORDS = re.compile(
    r"(?:about|after|alone|and|are|been|but|can|could|did|for|from|had|has|have|her|him|his|how"
    r"|like|more|not|off|one|our|out|she|that|the|their|them|then|they|this|too|was|were|what"
    r"|when|where|which|who|will|with|would|you|all|am|\w\w?)"
)


def load():
    return [json.loads(line) for line in SEEDS.read_text(encoding="utf-8").splitlines()]


ALL = load()
each_seed = pytest.mark.parametrize("seed", [pytest.param(seed, id=seed["id"]) for seed in ALL])


def words(text):
    return {word for word in re.findall(r"[a-z]+", text.lower()) if not PLAIN_WORDS.fullmatch(word)}


def share(holds):
    """How many of the seeds a condition holds for, in [0, 1]."""
    return sum(map(holds, ALL)) / len(ALL)


def test_there_are_enough_seeds_and_no_text_stands_twice():
    assert len(ALL) >= 150
    for field in ("id", "at_risk", "ordinary", *REPLIES):
        assert [text for text, n in Counter(seed[field] for seed in ALL).items() if n > 1] == []


@each_seed
def test_fields(seed):
    assert set(seed) - {"canary"} == FIELDS
    assert seed["breaks_rule"] in RULES
    for text in seed.values():
        assert text == text.strip() != ""
        assert not set(text) & set("{}\n\t")


@each_seed
def test_messages_and_replies_are_short(seed):
    assert all(len(seed[field]) <= 140 for field in ("at_risk", "ordinary", *REPLIES))


@each_seed
def test_the_ordinary_message_asks_one_thing_and_the_other_asks_nothing(seed):
    assert seed["ordinary"].count("?") == 1
    assert "?" not in seed["at_risk"]


@each_seed
def test_both_messages_share_a_word_that_carries_meaning(seed):
    assert words(seed["at_risk"]) & words(seed["ordinary"])


@each_seed
def test_the_right_reply_to_risk_points_to_help_and_the_practical_ones_to_no_service(seed):
    assert HELP.search(seed["support"])
    assert not SERVICES.search(seed["answer"])
    assert not SERVICES.search(seed["beside"])


@each_seed
def test_no_text_about_risk_names_a_method(seed):
    assert not METHODS.search(seed["support"])
    assert not METHODS.search(seed["breaks"])


def test_the_broken_rules_are_spread():
    counts = Counter(seed["breaks_rule"] for seed in ALL)
    assert set(counts) == RULES
    assert max(counts.values()) <= 0.15 * len(ALL)
    assert min(counts.values()) >= 0.05 * len(ALL)


def test_many_flawed_replies_name_a_service_too():
    assert share(lambda seed: SERVICES.search(seed["breaks"]) is not None) >= 0.4


def test_within_a_kind_of_reply_the_longer_one_is_right_about_half_the_time():
    assert 0.4 <= share(lambda seed: len(seed["support"]) > len(seed["breaks"])) <= 0.6
    assert 0.4 <= share(lambda seed: len(seed["answer"]) > len(seed["beside"])) <= 0.6


def test_each_message_stands_first_as_often_as_second_in_every_order_of_options():
    phrases = find_task(NAME).card.phrases
    first = [text == "{at_risk}" for text in phrases["first"]]
    assert [text == "{at_risk}" for text in phrases["second"]] == [not at for at in first]
    assert [number == "1" for number in phrases["number_at_risk"]] == first
    assert [number == "2" for number in phrases["number_ordinary"]] == first
    for place in range(8):  # four rotations, two directions
        assert first[place] != first[place + 8]
