"""An OpenAI-shaped server on loopback with scripted faults, deterministic by seed.

Answers derive from a hash of the messages, so two runs against it are equal. Faults are a list of
names taken in turn (`scripted`), or a share of all requests drawn by hash (`share`). Every request
is logged as one JSON line: its key, what was done, and whether the answer was sent in full.

    python tests/fault_server.py --port-file F --log F [--latency S] [--share X]
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiohttp import web

FAULTS = ("429", "429-after", "500", "529", "reset", "half", "wrong-type", "empty-choices")


def key_of(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps([body["messages"], body.get("seed")]).encode()).hexdigest()[
        :16
    ]


def answer_to(body: dict[str, Any]) -> str:
    text = body["messages"][-1]["content"]
    number = int(key_of(body), 16)
    if "<reply-" in text:
        labels = [line[2:].partition(":")[0] for line in text.splitlines() if line[:2] == "- "]
        verdict = {"reason": "as asked", "verdict": labels[number % len(labels)]}
        return json.dumps(verdict) if number % 5 else "hard to say"
    letters = re.findall(r"^([A-J])\) ", text, re.MULTILINE)
    if letters:
        letter = letters[number % len(letters)]
        return (letter, f"{letter}) it is", f"The answer is ({letter}).", "no idea")[
            number // 7 % 4
        ]
    if number % 2:
        return "I'm sorry, but I can't help with that."
    return f"Here is how. {text} First, prepare. Then do it step by step, and check the result."


def completion(text: str | None, **changes: Any) -> dict[str, Any]:
    return {
        "id": "x",
        "object": "chat.completion",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": text},
                **changes,
            }
        ],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    }


class FaultServer:
    """The application and what it saw."""

    def __init__(
        self,
        *,
        scripted: list[str] | None = None,
        share: float = 0.0,
        latency: float = 0.0,
        reply: Callable[[dict[str, Any]], Any] | None = None,
        log: Path | None = None,
    ) -> None:
        self.scripted = list(scripted or [])
        self.share = share
        self.latency = latency
        self.reply = reply
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self._log = log.open("a", buffering=1) if log else None
        self._seen: dict[str, int] = {}
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> FaultServer:
        app = web.Application(client_max_size=64 << 20)
        app.router.add_post("/v1/chat/completions", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        self.url = f"http://127.0.0.1:{port}/v1"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()
        if self._log:
            self._log.close()

    def _next_fault(self, key: str) -> str:
        if self.scripted:
            return self.scripted.pop(0)
        attempt = self._seen[key] = self._seen.get(key, -1) + 1
        draw = int(hashlib.sha256(f"{key}{attempt}".encode()).hexdigest()[:8], 16)
        if draw / 2**32 < self.share:
            return FAULTS[draw % len(FAULTS)]
        return "fine"

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        key = key_of(body)
        fault = self._next_fault(key)
        self.requests.append(body)
        self.headers.append(dict(request.headers))
        await asyncio.sleep(self.latency)
        response = await self._respond(request, body, fault)
        if self._log:
            entry = {"key": key, "fault": fault, "at": time.time()}
            self._log.write(json.dumps(entry) + "\n")
        return response

    async def _respond(
        self, request: web.Request, body: dict[str, Any], fault: str
    ) -> web.StreamResponse:
        error = {"error": {"message": f"fault {fault}", "echo": dict(request.headers)}}
        if fault.isdigit():
            message = f"status {fault} {request.headers.get('Authorization', '')}"
            return web.json_response({"error": {"message": message}}, status=int(fault))
        if fault == "429-after":
            return web.json_response(error, status=429, headers={"Retry-After": "0.02"})
        if fault == "redirect":
            return web.Response(status=307, headers={"Location": "http://127.0.0.1:9/steal"})
        if fault == "filter-400":
            return web.json_response({"error": {"code": "content_filter"}}, status=400)
        if fault == "hang":
            await asyncio.sleep(30)
        if fault == "reset":
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if fault == "half":
            return web.Response(
                text=json.dumps(completion("x"))[:40], content_type="application/json"
            )
        if fault == "no-schema" and "response_format" in body:
            error = {"error": {"message": "response_format is not supported"}}
            return web.json_response(error, status=400)
        if fault == "wrong-type":
            return web.Response(text="<html>busy</html>", content_type="text/html")
        if fault == "empty-choices":
            return web.json_response({**completion("x"), "choices": []})
        if fault == "huge":
            return web.Response(body=b'{"x": "' + b"a" * (17 << 20) + b'"}')
        if self.reply:
            return web.json_response(self.reply(body))
        return web.json_response(completion(answer_to(body)))


async def _serve(options: argparse.Namespace) -> None:
    server = FaultServer(share=options.share, latency=options.latency, log=Path(options.log))
    async with server:
        part = Path(options.port_file + ".part")
        part.write_text(server.url)
        part.rename(options.port_file)
        await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port-file", required=True)
    parser.add_argument("--log", required=True)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--share", type=float, default=0.0)
    asyncio.run(_serve(parser.parse_args()))
