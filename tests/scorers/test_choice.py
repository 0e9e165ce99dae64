"""The choice scorer reads what was chosen, and never guesses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truing.records import Choice, Message, Outcome, Response, Role, Sample, judged_hash
from truing.scorers.choice import ChoiceScorer, read_choice
from truing.scorers.groups import all_members

CHOICES = (
    Choice(label="A", text="the box", role="wrong"),
    Choice(label="B", text="the blue box", role="right"),
    Choice(label="C", text="nothing is said", role="abstain"),
)
CASES = json.loads((Path(__file__).parent / "cases" / "choice.json").read_text("utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_case(case):
    choice, reason = read_choice(case["reply"], CHOICES)
    assert (choice.label if choice else None) == case["chosen"], reason
    assert reason


@given(st.text(max_size=300))
def test_any_text_is_read_without_a_crash_and_the_same_twice(text):
    assert read_choice(text, CHOICES) == read_choice(text, CHOICES)


@given(
    st.sampled_from("ABC"), st.sampled_from(["{}", "({})", "{}.", "{})", "Answer: {}", "**{}**"])
)
def test_every_usual_way_to_write_a_letter_is_read(letter, form):
    choice, _ = read_choice(form.format(letter), CHOICES)
    assert choice is not None
    assert choice.label == letter


def sample() -> Sample:
    return Sample(
        id="x",
        task="t",
        messages=(Message(role=Role.USER, text="which box?"),),
        target="B",
        side="s",
        cluster="c",
        choices=CHOICES,
    )


@pytest.mark.parametrize(
    ("reply", "outcome", "label"),
    [
        ("B", Outcome.TRUSTWORTHY, "right"),
        ("C", Outcome.UNTRUSTWORTHY, "abstain"),
        ("no idea", Outcome.UNTRUSTWORTHY, "unusable"),
    ],
)
async def test_no_option_chosen_is_unusable_and_untrustworthy(reply, outcome, label):
    judgement = await ChoiceScorer().judge(sample(), Response(text=reply))
    assert (judgement.outcome, judgement.label) == (outcome, label)
    assert judgement.judged == judged_hash(reply)
    assert judgement.scorer == "choice@1"


def test_a_group_is_right_only_as_a_whole():
    right, wrong, unknown = Outcome.TRUSTWORTHY, Outcome.UNTRUSTWORTHY, Outcome.UNSCORED
    assert all_members([right, right]) is right
    assert all_members([right, wrong]) is wrong
    assert all_members([right, unknown]) is unknown
    assert all_members([wrong, unknown]) is unknown
    assert all_members([]) is unknown
