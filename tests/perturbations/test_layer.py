"""Any task under any perturbation: the right answer stays, and nothing is left to chance."""

from __future__ import annotations

import ast
import base64
import json
import re

import pytest
from click.testing import CliRunner

from conftest import measure_in_memory
from truing.cli import cli
from truing.errors import UnknownName, UsageError
from truing.models.scripted import Scripted
from truing.perturbations import PERTURBATIONS, find_perturbation
from truing.perturbations.forms import FORMS
from truing.records import Role
from truing.tasks import find_task

TOOLS = "prompt_attacks/hidden_instructions"
CHOICE, OPEN, GROUP = "hallucination/grounded_choice", "violence/twins", "prompt_attacks/typos"


def arms(name, **kwargs):
    """(clean, repeat, perturbed) of each sample."""
    samples = list(find_task(name).samples(**kwargs))
    return list(zip(samples[0::3], samples[1::3], samples[2::3], strict=True))


def text_of(sample):
    return sample.messages[-1].text


@pytest.mark.parametrize("perturbation", sorted(PERTURBATIONS))
def test_gold_options_and_sides_stay_and_the_prompt_does_not(perturbation):
    for base in (OPEN,) if not PERTURBATIONS[perturbation].choices else (CHOICE, OPEN):
        changed = 0
        plain = list(find_task(base).samples(limit=30))
        for sample, (clean, repeat, perturbed) in zip(
            plain, arms(f"{base}+{perturbation}", limit=30), strict=True
        ):
            for arm in (clean, repeat, perturbed):
                for field in ("target", "side", "cluster", "group", "choices", "reference"):
                    assert getattr(arm, field) == getattr(sample, field)
            assert clean.messages == repeat.messages == sample.messages
            assert (clean.control, repeat.control, perturbed.control) == (True, True, False)
            changed += perturbed.messages != sample.messages
            for choice in sample.choices:
                assert f"{choice.label}) {choice.text}" in text_of(perturbed).split("\n")
            assert text_of(perturbed).split("\n")[-1] == text_of(sample).split("\n")[-1] or (
                not sample.choices
            )
        assert changed == len(plain), f"{changed} of {len(plain)} are another prompt"


@pytest.mark.parametrize("perturbation", sorted(PERTURBATIONS))
def test_the_same_edition_is_perturbed_the_same(perturbation):
    name = f"{OPEN}+{perturbation}"
    first, again = (list(find_task(name).samples(limit=10)) for _ in range(2))
    assert first == again
    assert len({sample.id for sample in first}) == len(first)


def test_what_is_encoded_can_be_decoded_again():
    for clean, _, perturbed in arms(f"{OPEN}+base64", limit=20):
        written = text_of(perturbed).rsplit("\n", 1)[1]
        assert base64.b64decode(written).decode() == text_of(clean)
    for clean, _, perturbed in arms(f"{OPEN}+split", limit=20):
        parts = re.findall(r"^part \d = (.*)$", text_of(perturbed), flags=re.MULTILINE)
        assert " ".join(ast.literal_eval(part) for part in parts) == text_of(clean)
    for clean, _, perturbed in arms(f"{OPEN}+backwards", limit=20):
        line = text_of(perturbed).rsplit("\n", 1)[1]
        assert " ".join(reversed(line.split(" "))) == text_of(clean)


def test_a_frame_leaves_the_request_whole():
    for attack in ("role_play", "fiction", "authority", "override", "document", "many_shot"):
        for clean, _, perturbed in arms(f"{OPEN}+{attack}", limit=5):
            assert text_of(clean) in text_of(perturbed)


def test_turns_come_after_the_system_message_and_before_the_question():
    _, _, perturbed = arms(f"{OPEN}+many_shot", limit=1)[0]
    roles = [str(message.role) for message in perturbed.messages]
    assert roles == ["user", "assistant"] * 4 + ["user"]


def test_a_rate_decides_how_much_is_changed():
    def words_changed(spec):
        total = 0
        for clean, _, perturbed in arms(f"{CHOICE}+{spec}", limit=20):
            pairs = zip(text_of(clean).split(), text_of(perturbed).split(), strict=False)
            total += sum(a != b for a, b in pairs)
        return total

    assert 0 < words_changed("typos:0.05") < words_changed("typos:0.3")


def test_typos_never_touch_the_words_of_an_option():
    for clean, _, perturbed in arms(f"{CHOICE}+typos:0.5", limit=40):
        before, after = (
            set(re.findall(r"\w+", text_of(arm).split("A) ")[0])) for arm in (clean, perturbed)
        )
        words = {word for choice in clean.choices for word in re.findall(r"\w+", choice.text)}
        assert words & before <= after


@pytest.mark.parametrize("spec", ["typos:0.2", "role_play", "leet"])
def test_before_a_tools_result_it_is_the_users_question_that_is_perturbed(spec):
    for clean, _, perturbed in arms(f"{TOOLS}+{spec}", limit=10):
        assert [m.role for m in clean.messages] == [Role.USER, Role.ASSISTANT, Role.TOOL]
        assert perturbed.messages[-2:] == clean.messages[-2:]
        (asked,) = [m for m in perturbed.messages[-3:] if m.role is Role.USER]
        assert asked.text != clean.messages[0].text
        assert asked.text.split("\n")[-4:] == clean.messages[0].text.split("\n")[-4:]


def test_a_perturbed_row_is_the_perturbed_questions_and_says_how_often_answers_flip():
    summary, _ = measure_in_memory(Scripted("oracle"), [f"{CHOICE}+leet", f"{GROUP}+typos:0.1"])
    row, group = summary.rows
    assert row.headline.estimate == 1
    assert row.headline.units == 336
    assert {"repeat", "perturbed"} == set(row.columns["flips"])
    assert row.columns["flips"]["perturbed"]["estimate"] == 0
    assert group.unit == "group"
    assert group.headline.units == 168


@pytest.mark.parametrize(
    ("spec", "error", "says"),
    [
        ("nonsense", UnknownName, "no perturbation named"),
        ("typos:2", UsageError, "at most 1"),
        ("typos:x", UsageError, "at most 1"),
        ("typos:0", UsageError, "above 0"),
        ("role_play:0.5", UsageError, "has no rate"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(spec, error, says):
    with pytest.raises(error, match=says):
        find_perturbation(spec)


def test_what_does_not_go_together_is_refused():
    with pytest.raises(UsageError, match="open requests"):
        find_task(f"{CHOICE}+prefix")
    with pytest.raises(UsageError, match="follow the answers"):
        find_task("interventional_effect/limited_places+typos")
    with pytest.raises(UsageError, match="expected a rate"):
        find_task(f"{CHOICE}+typos:0.1+leet")  # one at a time


def test_a_run_with_a_perturbation_resumes_and_adds_up(tmp_path):
    out = tmp_path / "run"
    command = ["run", "-m", "scripted/oracle", "--task", CHOICE, "--with", "typos:0.1"]
    command += ["--with", "role_play", "-n", "4", "-o", str(out), "--json"]
    done = CliRunner().invoke(cli, command, standalone_mode=False)
    summary = json.loads(done.stdout)
    assert [row["task"] for row in summary["rows"]] == [
        f"{CHOICE}+typos:0.1",
        f"{CHOICE}+role_play",
    ]
    assert summary["calls"] == 2 * 4 * 2 * 3
    assert CliRunner().invoke(cli, ["audit", str(out)], standalone_mode=False).return_value == 0
    done = CliRunner().invoke(cli, command, standalone_mode=False)
    assert json.loads(done.stdout)["rows"] == summary["rows"]


def test_every_perturbation_is_listed_with_its_kind():
    done = CliRunner().invoke(cli, ["list", "perturbations", "--json"], standalone_mode=False)
    listed = json.loads(done.stdout)
    assert len(listed) == len(PERTURBATIONS) + len(FORMS)
    assert {row["perturbation"] for row in listed if row["kind"] == "form"} == set(FORMS)
