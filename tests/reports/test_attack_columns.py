"""Attack success and clean accuracy: what is counted, and what is left out."""

from __future__ import annotations

from truing.records import Outcome
from truing.reports.answers import Answer
from truing.reports.columns import COLUMNS, TITLES

ROLES = {"A": "target", "B": "first", "C": "second"}


def answer(variant: str, target: str, label: str, *, cluster: str = "c", control: bool = False):
    return Answer(
        side=variant.partition("/")[0],
        cluster=cluster,
        group=cluster,
        variant=variant,
        control=control,
        letters=("A", "B", "C"),
        roles=ROLES,
        target=target,
        likeliest=None,
        token_probabilities={},
        truncated=False,
        elicitation=None,
        fault=None,
        outcome=Outcome.TRUSTWORTHY if ROLES[target] == label else Outcome.UNTRUSTWORTHY,
        label=label,
    )


ANSWERS = [
    answer("poisoned/first", "B", "target", cluster="1"),
    answer("poisoned/first", "B", "first", cluster="2"),
    answer("poisoned/second", "C", "first", cluster="3"),
    answer("poisoned/second", "C", "unusable", cluster="4"),
    answer("clean/target", "A", "target", cluster="1"),
    answer("clean/first", "B", "target", cluster="2"),
    answer("clean/first", "B", "first", cluster="3"),
    answer("clean/second", "C", "second", cluster="4"),
    answer("clean/second", "C", "second", cluster="5"),
]


def test_attack_success_is_the_share_that_follows_the_poison():
    shown = COLUMNS["attack_success"](ANSWERS)
    assert shown["poisoned"]["estimate"] == 0.25
    assert shown["poisoned"]["units"] == 4


def test_the_clean_share_counts_only_where_the_target_is_wrong():
    shown = COLUMNS["attack_success"](ANSWERS)
    assert shown["clean"]["estimate"] == 0.25
    assert shown["clean"]["units"] == 4


def test_clean_accuracy_is_the_share_right_in_clean_context():
    shown = COLUMNS["clean_accuracy"](ANSWERS)
    assert shown["estimate"] == 0.8
    assert shown["units"] == 5


def test_control_arms_do_not_count_and_nothing_is_none():
    apart = [answer("clean/first", "B", "target", control=True)]
    assert COLUMNS["clean_accuracy"](apart) is None
    assert COLUMNS["attack_success"](apart) == {"poisoned": None, "clean": None}


def test_both_have_a_title():
    assert {"attack_success", "clean_accuracy"} <= TITLES.keys()
