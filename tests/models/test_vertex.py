"""Vertex AI with the real google-auth against a server here: tokens, what is sent and read."""

from __future__ import annotations

import asyncio
import json
import math

import pytest

pytest.importorskip(
    "google.auth", reason="google-auth is not installed: pip install 'truing[vertex]'"
)

from cloud_server import TOKEN, CloudServer, Said, candidate, google_error, key_file
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
from truing.models.vertex import Vertex, _address
from truing.records import FaultKind, Message, Request, Response, Role, ToolCall, ToolSpec

NAME = "vertex/gemini-2.0-flash"
THINKER = "vertex/gemini-2.5-flash"
PLACE = "/v1/projects/a-project/locations/global/publishers/google/models"
FINE = candidate({"text": "Fine."})


@pytest.fixture(autouse=True)
def no_account(monkeypatch, tmp_path):
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_PROJECT", "GOOGLE_CLOUD_LOCATION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))
    monkeypatch.setenv("PATH", str(tmp_path))  # no gcloud to ask for a project


@pytest.fixture(scope="module")
def account(tmp_path_factory):
    """A key file; the server that gives its tokens is named anew in each test."""
    return key_file(tmp_path_factory.mktemp("account"), "http://127.0.0.1:9")


@pytest.fixture
def log_in(account, tmp_path, monkeypatch):
    def at(url: str) -> None:
        held = json.loads(account.read_text())
        file = tmp_path / "account.json"
        file.write_text(json.dumps(held | {"token_uri": f"{url}/token"}))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))

    return at


def request(text: str = "How do I boil an egg?", **kwargs) -> Request:
    return Request(messages=(Message(role=Role.USER, text=text),), **kwargs)


async def answers(server: CloudServer, *asked: Request, name: str = NAME, seconds: float = 20):
    model = Vertex(name, base_url=server.url, timeout_seconds=seconds)
    try:
        return [await model.respond(one) for one in asked]
    finally:
        await model.close()


@pytest.fixture
def answer(log_in):
    async def one(*scripted: Said, asked: Request | None = None, name: str = NAME, seconds=20.0):
        with CloudServer(*scripted) as server:
            log_in(server.url)
            responses = await answers(server, asked or request(), name=name, seconds=seconds)
        return responses[0], server

    return one


async def test_a_conversation_with_tools_goes_over_whole(answer):
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
        seed=4,
        repeat=1,
    )
    _, server = await answer(asked=asked)
    assert server.paths == [f"{PLACE}/gemini-2.0-flash:generateContent"]
    assert server.headers[0]["authorization"] == f"Bearer {TOKEN}"
    assert server.bodies[0] == {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "Weather in Oslo?"}]},
            {
                "role": "model",
                "parts": [{"functionCall": {"name": "weather", "args": {"city": "Oslo"}}}],
            },
            {
                "role": "user",
                "parts": [
                    {"functionResponse": {"name": "weather", "response": {"result": "Rain."}}},
                    {"text": "And tomorrow?"},
                ],
            },
        ],
        "generationConfig": {"maxOutputTokens": 50, "temperature": 0.5, "seed": 5},
        "tools": [
            {
                "functionDeclarations": [
                    {
                        "name": "weather",
                        "description": "Tells it",
                        "parametersJsonSchema": {"type": "object"},
                    }
                ]
            }
        ],
        "toolConfig": {"functionCallingConfig": {"mode": "NONE"}},
    }


async def test_a_call_the_model_did_not_write_is_signed_where_signatures_are_asked_for(answer):
    call = ToolCall(id="t1", name="weather", arguments="{}")
    asked = Request(
        messages=(
            Message(role=Role.USER, text="Weather?"),
            Message(role=Role.ASSISTANT, text="", tool_calls=(call,)),
            Message(role=Role.TOOL, text="Rain.", tool_call_id="t1"),
        )
    )
    _, server = await answer(asked=asked, name="vertex/gemini-3-flash-preview")
    part = server.bodies[0]["contents"][1]["parts"][0]
    assert part["thoughtSignature"] == "skip_thought_signature_validator"


async def test_text_thoughts_tool_calls_and_tokens_are_read(answer):
    said = candidate(
        {"text": "Hm.", "thought": True},
        {"text": "Let me look."},
        {"functionCall": {"name": "weather", "args": {"city": "Oslo"}}, "thoughtSignature": "eA=="},
    )
    said.body["usageMetadata"]["thoughtsTokenCount"] = 5
    response, _ = await answer(said)
    assert response == Response(
        text="Let me look.",
        message=Message(
            role=Role.ASSISTANT,
            text="Let me look.",
            tool_calls=(ToolCall(id="call_2", name="weather", arguments='{"city":"Oslo"}'),),
            reasoning="Hm.",
        ),
        stop_reason="tool",
        prompt_tokens=7,
        completion_tokens=8,
    )


@pytest.mark.parametrize(
    ("said", "stop", "truncated"),
    [
        ("STOP", "stop", False),
        ("MAX_TOKENS", "length", True),
        ("SAFETY", "filter", False),
        ("RECITATION", "filter", False),
        ("PROHIBITED_CONTENT", "filter", False),
        ("OTHER", "unknown", False),
    ],
)
async def test_every_reason_to_stop_is_understood(answer, said, stop, truncated):
    response, _ = await answer(candidate({"text": "Well."}, finish=said))
    assert (response.stop_reason, response.truncated, response.fault) == (stop, truncated, None)


async def test_a_blocked_prompt_is_an_outcome(answer):
    usage = {"promptTokenCount": 7, "totalTokenCount": 7}
    said = Said(body={"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": usage})
    response, server = await answer(said)
    assert (response.fault, response.stop_reason, response.text) == (None, "filter", "")
    assert (response.prompt_tokens, response.completion_tokens) == (7, 0)
    assert len(server.bodies) == 1


async def test_log_probabilities_of_the_letters_are_those_of_the_first_token(answer):
    first = [
        {"token": "A", "logProbability": -0.1},
        {"token": " B", "logProbability": -2.5},
        {"token": "The", "logProbability": -4.0},
    ]
    second = [{"token": "B", "logProbability": -0.01}]
    result = {
        "chosenCandidates": [first[0], second[0]],
        "topCandidates": [{"candidates": first}, {"candidates": second}],
    }
    asked = request(choices=(("A", "yes"), ("B", "no")), want_logprobs=True)
    response, server = await answer(candidate({"text": "A)"}, logprobsResult=result), asked=asked)
    assert server.bodies[0]["generationConfig"]["responseLogprobs"] is True
    assert server.bodies[0]["generationConfig"]["logprobs"] == 20
    assert response.option_logprobs == {"A": -0.1, "B": -2.5}
    assert response.elicitation == "parsed"
    assert math.exp(response.option_logprobs["A"]) > 0.9


async def test_a_parameter_goes_where_the_protocol_has_it(answer):
    safety = [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]
    asked = request(parameters={"topP": 0.9, "seed": None, "safetySettings": safety})
    _, server = await answer(asked=asked)
    assert server.bodies[0]["generationConfig"] == {
        "maxOutputTokens": 64,
        "temperature": 0.0,
        "topP": 0.9,
    }
    assert server.bodies[0]["safetySettings"] == safety


async def test_a_thinking_model_gets_its_budget_on_top_of_the_answers_room(answer):
    asked = request(thinking_tokens=512, max_tokens=60)
    response, server = await answer(
        candidate({"text": "Hm", "thought": True}, finish="MAX_TOKENS"), asked=asked, name=THINKER
    )
    config = server.bodies[0]["generationConfig"]
    assert config["maxOutputTokens"] == 572
    assert config["thinkingConfig"] == {"includeThoughts": True, "thinkingBudget": 512}
    assert response.fault.kind is FaultKind.THINKING_CUT


SCHEMA = {"type": "object", "properties": {"verdict": {"enum": ["yes", "no"]}}}


async def test_a_schema_is_sent_and_what_is_rejected_is_left_out_and_named(answer):
    refused = google_error(400, "INVALID_ARGUMENT", "Logprobs is not supported for this model.")
    asked = request(json_schema=SCHEMA, want_logprobs=True)
    response, server = await answer(refused, asked=asked)
    first, second = (body["generationConfig"] for body in server.bodies)
    assert first["responseJsonSchema"] == second["responseJsonSchema"] == SCHEMA
    assert second["responseMimeType"] == "application/json"
    assert "responseLogprobs" in first
    assert "responseLogprobs" not in second
    assert response.unsent == ("logprobs",)


async def test_what_the_user_set_is_never_left_out(answer):
    refused = google_error(400, "INVALID_ARGUMENT", "thinking is not supported")
    asked = request(parameters={"thinkingConfig": {"thinkingBudget": 1}})
    with pytest.raises(BadRequest):
        await answer(refused, asked=asked, name=THINKER)


RETRY = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "12.5s"}


@pytest.mark.parametrize(
    ("said", "kind", "wait"),
    [
        (google_error(429, "RESOURCE_EXHAUSTED"), FaultKind.RATE_LIMIT, None),
        (google_error(429, "RESOURCE_EXHAUSTED", "no", RETRY), FaultKind.RATE_LIMIT, 12.5),
        (google_error(503, "UNAVAILABLE"), FaultKind.OVERLOADED, None),
        (google_error(500, "INTERNAL"), FaultKind.SERVER_ERROR, None),
        (google_error(504, "DEADLINE_EXCEEDED"), FaultKind.SERVER_ERROR, None),
        (Said(502, "<html>bad gateway</html>"), FaultKind.SERVER_ERROR, None),
        (Said(how="hang"), FaultKind.TIMEOUT, None),
        (FINE._replace(how="drip"), FaultKind.TIMEOUT, None),
        (Said(how="reset"), FaultKind.CONNECTION, None),
        (FINE._replace(how="cut"), FaultKind.CONNECTION, None),
        (Said(body="not JSON"), FaultKind.MALFORMED, None),
        (Said(body={"candidates": []}), FaultKind.MALFORMED, None),
        (Said(body={"candidates": ["x"]}), FaultKind.MALFORMED, None),
        (candidate(finish=None), FaultKind.MALFORMED, None),
    ],
)
async def test_a_failed_call_is_a_fault_of_its_kind_after_one_attempt(answer, said, kind, wait):
    response, server = await answer(said, seconds=0.5)
    assert response.fault is not None
    assert (response.fault.kind, response.fault.wait_seconds) == (kind, wait)
    assert response.text == ""
    assert len(server.bodies) == 1
    assert TOKEN not in response.fault.detail


BILLING = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "BILLING_DISABLED"}


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (google_error(401, "UNAUTHENTICATED"), BadKey),
        (google_error(403, "PERMISSION_DENIED"), BadKey),
        (google_error(403, "PERMISSION_DENIED", "no", BILLING), NoCredit),
        (google_error(404, "NOT_FOUND"), NoSuchModel),
        (google_error(400, "INVALID_ARGUMENT"), BadRequest),
    ],
)
async def test_what_no_call_can_survive_stops_at_the_first(log_in, said, error):
    with CloudServer(said) as server:
        log_in(server.url)
        with pytest.raises(error) as caught:
            await answers(server, request())
        assert len(server.bodies) == 1
    assert TOKEN not in str(caught.value)


async def test_a_token_is_asked_for_once_and_again_when_it_runs_out(log_in):
    with CloudServer() as server:
        log_in(server.url)
        model = Vertex(NAME, base_url=server.url)
        await asyncio.gather(*(model.respond(request()) for _ in range(5)))
        assert server.tokens_given == 1
        model._credentials.expiry = None
        model._credentials.token = None
        response = await model.respond(request())
        await model.close()
    assert response.text == "Fine."
    assert server.tokens_given == 2


async def test_a_refused_login_stops_the_run_and_an_absent_one_too(log_in):
    with CloudServer() as server:
        server.token_status = 400
        log_in(server.url)
        with pytest.raises(BadKey, match="gcloud auth"):
            await answers(server, request())
    assert server.bodies == []
    with CloudServer() as server:
        log_in("http://127.0.0.1:9")
        with pytest.raises(Unreachable, match="no token"):
            await answers(server, request())


async def test_a_token_of_the_users_own_needs_no_login(monkeypatch):
    monkeypatch.setenv("MY_TOKEN", "ya29.own")
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "mine")
    with CloudServer() as server:
        model = open_model(NAME, Opening(base_url=server.url, key_env="MY_TOKEN"))
        await model.respond(request())
        await model.close()
    assert server.headers[0]["authorization"] == "Bearer ya29.own"
    assert server.paths[0].startswith("/v1/projects/mine/locations/global/")


async def test_the_token_comes_through_the_environments_proxy(log_in, monkeypatch):
    with CloudServer() as proxy:
        log_in("http://tokens.example")
        monkeypatch.setenv("http_proxy", proxy.url)
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        model = Vertex(NAME, base_url="http://vertex.example:80")
        response = await model.respond(request())
        await model.close()
    assert response.text == "Fine."
    assert proxy.tokens_given == 1
    assert proxy.paths == [f"http://vertex.example:80{PLACE}/gemini-2.0-flash:generateContent"]


@pytest.mark.parametrize(
    ("location", "model", "address"),
    [
        (None, "m", "https://aiplatform.googleapis.com/v1/projects/p/locations/global/"),
        ("us-east1", "m", "https://us-east1-aiplatform.googleapis.com/v1/projects/p/locations/us-"),
        ("eu", "m", "https://aiplatform.eu.rep.googleapis.com/v1/projects/p/locations/eu/publi"),
        ("us-east1", "endpoints/7", "https://us-east1-aiplatform.googleapis.com/v1/projects/p/"),
    ],
)
def test_a_location_has_its_own_host(monkeypatch, location, model, address):
    if location:
        monkeypatch.setenv("GOOGLE_CLOUD_LOCATION", location)
    found = _address(model, "p", None)
    assert found.startswith(address)
    path = model if "/" in model else f"publishers/google/models/{model}"
    assert found.endswith(f"/{path}:generateContent")


def test_no_login_no_project_and_no_package_are_said_before_any_call(monkeypatch):
    with pytest.raises(MissingKey, match="GOOGLE_APPLICATION_CREDENTIALS"):
        open_model(NAME, Opening())
    monkeypatch.setenv("MY_TOKEN", "ya29.own")
    with pytest.raises(UsageError, match="GOOGLE_CLOUD_PROJECT"):
        open_model(NAME, Opening(key_env="MY_TOKEN"))
    monkeypatch.setattr("truing.models.vertex.importlib.util.find_spec", lambda _: None)
    with pytest.raises(MissingExtra, match=r"pip install 'truing\[vertex\]'"):
        open_model(NAME, Opening())


def test_it_is_a_remote_model_and_a_moved_address_is_another(monkeypatch):
    assert is_remote(NAME, None)
    assert not is_local(NAME, None)
    assert given_address(NAME, None) is None
    assert "vertex/NAME" in model_names()
    monkeypatch.setenv("GOOGLE_VERTEX_BASE_URL", "https://gateway.example")
    assert given_address(NAME, None) == "https://gateway.example"
