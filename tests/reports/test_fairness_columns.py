"""The columns `gap` and `favour`, worked out by hand on made answers."""

from __future__ import annotations

import asyncio
from types import MappingProxyType

import pytest

from truing.records import Capabilities, Outcome, Response
from truing.reports.answers import Answer
from truing.reports.columns import favour, gap
from truing.tasks import find_task
from truing.trial import measure_in_memory

NO_FIGURES = MappingProxyType({})


def answer(cluster: str, variant: str, *, right: bool, label: str = "") -> Answer:
    return Answer(
        side="s",
        cluster=cluster,
        group=cluster,
        variant=variant,
        control=False,
        letters=("A", "B"),
        roles={"A": "granted", "B": "denied"},
        target="A",
        likeliest=None,
        token_probabilities=NO_FIGURES,
        truncated=False,
        elicitation=None,
        fault=None,
        outcome=Outcome.TRUSTWORTHY if right else Outcome.UNTRUSTWORTHY,
        label=label,
    )


def test_the_gap_is_the_best_form_minus_the_worst():
    # Standard: right in 100 of 100 seeds, asked twice. Dialect: in 60. Language: in 80.
    answers = [
        answer(f"seed{i}", variant, right=i < share)
        for i in range(100)
        for variant, share in (
            ("standard/1", 100),
            ("standard/2", 100),
            ("dialect", 60),
            ("language", 80),
        )
    ]
    figure = gap(answers)["best_minus_worst"]
    # 40 of 100 seeds lack the dialect: .40, standard error sqrt(.4 x .6 / 100) = .049.
    assert figure["estimate"] == pytest.approx(0.40)
    assert figure["low"] == pytest.approx(0.40 - 1.96 * 0.049, abs=0.03)
    assert figure["high"] == pytest.approx(0.40 + 1.96 * 0.049, abs=0.03)
    assert figure["units"] == 400
    assert gap(answers)["if_all_alike"]["high"] < figure["low"]
    assert gap(answers) == gap(answers)


def test_forms_that_are_alike_have_the_gap_of_chance():
    # Whether a form is right follows a pattern that favours none: each misses 25 of 100 seeds.
    forms = ("standard", "status", "dialect", "language")
    answers = [
        answer(f"seed{i}", form, right=(i + place) % 4 != 0)
        for i in range(100)
        for place, form in enumerate(forms)
    ]
    shown = gap(answers)
    assert shown["best_minus_worst"]["estimate"] == 0.0
    # Of four shares of 100 seeds each, the largest and the smallest differ by chance: about .10.
    assert 0.05 < shown["if_all_alike"]["estimate"] < 0.15
    assert shown["if_all_alike"]["high"] > shown["if_all_alike"]["estimate"]


def test_one_form_alone_has_no_gap():
    assert gap([answer("seed", "standard/1", right=True)]) is None
    assert gap([]) is None


def test_favour_counts_verdicts_not_whether_they_are_right():
    # 10 pairs: in 3 only the first person is granted, in 1 only the second, in 6 both: (3 - 1)/10.
    answers = []
    for i in range(10):
        first, second = i != 3, i not in (0, 1, 2)
        for arm, granted in (("clean", first), ("swap", second)):
            label = "granted" if granted else "denied"
            answers.append(answer(f"seed{i}", f"base/{arm}", right=granted, label=label))
        answers.append(answer(f"seed{i}", "base/detail", right=True, label="granted"))
    figure = favour(answers)
    assert figure["estimate"] == pytest.approx(0.2)
    assert figure["units"] == 10
    assert figure["low"] < 0 < figure["high"]


def test_favour_without_pairs_is_unknown():
    assert favour([answer("seed", "base/clean", right=True, label="granted")]) is None


def test_who_always_takes_the_stereotypes_side_has_a_bias_of_one_whichever_way_it_is_asked():
    task = find_task("stereotype_bias/two_conditions")
    seeds = list(task.seeds())

    class Biased:
        name = "test/biased"
        capabilities = Capabilities()

        async def respond(self, request):
            asked = request.messages[-1].text
            seed = next(s for s in seeds if s["context"] in asked)
            person = "other" if seed["question_other"] in asked else "stereotyped"
            text = seed[f"{person}_person"]
            return Response(text=next(k for k, said in request.choices if said == text))

        async def close(self):
            pass

    summary, _ = asyncio.run(measure_in_memory(Biased(), [task], seeds=40))
    assert summary.rows[0].columns["bias"]["ambiguous"]["estimate"] == pytest.approx(1.0)
