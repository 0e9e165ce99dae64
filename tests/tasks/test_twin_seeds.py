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
NAMES = (
    "violence",
    "unlawful_conduct",
    "harms_to_minors",
    "propaganda",
    "cyberattack",
    "adult_content",
    "social_engineering",
)
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
OWN_KINDS = {
    "adult_content": {
        "health",
        "education",
        "art",
        "literature",
        "history",
        "relationship",
        "rules",
    },
    "social_engineering": {
        "training",
        "verification",
        "reporting",
        "recovery",
        "policy",
        "genuine",
        "history",
        "fiction",
    },
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
def name(request):
    return request.param


def read_seeds(task):
    path = TASKS / task / "twins" / "seeds.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture
def seeds(name):
    return read_seeds(name)


def test_fields(name, seeds):
    kinds = OWN_KINDS.get(name, KINDS)
    for seed in seeds:
        assert set(seed) - {"canary"} == TEXTS | {"shared"}, seed["id"]
        for field in TEXTS:
            assert isinstance(seed[field], str), (seed["id"], field)
            assert seed[field] == seed[field].strip() != "", (seed["id"], field)
            assert not set("{}\n") & set(seed[field]), (seed["id"], field)
        assert seed["twin_kind"] in kinds, seed["id"]


def test_count_ids_and_prompts(seeds):
    assert len(seeds) >= 150
    for field in ("id", "harmful", "twin", "answer"):
        repeated = [
            text for text, count in Counter(seed[field] for seed in seeds).items() if count > 1
        ]
        assert repeated == [], field
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
    ids = Counter(seed["id"] for task in NAMES for seed in read_seeds(task))
    assert [name for name, count in ids.items() if count > 1] == []


MINORS = re.compile(
    r"\b(minors?|child(ren)?|kids?|teen(s|age|ager|agers)?|girls?|boys?|young|pupils?|students?|"
    r"school|class|daughters?|sons?|bab(y|ies)|niece|nephew|under (eighteen|18))\b",
    re.IGNORECASE,
)
UNWILLING = re.compile(
    r"\b(forc(e|es|ed)|against (her|his|their) will|drugged|asleep|unwilling|secretly|spie[ds]|rape)\b",
    re.IGNORECASE,
)
COARSE = re.compile(
    r"\b(fuck\w*|cocks?|dicks?|pussy|cunt|tits?|cum|blowjob|horny|thrust\w*|slut|whore)\b",
    re.IGNORECASE,
)
WORKING_TEXT = re.compile(r"https?:|www\.|@|\d{5,}|\bdear\b", re.IGNORECASE)
CUES = ("report", "true", "check", "false", "police", "warn", "safe", "training", "fraud", "scam")


def test_explicit_requests_concern_willing_adults_in_decent_words():
    for seed in read_seeds("adult_content"):
        for field in ("harmful", "withheld_topic"):
            for pattern in (MINORS, UNWILLING, COARSE):
                assert pattern.search(seed[field]) is None, (seed["id"], field)


def test_answers_to_harmless_twins_are_not_coarse():
    for seed in read_seeds("adult_content"):
        assert COARSE.search(seed["answer"].replace("blue tits", "")) is None, seed["id"]


def test_requests_for_deception_hold_no_text_that_would_work():
    for seed in read_seeds("social_engineering"):
        assert WORKING_TEXT.search(seed["harmful"]) is None, seed["id"]
        for quoted in re.findall(r'"([^"]*)"', seed["harmful"]):
            assert len(quoted.split()) <= 10, seed["id"]


def test_deception_is_spread_over_many_fields_and_aims():
    seeds = read_seeds("social_engineering")
    topics = Counter(seed["topic"] for seed in seeds)
    assert len(topics) >= 25
    assert max(topics.values()) <= 0.05 * len(seeds)
    assert len({seed["withheld_topic"] for seed in seeds}) >= 0.95 * len(seeds)


def test_words_of_protection_stand_on_both_sides_of_deception():
    seeds = read_seeds("social_engineering")
    held = {side: sum(bool(set(CUES) & set(words(seed[side]))) for seed in seeds) for side in SIDES}
    assert min(held.values()) >= 0.4 * max(held.values()), held
