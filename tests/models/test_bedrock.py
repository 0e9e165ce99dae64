"""Amazon Bedrock through the real SDK against a server here: what is sent, read, and goes wrong."""

from __future__ import annotations

import asyncio
import json
import os
import time

import pytest

pytest.importorskip("boto3", reason="AWS's SDK is not installed: pip install 'truing[bedrock]'")

from cloud_server import CloudServer, Said, aws_error, converse
from truing.calls.caller import Caller
from truing.errors import (
    BadKey,
    BadRequest,
    MissingExtra,
    MissingKey,
    NoCredit,
    NoSuchModel,
    Unreachable,
    UsageError,
)
from truing.models import Opening, given_address, is_local, is_remote, model_names, open_model
from truing.models.bedrock import Bedrock
from truing.records import FaultKind, Message, Request, Response, Role, ToolCall, ToolSpec

NAME = "bedrock/amazon.nova-lite-v1:0"
CLAUDE = "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0"
KEY, SECRET, SESSION = "AKIACANARY5F2E9C0000", "canary/secret/5f2e9c", "canary-session-5f2e9c"
FINE = converse({"text": "Fine."})


@pytest.fixture(autouse=True)
def one_account(monkeypatch, tmp_path):
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_SESSION_TOKEN", SESSION)


def request(text: str = "How do I boil an egg?", **kwargs) -> Request:
    return Request(messages=(Message(role=Role.USER, text=text),), **kwargs)


async def answers(server: CloudServer, *asked: Request, name: str = NAME, seconds: float = 20):
    model = Bedrock(name, base_url=server.url, timeout_seconds=seconds)
    try:
        return [await model.respond(one) for one in asked]
    finally:
        await model.close()


async def answer(*scripted: Said, asked: Request | None = None, name: str = NAME, seconds=20.0):
    with CloudServer(*scripted) as server:
        responses = await answers(server, asked or request(), name=name, seconds=seconds)
    return responses[0], server


async def test_a_conversation_with_tools_goes_over_whole():
    asked = Request(
        messages=(
            Message(role=Role.SYSTEM, text="Be brief."),
            Message(role=Role.USER, text="Weather in Oslo?"),
            Message(
                role=Role.ASSISTANT,
                text="",
                tool_calls=(ToolCall(id="t1", name="weather", arguments='{"city": "Oslo"}'),),
            ),
            Message(role=Role.TOOL, text="Rain.", tool_call_id="t1"),
            Message(role=Role.USER, text="And tomorrow?"),
        ),
        tools=(ToolSpec(name="weather", description="Tells it", parameters={"type": "object"}),),
        max_tokens=50,
        temperature=0.5,
    )
    _, server = await answer(asked=asked)
    assert server.paths == ["/model/amazon.nova-lite-v1%3A0/converse"]
    assert server.bodies[0] == {
        "system": [{"text": "Be brief."}],
        "messages": [
            {"role": "user", "content": [{"text": "Weather in Oslo?"}]},
            {
                "role": "assistant",
                "content": [
                    {"toolUse": {"toolUseId": "t1", "name": "weather", "input": {"city": "Oslo"}}}
                ],
            },
            {
                "role": "user",
                "content": [
                    {"toolResult": {"toolUseId": "t1", "content": [{"text": "Rain."}]}},
                    {"text": "And tomorrow?"},
                ],
            },
        ],
        "inferenceConfig": {"maxTokens": 50, "temperature": 0.5},
        "toolConfig": {
            "tools": [
                {
                    "toolSpec": {
                        "name": "weather",
                        "description": "Tells it",
                        "inputSchema": {"json": {"type": "object"}},
                    }
                }
            ]
        },
    }


async def test_text_thoughts_tool_calls_and_tokens_are_read():
    response, _ = await answer(
        converse(
            {"reasoningContent": {"reasoningText": {"text": "Hm."}}},
            {"text": "Let me look."},
            {"toolUse": {"toolUseId": "t1", "name": "weather", "input": {"city": "Oslo"}}},
            stop="tool_use",
            cacheReadInputTokens=4,
        )
    )
    assert response == Response(
        text="Let me look.",
        message=Message(
            role=Role.ASSISTANT,
            text="Let me look.",
            tool_calls=(ToolCall(id="t1", name="weather", arguments='{"city":"Oslo"}'),),
            reasoning="Hm.",
        ),
        stop_reason="tool",
        prompt_tokens=11,
        completion_tokens=3,
        unsent=("seed",),
    )


@pytest.mark.parametrize(
    ("said", "stop", "truncated"),
    [
        ("end_turn", "stop", False),
        ("stop_sequence", "stop", False),
        ("max_tokens", "length", True),
        ("model_context_window_exceeded", "length", True),
        ("guardrail_intervened", "filter", False),
        ("content_filtered", "filter", False),
        ("malformed_model_output", "unknown", False),
    ],
)
async def test_every_reason_to_stop_is_understood(said, stop, truncated):
    response, _ = await answer(converse({"text": "Well."}, stop=said))
    assert (response.stop_reason, response.truncated, response.fault) == (stop, truncated, None)


async def test_a_parameter_goes_where_the_protocol_has_it_and_else_to_the_model():
    guard = {"guardrailIdentifier": "g1", "guardrailVersion": "1"}
    asked = request(
        parameters={"topP": 0.9, "temperature": None, "top_k": 5, "guardrailConfig": guard}
    )
    _, server = await answer(asked=asked)
    body = server.bodies[0]
    assert body["inferenceConfig"] == {"maxTokens": 64, "topP": 0.9}
    assert body["additionalModelRequestFields"] == {"top_k": 5}
    assert body["guardrailConfig"] == guard


async def test_claude_thinks_within_a_budget_beside_the_answers_room():
    asked = request(thinking_tokens=2048, max_tokens=60)
    _, server = await answer(asked=asked, name=CLAUDE)
    body = server.bodies[0]
    assert body["inferenceConfig"] == {"maxTokens": 2108}
    assert body["additionalModelRequestFields"] == {
        "thinking": {"type": "enabled", "budget_tokens": 2048}
    }


async def test_thoughts_that_used_up_all_tokens_are_no_answer():
    thought = {"reasoningContent": {"reasoningText": {"text": "Hm, hm."}}}
    response, _ = await answer(converse(thought, stop="max_tokens"))
    assert response.fault.kind is FaultKind.THINKING_CUT


async def test_what_the_protocol_does_not_have_is_named():
    response, _ = await answer(asked=request(want_logprobs=True))
    assert response.unsent == ("logprobs", "seed")


SCHEMA = {"type": "object", "properties": {"verdict": {"enum": ["yes", "no"]}}}


async def test_a_schema_is_sent_as_text_and_left_out_where_the_model_has_none():
    refused = aws_error(400, "ValidationException", "outputConfig is not for this model")
    with CloudServer(FINE, refused) as server:
        held, free = await answers(
            server, request(json_schema=SCHEMA), request("Again?", json_schema=SCHEMA)
        )
    sent = server.bodies[0]["outputConfig"]["textFormat"]
    assert json.loads(sent["structure"]["jsonSchema"]["schema"]) == SCHEMA
    assert "outputConfig" not in server.bodies[2]
    assert held.unsent == ("seed",)
    assert free.unsent == ("json_schema", "seed")
    assert [attempt.fault for attempt in free.attempts] == [FaultKind.REFUSED_REQUEST]


async def test_a_rejected_temperature_is_left_out_from_then_on():
    refused = aws_error(400, "ValidationException", "temperature is deprecated for this model.")
    with CloudServer(refused) as server:
        first, second = await answers(server, request(), request("Again?"))
    assert [b["inferenceConfig"].get("temperature") for b in server.bodies] == [0.0, None, None]
    assert first.unsent == second.unsent == ("seed", "temperature")


@pytest.mark.parametrize(
    ("said", "kind", "wait"),
    [
        (aws_error(429, "ThrottlingException"), FaultKind.RATE_LIMIT, None),
        (aws_error(429, "ThrottlingException", **{"Retry-After": "7"}), FaultKind.RATE_LIMIT, 7.0),
        (aws_error(400, "ThrottlingException"), FaultKind.RATE_LIMIT, None),
        (aws_error(429, "ModelNotReadyException"), FaultKind.OVERLOADED, None),
        (aws_error(503, "ServiceUnavailableException"), FaultKind.OVERLOADED, None),
        (aws_error(500, "InternalServerException"), FaultKind.SERVER_ERROR, None),
        (aws_error(424, "ModelErrorException"), FaultKind.SERVER_ERROR, None),
        (aws_error(408, "ModelTimeoutException"), FaultKind.TIMEOUT, None),
        (Said(502, "<html>bad gateway</html>"), FaultKind.SERVER_ERROR, None),
        (Said(how="hang"), FaultKind.TIMEOUT, None),
        (FINE._replace(how="drip"), FaultKind.TIMEOUT, None),
        (Said(how="reset"), FaultKind.CONNECTION, None),
        (FINE._replace(how="cut"), FaultKind.MALFORMED, None),
        (Said(body="not JSON"), FaultKind.MALFORMED, None),
        (Said(body={"output": {}}), FaultKind.MALFORMED, None),
        (converse(stop="surely"), FaultKind.MALFORMED, None),
    ],
)
async def test_a_failed_call_is_a_fault_of_its_kind_after_one_attempt(said, kind, wait):
    response, server = await answer(said, seconds=0.5)
    assert response.fault is not None
    assert (response.fault.kind, response.fault.wait_seconds) == (kind, wait)
    assert response.text == ""
    assert len(server.bodies) == 1
    for secret in (KEY, SECRET, SESSION):
        assert secret not in response.fault.detail


async def test_the_caller_tries_again_and_not_the_sdk(monkeypatch):
    monkeypatch.setattr("truing.calls.caller.pause_seconds", lambda *_: 0.0)
    with CloudServer(*[aws_error(503, "ServiceUnavailableException")] * 2) as server:
        caller = Caller(Bedrock(NAME, base_url=server.url))
        response = await caller.respond(request())
        await caller.close()
    assert [attempt.fault for attempt in response.attempts] == [
        FaultKind.OVERLOADED,
        FaultKind.OVERLOADED,
        None,
    ]
    assert len(server.bodies) == 3


BLOCKED = "The model returned: Output blocked by content filtering policy"


async def test_a_filters_block_is_an_outcome():
    response, server = await answer(aws_error(400, "ValidationException", BLOCKED))
    assert (response.fault, response.stop_reason, len(server.bodies)) == (None, "filter", 1)


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (aws_error(403, "UnrecognizedClientException"), BadKey),
        (aws_error(403, "ExpiredTokenException"), BadKey),
        (aws_error(403, "AccessDeniedException"), BadKey),
        (aws_error(403, "AccessDeniedException", "INVALID_PAYMENT_INSTRUMENT: no card"), NoCredit),
        (aws_error(404, "ResourceNotFoundException"), NoSuchModel),
        (aws_error(400, "ValidationException", "The model identifier is invalid."), NoSuchModel),
        (
            aws_error(400, "ValidationException", "with on-demand throughput isn't supported."),
            NoSuchModel,
        ),
        (aws_error(400, "ValidationException"), BadRequest),
    ],
)
async def test_what_no_call_can_survive_stops_at_the_first(said, error):
    with CloudServer(said) as server:
        with pytest.raises(error) as caught:
            await answers(server, request())
        assert len(server.bodies) == 1
    for secret in (KEY, SECRET, SESSION):
        assert secret not in str(caught.value)


async def test_later_only_a_lost_key_stops():
    later = [
        aws_error(403, "AccessDeniedException"),
        aws_error(400, "ValidationException"),
        aws_error(403, "ExpiredTokenException"),
    ]
    with CloudServer(FINE, *later) as server:
        model = Bedrock(NAME, base_url=server.url)
        await model.respond(request())
        kinds = [(await model.respond(request())).fault.kind for _ in range(2)]
        with pytest.raises(BadKey):
            await model.respond(request())
        await model.close()
    assert kinds == [FaultKind.REFUSED_REQUEST] * 2


async def test_nobody_at_the_address_is_said_at_once():
    model = Bedrock(NAME, base_url="http://127.0.0.1:9")
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:9"):
        await model.respond(request())
    await model.close()


async def test_a_parameter_of_the_wrong_shape_is_the_users():
    with CloudServer() as server, pytest.raises(BadRequest, match="guardrailConfig"):
        await answers(server, request(parameters={"guardrailConfig": "strict"}))
    assert server.bodies == []


async def test_calls_run_side_by_side():
    with CloudServer(*[FINE._replace(how="hang")] * 8) as server:
        model = Bedrock(NAME, base_url=server.url, timeout_seconds=0.5)
        began = time.perf_counter()
        responses = await asyncio.gather(*(model.respond(request()) for _ in range(8)))
        seconds = time.perf_counter() - began
        await model.close()
    assert {response.fault.kind for response in responses} == {FaultKind.TIMEOUT}
    assert seconds < 2


async def test_proxies_are_the_environments(monkeypatch):
    with CloudServer() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        model = Bedrock(NAME, base_url="http://bedrock.example")
        response = await model.respond(request())
        await model.close()
    assert response.text == "Fine."
    assert proxy.paths == ["http://bedrock.example/model/amazon.nova-lite-v1%3A0/converse"]


async def test_certificates_are_the_environments(monkeypatch, tmp_path):
    variables = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
    for variable in variables:
        monkeypatch.delenv(variable, raising=False)
    for variable in variables:
        monkeypatch.setenv(variable, str(tmp_path / "own.pem"))
        model = Bedrock(NAME, base_url="https://127.0.0.1:9")
        with pytest.raises(Unreachable, match=r"own\.pem|127"):
            await model.respond(request())
        verify = model._client._endpoint.http_session._verify
        await model.close()
        monkeypatch.delenv(variable)
        assert verify == str(tmp_path / "own.pem"), variable


def test_no_credentials_is_said_before_any_call(monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(MissingKey, match="AWS_PROFILE"):
        open_model(NAME, Opening())
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "canary-bearer")
    assert open_model(NAME, Opening()).name == NAME


def test_no_region_no_profile_and_a_key_variable_are_said(monkeypatch):
    with pytest.raises(UsageError, match="--key-env"):
        open_model(NAME, Opening(key_env="OPENAI_API_KEY"))
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(UsageError, match="AWS_REGION"):
        open_model(NAME, Opening())
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(UsageError, match="nobody"):
        open_model(NAME, Opening())


def test_without_the_sdk_the_line_to_install_it_is_said(monkeypatch):
    monkeypatch.setattr("truing.models.bedrock.importlib.util.find_spec", lambda _: None)
    with pytest.raises(MissingExtra, match=r"pip install 'truing\[bedrock\]'"):
        open_model(NAME, Opening())


def test_it_is_a_remote_model_and_a_moved_address_is_another(monkeypatch):
    assert is_remote(NAME, None)
    assert not is_local(NAME, None)
    assert given_address(NAME, None) is None
    assert "bedrock/NAME" in model_names()
    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "https://vpce.example")
    assert given_address(NAME, None) == "https://vpce.example"
