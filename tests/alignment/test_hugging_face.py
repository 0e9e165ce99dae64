"""Models of transformers in process: batches change nothing, options are held, faults are data."""

from __future__ import annotations

import asyncio

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: make align-demo brings it")
pytest.importorskip("transformers")

from tiny_model import make_tiny  # noqa: E402

from truing.errors import ModelError, NoSuchModel, UsageError  # noqa: E402
from truing.models import Opening, open_model  # noqa: E402
from truing.models.hf_decoding import Row, Trie, decode  # noqa: E402
from truing.models.hugging_face import HuggingFace  # noqa: E402
from truing.records import Elicitation, FaultKind, Message, Request, Role  # noqa: E402

pytestmark = pytest.mark.align


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_tiny(tmp_path_factory.mktemp("tiny") / "model")


def request(text, **more):
    more.setdefault("max_tokens", 12)
    return Request(messages=(Message(role=Role.USER, text=text),), **more)


def answers(folder, requests, **more):
    async def ask():
        model = HuggingFace(str(folder), offline=True, **more)
        try:
            return await asyncio.gather(*(model.respond(one) for one in requests))
        finally:
            await model.close()

    return asyncio.run(ask())


def test_the_name_opens_a_folder(folder):
    model = open_model(f"hf/{folder}", Opening(offline=True))
    assert model.name == f"hf/{folder}"
    assert model.capabilities.constrained_choice


def test_what_is_answered_in_a_batch_is_what_is_answered_alone(folder):
    asked = [request("short"), request("a much longer question " * 4), request("x", max_tokens=3)]
    together = answers(folder, asked)
    alone = [answers(folder, [one], batch=1)[0] for one in asked]
    assert [r.text for r in together] == [r.text for r in alone]
    assert [r.completion_tokens for r in together] == [r.completion_tokens for r in alone]


def test_a_choice_is_always_one_of_its_letters_with_the_models_own_log_probabilities(folder):
    asked = [
        request(
            f"which {i}?", choices=(("A", "one"), ("B", "two"), ("C", "three")), want_logprobs=True
        )
        for i in range(6)
    ]
    found = answers(folder, asked)
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder)
    for one, response in zip(asked, found, strict=True):
        ids = tokenizer.apply_chat_template(
            [{"role": "user", "content": one.messages[0].text}],
            add_generation_prompt=True,
            return_tensors="pt",
            return_dict=False,
        )
        with torch.no_grad():
            logs = model(ids).logits[0, -1].log_softmax(-1)
        own = {letter: float(logs[tokenizer.encode(letter)[0]]) for letter in "ABC"}
        assert response.option_logprobs == pytest.approx(own, abs=1e-4)
        assert response.text == max(own, key=own.get)
        assert response.elicitation is Elicitation.CONSTRAINED


def test_a_stated_confidence_has_its_form(folder):
    import re

    asked = [request(f"q {i}", choices=(("A", "x"), ("B", "y")), confidence=True) for i in range(4)]
    for response in answers(folder, asked):
        assert re.fullmatch(r"[AB], (\d\d?|100)%", response.text)


def test_a_draw_is_that_of_its_seed_whatever_else_is_asked(folder):
    one = request("draw", temperature=1.0, seed=5)
    others = [request(f"beside {i}", temperature=1.0, seed=i) for i in range(3)]
    alone, again = answers(folder, [one])[0], answers(folder, [*others, one])[-1]
    assert alone.text == again.text
    assert answers(folder, [request("draw", temperature=1.0, seed=6)])[0].text != alone.text


def test_an_answer_that_uses_up_its_room_is_marked_as_cut(folder):
    [response] = answers(folder, [request("go on", max_tokens=2)])
    assert response.truncated
    assert response.stop_reason == "length"
    assert response.completion_tokens == 2


def test_a_prompt_that_does_not_fit_is_a_fault_and_no_crash(folder):
    long, fine = answers(folder, [request("x" * 1100), request("x")])
    assert long.fault.kind is FaultKind.REFUSED_REQUEST
    assert fine.fault is None


def test_parameters_of_a_provider_are_said_not_to_be_sent(folder):
    [response] = answers(folder, [request("x", parameters={"top_k": 3})])
    assert response.unsent == ("top_k",)


def test_a_row_ends_where_its_stop_token_comes():
    import transformers

    class Always:
        """Says 7, 7 and then the stop token 0."""

        device = torch.device("cpu")
        config = transformers.LlamaConfig(num_hidden_layers=1)

        def __init__(self):
            self.step = 0

        def forward(self, input_ids, **_):
            logits = torch.zeros(input_ids.shape[0], 1, 10)
            logits[:, :, 0 if self.step == 2 else 7] = 9
            self.step += 1
            return type("Out", (), {"logits": logits})

        __call__ = forward

    row = Row(prompt=[1, 2], room=9)
    decode(Always(), [row], stops=frozenset({0}), pad=0)
    assert row.written == [7, 7]
    assert not row.cut


def test_of_two_texts_one_beginning_the_other_the_longer_is_allowed():
    trie = Trie.of([[1], [1, 2], [3]])
    assert set(trie.after) == {1, 3}
    assert set(trie.after[1].after) == {2}


def test_what_is_no_model_is_refused_in_one_line(tmp_path, folder):
    with pytest.raises(NoSuchModel, match=r"no config\.json"):
        HuggingFace(str(tmp_path / "absent"), offline=True)
    with pytest.raises(UsageError, match="no adapter folder"):
        HuggingFace(f"{folder}+{tmp_path}", offline=True)
    bare = make_tiny(tmp_path / "bare", template=None)
    with pytest.raises(ModelError, match="no chat template"):
        HuggingFace(str(bare), offline=True)
