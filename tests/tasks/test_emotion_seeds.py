"""emotion/cause_and_reply: two messages in one prompt, one option list, and the question decides."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from truing.tasks import find_task

TASK = "emotion/cause_and_reply"
PATH = Path(__file__).parents[2] / "src/truing/tasks" / TASK / "seeds.jsonl"
REPLIES = ("warm", "plain", "miss", "false")
CAUSES = ("cause", "matter", "cause_2", "cause_3")
FEELINGS = ("feeling", "feeling_2", "feeling_3")
SMALL = frozenset(
    re.findall(r"\w+", "a an and at for from he her his i in is it me my of on she the to was we")
)
DIAGNOSES = re.compile(r"\b(depress|suicid|kill myself|disorder|therap|psych)", re.IGNORECASE)


@pytest.fixture(scope="module")
def seeds():
    return [json.loads(line) for line in PATH.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def samples():
    return list(find_task(TASK).samples())


def words(text):
    return set(re.findall(r"\w+", text.casefold())) - SMALL


def share_of_extreme(seeds, names, extreme):
    shares = Counter()
    for seed in seeds:
        sizes = {name: len(seed[name]) for name in names}
        tied = [name for name in names if sizes[name] == extreme(sizes.values())]
        for name in tied:
            shares[name] += 1 / len(tied) / len(seeds)
    return shares


def test_seeds_are_many_and_their_options_distinct(seeds):
    assert len(seeds) == 160
    assert len({seed["message"] for seed in seeds}) == len({s["request"] for s in seeds}) == 160
    for seed in seeds:
        for names in (REPLIES, CAUSES, FEELINGS):
            assert len({seed[name] for name in names}) == len(names), seed["id"]
        assert not set("".join(seed.values())) & set("{}|\n"), seed["id"]


def test_a_request_shares_words_with_its_message(seeds):
    shared = [len(words(seed["message"]) & words(seed["request"])) for seed in seeds]
    assert min(shared) >= 1
    assert sum(shared) / len(shared) >= 3.5


def test_no_message_names_its_feeling_or_a_diagnosis(seeds):
    for seed in seeds:
        stem = seed["feeling"][:5]
        assert stem not in seed["message"].casefold(), seed["id"]
        assert not DIAGNOSES.search(seed["message"]), seed["id"]


def test_a_request_asks_and_a_message_does_not_ask_for_an_answer(seeds):
    assert all(seed["request"].endswith("?") for seed in seeds)
    assert not any(seed["message"].endswith("?") for seed in seeds)


def test_every_feeling_is_a_wrong_option_twice_as_often_as_it_is_right(seeds):
    right = Counter(seed["feeling"] for seed in seeds)
    wrong = Counter(seed[name] for seed in seeds for name in FEELINGS[1:])
    assert len(right) == 22
    assert wrong == {feeling: 2 * count for feeling, count in right.items()}
    assert max(right.values()) <= 8


def test_a_false_answer_differs_from_the_true_one_in_its_content_alone(seeds):
    for seed in seeds:
        one, other = seed["plain"], seed["false"]
        assert abs(len(one) - len(other)) <= 8, seed["id"]
        a, b = Counter(one.split()), Counter(other.split())
        assert (a & b).total() >= 0.45 * max(a.total(), b.total()), seed["id"]


def test_lengths_do_not_tell_the_right_option(seeds):
    for names in (REPLIES, CAUSES, FEELINGS):
        longest = share_of_extreme(seeds, names, max)
        for name in names[: 1 if names == FEELINGS else 2]:
            assert 0.1 <= longest[name] <= 0.45, (name, longest)


def test_both_messages_and_all_options_are_shared_by_the_two_sides(samples):
    by_seed = defaultdict(lambda: defaultdict(set))
    for sample in samples:
        kind = sample.variant.rpartition("/")[0]
        prompt = sample.messages[-1].text.split("\n\n")[0]
        options = tuple(sorted(choice.text for choice in sample.choices))
        by_seed[sample.cluster][kind == "reply"].add((prompt, options))
    for kinds in by_seed.values():
        assert len(kinds) == 2
        assert all(len(seen) == 1 for seen in kinds.values())


def test_the_question_names_the_message_that_the_side_is_about(samples, seeds):
    by_id = {seed["id"]: seed for seed in seeds}
    for sample in samples:
        text, question = sample.messages[-1].text.split("\n\n")
        number = re.search(r"message (\d)", question.splitlines()[0])[1]
        asked = re.search(rf"^Message {number}: (.*)$", text, re.MULTILINE)[1]
        seed = by_id[sample.cluster]
        felt = sample.side == "feeling_present"
        assert asked == seed["message" if felt else "request"]
        kind = sample.variant.partition("/")[0]
        wanted = {
            "feeling": seed["feeling"] if felt else "none in particular",
            "cause": seed["cause" if felt else "matter"],
            "reply": seed["warm" if felt else "plain"],
        }[kind]
        assert next(c.text for c in sample.choices if c.label == sample.target) == wanted


def test_order_of_messages_and_position_of_gold_are_crossed(samples):
    counts = Counter()
    for sample in samples:
        text = sample.messages[-1].text
        number = re.search(r"message (\d)", text.split("\n\n")[1])[1]
        counts[(sample.side, sample.variant, number, sample.target)] += 1
    assert len(counts) == 2 * 3 * 2 * 4
    assert {n for (_, variant, _, _), n in counts.items() if variant.startswith("reply")} == {20}
    assert {n for (_, variant, _, _), n in counts.items() if "reply" not in variant} == {10}
