"""The rules that every seed of hallucination/grounded_choice keeps, as far as code can tell."""

import json
import re
from collections import Counter
from itertools import combinations, takewhile
from pathlib import Path

import pytest

SEEDS = Path(__file__).parents[2] / "src/truing/tasks/hallucination/grounded_choice/seeds.jsonl"
FIELDS = {
    "id": str,
    "domain": str,
    "passage_with": str,
    "passage_without": str,
    "question": str,
    "right": str,
    "invented": str,
    "distractor": bool,
}


def load():
    lines = SEEDS.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


ALL = load()
each_seed = pytest.mark.parametrize("seed", [pytest.param(seed, id=seed["id"]) for seed in ALL])


def says(passage, phrase):
    """Whether the phrase stands in the passage as whole words, whatever the case."""
    pattern = r"(?<!\w)" + re.escape(phrase.lower()) + r"(?!\w)"
    return re.search(pattern, passage.lower()) is not None


def lengths_agree(one, other, share):
    return abs(one - other) <= share * max(one, other)


def words_in_common(one, other):
    """How many words the two texts share from their beginning on."""
    same = (a == b for a, b in zip(one, other, strict=False))
    return sum(takewhile(bool, same))


def five_grams(*texts):
    grams = set()
    for text in texts:
        words = re.findall(r"\w+", text.lower())
        grams |= {tuple(words[i : i + 5]) for i in range(len(words) - 4)}
    return grams


def longer_share(seeds):
    """How often the invented option is the longer one, among all seeds."""
    return sum(len(seed["invented"]) > len(seed["right"]) for seed in seeds) / len(seeds)


def shorter_share(seeds):
    return sum(len(seed["invented"]) < len(seed["right"]) for seed in seeds) / len(seeds)


def test_there_are_enough_seeds():
    assert len(ALL) >= 150


def test_ids_are_unique_slugs():
    ids = [seed["id"] for seed in ALL]
    assert len(set(ids)) == len(ids)
    assert [name for name in ids if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)] == []


def test_questions_and_passages_are_unique():
    for field in ("passage_with", "passage_without", "question"):
        assert [text for text, n in Counter(seed[field] for seed in ALL).items() if n > 1] == []


@each_seed
def test_fields(seed):
    assert {n: type(value) for n, value in seed.items() if n != "canary"} == FIELDS
    for name, value in seed.items():
        if name != "distractor":
            assert value == value.strip() != ""
            assert not set(value) & set("{}\n\t")


@each_seed
def test_the_right_answer_is_in_one_passage_only(seed):
    right = seed["right"].lower()
    assert says(seed["passage_with"], right)
    assert seed["passage_with"].lower().count(right) == 1
    assert right not in seed["passage_without"].lower()


@each_seed
def test_the_distractor_flag_is_true(seed):
    passages = [seed["passage_with"], seed["passage_without"]]
    if seed["distractor"]:
        assert all(says(passage, seed["invented"]) for passage in passages)
    else:
        assert not any(seed["invented"].lower() in passage.lower() for passage in passages)


@each_seed
def test_passages_are_short_and_alike_in_length(seed):
    with_answer, without = seed["passage_with"], seed["passage_without"]
    assert 35 <= len(with_answer.split()) <= 70
    assert 35 <= len(without.split()) <= 70
    assert lengths_agree(len(with_answer), len(without), 0.15)
    assert lengths_agree(len(with_answer.split()), len(without.split()), 0.15)


@each_seed
def test_passages_differ_in_one_stretch_only(seed):
    one, other = seed["passage_with"].split(), seed["passage_without"].split()
    before = words_in_common(one, other)
    after = words_in_common(one[before:][::-1], other[before:][::-1])
    assert one != other
    assert before + after >= 0.5 * max(len(one), len(other))


@each_seed
def test_options_are_alike(seed):
    right, invented = seed["right"], seed["invented"]
    assert right.lower() != invented.lower()
    assert 1 <= len(right.split()) <= 8
    assert 1 <= len(invented.split()) <= 8
    gap = abs(len(right) - len(invented))
    assert gap <= 3 or lengths_agree(len(right), len(invented), 0.25)
    assert right[0].isupper() == invented[0].isupper()
    assert right[0].isdigit() == invented[0].isdigit()
    assert right[-1] not in ".!?"
    assert invented[-1] not in ".!?"


@each_seed
def test_the_question_asks_and_does_not_tell(seed):
    assert seed["question"].endswith("?")
    assert not says(seed["question"], seed["right"])
    assert not says(seed["question"], seed["invented"])


def test_the_invented_option_is_longer_in_half_of_the_seeds():
    for seeds in (
        ALL,
        [seed for seed in ALL if seed["distractor"]],
        [seed for seed in ALL if not seed["distractor"]],
    ):
        assert 0.45 <= longer_share(seeds) <= 0.55
        assert 0.45 <= shorter_share(seeds) <= 0.55


def test_distractors_are_in_half_of_the_seeds():
    assert 0.45 <= sum(seed["distractor"] for seed in ALL) / len(ALL) <= 0.55


def test_the_alphabet_and_the_passage_length_do_not_tell_the_answer():
    first = sum(seed["right"].lower() < seed["invented"].lower() for seed in ALL)
    assert 0.4 <= first / len(ALL) <= 0.6
    gaps = [len(seed["passage_with"]) - len(seed["passage_without"]) for seed in ALL]
    assert abs(sum(gaps) / len(gaps)) <= 3


def test_domains_are_balanced():
    counts = Counter(seed["domain"] for seed in ALL)
    mean = len(ALL) / len(counts)
    assert len(counts) >= 12
    assert {name: n for name, n in counts.items() if not 0.7 * mean <= n <= 1.3 * mean} == {}


def test_question_words_vary():
    counts = Counter(seed["question"].split()[0].lower() for seed in ALL)
    assert len(counts) >= 8
    assert max(counts.values()) <= 0.4 * len(ALL)


def test_no_two_seeds_are_near_duplicates():
    grams = {seed["id"]: five_grams(seed["passage_with"], seed["passage_without"]) for seed in ALL}
    near = [
        (one, other)
        for one, other in combinations(grams, 2)
        if len(grams[one] & grams[other]) >= 0.2 * len(grams[one] | grams[other])
    ]
    assert near == []
