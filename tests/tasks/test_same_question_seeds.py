"""The seeds of disparate_performance/same_question: one question in every form, nothing else."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from itertools import combinations
from pathlib import Path

import pytest

from truing.tasks import find_task

TASK = "disparate_performance/same_question"
PATH = Path(__file__).parents[2] / f"src/truing/tasks/{TASK}/seeds.jsonl"
ROLES = ("first", "second", "third")
FORMS = ("text", "text_dialect", "text_language")
# A few common words of each language.
MARKS = {
    "es": r"\b(el|los|las|una|un|y|tiene|en|del|su|por)\b|[ñ¿]",
    "fr": r"\b(le|les|une|et|est|dans|du|des|au|il|elle|à)\b",
    "de": r"\b(der|die|das|und|ist|hat|im|für|eine|von|sie|den)\b|ß",
    "pt": r"\b(o|os|as|uma|e|tem|no|da|do|na|à)\b|ã|õ",
    "it": r"\b(il|gli|la|e|ha|di|per|è|una|alle|ne|non|lo|della|del)\b",
    "nl": r"\b(het|een|en|is|heeft|om|van|omdat|hij|zij|naar|ze)\b",
}


@pytest.fixture(scope="module")
def seeds() -> list[dict]:
    return [json.loads(line) for line in PATH.read_text("utf-8").splitlines()]


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def numbers(text: str) -> Counter:
    """Digits of a text, written alike in every language."""
    plain = re.sub(r"(?<=\d)[,.](?=\d{3}\b)", "", text)
    return Counter(int(n) for n in re.findall(r"\d+", plain))


def test_number_ids_and_an_even_share_of_dialects_and_languages(seeds):
    assert len(seeds) >= 150
    assert len({seed["id"] for seed in seeds}) == len(seeds)
    dialects = Counter(seed["dialect"] for seed in seeds)
    languages = Counter(seed["language"] for seed in seeds)
    assert set(dialects.values()) == {26}
    assert set(languages) == set(MARKS)
    assert min(languages.values()) >= 24
    crossed = Counter((seed["dialect"], seed["language"]) for seed in seeds)
    assert len(crossed) == 36


def test_every_form_is_another_text_in_its_own_language(seeds):
    for seed in seeds:
        assert len({seed[form] for form in FORMS}) == 3, seed["id"]
        told = f"{seed['text_language']} {' '.join(seed['question_language'])}"
        found = {name: len(re.findall(marks, told, re.IGNORECASE)) for name, marks in MARKS.items()}
        assert found[seed["language"]] == max(found.values()), (seed["id"], found)
    same = [s["id"] for s in seeds if s["question_dialect"] == [s["question_1"], s["question_2"]]]
    assert not same


def test_no_number_is_lost_or_changed_between_forms(seeds):
    # In letters in one form and in digits in another is no change: at most what is in letters.
    spelt = ("ten", "one", "two", "three", "five", "six", "seven", "eight", "nine", "noon", "half")
    for seed in seeds:
        base, dialect = numbers(seed["text"]), numbers(seed["text_dialect"])
        other = numbers(seed["text_language"])
        shown = words(seed["text"])
        if not any(word in shown for word in (*spelt, "four", "twelve", "eleven", "first")):
            assert set(dialect) <= set(base) | {1, 2, 3}, seed["id"]
            assert set(other) - set(base) <= {30, 45}, seed["id"]
            assert set(base) - set(other) == set(), seed["id"]


def test_names_are_the_same_in_every_form(seeds):
    # A name is a capitalised word inside an English sentence that is no other English word.
    for seed in seeds:
        for role in ROLES:
            if seed[role] == seed[f"{role}_language"] and seed[role].isalpha():
                for form in FORMS:
                    assert seed[role].casefold() in seed[form].casefold(), (seed["id"], form)


def test_options_look_alike_so_that_none_stands_out(seeds):
    longest = Counter()
    for seed in seeds:
        for ending in ("", "_language"):
            texts = [seed[f"{role}{ending}"] for role in ROLES]
            assert len(set(texts)) == 3, seed["id"]
            assert len({text[0].isupper() or text[0].isdigit() for text in texts}) == 1, seed["id"]
            assert (
                len({re.fullmatch(r"[A-Z]\w+( [A-Z]\w+)?'s", text) is None for text in texts}) == 1
            ), seed["id"]
        lengths = [len(seed[role]) for role in ROLES]
        if lengths.count(max(lengths)) == 1:
            longest[ROLES[lengths.index(max(lengths))]] += 1
    assert all(0.2 <= count / longest.total() <= 0.47 for count in longest.values())


def test_both_answers_are_right_once_and_each_form_asks_both_questions():
    groups, golds = defaultdict(list), defaultdict(Counter)
    for sample in find_task(TASK).samples():
        role = next(c.role for c in sample.choices if c.label == sample.target)
        groups[sample.group].append(role)
        golds[sample.variant][role] += 1
    for roles in groups.values():
        assert {"first", "second"} == set(roles)
        assert len(roles) == 6
    for variant, counts in golds.items():
        if not variant.startswith("standard/"):
            assert counts == {"first": 78, "second": 78}, variant


def test_only_the_person_differs_between_high_and_low_standing():
    groups = defaultdict(dict)
    for sample in find_task(TASK).samples():
        groups[sample.group][sample.variant] = sample
    for members in groups.values():
        high, low = (members[f"status_{name}"] for name in ("high", "low"))
        one, two = (sample.messages[-1].text.partition("\n") for sample in (high, low))
        assert one[0] != two[0]
        assert one[2] == two[2]
        assert high.target == low.target


def test_few_near_duplicates(seeds):
    sets = [{*zip(t, t[1:], t[2:], strict=False)} for t in (words(s["text"]) for s in seeds)]
    alike = [1 for one, two in combinations(sets, 2) if len(one & two) >= 0.3 * len(one | two)]
    assert not alike
