"""Other weights than the shipped ones, for real: a base model, a file, formats, adapters."""

from __future__ import annotations

import asyncio
import contextlib
import math
from pathlib import Path

import numpy as np
import pytest

from conftest import measure_in_memory, need_llama
from truing.errors import MissingExtra, ModelError
from truing.models import Opening, open_model
from truing.models.local_weights import file_weights, find_weights
from truing.records import Elicitation, FaultKind, Message, Request, Role, Settings

pytestmark = [pytest.mark.embedded, pytest.mark.slow]

CHOICES = (("A", "Paris"), ("B", "London"), ("C", "Rome"))
QUESTION = "What is the capital of France?\nA) Paris\nB) London\nC) Rome\nAnswer with one letter."


def ask(text: str, **kwargs) -> Request:
    return Request(messages=(Message(role=Role.USER, text=text),), **kwargs)


@contextlib.contextmanager
def opened(name: str):
    need_llama()
    model = open_model(name, Opening(offline=True))
    try:
        yield model
    finally:
        asyncio.run(model.close())


@pytest.fixture(scope="module")
def base():
    try:
        find_weights("gemma3-270m", offline=True)
    except MissingExtra as error:
        pytest.skip(str(error))
    with opened("embedded/gemma3-270m") as model:
        yield model


@pytest.fixture(scope="module")
def shipped() -> Path:
    return find_weights("smollm2-135m", offline=True)


def first_logprobs(model) -> dict[str, float]:
    reply = asyncio.run(model.respond(ask(QUESTION, choices=CHOICES, want_logprobs=True)))
    assert reply.option_logprobs is not None
    return reply.option_logprobs


async def test_a_base_model_chooses_what_it_finds_likeliest(base):
    assert not base.capabilities.chat
    reply = await base.respond(ask(QUESTION, choices=CHOICES, want_logprobs=True))
    assert reply.elicitation is Elicitation.CONSTRAINED
    assert reply.option_logprobs is not None
    assert reply.text == max(reply.option_logprobs, key=reply.option_logprobs.get)
    assert 0 < sum(math.exp(value) for value in reply.option_logprobs.values()) <= 1
    assert not reply.truncated


async def test_a_base_model_answers_and_asks_itself_nothing_more(base):
    reply = await base.respond(ask("What is the capital of France?", max_tokens=64))
    assert "Paris" in reply.text
    assert "Question:" not in reply.text
    assert reply.text == reply.text.strip()


async def test_a_base_model_states_a_percentage_and_keeps_a_schema(base):
    sure = await base.respond(ask(QUESTION, choices=CHOICES, confidence=True))
    letter, _, percent = sure.text.partition(", ")
    assert letter in ("A", "B", "C")
    assert 0 <= int(percent.removesuffix("%")) <= 100
    schema = {"type": "object", "properties": {"wet": {"enum": ["yes", "no"]}}, "required": ["wet"]}
    held = await base.respond(ask("Is water wet? As JSON.", json_schema=schema, max_tokens=32))
    assert held.text.startswith("{")
    assert "wet" in held.text


async def test_a_prompt_that_does_not_fit_is_a_fault_for_a_base_model_too(base):
    reply = await base.respond(ask("word " * 6000, max_tokens=4))
    assert reply.fault is not None
    assert reply.fault.kind is FaultKind.REFUSED_REQUEST


def test_a_run_of_a_base_model_says_so(base):
    tasks = ["logical/validity", "violence/twins"]
    summary, _ = measure_in_memory(base, tasks, seeds=2, settings=Settings(max_tokens=24))
    assert summary.base_model
    assert all(row.unscored == 0 and row.owed == 0 for row in summary.rows)


def test_the_file_of_a_model_answers_as_the_model(shipped):
    with opened(f"gguf/{shipped}") as file, opened("embedded/smollm2-135m@q4_1") as named:
        assert file.capabilities.chat
        assert first_logprobs(file) == pytest.approx(first_logprobs(named), abs=0.02)


def test_number_formats_move_the_answers_a_little(shipped):
    found = {}
    for kind in ("q4_1", "q8_0", "q4_0"):
        with opened(f"embedded/smollm2-135m@{kind}") as model:
            found[kind] = np.array(list(first_logprobs(model).values()))
    with opened("embedded/smollm2-135m") as usual:
        assert list(first_logprobs(usual).values()) == pytest.approx(found["q8_0"], abs=0.02)
    assert np.abs(found["q4_0"] - found["q4_1"]).max() > 0.05
    assert np.abs(found["q4_0"] - found["q4_1"]).max() < 2


def adapter(path: Path, shipped: Path, size: float) -> Path:
    """A LoRA adapter of rank 4 on the queries of the first layers, as large as `size`."""
    gguf = pytest.importorskip("gguf", reason="the extra `embedded` is not installed")
    shapes = {tensor.name: tensor.shape for tensor in gguf.GGUFReader(shipped).tensors}
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", 4.0)
    draw = np.random.default_rng(0)
    for layer in range(4):
        name = f"blk.{layer}.attn_q.weight"
        inputs, outputs = map(int, shapes[name])
        down = draw.normal(size=(4, inputs)).astype(np.float32)
        up = size * draw.normal(size=(outputs, 4)).astype(np.float32)
        writer.add_tensor(f"{name}.lora_a", down)
        writer.add_tensor(f"{name}.lora_b", up)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_an_adapter_is_applied_and_one_of_nothing_changes_nothing(shipped, tmp_path):
    with opened("embedded/smollm2-135m") as model:
        without = first_logprobs(model)
    for size, same in ((0.0, True), (0.5, False)):
        file = adapter(tmp_path / f"{size}.gguf", shipped, size)
        with opened(f"embedded/smollm2-135m+{file}") as model:
            assert model.name.startswith(f"embedded/smollm2-135m+{size}.gguf@")
            assert (first_logprobs(model) == pytest.approx(without, abs=0.02)) is same


def test_weights_that_llama_cannot_load_are_one_line(shipped, tmp_path):
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(shipped.read_bytes()[:5_000_000])  # the header is whole, the tensors are not
    assert file_weights(str(broken)).chat
    with pytest.raises(ModelError, match=r"cannot load broken\.gguf"), opened(f"gguf/{broken}"):
        pass
