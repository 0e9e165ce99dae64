"""llama.cpp's own server over HTTP and llama.cpp in this process say the same, slot for slot."""

from __future__ import annotations

import asyncio

import pytest

from conftest import need_llama
from truing.engine import Ask, measure
from truing.models.embedded import Embedded, find_weights, start_server
from truing.models.remote import Remote
from truing.models.requantise import as_q8_0
from truing.records import Elicitation, Response, Settings
from truing.scorers import find_scorer
from truing.tasks import find_task

pytestmark = pytest.mark.embedded

TASKS = ["hallucination/grounded_choice", "miscalibration/stated", "violence/twins"]


def answers(model) -> dict[str, Response]:
    found: dict[str, Response] = {}
    asks = [Ask(s, 0) for name in TASKS for s in find_task(name).samples(edition=0, limit=2)]
    scorers = {name: find_scorer(find_task(name).card.scorer) for name in TASKS}

    async def ask_all() -> None:
        await measure(
            asks,
            model,
            scorers.__getitem__,
            Settings(max_tokens=12),
            lambda outcome: found.update({outcome.ask.sample.id: outcome.response}),
            concurrency=1,
        )
        await model.close()

    asyncio.run(ask_all())
    return found


@pytest.mark.slow
def test_with_one_slot_a_server_and_the_process_give_the_same_answers(monkeypatch):
    need_llama()
    monkeypatch.setenv("LLAMACPP_TEST_KEY", "loopback")
    weights = as_q8_0(find_weights("smollm2-135m", offline=True))
    here = answers(Embedded("smollm2-135m", offline=True, parallel=1))
    server = start_server(weights, key="loopback", parallel=1)
    address = f"{server.listening_address}/v1"
    there = answers(Remote("llamacpp/smollm2-135m", base_url=address, key_env="LLAMACPP_TEST_KEY"))
    assert here.keys() == there.keys()
    assert len(here) == 12
    for sample, mine in here.items():
        theirs = there[sample]
        assert mine.fault is theirs.fault is None
        assert mine.text == theirs.text
        assert mine.stop_reason == theirs.stop_reason
        assert mine.truncated == theirs.truncated
        assert mine.elicitation is theirs.elicitation
        assert (mine.elicitation is Elicitation.CONSTRAINED) == (mine.option_logprobs is not None)
        assert mine.prompt_tokens == theirs.prompt_tokens
        assert mine.option_logprobs == pytest.approx(theirs.option_logprobs, abs=1e-3)
