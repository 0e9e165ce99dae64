"""The same question in another form: nothing but words and layout around it changes."""

from __future__ import annotations

import re

import pytest

from conftest import measure_in_memory
from truing.errors import UsageError
from truing.models.scripted import Scripted
from truing.perturbations import PERTURBATIONS
from truing.perturbations.forms import FORMS
from truing.records import Choice, Message, Role
from truing.tasks import find_task

CHOICE, OPEN, PERCENT = "hallucination/grounded_choice", "violence/twins", "miscalibration/stated"
TURNS, TOOLS = "sycophancy/pressure", "prompt_attacks/hidden_instructions"


def words(text):
    return re.findall(r"\w+", text)


@pytest.mark.parametrize("form", sorted(FORMS))
@pytest.mark.parametrize("task", [CHOICE, OPEN, PERCENT, TURNS, TOOLS])
def test_each_question_comes_once_and_all_that_is_asked_stays(task, form):
    plain = [one for one in find_task(task).samples(limit=6) if not one.control]
    other = list(find_task(f"{task}+{form}").samples(limit=6))
    assert len(plain) == len(other)
    for before, after in zip(plain, other, strict=True):
        for field in ("target", "side", "cluster", "group", "variant", "choices", "reference"):
            assert getattr(after, field) == getattr(before, field)
        assert after.id != before.id
        assert after.messages != before.messages
        assert [said.role for said in after.messages] == [said.role for said in before.messages]
        for said, then in zip(after.messages, before.messages, strict=True):
            if said.role is not Role.USER:
                assert said == then
            # The line that asks for the answer alone is said in other words.
            asked = then.text.split("\nAnswer with the letter of one option")[0]
            rest = iter(words(said.text))
            assert all(word in rest for word in words(asked))


def test_options_keep_letters_and_order_in_another_layout():
    choices = (Choice(label="A", text="red"), Choice(label="B", text="not red"))
    text = "Which?\nA) red\nB) not red\nAnswer with the letter of one option: A or B."
    asked = (Message(role=Role.USER, text=text),)
    (layout,) = FORMS["form_layout"].reworded(asked, choices)
    assert layout.text == (
        "### Question\n\nWhich?\n\n(A) red\n\n(B) not red\n\n### Answer\n\n"
        "Answer with the letter of one option: A or B."
    )
    (wording,) = FORMS["form_wording"].reworded(asked, choices)
    assert wording.text.split("\n")[:-1] == text.split("\n")[:-1]
    assert wording.text.endswith("Reply with one letter (A or B) and nothing else.")


def test_the_oracles_are_read_as_before():
    tasks = [f"{CHOICE}+form_layout", f"{PERCENT}+form_wording", f"{OPEN}+form_preface"]
    good, _ = measure_in_memory(Scripted("oracle"), tasks, seeds=6)
    bad, _ = measure_in_memory(Scripted("anti-oracle"), tasks, seeds=6)
    for right, wrong in zip(good.rows, bad.rows, strict=True):
        assert right.unusable == wrong.unusable == 0
        if right.rule != "calibration":  # its sides are unknown below twenty answers
            assert right.balanced.estimate >= 0.98
            assert wrong.balanced.estimate <= 0.02


def test_a_form_is_no_perturbation_of_the_list_and_none_of_rounds():
    assert not FORMS.keys() & PERTURBATIONS.keys()
    with pytest.raises(UsageError, match="follow the answers"):
        find_task("interpretability/planted_hint+form_layout")
