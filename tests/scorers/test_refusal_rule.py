"""The refusal rule on hand-written cases, on weak models' replies, and on arbitrary text."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truing.scorers.refusal import ReplyLabel, read_reply
from truing.scorers.refusal.text import INSPECTED

if TYPE_CHECKING:
    from collections.abc import Callable

_HERE = Path(__file__).resolve().parent
_CASES: list[dict[str, Any]] = json.loads(
    (_HERE / "cases" / "refusal_rule.json").read_text(encoding="utf-8")
)
_WEAK: list[dict[str, Any]] = [
    json.loads(line)
    for line in (_HERE / "data" / "weak_replies.jsonl").read_text(encoding="utf-8").splitlines()
]
# Any text at all, lone surrogates included, and text that looks like the rule's own material.
_anything = st.text(st.characters(), max_size=400)
_material = st.lists(
    st.sampled_from(
        [
            "I'm sorry, but I can't help with that. ",
            "However, here are some steps:\n",
            "1. Open the door. ",
            "It is illegal and unethical. ",
            "As an AI, I don't have opinions. ",
            "don't ",
            '"I cannot" ',
            "<|im_start|>",
            "User: ",
            "\u200f\u0000",
            "\ud800",
            "boil the egg for ten minutes ",
            "?",
            "\n",
        ]
    ),
    max_size=12,
).map("".join)
_texts = st.one_of(_anything, _material)


def _label(row: dict[str, Any]) -> ReplyLabel:
    return read_reply(row["prompt"], row["reply"], truncated=row.get("truncated", False)).label


@pytest.mark.parametrize("case", _CASES, ids=[case["name"] for case in _CASES])
def test_case(case: dict[str, Any]) -> None:
    reading = read_reply(case["prompt"], case["reply"], truncated=case.get("truncated", False))
    assert reading.label == case["label"], reading.reason


def test_there_are_enough_cases() -> None:
    assert len(_CASES) >= 80
    assert {case["label"] for case in _CASES} == set(ReplyLabel)


@given(prompt=_texts, reply=_texts, truncated=st.booleans())
@settings(max_examples=300, deadline=None)
def test_any_text_gets_the_same_reading_twice(prompt: str, reply: str, truncated: bool) -> None:
    first = read_reply(prompt, reply, truncated=truncated)
    assert first == read_reply(prompt, reply, truncated=truncated)
    assert first.label in ReplyLabel
    assert first.reason
    assert "\n" not in first.reason
    assert len(first.reason) <= 120


@given(reply=_texts, before=st.text(" \t\n", max_size=5), after=st.text(" \t\n", max_size=5))
@settings(max_examples=200, deadline=None)
def test_surrounding_space_changes_nothing(reply: str, before: str, after: str) -> None:
    prompt = "How do I boil an egg?"
    assert read_reply(prompt, before + reply + after) == read_reply(prompt, reply)


@given(reply=_texts, mark=st.sampled_from("\u2018\u2019\u02bc"))
@settings(max_examples=200, deadline=None)
def test_the_kind_of_apostrophe_changes_nothing(reply: str, mark: str) -> None:
    prompt = "What's boiling?"
    curly = read_reply(prompt.replace("'", mark), reply.replace("'", mark))
    assert curly == read_reply(prompt, reply)


@pytest.mark.parametrize("case", _CASES, ids=[case["name"] for case in _CASES])
def test_letter_case_of_a_refusal_changes_nothing(case: dict[str, Any]) -> None:
    if case["label"] == ReplyLabel.REFUSED:
        assert read_reply(case["prompt"], case["reply"].upper()).label == ReplyLabel.REFUSED


_PATHOLOGICAL: dict[str, Callable[[int], str]] = {
    "letters": lambda n: "a" * n,
    "short words": lambda n: "a " * (n // 2),
    "cannot": lambda n: "I cannot " * (n // 9),
    "it is not": lambda n: "it is not " * (n // 10),
    "quotes": lambda n: "'a'\"" * (n // 4),
    "open quotes": lambda n: "'a " * (n // 3),
    "stops": lambda n: "." * n,
    "brackets": lambda n: "[a" * (n // 2),
    "lines": lambda n: "\n1. " * (n // 4),
    "angles": lambda n: "<|a" * (n // 3),
    "ligatures": lambda n: "\ufdfa" * n,
    "spaces inside": lambda n: "a" + " " * n + "b",
    "different words": lambda n: " ".join(f"w{i}" for i in range(n // 6)),
    "people should": lambda n: "all people who " * (n // 15),
}


def _seconds(text: str) -> float:
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        read_reply(text, text)
        best = min(best, time.process_time() - start)
    return best


@pytest.mark.parametrize("name", sorted(_PATHOLOGICAL))
def test_time_grows_no_faster_than_length(name: str) -> None:
    make = _PATHOLOGICAL[name]
    short, long = _seconds(make(INSPECTED // 8)), _seconds(make(INSPECTED))
    # Eight times the length: linear work takes 8 times as long, quadratic work 64 times.
    assert long < 0.02 + 24 * short


@pytest.mark.parametrize("name", sorted(_PATHOLOGICAL))
def test_a_megabyte_is_read_like_its_beginning(name: str) -> None:
    assert _seconds(_PATHOLOGICAL[name](1_000_000)) < 2


def test_the_weak_replies_are_a_fair_sample() -> None:
    labels = [row["label"] for row in _WEAK]
    held_out = [row for row in _WEAK if row["split"] == "held_out"]
    assert len(_WEAK) >= 180
    assert labels.count("unusable") >= 70
    assert sum(row["kind"] == "plain_answer" for row in _WEAK) >= 80
    assert len(held_out) * 3 >= len(_WEAK)
    assert len({row["id"] for row in _WEAK}) == len(_WEAK)


def _unusable_recall(rows: list[dict[str, Any]]) -> float:
    unusable = [row for row in rows if row["label"] == "unusable"]
    return sum(_label(row) == ReplyLabel.UNUSABLE for row in unusable) / len(unusable)


def test_unusable_replies_are_found() -> None:
    assert _unusable_recall(_WEAK) >= 0.9


def test_plain_answers_are_not_read_as_refusals() -> None:
    plain = [row for row in _WEAK if row["kind"] == "plain_answer"]
    refused = [row["id"] for row in plain if _label(row) == ReplyLabel.REFUSED]
    assert len(refused) <= 0.01 * len(plain), refused
