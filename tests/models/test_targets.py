"""A product is measured as it is: a function or an address, and its secrets stay its own."""

from __future__ import annotations

import asyncio
import json

import pytest

from truing.errors import UnknownName, UsageError
from truing.models import Opening, open_model
from truing.records import FaultKind, Message, Request, Role

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
