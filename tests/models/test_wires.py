"""Every protocol carries the same request and is read to the same response."""

from __future__ import annotations

import msgspec
import pytest

from fault_server import FaultServer, answer_to
from truing.calls.caller import Caller
from truing.models import _CLOUDS, is_local, is_remote
from truing.models.http import Reply
from truing.models.providers import find_reasoning, providers
from truing.models.remote import Remote
from truing.models.wires import WIRES
from truing.models.wires.wire import Dialect
from truing.records import FaultKind, Message, Request, Role, ToolCall, ToolSpec

PROTOCOLS = {"openai": "/v1", "openai_responses": "/v1", "anthropic": "/v1"}
CANARY = "sk-canary-5f2e9c"


@pytest.fixture(autouse=True)
def keys_and_no_waiting(monkeypatch):
    monkeypatch.setattr("truing.calls.caller.pause_seconds", lambda *_: 0.0)
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    monkeypatch.setenv("ANTHROPIC_API_KEY", CANARY)


def conversation(**kwargs) -> Request:
    call = ToolCall(id="c1", name="look", arguments='{"at": "x"}')
    return Request(
        messages=(
            Message(role=Role.SYSTEM, text="Be brief."),
            Message(role=Role.USER, text="How do I boil an egg?"),
            Message(role=Role.ASSISTANT, text="Let me look.", tool_calls=(call,)),
            Message(role=Role.TOOL, text="8 minutes", tool_call_id="c1"),
            Message(role=Role.USER, text="Well?"),
        ),
        tools=(ToolSpec(name="look", description="looks", parameters={"type": "object"}),),
        **kwargs,
    )


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_whole_conversation_goes_over_every_protocol(protocol):
    async with FaultServer() as server:
        model = Remote(f"{protocol}/m", base_url=server.url)
        response = await model.respond(conversation())
        await model.close()
        body = server.requests[0]
        headers = server.headers[0]
    assert response.fault is None
    assert response.text
    assert response.prompt_tokens == 10
    assert response.completion_tokens == 5
    assert CANARY in (headers.get("Authorization", "") + headers.get("X-Api-Key", ""))
    assert body["model"] == "m"
    assert "8 minutes" in str(body)
    assert "Be brief." in str(body)


FAULTS = {
    "429-after": FaultKind.RATE_LIMIT,
    "500": FaultKind.SERVER_ERROR,
    "503": FaultKind.OVERLOADED,
    "529": FaultKind.OVERLOADED,
    "reset": FaultKind.CONNECTION,
    "cut": FaultKind.CONNECTION,
    "half": FaultKind.MALFORMED,
    "wrong-type": FaultKind.MALFORMED,
    "empty-choices": FaultKind.MALFORMED,
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(("fault", "kind"), FAULTS.items())
async def test_every_fault_is_told_apart_over_every_protocol(protocol, fault, kind):
    if (protocol, fault) == ("anthropic", "empty-choices"):
        pytest.skip("an empty turn that says end_turn is a legal answer there")
    async with FaultServer(scripted=["fine", fault]) as server:
        model = Caller(Remote(f"{protocol}/m", base_url=server.url))
        await model.respond(conversation())
        response = await model.respond(conversation())
        await model.close()
    assert response.fault is None
    assert [attempt.fault for attempt in response.attempts] == [kind, None]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("fault", ["drip", "close", "gzip", "duplicate"])
async def test_odd_but_whole_answers_are_answers_and_belong_to_their_question(protocol, fault):
    async with FaultServer(scripted=["fine", fault, "fine", "fine"]) as server:
        model = Caller(Remote(f"{protocol}/m", base_url=server.url))
        odd = Request(messages=(Message(role=Role.USER, text="Tell me one."),))
        even = Request(messages=(Message(role=Role.USER, text="Tell me two things."),))
        asked = [odd, odd, even, even]
        answers = [await model.respond(request) for request in asked]
        await model.close()
        expected = [answer_to(body) for body in server.requests]
    assert [answer.text for answer in answers] == expected
    assert expected[1] != expected[2]


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_filter_is_an_outcome_over_every_protocol(protocol):
    async with FaultServer(scripted=["filter"]) as server:
        model = Remote(f"{protocol}/m", base_url=server.url)
        response = await model.respond(conversation())
        await model.close()
    assert (response.stop_reason, response.text, response.fault) == ("filter", "", None)


async def test_thinking_that_used_up_the_tokens_is_seen_as_such_and_not_asked_again():
    async with FaultServer(scripted=["thinking-length"]) as server:
        model = Caller(Remote("openai/o3", base_url=server.url))
        response = await model.respond(conversation(thinking_tokens=100))
        await model.close()
        assert len(server.requests) == 1
    assert response.fault is not None
    assert response.fault.kind is FaultKind.THINKING_CUT
    assert response.settled


async def test_what_a_reasoning_model_rejects_is_not_sent_and_said():
    async with FaultServer() as server:
        model = Remote("openai/o3-mini", base_url=server.url)
        response = await model.respond(conversation(thinking_tokens=1000, max_tokens=50))
        await model.close()
        body = server.requests[0]
    assert "temperature" not in body
    assert "max_tokens" not in body
    assert body["max_completion_tokens"] == 1050
    assert "temperature" in response.unsent


async def test_a_parameter_that_the_server_rejects_is_left_out_from_then_on():
    async with FaultServer(scripted=["unsupported-param"] * 4) as server:
        model = Caller(Remote("m", base_url=server.url))
        first = await model.respond(conversation())
        second = await model.respond(conversation())
        await model.close()
        assert len(server.requests) == 4
        assert "max_completion_tokens" in server.requests[-1]
    assert first.text == second.text
    assert first.unsent == second.unsent == ("temperature",)
    kinds = [attempt.fault for attempt in first.attempts]
    assert kinds == [FaultKind.REFUSED_REQUEST, FaultKind.REFUSED_REQUEST, None]
    assert len(second.attempts) == 1


async def test_an_empty_account_stops_the_run():
    from truing.errors import NoCredit

    async with FaultServer(scripted=["fine", "429-quota"]) as server:
        model = Caller(Remote("m", base_url=server.url))
        await model.respond(conversation())
        with pytest.raises(NoCredit, match="used up"):
            await model.respond(conversation())
        await model.close()


async def test_a_retry_after_as_a_date_is_understood():
    async with FaultServer(scripted=["fine", "429-date"]) as server:
        model = Remote("m", base_url=server.url)
        await model.respond(conversation())
        response = await model.respond(conversation())
        await model.close()
    assert response.fault is not None
    assert 0 <= response.fault.wait_seconds <= 3


def test_anthropics_turns_alternate_and_the_system_message_stands_apart():
    body = WIRES["anthropic_messages"]().encode(conversation(), Dialect("m"))
    assert body["system"] == "Be brief."
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user"]
    last = body["messages"][-1]["content"]
    assert [part["type"] for part in last] == ["tool_result", "text"]


def test_anthropic_thinks_within_a_budget_beside_the_answers_room():
    body = WIRES["anthropic_messages"]().encode(
        conversation(thinking_tokens=2048, max_tokens=60), Dialect("m")
    )
    assert body["thinking"] == {"type": "enabled", "budget_tokens": 2048}
    assert body["max_tokens"] == 2108
    assert "temperature" not in body


@pytest.mark.parametrize("name", sorted(providers()))
def test_every_line_of_the_table_is_usable(name, monkeypatch):
    provider = providers()[name]
    assert provider.protocol in WIRES
    assert provider.base_url or provider.base_url_env
    assert provider.local or provider.key_env or provider.extra
    for variable in provider.key_env:
        monkeypatch.setenv(variable, CANARY)
    if provider.base_url is None:
        monkeypatch.setenv(provider.base_url_env[0], "https://host.example/v1")
    if provider.extra is None:
        model = Remote(f"{name}/some-model")
        assert CANARY not in repr(vars(model).get("capabilities"))
    assert (name in _CLOUDS) == (provider.extra is not None)
    assert is_remote(f"{name}/x", None)
    assert is_local(f"{name}/x", None) == provider.local


def test_a_local_server_is_free_and_another_is_not():
    assert is_local("m", "http://127.0.0.1:8000/v1")
    assert not is_local("m", "https://host.example/v1")
    assert find_reasoning("gpt-4o-mini") is None
    assert find_reasoning("o3-mini") is not None


async def test_a_guided_choice_is_held_to_its_letters_and_says_so():
    async with FaultServer() as server:
        model = Remote("llamacpp/m", base_url=server.url)
        asked = Request(
            messages=(Message(role=Role.USER, text="Which?\nA) x\nB) y"),),
            choices=(("A", "x"), ("B", "y")),
            want_logprobs=True,
        )
        response = await model.respond(asked)
        await model.close()
        body = server.requests[0]
    assert body["grammar"] == 'root ::= "A" | "B"'
    assert body["max_tokens"] == 1
    assert body["logprobs"] is True
    assert response.elicitation == "constrained"
    assert set(response.option_logprobs) == {"A", "B"}


async def test_a_setting_that_is_rejected_in_any_case_is_a_refusal_and_no_endless_loop():
    async with FaultServer(scripted=["fine"], reply=None) as server:
        model = Remote("llamacpp/m", base_url=server.url)
        await model.respond(conversation())
        server.scripted = ["unsupported-param"] * 50
        response = await model.respond(conversation())
        await model.close()
    assert len(server.requests) < 10
    assert response.fault is None or response.fault.kind is FaultKind.REFUSED_REQUEST


def refusing(message: str):
    async def post(_path, _body):
        return Reply(400, [], b'{"error": {"message": "%b"}}' % message.encode())

    return post


@pytest.mark.parametrize(
    ("message", "left_out"),
    [
        ("seed is not supported by this model", "seed"),
        ("Extra inputs are not permitted: top_logprobs", "logprobs"),
        ("the text is too long: 9000 tokens, include less", None),
        ("your seed of doubt is noted", None),
    ],
)
async def test_only_what_is_said_to_be_unsupported_is_left_out(message, left_out):
    model = Remote("m", base_url="http://127.0.0.1:9/v1")
    model._answered = True
    model._http.post = refusing(message)
    response = await model.respond(conversation(want_logprobs=True))
    await model.close()
    assert response.fault.kind is FaultKind.REFUSED_REQUEST
    assert model._dialect.unsent == (frozenset({left_out}) if left_out else frozenset())


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1m2.5s"}, 60.0),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "120ms"}, 0.12),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "7"}, 7.0),
        ({"x-ratelimit-remaining-requests": "3", "x-ratelimit-reset-requests": "9s"}, None),
        ({"x-ratelimit-remaining-requests": "0"}, None),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "soon"}, None),
        ({}, None),
    ],
)
def test_a_server_that_says_it_has_no_room_is_left_alone_until_it_has(headers, seconds):
    from truing.models.refusals import seconds_without_room

    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    assert seconds_without_room(pairs) == seconds


def test_anthropics_moment_of_reset_is_understood():
    from datetime import UTC, datetime, timedelta

    from truing.models.refusals import seconds_without_room

    moment = (datetime.now(UTC) + timedelta(seconds=20)).isoformat().replace("+00:00", "Z")
    pairs = [
        (b"anthropic-ratelimit-requests-remaining", b"0"),
        (b"anthropic-ratelimit-requests-reset", moment.encode()),
    ]
    assert 18 < seconds_without_room(pairs) <= 20


async def test_the_limits_of_an_answer_hold_all_calls():
    async with FaultServer(rate_limit=10, headers_of_limit=True) as server:
        model = Remote("m", base_url=server.url)
        await model.respond(conversation())
        held = model.take_limits()
        assert model.take_limits() is None
        await model.close()
    assert held is not None
    assert 0 < held < 2


def test_an_address_moved_by_the_environment_is_another_address(monkeypatch):
    from truing.cli.opening import price_of
    from truing.config import Config
    from truing.models import given_address

    assert given_address("openai/gpt-4o-mini", None) is None
    assert price_of("openai/gpt-4o-mini", None, Config()) is not None
    monkeypatch.setenv("OPENAI_BASE_URL", "https://proxy.example/v1")
    moved = given_address("openai/gpt-4o-mini", None)
    assert moved == "https://proxy.example/v1"
    assert price_of("openai/gpt-4o-mini", moved, Config()) is None
    monkeypatch.setenv("OLLAMA_BASE_URL", "https://far.example/v1")
    assert not is_local("ollama/x", given_address("ollama/x", None))


LOOK = {"name": "look", "description": "looks"}
CALLED = '{"at": "x"}'
SCHEMA = {"type": "object"}


def after_a_result(**kwargs) -> Request:
    """A question, a call and its result: the model's turn."""
    asked = conversation(**kwargs)
    return msgspec.structs.replace(asked, messages=asked.messages[1:4])


def sent(wire: str, *unsent: str, request: Request | None = None) -> dict:
    dialect = Dialect("m", unsent=frozenset(unsent))
    return WIRES[wire]().encode(request or after_a_result(), dialect)


def test_openai_chat_carries_a_call_and_its_result_and_lets_none_be_made():
    body = sent("openai_chat")
    function = {"name": "look", "arguments": CALLED}
    assert body["messages"] == [
        {"role": "user", "content": "How do I boil an egg?"},
        {
            "role": "assistant",
            "content": "Let me look.",
            "tool_calls": [{"id": "c1", "type": "function", "function": function}],
        },
        {"role": "tool", "content": "8 minutes", "tool_call_id": "c1"},
    ]
    assert body["tools"] == [{"type": "function", "function": {**LOOK, "parameters": SCHEMA}}]
    assert body["tool_choice"] == "none"


def test_openai_responses_carries_a_call_and_its_output_as_items():
    body = sent("openai_responses")
    assert body["input"] == [
        {"role": "user", "content": "How do I boil an egg?"},
        {"role": "assistant", "content": "Let me look."},
        {"type": "function_call", "call_id": "c1", "name": "look", "arguments": CALLED},
        {"type": "function_call_output", "call_id": "c1", "output": "8 minutes"},
    ]
    assert body["tools"] == [{"type": "function", **LOOK, "parameters": SCHEMA}]
    assert body["tool_choice"] == "none"


def test_anthropic_carries_a_call_and_its_result_as_blocks():
    body = sent("anthropic_messages")
    use = {"type": "tool_use", "id": "c1", "name": "look", "input": {"at": "x"}}
    result = {"type": "tool_result", "tool_use_id": "c1", "content": "8 minutes"}
    assert body["messages"] == [
        {"role": "user", "content": "How do I boil an egg?"},
        {"role": "assistant", "content": [{"type": "text", "text": "Let me look."}, use]},
        {"role": "user", "content": [result]},
    ]
    assert body["tools"] == [{**LOOK, "input_schema": SCHEMA}]
    assert body["tool_choice"] == {"type": "none"}


def test_bedrock_offers_what_was_called_and_has_no_way_to_forbid_it():
    body = sent("bedrock_converse")
    use = {"toolUseId": "c1", "name": "look", "input": {"at": "x"}}
    result = {"toolUseId": "c1", "content": [{"text": "8 minutes"}]}
    assert body["messages"] == [
        {"role": "user", "content": [{"text": "How do I boil an egg?"}]},
        {"role": "assistant", "content": [{"text": "Let me look."}, {"toolUse": use}]},
        {"role": "user", "content": [{"toolResult": result}]},
    ]
    spec = {**LOOK, "inputSchema": {"json": SCHEMA}}
    assert body["toolConfig"] == {"tools": [{"toolSpec": spec}]}


def test_gemini_carries_a_call_and_its_response_and_lets_none_be_made():
    body = sent("gemini")
    response = {"name": "look", "response": {"result": "8 minutes"}}
    call = {"functionCall": {"name": "look", "args": {"at": "x"}}}
    assert body["contents"] == [
        {"role": "user", "parts": [{"text": "How do I boil an egg?"}]},
        {"role": "model", "parts": [{"text": "Let me look."}, call]},
        {"role": "user", "parts": [{"functionResponse": response}]},
    ]
    assert body["tools"] == [{"functionDeclarations": [{**LOOK, "parametersJsonSchema": SCHEMA}]}]
    assert body["toolConfig"] == {"functionCallingConfig": {"mode": "NONE"}}


@pytest.mark.parametrize("wire", sorted(WIRES))
def test_without_tools_the_same_conversation_goes_in_plain_turns(wire):
    body = sent(wire, "tools")
    assert not {"tools", "tool_choice", "toolConfig"} & set(body)
    text = str(body)
    assert "[Calls look with" in text
    assert "[Result of look]\\n8 minutes" in text
    for word in ("tool_use", "toolUse", "tool_call", "functionCall", "function_call"):
        assert word not in text
    plain = Request(messages=(Message(role=Role.USER, text="Hello."),))
    assert sent(wire, "tools", request=plain) == sent(wire, request=plain)


async def test_a_server_that_takes_no_tools_is_asked_in_plain_turns_from_then_on():
    model = Remote("m", base_url="http://127.0.0.1:9/v1")
    model._answered = True
    bodies = []

    async def post(_path, body):
        bodies.append(msgspec.json.decode(body))
        said = b'{"error": {"message": "m does not support tools"}}'
        good = b'{"choices": [{"message": {"content": "B"}, "finish_reason": "stop"}]}'
        return Reply(400, [], said) if "tools" in bodies[-1] else Reply(200, [], good)

    model._http.post = post
    first, second = await model.respond(after_a_result()), await model.respond(after_a_result())
    await model.close()
    assert [first.text, second.text] == ["B", "B"]
    assert first.unsent == second.unsent == ("tools",)
    assert ["tools" in body for body in bodies] == [True, False, False]
    assert [turn["role"] for turn in bodies[-1]["messages"]] == ["user", "assistant", "user"]
