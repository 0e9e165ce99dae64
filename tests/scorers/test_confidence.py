"""A stated probability is read when it is plain, and never made up."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truing.records import Choice, Message, Outcome, Response, Role, Sample
from truing.scorers.confidence import ConfidenceScorer, read_confidence

CHOICES = tuple(
    Choice(label=letter, text=text, role=role)
    for letter, text, role in (
        ("A", "Oslo", "right"),
        ("B", "Bergen", "near"),
        ("C", "Rome", "wrong1"),
    )
)


def judged(text: str):
    sample = Sample(
        id="s",
        task="t",
        messages=(Message(role=Role.USER, text="?"),),
        target="A",
        side="by_outcome",
        cluster="c",
        choices=CHOICES,
        confidence=True,
    )
    return asyncio.run(ConfidenceScorer().judge(sample, Response(text=text)))


@pytest.mark.parametrize(
    ("text", "probability"),
    [
        ("A, 80%", 0.8),
        ("A, 80 %", 0.8),
        ("A) 70%", 0.7),
        ("A, 100%", 1.0),
        ("A, 0%", 0.0),
        ("A, 62.5%", 0.625),
        ("A, 62,5 %", 0.625),
        ("A, 80 percent", 0.8),
        ("A, 80", 0.8),
        ("**A**, 95%", 0.95),
        ("The answer is A. I am 90% sure, yes, 90%.", 0.9),
    ],
)
def test_plain_answers_are_read(text, probability):
    found = judged(text)
    assert found.outcome is Outcome.TRUSTWORTHY
    assert found.label == "right"
    assert found.probability == pytest.approx(probability)


@pytest.mark.parametrize(
    "text",
    [
        "A",
        "80%",
        "A, 120%",
        "A, -5%",
        "A, 60% to 80%",
        "A, fairly sure",
        "A 60%, B 30%, C 10%",
        "A, 0.8",
        "",
        "I can't say.",
    ],
)
def test_what_is_not_plain_is_unusable(text):
    found = judged(text)
    assert found.label == "unusable"
    assert found.outcome is Outcome.UNTRUSTWORTHY
    assert found.probability is None


def test_a_wrong_answer_keeps_its_probability():
    found = judged("B, 40%")
    assert found.outcome is Outcome.UNTRUSTWORTHY
    assert (found.label, found.probability) == ("near", 0.4)


@given(st.text(max_size=60))
def test_whatever_comes_a_probability_is_one(text):
    found = read_confidence(text)
    assert found is None or 0 <= found <= 1


@given(st.integers(0, 100))
def test_every_whole_percentage_is_read(percent):
    assert read_confidence(f"B, {percent}%") == percent / 100
