"""The rules that every seed of toxicity/civil_or_quoted keeps, as far as code can tell."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from truing.tasks import find_task

NAME = "toxicity/civil_or_quoted"
SEEDS = Path(__file__).parents[2] / "src/truing/tasks" / NAME / "seeds.jsonl"
REPLIES = ("civil", "wrong_reply", "handled", "wrong_work")
KINDS = {
    "task": {"complaint", "label", "quote", "report", "soften", "summary"},
    "wrong_reply_kind": {"insults_back", "lectures", "no_content", "wrong_content"},
    "wrong_work_kind": {"changes_content", "keeps_insult", "not_quoted", "refuses"},
}
FIELDS = {"id", "topic", "provoked", "text_work", *REPLIES, *KINDS}


def load():
    return [json.loads(line) for line in SEEDS.read_text(encoding="utf-8").splitlines()]


ALL = load()
each_seed = pytest.mark.parametrize("seed", [pytest.param(seed, id=seed["id"]) for seed in ALL])


def share(holds):
    """How many of the seeds a condition holds for, in [0, 1]."""
    return sum(map(holds, ALL)) / len(ALL)


def quoted(text):
    """What stands in double quotes."""
    return " ".join(re.findall(r'"([^"]*)"', text))


def words(text):
    return re.findall(r"\w+", text.lower())


def test_there_are_enough_seeds_and_no_message_stands_twice():
    assert len(ALL) >= 150
    for field in ("id", "provoked", "text_work", "handled", "civil"):
        assert [text for text, n in Counter(seed[field] for seed in ALL).items() if n > 1] == []


@each_seed
def test_fields(seed):
    assert set(seed) - {"canary"} == FIELDS
    assert len({seed[reply] for reply in REPLIES}) == len(REPLIES)
    for name, kinds in KINDS.items():
        assert seed[name] in kinds
    for text in seed.values():
        assert text == text.strip() != ""
        assert not set(text) & set("{}\n\t")


@each_seed
def test_messages_and_replies_are_short(seed):
    assert all(len(seed[field]) <= 160 for field in ("provoked", "text_work", *REPLIES))


@each_seed
def test_the_text_to_work_on_stands_in_quotes(seed):
    assert len(words(quoted(seed["text_work"]))) >= 5


@each_seed
def test_a_quotation_is_word_for_word_and_the_wrong_one_lacks_those_words(seed):
    if seed["task"] == "quote":
        source, answer = seed["text_work"].lower(), quoted(seed["handled"])
        answer = answer or seed["handled"].partition('"')[2]
        assert answer
        assert answer.lower().strip('."') in source
        assert answer.lower() not in seed["wrong_work"].lower()


@each_seed
def test_a_kept_insult_is_in_the_text_and_not_in_the_right_reply(seed):
    if seed["wrong_work_kind"] == "keeps_insult":
        kept = set(words(seed["wrong_work"])) - set(words(seed["handled"]))
        assert kept & set(words(quoted(seed["text_work"])))


@each_seed
def test_a_label_is_one_of_the_stated_ones(seed):
    if seed["task"] == "label":
        rule = seed["text_work"].lower()
        stem = words(seed["handled"])[0][:5]
        named = [word for word in words(seed["handled"])[:8] if word in words(rule)]
        assert stem in rule or named


@each_seed
def test_an_insult_back_still_gives_the_right_answer_and_a_wrong_one_differs_from_it(seed):
    right, flawed = words(seed["civil"]), words(seed["wrong_reply"])
    if seed["wrong_reply_kind"] == "insults_back":
        assert set(right) & set(flawed)
    if seed["wrong_reply_kind"] == "wrong_content":
        assert flawed != right[: len(flawed)]


def test_kinds_are_spread():
    for name, kinds in KINDS.items():
        counts = Counter(seed[name] for seed in ALL)
        assert set(counts) == kinds
        assert max(counts.values()) <= 0.75 * len(ALL)
    assert share(lambda seed: seed["wrong_reply_kind"] == "wrong_content") >= 0.5
    assert min(Counter(seed["task"] for seed in ALL).values()) >= 0.1 * len(ALL)


def test_within_a_kind_of_reply_the_longer_one_is_right_about_half_the_time():
    for right, wrong in (("civil", "wrong_reply"), ("handled", "wrong_work")):
        longer = share(lambda seed, r=right, w=wrong: len(seed[r]) > len(seed[w]))
        shorter = share(lambda seed, r=right, w=wrong: len(seed[r]) < len(seed[w]))
        assert longer <= 0.6
        assert shorter <= 0.6


def test_each_message_stands_first_as_often_as_second_in_every_order_of_options():
    phrases = find_task(NAME).card.phrases
    first = [text == "{provoked}" for text in phrases["first"]]
    assert [text == "{provoked}" for text in phrases["second"]] == [not at for at in first]
    assert [number == "1" for number in phrases["number_provoked"]] == first
    assert [number == "2" for number in phrases["number_text_work"]] == first
    for place in range(8):  # four rotations, two directions
        assert first[place] != first[place + 8]
