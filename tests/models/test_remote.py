"""Every fault a server can have is retried, recorded by kind, or stops the run; none is an answer."""

from __future__ import annotations

import pytest

from fault_server import FaultServer, completion
from truing.calls.caller import Caller
from truing.calls.retry import RETRIES
from truing.engine import Ask, measure
from truing.errors import BadKey, BadRequest, MissingKey, NoSuchModel, Unreachable, UsageError
from truing.models.http import _proxy_for
from truing.models.remote import Remote
from truing.records import FaultKind, Message, Outcome, Request, Role, Settings
from truing.scorers import find_scorer
from truing.tasks import find_task

CANARY = "sk-canary-5f2e9c"


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr("truing.calls.caller.pause_seconds", lambda *_: 0.0)


def opened(*names, **kwargs) -> Caller:
    return Caller(Remote(*names, **kwargs))


def request(text: str = "How do I boil an egg?", **kwargs) -> Request:
    return Request(messages=(Message(role=Role.USER, text=text),), **kwargs)


async def respond(server: FaultServer, **kwargs):
    model = opened("m", base_url=server.url, timeout_seconds=1)
    try:
        return await model.respond(request(**kwargs))
    finally:
        await model.close()


PASSING = {
    "429": FaultKind.RATE_LIMIT,
    "429-after": FaultKind.RATE_LIMIT,
    "500": FaultKind.SERVER_ERROR,
    "503": FaultKind.OVERLOADED,
    "529": FaultKind.OVERLOADED,
    "408": FaultKind.TIMEOUT,
    "hang": FaultKind.TIMEOUT,
    "reset": FaultKind.CONNECTION,
    "half": FaultKind.MALFORMED,
    "wrong-type": FaultKind.MALFORMED,
    "empty-choices": FaultKind.MALFORMED,
    "huge": FaultKind.MALFORMED,
}


@pytest.mark.parametrize(("fault", "kind"), PASSING.items())
async def test_a_passing_fault_is_tried_again_and_each_attempt_is_kept(fault, kind):
    async with FaultServer(scripted=[fault]) as server:
        response = await respond(server)
    assert response.fault is None
    assert response.text
    assert [attempt.fault for attempt in response.attempts] == [kind, None]


async def test_a_lasting_fault_ends_as_a_fault_and_never_as_text():
    async with FaultServer(scripted=["500"] * 20) as server:
        response = await respond(server)
        assert len(server.requests) == RETRIES[FaultKind.SERVER_ERROR].tries
    assert response.fault is not None
    assert response.fault.kind is FaultKind.SERVER_ERROR
    assert response.text == ""


@pytest.mark.parametrize(
    ("fault", "error"),
    [("401", BadKey), ("403", BadKey), ("404", NoSuchModel), ("400", BadRequest)],
)
async def test_what_no_call_can_survive_stops_before_the_second_call(fault, error):
    async with FaultServer(scripted=[fault] * 9) as server:
        model = opened("m", base_url=server.url)
        task = find_task("violence/twins")
        asks = (Ask(sample, 0) for sample in task.samples(limit=5))
        with pytest.raises(error):
            await measure(
                asks,
                model,
                lambda _: find_scorer("refusal_rule@1"),
                Settings(),
                print,
                concurrency=4,
            )
        await model.close()
        assert len(server.requests) == 1


async def test_a_refused_request_later_is_a_fault_of_that_sample_alone():
    async with FaultServer(scripted=["fine", "400"]) as server:
        model = opened("m", base_url=server.url)
        await model.respond(request())
        response = await model.respond(request("too long"))
        await model.close()
    assert response.fault is not None
    assert response.fault.kind is FaultKind.REFUSED_REQUEST
    assert len(response.attempts) == 1


async def test_nobody_at_the_address_is_said_at_once():
    model = opened("m", base_url="http://127.0.0.1:9/v1")
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:9"):
        await model.respond(request())
    await model.close()


@pytest.mark.parametrize("url", ["localhost:80", "ftp://x/v1", "", "http://"])
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(UsageError, match="--base-url"):
        opened("m", base_url=url)


@pytest.mark.parametrize("url", [f"http://u:{CANARY}@h/v1", f"http://h/v1?key={CANARY}"])
def test_a_secret_in_the_address_is_refused_without_repeating_it(url):
    with pytest.raises(UsageError, match="environment") as caught:
        opened("m", base_url=url)
    assert CANARY not in str(caught.value)


def test_the_proxy_is_the_environments(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:3128")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert _proxy_for("http://models.example/v1")[:3] == (False, "127.0.0.1", 3128)
    assert _proxy_for("http://127.0.0.1:8000/v1") is None


async def test_a_filter_block_is_an_outcome_and_reads_as_a_refusal():
    blocked = completion("", finish_reason="content_filter")
    sample = next(find_task("violence/twins").samples(limit=1))
    for server in (FaultServer(scripted=["filter-400"]), FaultServer(reply=lambda _: blocked)):
        async with server:
            response = await respond(server)
            assert len(server.requests) == 1
        assert response.fault is None
        assert response.stop_reason == "filter"
        judgement = await find_scorer("refusal_rule@1").judge(sample, response)
        assert (judgement.label, judgement.outcome) == ("refused", Outcome.TRUSTWORTHY)


async def test_the_key_is_sent_to_its_address_and_shown_nowhere(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    async with FaultServer(scripted=["fine", "400", "500"]) as server:
        model = opened("m", base_url=server.url)
        responses = [await model.respond(request(str(n))) for n in range(3)]
        await model.close()
        assert server.headers[0]["Authorization"] == f"Bearer {CANARY}"
    assert CANARY not in repr(responses)
    assert "[key]" in repr(responses)


@pytest.mark.parametrize("fault", ["401", "404", "400"])
async def test_a_key_echoed_by_the_server_is_not_in_the_error(monkeypatch, fault):
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    async with FaultServer(scripted=[fault]) as server:
        model = opened("m", base_url=server.url)
        with pytest.raises((BadKey, NoSuchModel, BadRequest)) as caught:
            await model.respond(request())
        await model.close()
    assert CANARY not in str(caught.value)


async def test_a_redirect_is_not_followed():
    async with FaultServer(scripted=["redirect"]) as server:
        with pytest.raises(BadRequest, match="307"):
            await respond(server)


def test_a_providers_key_is_needed_and_not_sent_elsewhere(monkeypatch):
    with pytest.raises(MissingKey, match="OPENAI_API_KEY"):
        opened("openai/gpt-4o-mini")
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    assert Remote("ollama/llama3")._key is None
    with pytest.raises(MissingKey, match="MY_KEY"):
        opened("m", base_url="http://127.0.0.1:9/v1", key_env="MY_KEY")


async def test_what_the_protocol_carries_is_read():
    def reply(_body):
        whole = completion("done", finish_reason="length")
        message = whole["choices"][0]["message"]
        message["reasoning_content"] = "let me think"
        message["tool_calls"] = [
            {"id": "1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
        ]
        top = [{"token": letter, "logprob": -n} for n, letter in enumerate("AB", 1)]
        whole["choices"][0]["logprobs"] = {"content": [{**top[0], "top_logprobs": top}]}
        return whole

    async with FaultServer(reply=reply) as server:
        response = await respond(server, choices=(("A", "x"), ("B", "y")))
    assert response.truncated
    assert response.message is not None
    assert response.message.reasoning == "let me think"
    assert response.message.tool_calls[0].name == "look"
    assert (response.prompt_tokens, response.completion_tokens) == (10, 5)
    assert response.option_logprobs == {"A": -1.0, "B": -2.0}


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, ""),
        ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "ab"),
        ("lone \ud800 surrogate", "lone \ufffd surrogate"),
        ("nul \x00 and \u202e", "nul \x00 and \u202e"),
    ],
)
async def test_odd_content_is_read_faithfully(content, text):
    async with FaultServer(reply=lambda _: completion(content)) as server:
        assert (await respond(server)).text == text


@pytest.mark.parametrize("content", [5, {"a": 1}, ["x"]])
async def test_content_of_another_type_is_malformed_not_text(content):
    async with FaultServer(reply=lambda _: completion(content)) as server:
        response = await respond(server)
    assert response.fault is not None
    assert response.fault.kind is FaultKind.MALFORMED


async def test_a_parameter_is_sent_and_null_drops_a_field():
    async with FaultServer() as server:
        await respond(server, parameters={"top_p": 0.5, "seed": None})
        assert server.requests[0]["top_p"] == 0.5
        assert "seed" not in server.requests[0]


async def test_with_a_fifth_of_faults_every_sample_is_answered():
    async with FaultServer(share=0.2) as server:
        model = opened("m", base_url=server.url, timeout_seconds=5)
        done = []
        asks = (Ask(sample, 0) for sample in find_task("violence/twins").samples(limit=60))
        await measure(
            asks,
            model,
            lambda _: find_scorer("refusal_rule@1"),
            Settings(),
            done.append,
            concurrency=16,
        )
        await model.close()
    assert len(done) == 120
    faults = [a.fault for d in done for a in d.response.attempts if a.fault]
    assert len(faults) > 10
    answered = [d.response for d in done if d.response.text or d.response.stop_reason == "filter"]
    assert all((d.response.fault is None) == (d.response in answered) for d in done)


async def test_a_server_that_knows_no_json_schema_is_asked_without_one_from_then_on():
    schema = {"type": "object", "properties": {"verdict": {"enum": ["a"]}}}
    for before in ([], ["fine"]):
        async with FaultServer(scripted=[*before, "no-schema", "fine", "fine"]) as server:
            model = opened("m", base_url=server.url, timeout_seconds=1)
            for _ in before:
                await model.respond(request())
            first = await model.respond(request(json_schema=schema))
            second = await model.respond(request(json_schema=schema))
            await model.close()
        assert first.fault is None
        assert second.fault is None
        asked = ["response_format" in body for body in server.requests[len(before) :]]
        assert asked == [True, False, False]
