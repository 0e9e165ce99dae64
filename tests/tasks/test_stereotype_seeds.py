"""The seeds of stereotype_bias/two_conditions, checked by code for balance and form."""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest

PATH = Path(__file__).parents[2] / "src/truing/tasks/stereotype_bias/two_conditions/seeds.jsonl"
FIELDS = {
    "id",
    "axis",
    "context",
    "stereotyped_person",
    "other_person",
    "question",
    "question_other",
    "evidence_stereotyped",
    "evidence_other",
    "no_evidence",
    "stereotype",
}
PERSONS = ("stereotyped_person", "other_person")
EVIDENCE = ("evidence_stereotyped", "evidence_other")
CLOSING = (*EVIDENCE, "no_evidence")
# Words of a question that say nothing of the behaviour asked about.
EMPTY = frozenset(
    re.findall(
        r"\w+",
        "who was the and with for had were did too not could their his her its far that from "
        "about very in at to of an a on stayed turned out",
    )
)


@pytest.fixture(scope="module")
def seeds() -> list[dict[str, str]]:
    lines = PATH.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def bare(person: str) -> str:
    """The noun phrase without its article, as a context introduces it with "a"."""
    return person.lower().removeprefix("the ")


def places(phrase: str, text: str) -> list[int]:
    # A hyphen joins: "the non-Roma musician" does not name the Roma musician.
    whole = rf"(?<![\w-]){re.escape(phrase.lower())}(?![\w-])"
    return [match.start() for match in re.finditer(whole, text.lower())]


def first_in_context(seed: dict[str, str]) -> str:
    return min(PERSONS, key=lambda who: places(bare(seed[who]), seed["context"])[0])


def share(flags: list[bool]) -> float:
    assert flags
    return sum(flags) / len(flags)


def test_fields(seeds):
    for seed in seeds:
        assert set(seed) - {"canary"} == FIELDS, seed["id"]
        for name, value in seed.items():
            assert isinstance(value, str), (seed["id"], name)
            assert value, (seed["id"], name)
            assert value == value.strip(), (seed["id"], name)
            assert not set(value) & set("{}\n|"), (seed["id"], name)
        assert seed["question"] != seed["question_other"]
        for name in ("question", "question_other"):
            assert seed[name].startswith("Who "), seed["id"]
            assert seed[name].endswith("?"), seed["id"]
        for name in ("context", *CLOSING):
            assert seed[name][-1] in '.?!"', (seed["id"], name)


def test_number_and_ids(seeds):
    assert len(seeds) >= 150
    ids = [seed["id"] for seed in seeds]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z0-9_]+(-[a-z0-9_]+)+", name) for name in ids)


def test_axes(seeds):
    axes = Counter(seed["axis"] for seed in seeds)
    assert len(axes) >= 12
    assert min(axes.values()) >= 10


def test_persons_are_named_in_context_and_closing_sentences(seeds):
    for seed in seeds:
        for who in PERSONS:
            assert seed[who].startswith("the "), seed["id"]
            assert len(places(bare(seed[who]), seed["context"])) == 1, (seed["id"], who)
            for closing in CLOSING:
                assert len(places(seed[who], seed[closing])) == 1, (seed["id"], who, closing)


def test_first_mention_is_balanced(seeds):
    assert 0.45 <= share([first_in_context(s) == "stereotyped_person" for s in seeds]) <= 0.55
    for axis in {seed["axis"] for seed in seeds}:
        own = [first_in_context(s) == "stereotyped_person" for s in seeds if s["axis"] == axis]
        assert 0.3 <= share(own) <= 0.7, axis


def test_order_in_evidence_is_counterbalanced(seeds):
    def named_first(seed, evidence, who):
        other = next(person for person in PERSONS if person != who)
        text = seed[evidence]
        return places(seed[who], text)[0] < places(seed[other], text)[0]

    for who, evidence in zip(PERSONS, EVIDENCE, strict=True):
        # The person who is the answer to `question`, then the one who is first in the context.
        assert 0.45 <= share([named_first(s, evidence, who) for s in seeds]) <= 0.55
        same = [named_first(s, evidence, first_in_context(s)) for s in seeds]
        assert 0.4 <= share(same) <= 0.6


def test_evidence_is_mirrored(seeds):
    for seed in seeds:
        one, two = len(seed["evidence_stereotyped"]), len(seed["evidence_other"])
        assert max(one, two) <= 1.2 * min(one, two), seed["id"]
        assert seed["evidence_stereotyped"] != seed["evidence_other"], seed["id"]
        # At least most of the words are the same: only the persons change places.
        a, b = Counter(words(seed["evidence_stereotyped"])), Counter(words(seed["evidence_other"]))
        assert (a & b).total() >= 0.8 * max(a.total(), b.total()), seed["id"]


def test_closing_sentences_of_the_three_conditions_are_alike_in_form(seeds):
    for seed in seeds:
        lengths = [len(seed[name]) for name in CLOSING]
        assert max(lengths) <= 1.6 * min(lengths), seed["id"]
        # The same person comes first as in the evidence that agrees with the stereotype.
        mine, other = (places(seed[who], seed["no_evidence"])[0] for who in PERSONS)
        named = [places(seed[who], seed["evidence_stereotyped"])[0] for who in PERSONS]
        assert (mine < other) == (named[0] < named[1]), seed["id"]
    total = {name: sum(len(seed[name]) for seed in seeds) for name in CLOSING}
    assert max(total.values()) <= 1.05 * min(total.values())


def test_every_condition_closes_with_a_sentence_of_its_own(seeds):
    card = tomllib.loads(PATH.with_name("card.toml").read_text(encoding="utf-8"))
    told = {
        variant["name"]: variant["slots"]["situation"]
        for side in card["sides"]
        for variant in side["variants"]
    }
    assert told == {
        "ambiguous": "{context} {no_evidence}",
        "ambiguous_opposite": "{context} {no_evidence}",
        "with_stereotype": "{context} {evidence_stereotyped}",
        "against_stereotype": "{context} {evidence_other}",
        "with_stereotype_opposite": "{context} {evidence_stereotyped}",
        "against_stereotype_opposite": "{context} {evidence_other}",
    }
    closing = [seed["no_evidence"] for seed in seeds]
    assert len(set(closing)) == len(closing)


def test_no_closing_sentence_repeats_the_question(seeds):
    for seed in seeds:
        given = set(words(f"{seed['context']} {seed['stereotyped_person']} {seed['other_person']}"))
        asked = set(words(f"{seed['question']} {seed['question_other']}")) - given - EMPTY
        told = set(words(" ".join(seed[name] for name in CLOSING)))
        assert not {word for word in asked & told if len(word) > 2}, seed["id"]


def test_context_gives_no_evidence_away(seeds):
    for seed in seeds:
        asked = set(words(f"{seed['question']} {seed['question_other']}"))
        behaviour = " ".join(words(seed["question"])[1:])
        assert behaviour not in " ".join(words(seed["context"])), seed["id"]
        assert asked - set(words(seed["context"])) - EMPTY, seed["id"]


def test_length_of_options_is_balanced(seeds):
    longer = []
    for seed in seeds:
        mine, other = (len(seed[person]) for person in PERSONS)
        assert abs(mine - other) <= 10, seed["id"]
        if mine != other:
            longer.append(mine > other)
    assert 0.4 <= share(longer) <= 0.6


def test_few_near_duplicates(seeds):
    def grams(text):
        tokens = words(text)
        return {tuple(tokens[i : i + 5]) for i in range(len(tokens) - 4)}

    sets = [grams(seed["context"]) for seed in seeds]
    alike = set()
    for (i, one), (j, two) in combinations(enumerate(sets), 2):
        if len(one & two) >= 0.3 * len(one | two):
            alike |= {i, j}
    assert len(alike) < 0.02 * len(seeds)
    contexts = [seed["context"] for seed in seeds]
    assert len(set(contexts)) == len(contexts)
    evidences = [seed[name] for seed in seeds for name in EVIDENCE]
    assert len(set(evidences)) == len(evidences)
