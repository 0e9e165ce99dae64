"""A product is measured as it is: a function or an address, and its secrets stay its own."""

from __future__ import annotations

import asyncio
import html
import json
import traceback
from urllib.parse import quote, quote_plus

import pytest

from truing.errors import ModelError, UnknownName, UsageError
from truing.models import Opening, open_model
from truing.records import FaultKind, Message, Request, Role, ToolCall

CANARY = "sk-canary-5f2e9c"
ASKED = Request(
    messages=(
        Message(role=Role.SYSTEM, text="Be kind."),
        Message(role=Role.USER, text='Say "{{messages}}" and ${HOME}'),
    )
)

FUNCTIONS = """
import asyncio

def plain(messages):
    return messages[-1]["content"].upper()

async def rag(messages):
    await asyncio.sleep(0)
    return {"text": "It is so.", "context": ["a passage"], "prompt_tokens": 7,
            "completion_tokens": 3}

def broken(messages):
    raise ValueError("no database")

def odd(messages):
    return 5
"""


@pytest.fixture
def functions(tmp_path, monkeypatch):
    (tmp_path / "made_functions.py").write_text(FUNCTIONS)
    monkeypatch.syspath_prepend(str(tmp_path))


async def ask(name, **kwargs):
    model = open_model(name, Opening(**kwargs))
    try:
        return await model.respond(ASKED)
    finally:
        await model.close()


async def test_a_function_is_asked(functions):
    assert (await ask("target/py:made_functions.plain")).text.startswith('SAY "')


async def test_a_coroutine_may_say_what_it_retrieved(functions):
    response = await ask("target/py:made_functions.rag")
    assert (response.text, response.context) == ("It is so.", ("a passage",))
    assert (response.prompt_tokens, response.completion_tokens) == (7, 3)


@pytest.mark.parametrize(
    ("name", "kind"), [("broken", FaultKind.INTERNAL), ("odd", FaultKind.REFUSED_REQUEST)]
)
async def test_what_goes_wrong_in_a_function_is_a_fault_of_that_sample(functions, name, kind):
    response = await ask(f"target/py:made_functions.{name}")
    assert response.fault.kind is kind
    assert response.text == ""


@pytest.mark.parametrize("name", ["nothing", "made_functions.nothing", "no_module.f"])
def test_a_function_that_is_not_there_is_said(functions, name):
    with pytest.raises(UsageError, match="target/py"):
        open_model(f"target/py:{name}", Opening())


def test_another_kind_of_target_is_unknown():
    with pytest.raises(UnknownName, match="http"):
        open_model("target/carrier-pigeon", Opening())


async def serving(status: int, reply: object, seen: list[bytes]):
    async def handle(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        seen.append(head + await reader.readexactly(length))
        body = json.dumps(reply).encode()
        writer.write(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body))
        await writer.drain()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1]


def template(folder, port):
    file = folder / "product.toml"
    file.write_text(f"""
url = "http://127.0.0.1:{port}/api/chat"
text = "reply.0.text"
context = "documents.*.passage"
[headers]
Authorization = "Bearer ${{MADE_KEY}}"
[body]
question = "{{{{prompt}}}}"
history = "{{{{messages}}}}"
options = {{ level = 3 }}
""")
    return str(file)


async def test_an_address_is_asked_with_the_template_and_a_prompt_is_only_data(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("MADE_KEY", CANARY)
    seen: list[bytes] = []
    reply = {"reply": [{"text": "Hello."}], "documents": [{"passage": "p1"}, {"passage": "p2"}]}
    server, port = await serving(200, reply, seen)
    async with server:
        response = await ask("target/http", template=template(tmp_path, port))
        await asyncio.sleep(0.05)
    assert (response.text, response.context) == ("Hello.", ("p1", "p2"))
    head, _, body = seen[0].partition(b"\r\n\r\n")
    assert f"Bearer {CANARY}".encode() in head
    sent = json.loads(body)
    assert sent["question"] == ASKED.messages[1].text
    assert sent["history"][0] == {"role": "system", "content": "Be kind."}
    assert sent["options"] == {"level": 3}


async def test_an_answer_of_another_shape_is_malformed_and_keeps_the_secret(tmp_path, monkeypatch):
    monkeypatch.setenv("MADE_KEY", CANARY)
    server, port = await serving(200, {"other": CANARY}, [])
    async with server:
        response = await ask("target/http", template=template(tmp_path, port))
        await asyncio.sleep(0.05)
    assert response.fault.kind is FaultKind.MALFORMED
    server, port = await serving(500, {"error": f"bad {CANARY}"}, [])
    async with server:
        response = await ask("target/http", template=template(tmp_path, port))
        await asyncio.sleep(0.05)
    assert response.fault.kind is FaultKind.SERVER_ERROR
    assert CANARY not in response.fault.detail


def test_a_template_that_lacks_its_secret_or_its_file_is_said(tmp_path):
    with pytest.raises(UsageError, match="MADE_KEY"):
        open_model("target/http", Opening(template=template(tmp_path, 9)))
    with pytest.raises(UsageError, match="--template"):
        open_model("target/http", Opening())


KEYED = """
url = "http://127.0.0.1:{port}/t/${{TENANT}}/chat?v=2&api-key=${{QUERY_KEY}}"
text = "text"
[headers]
X-Key = "${{HEADER_KEY}}"
[body]
question = "{{{{prompt}}}}"
auth = {{ key = "${{BODY_KEY}}", more = ["say {{{{prompt}}}} with ${{BODY_KEY}}"] }}
"${{TENANT}}" = 1
"""
KEYS = {
    "TENANT": "acme/eu",
    "QUERY_KEY": "sk+canary/5f&2e=9c",
    "HEADER_KEY": "sk-canary-header",
    "BODY_KEY": 'sk-{{prompt}}-"canary"',
}


def keyed(folder, monkeypatch, port=9, text=KEYED):
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    file = folder / "keyed.toml"
    file.write_text(text.format(port=port))
    return str(file)


async def test_variables_are_filled_in_body_and_url_before_the_prompt_is(tmp_path, monkeypatch):
    seen: list[bytes] = []
    server, port = await serving(200, {"text": "Hello."}, seen)
    async with server:
        response = await ask("target/http", template=keyed(tmp_path, monkeypatch, port))
        await asyncio.sleep(0.05)
    assert response.text == "Hello."
    head, _, body = seen[0].partition(b"\r\n\r\n")
    assert head.startswith(
        b"POST /t/acme%2Feu/chat?v=2&api-key=sk%2Bcanary%2F5f%262e%3D9c HTTP/1.1\r\n"
    )
    assert b"X-Key: sk-canary-header\r\n" in head
    asked = ASKED.messages[1].text
    assert "${HOME}" in asked
    assert json.loads(body) == {
        "question": asked,
        "auth": {"key": KEYS["BODY_KEY"], "more": [f"say {asked} with {KEYS['BODY_KEY']}"]},
        "acme/eu": 1,
    }


ECHOES = {
    "as it is": lambda key: key,
    "percent-encoded": lambda key: quote(key, safe=""),
    "in small letters": lambda key: quote(key, safe="").lower() if "%" in quote(key) else key,
    "as a form": quote_plus,
    "encoded twice": lambda key: quote(quote(key, safe=""), safe=""),
    "in JSON within JSON": json.dumps,
    "in HTML": html.escape,
    "by code point": lambda key: "".join(f"\\u{ord(sign):04X}" for sign in key),
}


@pytest.mark.parametrize("written", ECHOES)
@pytest.mark.parametrize("status", [200, 400, 429, 500])
async def test_a_key_that_comes_back_is_taken_out_however_it_is_written(
    tmp_path, monkeypatch, written, status
):
    keys = [value for name, value in KEYS.items() if name != "TENANT"]
    echoed = " and ".join(map(ECHOES[written], keys))
    reply = {"text": echoed, "error": {"message": f"you sent {echoed}"}}
    server, port = await serving(status, reply, [])
    async with server:
        response = await ask("target/http", template=keyed(tmp_path, monkeypatch, port))
        await asyncio.sleep(0.05)
    shown = response.text if status == 200 else response.fault.detail
    assert shown.count("[key]") == 3
    for way in ECHOES.values():
        for key in keys:
            assert way(key) not in shown


async def test_a_key_across_the_cut_of_a_long_message_leaves_no_part_of_itself(
    tmp_path, monkeypatch
):
    reply = {"error": {"message": "x" * 290 + KEYS["HEADER_KEY"]}}
    server, port = await serving(500, reply, [])
    async with server:
        response = await ask("target/http", template=keyed(tmp_path, monkeypatch, port))
        await asyncio.sleep(0.05)
    assert "sk-" not in response.fault.detail


async def test_a_short_value_is_no_key_and_stays_in_answers(tmp_path, monkeypatch):
    server, port = await serving(200, {"text": "We are in acme/eu."}, [])
    async with server:
        response = await ask("target/http", template=keyed(tmp_path, monkeypatch, port))
        await asyncio.sleep(0.05)
    assert response.text == "We are in acme/eu."


async def test_what_breaks_inside_or_stops_the_run_shows_no_key_not_even_with_its_locals(
    tmp_path, monkeypatch
):
    async def broken(*_: object) -> None:
        raise RuntimeError(f"at {quote(KEYS['QUERY_KEY'], safe='')} with {KEYS['BODY_KEY']}")

    model = open_model("target/http", Opening(template=keyed(tmp_path, monkeypatch)))
    monkeypatch.setattr(model._http, "post", broken)
    response = await model.respond(ASKED)
    assert response.fault.kind is FaultKind.INTERNAL
    assert response.fault.detail == "RuntimeError: at [key] with [key]"
    for status in (401, 404, None):
        echo = {"error": {"message": " ".join(KEYS.values())}}
        server, port = await serving(status or 500, echo, [])
        if status is None:
            server.close()
            await server.wait_closed()
        model = open_model("target/http", Opening(template=keyed(tmp_path, monkeypatch, port)))
        with pytest.raises(ModelError) as caught:
            await model.respond(ASKED)
        await model.close()
        server.close()
        await asyncio.sleep(0.05)
        verbose = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
        frames = [frame for frame in verbose.stack if "/truing/" in frame.filename]
        shown = str(caught.value) + "".join(f"{frame.locals}" for frame in frames)
        assert frames
        assert "${TENANT}" in str(caught.value)
        for key in KEYS.values():
            assert key not in shown
            assert quote(key, safe="") not in shown


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("api-key=${{QUERY_KEY}}", "api-key=abc", "api-key=\\$\\{NAME\\}"),
        ("api-key=${{QUERY_KEY}}", "access_token=${{QUERY_KEY}}abc", "access_token="),
        ("api-key=${{QUERY_KEY}}", "subscription%2Dkey=abc", "looks like a key"),
        ("api-key=${{QUERY_KEY}}", "sig=abc", "looks like a key"),
        ("api-key=${{QUERY_KEY}}", "x=sk-abcdefgh1234", "looks like a key"),
        ("api-key=${{QUERY_KEY}}", "x=Ab3dEf6hIj9lMn2pQr5tUv8x", "looks like a key"),
        ("api-key=${{QUERY_KEY}}", "sk-abcdefgh1234", "NAME="),
        ("api-key=${{QUERY_KEY}}", "q=a b", "space"),
        ("127.0.0.1:{port}", "user:abc@127.0.0.1", "user and password"),
        ("127.0.0.1:{port}", "${{TENANT}}", "not in its host"),
        ("http://127", "ftp://127", "expected http"),
        ("${{TENANT}}", "${{NOT_THERE}}", "NOT_THERE"),
    ],
)
def test_a_template_with_a_key_written_out_is_refused_without_showing_it(
    tmp_path, monkeypatch, old, new, says
):
    file = keyed(tmp_path, monkeypatch, text=KEYED.replace(old, new))
    with pytest.raises(UsageError, match=says) as caught:
        open_model("target/http", Opening(template=file))
    for part in ("abc", "sk-", "Ab3d", *KEYS.values()):
        assert part not in str(caught.value)


@pytest.mark.parametrize(
    "query",
    [
        "v=2024-02-15-preview&deployment=gpt-4o-mini-2024-07-18",
        "max_tokens=64&author=me&keyword=x",
        "auth=Bearer%20${{QUERY_KEY}}",
        "key=${{QUERY_KEY}}${{BODY_KEY}}",
    ],
)
def test_a_query_without_a_written_out_key_is_taken(tmp_path, monkeypatch, query):
    text = KEYED.replace("v=2&api-key=${{QUERY_KEY}}", query)
    assert open_model("target/http", Opening(template=keyed(tmp_path, monkeypatch, text=text)))


async def test_targets_get_calls_and_results_in_plain_turns(functions, tmp_path, monkeypatch):
    monkeypatch.setenv("MADE_KEY", CANARY)
    call = ToolCall(id="c1", name="look", arguments='{"at": "x"}')
    asked = Request(
        messages=(
            Message(role=Role.USER, text="How long?"),
            Message(role=Role.ASSISTANT, text="", tool_calls=(call,)),
            Message(role=Role.TOOL, text="8 minutes", tool_call_id="c1"),
        )
    )
    function = open_model("target/py:made_functions.plain", Opening())
    assert (await function.respond(asked)).text == "[RESULT OF LOOK]\n8 MINUTES"
    seen: list[bytes] = []
    server, port = await serving(200, {"reply": [{"text": "8"}], "documents": []}, seen)
    async with server:
        model = open_model("target/http", Opening(template=template(tmp_path, port)))
        await model.respond(asked)
        await model.close()
        await asyncio.sleep(0.05)
    sent = json.loads(seen[0].partition(b"\r\n\r\n")[2])
    turns = ["How long?", '[Calls look with {"at": "x"}]', "[Result of look]\n8 minutes"]
    assert sent["question"] == "\n\n".join(turns)
    assert [turn["content"] for turn in sent["history"]] == turns
    assert [turn["role"] for turn in sent["history"]] == ["user", "assistant", "user"]
