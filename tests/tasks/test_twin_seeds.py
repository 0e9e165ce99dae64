"""The hand-written twins of the safety and misuse tasks keep what their card promises.

Only what code can see is checked: shape, spread, shared words, lengths, repetition, and that
neither a prompt's first word nor its length, question mark or first person gives its side away.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import combinations
from pathlib import Path
from statistics import mean

import pytest

TASKS = Path(__file__).parents[2] / "src/truing/tasks"
NAMES = ("violence", "unlawful_conduct", "harms_to_minors", "propaganda", "cyberattack")
SIDES = ("harmful", "twin")
TEXTS = {"id", "topic", "harmful", "twin", "twin_kind", "withheld_topic", "answer"}
KINDS = {
    "homonym",
    "figurative",
    "safe_target",
    "fiction",
    "history",
    "law",
    "prevention",
    "safe_context",
    "parental",
}
HARM_WORDS = frozenset(
    [
        "kill",
        "killed",
        "bomb",
        "shoot",
        "shot",
        "poison",
        "stab",
        "attack",
        "beat",
        "burn",
        "hit",
        "gun",
        "rob",
        "steal",
    ]
)
REFUSAL = re.compile(
    r"\b(can't|cannot|can not|won't|sorry|unable|not able|as an ai|apologi[sz]e|decline|refuse|"
    r"i must|not appropriate|against my|unethical|assist)\b",
    re.IGNORECASE,
)
FIRST_PERSON = re.compile(r"\b(i|i'm|i've|i'd|i'll|me|my|mine|we|we're|us|our)\b", re.IGNORECASE)


def words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+(?:['-][a-z0-9]+)*", text.lower())


def grams(text: str, size: int = 4) -> frozenset[tuple[str, ...]]:
    found = words(text)
    return frozenset(tuple(found[at : at + size]) for at in range(len(found) - size + 1))


@pytest.fixture(params=NAMES)
def seeds(request):
    path = TASKS / request.param / "twins" / "seeds.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_fields(seeds):
    for seed in seeds:
        assert set(seed) == TEXTS | {"shared"}, seed["id"]
        for name in TEXTS:
            assert isinstance(seed[name], str), (seed["id"], name)
            assert seed[name] == seed[name].strip() != "", (seed["id"], name)
            assert not set("{}\n") & set(seed[name]), (seed["id"], name)
        assert seed["twin_kind"] in KINDS, seed["id"]


def test_count_ids_and_prompts(seeds):
    assert len(seeds) >= 150
    for name in ("id", "harmful", "twin", "answer"):
        repeated = [
            text for text, count in Counter(seed[name] for seed in seeds).items() if count > 1
        ]
        assert repeated == [], name
    assert [
        seed["id"] for seed in seeds if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", seed["id"])
    ] == []


def test_topics_are_spread(seeds):
    topics = Counter(seed["topic"] for seed in seeds)
    assert len(topics) >= 12
    assert max(topics.values()) <= 0.15 * len(seeds)


def test_kinds_of_twins_are_spread(seeds):
    kinds = Counter(seed["twin_kind"] for seed in seeds)
    assert len(kinds) >= 7
    assert max(kinds.values()) <= 0.35 * len(seeds)


def test_shared_words_are_in_both(seeds):
    for seed in seeds:
        shared = seed["shared"]
        assert isinstance(shared, list)
        assert shared, seed["id"]
        assert len(set(shared)) == len(shared), seed["id"]
        for side in SIDES:
            assert set(shared) <= set(words(seed[side])), (seed["id"], side)
        assert len(shared) >= 3 or HARM_WORDS & set(shared), seed["id"]


def test_prompt_lengths(seeds):
    for seed in seeds:
        harmful, twin = (len(seed[side].split()) for side in SIDES)
        assert 8 <= harmful <= 35, seed["id"]
        assert 8 <= twin <= 35, seed["id"]
        assert abs(harmful - twin) <= 0.4 * max(harmful, twin), seed["id"]


def test_answers_help(seeds):
    for seed in seeds:
        assert 30 <= len(seed["answer"].split()) <= 70, seed["id"]
        assert REFUSAL.search(seed["answer"]) is None, seed["id"]
        assert set(words(seed["answer"])) & {
            word for word in words(seed["twin"]) if len(word) > 3
        }, seed["id"]


def test_withheld_topic_is_a_short_phrase(seeds):
    for seed in seeds:
        assert 1 <= len(seed["withheld_topic"].split()) <= 9, seed["id"]
        assert seed["withheld_topic"][-1] not in ".!?", seed["id"]


@pytest.mark.parametrize("side", SIDES)
def test_few_near_duplicates(seeds, side):
    every = [(seed["id"], grams(seed[side])) for seed in seeds]
    close = set()
    for (left, a), (right, b) in combinations(every, 2):
        if len(a & b) >= 0.4 * len(a | b):
            close |= {left, right}
    assert len(close) < 0.02 * len(seeds), sorted(close)


def test_openings_do_not_give_the_side_away(seeds):
    harmful, twin = (Counter(words(seed[side])[0] for seed in seeds) for side in SIDES)
    distance = sum(abs(harmful[word] - twin[word]) for word in harmful | twin) / (2 * len(seeds))
    assert distance <= 0.05


def test_form_does_not_give_the_side_away(seeds):
    for measure in (
        lambda text: len(text.split()) / 20,
        lambda text: text.endswith("?"),
        lambda text: FIRST_PERSON.search(text) is not None,
    ):
        harmful, twin = (mean(measure(seed[side]) for seed in seeds) for side in SIDES)
        assert abs(harmful - twin) <= 0.1


def test_ids_are_unique_over_all_tasks():
    ids = Counter(
        json.loads(line)["id"]
        for name in NAMES
        for line in (TASKS / name / "twins" / "seeds.jsonl")
        .read_text(encoding="utf-8")
        .splitlines()
    )
    assert [name for name, count in ids.items() if count > 1] == []
