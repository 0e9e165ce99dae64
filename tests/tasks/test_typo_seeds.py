"""The rules that every seed of prompt_attacks/typos keeps, as far as code can tell."""

import json
import re
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest

SEEDS = Path(__file__).parents[2] / "src/truing/tasks/prompt_attacks/typos/seeds.jsonl"
ROLES = ("right_1", "right_2", "other")
FIELDS = {"id", "domain", "context", "question_1", "question_2", *ROLES}


def load():
    lines = SEEDS.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


ALL = load()
each_seed = pytest.mark.parametrize("seed", [pytest.param(seed, id=seed["id"]) for seed in ALL])


def options(seed):
    return [seed[role] for role in ROLES]


def times(text, phrase):
    """How often the phrase stands in the text as whole words, whatever the case."""
    return len(re.findall(r"(?<!\w)" + re.escape(phrase.lower()) + r"(?!\w)", text.lower()))


def edit_distance(one, other):
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        last, row = row, [i]
        for j, b in enumerate(other, 1):
            row.append(min(last[j] + 1, row[-1] + 1, last[j - 1] + (a != b)))
    return row[-1]


def five_grams(text):
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[i : i + 5]) for i in range(len(words) - 4)}


def test_there_are_enough_seeds_in_enough_domains():
    assert len(ALL) >= 160
    domains = Counter(seed["domain"] for seed in ALL)
    assert len(domains) >= 12
    assert max(domains.values()) <= len(ALL) / 8


def test_ids_are_unique_slugs():
    ids = [seed["id"] for seed in ALL]
    assert len(set(ids)) == len(ids)
    assert [name for name in ids if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)] == []


def test_contexts_and_questions_are_unique():
    texts = [seed[name] for seed in ALL for name in ("context", "question_1", "question_2")]
    assert [text for text, n in Counter(texts).items() if n > 1] == []


@each_seed
def test_fields(seed):
    assert set(seed) - {"canary"} == FIELDS
    for value in seed.values():
        assert isinstance(value, str)
        assert value == value.strip() != ""
        assert not set(value) & set("{}\n\t")
        assert "  " not in value


@each_seed
def test_the_context_is_short(seed):
    assert 20 <= len(seed["context"].split()) <= 45
    assert seed["context"].rstrip('"')[-1] in ".!?"
    assert 1 <= len(re.findall(r'[.!?]"?(?= [A-Z"]|$)', seed["context"])) <= 3


@each_seed
def test_golds_are_in_the_context_once(seed):
    assert times(seed["context"], seed["right_1"]) == 1
    assert times(seed["context"], seed["right_2"]) == 1


@each_seed
def test_options_are_alike_in_form(seed):
    words = [len(option.split()) for option in options(seed)]
    lengths = [len(option) for option in options(seed)]
    assert max(words) <= 4
    assert max(words) - min(words) <= 1
    assert max(lengths) - min(lengths) <= 4 or min(lengths) >= 0.6 * max(lengths)
    assert len({option[0].isupper() for option in options(seed)}) == 1
    assert not any(option[-1] in ".!?," for option in options(seed))


@each_seed
def test_options_are_far_apart_in_letters(seed):
    for one, other in combinations(options(seed), 2):
        assert edit_distance(one.lower(), other.lower()) >= 4


@each_seed
def test_nothing_hinges_on_a_digit_or_a_negation(seed):
    asked = seed["question_1"] + " " + seed["question_2"]
    assert not re.search(r"\d", " ".join([seed["context"], asked, *options(seed)]))
    assert not re.search(r"\b(not|no|never|without)\b|n't\b", asked.lower())


@each_seed
def test_questions_ask_and_do_not_tell(seed):
    for name in ("question_1", "question_2"):
        assert seed[name].endswith("?")
        assert not any(times(seed[name], option) for option in options(seed))


@each_seed
def test_the_two_questions_differ_in_more_than_one_word(seed):
    one, other = (Counter(seed[f"question_{n}"].lower().split()) for n in (1, 2))
    assert (one - other).total() >= 2
    assert (other - one).total() >= 2


def test_the_other_option_is_in_the_context_of_half_of_the_seeds():
    mentioned = sum(times(seed["context"], seed["other"]) > 0 for seed in ALL)
    assert abs(mentioned / len(ALL) - 0.5) < 0.05


@pytest.mark.parametrize("extreme", [max, min])
def test_no_role_has_the_longest_or_the_shortest_option_more_often(extreme):
    tally = Counter()
    for seed in ALL:
        end = extreme(map(len, options(seed)))
        tally.update(role for role in ROLES if len(seed[role]) == end)
    assert max(tally.values()) - min(tally.values()) <= 0.1 * len(ALL)


def test_the_first_gold_comes_first_in_half_of_the_contexts():
    first = 0
    for seed in ALL:
        context = seed["context"].lower()
        first += context.index(seed["right_1"].lower()) < context.index(seed["right_2"].lower())
    assert abs(first / len(ALL) - 0.5) < 0.05


def test_no_two_contexts_are_near_duplicates():
    grams = [(seed["id"], five_grams(seed["context"])) for seed in ALL]
    near = [
        (a, b)
        for (a, one), (b, other) in combinations(grams, 2)
        if len(one & other) >= 0.2 * len(one | other)
    ]
    assert near == []
