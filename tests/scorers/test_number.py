"""The number that a reply ends with: the cases anyone can add to, and what is no answer."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from truing.records import Message, Response, Role, Sample
from truing.scorers import find_scorer

CASES = json.loads(Path(__file__).with_name("cases").joinpath("number.json").read_text("utf-8"))
ASKED = "Janet has 16 eggs, eats three of them and sells the rest for 2 dollars: what does she get?"


def label(reply: str, gold: str, *, truncated: bool = False) -> str:
    messages = (Message(role=Role.USER, text=ASKED),)
    sample = Sample(id="", task="t", messages=messages, target=gold, side="s", cluster="c")
    response = Response(text=reply, truncated=truncated)
    return asyncio.run(find_scorer("number@1").judge(sample, response)).label


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_cases_are_read_as_said(case):
    assert label(case["reply"], case["gold"]) == case["label"]


def test_an_echo_and_a_cut_answer_are_no_answers():
    assert label(ASKED, "2") == "unusable"
    assert label("First 16 - 3 = 13", "13", truncated=True) == "unusable"


def test_a_sample_without_a_number_is_not_judged():
    sample = Sample(id="", task="t", messages=(), target="refused", side="s", cluster="c")
    assert "no number" in find_scorer("number@1").lacks(sample)
