"""The test server says what it is told to, in three shapes, and the same again by its seed."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from fault_server import FAULTS, MIXED, FaultServer, answer_to, key_of

ASKED = "Which?\nA) one\nB) two"
CHAT = {
    "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": ASKED}]
}
RESPONSES = {
    "instructions": "Be brief.",
    "input": [{"role": "user", "content": [{"type": "input_text", "text": ASKED}]}],
}
MESSAGES = {
    "system": [{"type": "text", "text": "Be brief."}],
    "messages": [{"role": "user", "content": ASKED}],
}
BODIES = {"/chat/completions": CHAT, "/responses": RESPONSES, "/messages": MESSAGES}


def http(body: Any, path: str = "/chat/completions", method: str = "POST") -> bytes:
    raw = json.dumps(body).encode() if body is not None else b""
    head = f"{method} /v1{path} HTTP/1.1\r\nhost: h\r\nauthorization: Bearer k\r\n"
    return f"{head}content-length: {len(raw)}\r\n\r\n".encode() + raw


async def exchange(server: FaultServer, data: bytes, wait: float = 0.2) -> bytes:
    """All that the server says to these bytes until it closes or falls silent."""
    port = int(server.url.rpartition(":")[2].partition("/")[0])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    said = b""
    try:
        while more := await asyncio.wait_for(reader.read(1 << 20), wait):
            said += more
    except TimeoutError:
        pass
    finally:
        writer.close()
    return said


def split(said: bytes) -> tuple[int, dict[str, str], bytes]:
    head, _, body = said.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return int(first.split()[1]), headers, body


async def ask(server: FaultServer, body: Any, path: str = "/chat/completions"):
    status, headers, raw = split(await exchange(server, http(body, path)))
    return status, headers, json.loads(raw)


def text_in(path: str, made: dict[str, Any]) -> str:
    if path == "/responses":
        return made["output"][0]["content"][0]["text"]
    return (
        made["content"][0]["text"]
        if path == "/messages"
        else made["choices"][0]["message"]["content"]
    )


def test_one_question_has_one_key_and_one_answer_in_every_shape():
    assert len({key_of(body) for body in BODIES.values()}) == 1
    assert len({answer_to(body) for body in BODIES.values()}) == 1


@pytest.mark.parametrize("path", BODIES)
async def test_each_shape_answers_and_says_its_errors_in_its_own_way(path):
    async with FaultServer(scripted=["fine", "529", "length", "filter"]) as server:
        status, _, made = await ask(server, BODIES[path], path)
        assert (status, text_in(path, made)) == (200, answer_to(CHAT))
        status, _, made = await ask(server, BODIES[path], path)
        assert (status, "type" in made) == (529, path == "/messages")
        assert made["error"]["message"] == "status 529 Bearer k"
        cut, blocked = [(await ask(server, BODIES[path], path))[2] for _ in range(2)]
        assert server.headers[0]["Authorization"] == "Bearer k"
    stops = {
        "/chat/completions": lambda made: made["choices"][0]["finish_reason"],
        "/responses": lambda made: made["incomplete_details"]["reason"],
        "/messages": lambda made: made["stop_reason"],
    }
    expected = {
        "/chat/completions": ("length", "content_filter"),
        "/responses": ("max_output_tokens", "content_filter"),
        "/messages": ("max_tokens", "refusal"),
    }
    assert (stops[path](cut), stops[path](blocked)) == expected[path]


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("fault", sorted({*FAULTS} - {"hang", "reset", "huge"}))
async def test_no_fault_is_unknown_to_any_shape(path, fault):
    body = {**BODIES[path], "max_tokens": 5, "temperature": 0}
    body |= (
        {"response_format": {}}
        if path == "/chat/completions"
        else {"text": {}, "output_config": {}}
    )
    async with FaultServer(scripted=[fault]) as server:
        status, headers, _ = split(await exchange(server, http(body, path)))
    assert status != 500 or fault == "500"
    if fault[:3].isdigit() and (fault, path) != ("429-quota", "/messages"):
        assert status == int(fault[:3])
    if fault == "429-date":
        ahead = parsedate_to_datetime(headers["retry-after"]).timestamp() - time.time()
        assert -0.5 < ahead < 2
    assert (status == 400) == (fault in ("400", "filter-400", "no-schema", "unsupported-param"))


async def test_models_are_listed_and_another_address_is_none():
    async with FaultServer() as server:
        status, _, raw = split(await exchange(server, http(None, "/models", "GET")))
        assert (status, json.loads(raw)) == (200, {"object": "list", "data": [{"id": "m"}]})
        assert split(await exchange(server, http({}, "/other")))[0] == 404
        assert split(await exchange(server, http([])))[0] == 400
        assert server.requests == []


async def test_letters_have_log_probabilities_in_a_chat():
    async with FaultServer() as server:
        made = (await ask(server, {**CHAT, "logprobs": True, "top_logprobs": 5}))[2]
    (first,) = made["choices"][0]["logprobs"]["content"]
    assert {top["token"] for top in first["top_logprobs"]} == {"A", "B"}
    assert first["token"] == answer_to(CHAT)[0] or answer_to(CHAT)[0] not in "AB"


async def test_an_unsupported_parameter_is_refused_until_it_is_left_out():
    async with FaultServer(scripted=["unsupported-param"] * 3) as server:
        bodies = ({"max_tokens": 5}, {"temperature": 0}, {"temperature": 1})
        made = [(await ask(server, CHAT | more))[2] for more in bodies]
    assert [error["error"]["param"] for error in made[:2]] == ["max_tokens", "temperature"]
    assert text_in("/chat/completions", made[2]) == answer_to(CHAT)


async def test_the_faults_of_a_connection_do_what_they_say(tmp_path):
    log = tmp_path / "log"
    faults = ["fine", "duplicate", "cut", "reset", "drip", "gzip", "close", "fine"]
    async with FaultServer(scripted=faults, log=log) as server:
        fine = await exchange(server, http(CHAT))
        assert await exchange(server, http(CHAT)) == fine * 2
        cut = await exchange(server, http(CHAT), wait=5)  # ends without a wait: it is closed
        assert fine.startswith(cut)
        body = split(cut)[2]
        assert 0 < len(body) < int(split(cut)[1]["content-length"])
        with pytest.raises(ConnectionResetError):
            await exchange(server, http(CHAT))
        begun = time.monotonic()
        dripped = split(await exchange(server, http(CHAT)))
        assert time.monotonic() - begun > 0.4
        pieces = dripped[2].split(b"\r\n")
        assert b"".join(pieces[1::2]) == split(fine)[2]
        assert [int(size, 16) for size in pieces[::2] if size] == [len(p) for p in pieces[1::2]][:9]
        assert gzip.decompress(split(await exchange(server, http(CHAT)))[2]) == split(fine)[2]
        closed = await exchange(server, http(CHAT), wait=5)
        assert split(closed)[1]["connection"] == "close"
        gone = asyncio.create_task(exchange(server, http(CHAT), wait=0.1))
        server.latency = 5
        await gone
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["fault"] for line in lines] == faults
    assert [line["n"] for line in lines] == list(range(1, 9))
    assert [line["sent"] for line in lines] == [True, True, False, False, True, True, True, False]
    assert {line["key"] for line in lines} == {key_of(CHAT)}
    assert all(line["received"] <= line["at"] for line in lines)


async def test_requests_may_come_in_pieces_and_several_at_once():
    bodies = [{**CHAT, "seed": n} for n in range(200)]
    async with FaultServer() as server:
        data = b"".join(http(body) for body in bodies)
        said = await exchange(server, data)
        assert said.count(b"HTTP/1.1 200") == 200
        assert server.requests == bodies
        head = b"POST /v1/chat/completions HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        raw = json.dumps(CHAT).encode()
        chunks = b"5\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (raw[:5], len(raw) - 5, raw[5:])
        port = int(server.url.rpartition(":")[2].partition("/")[0])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for at in range(0, len(head + chunks), 40):
            writer.write((head + chunks)[at : at + 40])
            await asyncio.sleep(0.001)
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        writer.close()
        assert server.requests[-1] == CHAT
        assert (server.in_flight, server.most_in_flight) == (0, 1)


async def test_a_response_too_large_for_the_socket_is_sent_only_when_it_is_read(tmp_path):
    log = tmp_path / "log"
    async with FaultServer(scripted=["huge", "huge"], log=log) as server:
        assert len(await exchange(server, http(CHAT), wait=2)) > 17 << 20
        port = int(server.url.rpartition(":")[2].partition("/")[0])
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(http(CHAT))
        await asyncio.sleep(0.3)
        assert server.in_flight == 1
        writer.close()
    assert [json.loads(line)["sent"] for line in log.read_text().splitlines()] == [True, False]


def test_faults_are_drawn_by_seed_key_and_attempt():
    keys = [key_of({**CHAT, "seed": n}) for n in range(2000)]
    servers = [FaultServer(share=0.2, seed=seed) for seed in (1, 1, 2)]
    drawn = [[[s.drawn(key, n) for n in range(3)] for key in keys] for s in servers]
    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2]
    for draws in drawn:
        first = [attempts[0] for attempts in draws]
        assert 0.17 < sum(fault != "fine" for fault in first) / len(keys) < 0.23
        assert {*first} == {*MIXED, "fine"}
        assert all("filter" not in each or each == ["filter"] * 3 for each in draws)
    assert all(FaultServer(share=1.0).drawn(key, 0) in MIXED for key in keys)


async def test_load_is_limited_slows_and_is_counted():
    async with FaultServer(
        rate_limit=100, retry_after=0.5, headers_of_limit=True, latency=0.02, capacity=5
    ) as server:
        begun = time.monotonic()
        done = await asyncio.gather(*(exchange(server, http(CHAT)) for _ in range(30)))
        assert time.monotonic() - begun > 0.07  # ten at once in a place for five: four times 20 ms
    heads = [split(said)[:2] for said in done]
    refused = [headers for status, headers in heads if status == 429]
    assert len(refused) == server.refused >= 15
    assert {headers["retry-after"] for headers in refused} == {"0.5"}
    assert {headers["x-ratelimit-limit-requests"] for _, headers in heads} == {"6000"}
    assert all(headers["x-ratelimit-reset-requests"].endswith("ms") for headers in refused)
    assert 10 <= server.most_in_flight <= 15
    assert server.in_flight == 0


@pytest.mark.parametrize("path", BODIES)
async def test_a_lean_server_says_one_thing_and_keeps_nothing(path):
    async with FaultServer(keep=False) as server:
        status, _, made = await ask(server, {"not": "read"}, path)
        assert (status, text_in(path, made)) == (200, "The answer is (A).")
        assert server.requests == server.headers == []
        assert server.most_in_flight == 1
