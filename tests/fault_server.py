"""A server on loopback that speaks three providers' shapes, with scripted faults and load.

    async with FaultServer(scripted=["429", "fine"]) as server: ...  # server.url, server.requests
    python tests/fault_server.py --port-file F --log F [--latency S] [--share X] [--seed N]
        [--rate-limit N] [--retry-after S] [--headers-of-limit] [--capacity N] [--lean]

Answers derive from a hash of the messages, so two runs against it are equal. Faults are a list of
names taken in turn (`scripted`), or a `share` of all requests drawn from `MIXED` by a hash of seed,
key and attempt, whatever the order of arrival; the names and bodies are in `fault_shapes.py`.
Every request is one JSON line of the log: its key, what was done, when, its number by arrival, and
whether its response was handed to the socket in full. The log lags by 50 ms at most. `--lean`
(`keep=False`) keeps and logs nothing and, where there are no faults, says one constant answer
without reading the question: that is for benchmarks.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import math
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from fault_shapes import (
    CONSTANT,
    FAULTS,
    FINE,
    MIXED,
    SHAPES,
    Reply,
    Shape,
    answer_to,
    as_json,
    completion,
    key_of,
    reply_to,
)

__all__ = ["FAULTS", "MIXED", "FaultServer", "answer_to", "completion", "key_of"]

HANG_SECONDS = 30.0
DRIP_SECONDS, DRIP_PIECES = 0.4, 8
FLUSH_SECONDS = 0.05
BURST_SECONDS = 0.1
LONGEST_HEAD = 64 << 10
NEVER_SENT = ("reset", "cut")
CONSTANT_BYTES = {path: as_json(s.answer(CONSTANT)).whole() for path, s in SHAPES.items()}
MODELS = as_json({"object": "list", "data": [{"id": "m"}]})


def _read_json(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw)
    except msgspec.DecodeError:
        return json.loads(raw)  # takes lone surrogates


def _draw(*what: object) -> float:
    text = "/".join(map(str, what))
    return int(hashlib.sha256(text.encode()).hexdigest()[:13], 16) / 16**13


def _unchunk(buffer: bytes, start: int) -> tuple[bytes, int] | None:
    """A chunked body and where it ends; None while there is more to come."""
    body = b""
    while (line := buffer.find(b"\r\n", start)) >= 0:
        size = int(buffer[start:line].partition(b";")[0], 16)
        start = line + 2 + size
        if len(buffer) < start + 2:
            return None
        body += buffer[line + 2 : start]
        start += 2
        if size == 0:
            return body, start
    return None


class Log:
    """Lines that reach their file within 50 ms, in few writes."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)
        self._lines: list[bytes] = []
        self._timer: asyncio.Handle | None = None
        self._written = 0.0

    def add(self, entry: dict[str, Any]) -> None:
        self._lines.append(msgspec.json.encode(entry))
        if self._timer is None:
            loop = asyncio.get_running_loop()
            due = self._written + FLUSH_SECONDS - loop.time()
            self._timer = loop.call_later(max(0.0, due), self.flush)

    def flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._written = asyncio.get_running_loop().time()
        if self._lines:
            self._file.write(b"\n".join(self._lines) + b"\n")
            self._lines.clear()

    def close(self) -> None:
        self.flush()
        self._file.close()


class Bucket:
    """So many requests a second, and a tenth of a second's worth of them at once."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.size = max(1.0, rate * BURST_SECONDS)
        self._tokens = self.size
        self._at = time.monotonic()

    def _fill(self) -> None:
        now = time.monotonic()
        self._tokens = min(self.size, self._tokens + (now - self._at) * self.rate)
        self._at = now

    def take(self) -> bool:
        self._fill()
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def headers(self) -> tuple[str, ...]:
        """OpenAI's headers: the limit by the minute, and how long until all of it is back."""
        self._fill()
        wait = math.ceil((self.size - self._tokens) / self.rate * 1000)
        return (
            f"x-ratelimit-limit-requests: {self.rate * 60:.0f}",
            f"x-ratelimit-remaining-requests: {int(self._tokens)}",
            f"x-ratelimit-reset-requests: {wait}ms",
        )


class Exchange:
    """One request, from its last byte in to its response's last byte out."""

    __slots__ = ("body", "counted", "fault", "headers", "key", "n", "path", "received", "reply")

    def __init__(self, n: int, path: str, headers: dict[str, str]) -> None:
        self.n = n
        self.path = path
        self.headers = headers
        self.received = 0.0
        self.body: dict[str, Any] = {}
        self.key = ""
        self.fault = FINE
        self.reply: Reply | None = None  # where it is known before its time has come
        self.counted = False


class Connection(asyncio.Protocol):
    """Requests of one client, answered one after the other in the order of their arrival."""

    def __init__(self, server: FaultServer) -> None:
        self.server = server
        self.transport: asyncio.Transport
        self.exchange: Exchange | None = None
        self.timer: asyncio.Handle | None = None
        self._buffer = bytearray()
        self._head: tuple[str, str, dict[str, str]] | None = None
        self._start = 0
        self._draining = False
        self._last = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.set_write_buffer_limits(high=0)  # so that resume_writing means: all is handed on
        self.server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.server.connections.discard(self)
        self._finish(sent=False)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self.exchange is None:
            self._next()

    def resume_writing(self) -> None:
        if self._draining:
            self._finish(sent=True)

    def _next(self) -> None:
        if self.transport.is_closing():
            return
        try:
            taken = self._take()
        except ValueError:
            self.transport.abort()
            return
        if taken is not None:
            self.exchange, delay = self.server.begin(*taken)
            self.timer = self.server.loop.call_later(delay, self._answer)

    def _take(self) -> tuple[str, str, dict[str, str], bytes] | None:
        """The next whole request in the buffer: method, path, headers, body."""
        if self._head is None and not self._take_head():
            return None
        assert self._head is not None
        method, path, headers = self._head
        if "Transfer-Encoding" in headers:
            whole = _unchunk(bytes(self._buffer), self._start)
            if whole is None:
                return None
            body, end = whole
        else:
            end = self._start + int(headers.get("Content-Length", 0))
            if len(self._buffer) < end:
                return None
            body = bytes(self._buffer[self._start : end])
        del self._buffer[:end]
        self._head = None
        return method, path, headers, body

    def _take_head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > LONGEST_HEAD:
                raise ValueError("a head without end")
            return False
        first, *lines = self._buffer[:end].decode("latin-1").split("\r\n")
        method, target, version = first.split(" ")
        pairs = (line.partition(":") for line in lines)
        headers = {name.title(): value.strip() for name, _, value in pairs}
        wish = headers.get("Connection", "").lower()
        self._last = wish == "close" or (version == "HTTP/1.0" and wish != "keep-alive")
        self._head = (method, target.partition("?")[0], headers)
        self._start = end + 4
        return True

    def _answer(self) -> None:
        """Send what the server says, in the way of the fault."""
        exchange = self.exchange
        assert exchange is not None
        fault = exchange.fault
        if fault == "reset":
            self._reset()
            return
        if fault == "drip":
            self._drip(self.server.reply(exchange))
            return
        self._last = self._last or fault == "close"
        data = self.server.response(exchange, "Connection: close" if self._last else "")
        if fault == "cut":
            start = data.index(b"\r\n\r\n") + 4
            data = data[: (start + len(data)) // 2]
            self._last = True
        self._send(data * 2 if fault == "duplicate" else data)

    def _reset(self) -> None:
        sock = self.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def _drip(self, reply: Reply) -> None:
        size = math.ceil(len(reply.body) / DRIP_PIECES)
        pieces = [reply.body[at : at + size] for at in range(0, len(reply.body), size)]
        chunks = [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces]
        more = ["Transfer-Encoding: chunked", *(["Connection: close"] if self._last else [])]
        chunks[0] = reply.head(*self.server.extra_headers(), *more) + chunks[0]
        self._drop(iter([*chunks, b"0\r\n\r\n"]), len(chunks))

    def _drop(self, chunks: Any, left: int) -> None:
        if left == 0:
            self._send(next(chunks))
            return
        self.transport.write(next(chunks))
        self.timer = self.server.loop.call_later(
            DRIP_SECONDS / DRIP_PIECES, self._drop, chunks, left - 1
        )

    def _send(self, data: bytes) -> None:
        """Write the last of a response, and finish it once the socket has taken all of it."""
        transport = self.transport
        transport.write(data)
        gone = transport.is_closing()
        whole = not gone and not transport.get_write_buffer_size()
        self._draining = not gone and not whole
        if self._last:
            transport.close()
        if whole:
            self._finish(sent=True)

    def _finish(self, *, sent: bool) -> None:
        self._draining = False
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        exchange, self.exchange = self.exchange, None
        if exchange is not None:
            self.server.end(exchange, sent=sent and exchange.fault not in NEVER_SENT)
            if self._buffer:
                self._next()


class FaultServer:
    """The server, what it does, and what it saw."""

    def __init__(
        self,
        *,
        scripted: list[str] | None = None,
        share: float = 0.0,
        latency: float = 0.0,
        reply: Callable[[dict[str, Any]], Any] | None = None,
        log: Path | None = None,
        seed: int = 0,
        keep: bool = True,
        rate_limit: float = 0.0,
        retry_after: float = 0.0,
        headers_of_limit: bool = False,
        capacity: float = 0.0,
    ) -> None:
        self.scripted = list(scripted or [])
        self.share = share
        self.latency = latency
        self.seed = seed
        self.keep = keep
        self.retry_after = retry_after
        self.headers_of_limit = headers_of_limit
        self.capacity = capacity
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.in_flight = self.most_in_flight = self.refused = 0
        self.connections: set[Connection] = set()
        self.url = ""
        self.loop: asyncio.AbstractEventLoop
        self._reply = reply
        self._bucket = Bucket(rate_limit) if rate_limit else None
        self._log = Log(log) if log and keep else None
        self._seen: dict[str, int] = {}
        self._number = 0
        self._blind = not (keep or self.scripted or share or reply)
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> FaultServer:
        self.loop = asyncio.get_running_loop()
        self._server = await self.loop.create_server(
            lambda: Connection(self), "127.0.0.1", 0, backlog=4096
        )
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        while self.connections:
            for connection in self.connections:
                connection.transport.abort()
            await asyncio.sleep(0)
        await self._server.wait_closed()
        if self._log:
            self._log.close()

    def begin(
        self, method: str, path: str, headers: dict[str, str], raw: bytes
    ) -> tuple[Exchange, float]:
        """A request is in: what becomes of it, and in how many seconds."""
        shape = SHAPES.get(path)
        if shape is None or method != "POST":
            exchange = Exchange(0, path, headers)
            listed = (method, path) == ("GET", "/v1/models")
            exchange.reply = MODELS if listed else self._no_such(path)
            return exchange, 0.0
        self._number += 1
        exchange = Exchange(self._number, path, headers)
        if not self._blind and not self._read(exchange, shape, raw):
            return exchange, 0.0
        if self._bucket and not self._bucket.take():
            self.refused += 1
            exchange.fault = "rate-limit"
            after = [f"Retry-After: {self.retry_after:g}"] if self.retry_after else []
            exchange.reply = as_json(shape.error(429, "Rate limit reached"), 429, *after)
            return exchange, 0.0
        exchange.counted = True
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        if not self._blind:
            exchange.fault = self._next_fault(exchange.key)
        return exchange, self._delay(exchange.fault)

    def _no_such(self, path: str) -> Reply:
        shape = SHAPES["/v1/chat/completions"]
        return as_json(shape.error(404, f"no such address: {path}", "unknown_url"), 404)

    def _read(self, exchange: Exchange, shape: Shape, raw: bytes) -> bool:
        """Read the body; what is no request of its shape is answered with 400."""
        exchange.received = time.time()
        try:
            exchange.body = _read_json(raw)
            exchange.key = key_of(exchange.body)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            exchange.fault = "unreadable"
            exchange.reply = as_json(shape.error(400, f"unreadable: {error!r}"), 400)
            return False
        if self.keep:
            self.requests.append(exchange.body)
            self.headers.append(exchange.headers)
        return True

    def _next_fault(self, key: str) -> str:
        if self.scripted:
            return self.scripted.pop(0)
        if not self.share:
            return FINE
        attempt = self._seen[key] = self._seen.get(key, -1) + 1
        return self.drawn(key, attempt)

    def drawn(self, key: str, attempt: int) -> str:
        """The fault of one attempt. A filter falls on a prompt, the rest on an attempt."""
        filtered = self.share / len(MIXED)
        if _draw(self.seed, key) < filtered:
            return "filter"
        others = [name for name in MIXED if name != "filter"]
        chance = (self.share - filtered) / (1 - filtered)
        draw = _draw(self.seed, key, attempt)
        return others[int(draw / chance * len(others))] if draw < chance else FINE

    def _delay(self, fault: str) -> float:
        load = max(1.0, self.in_flight / self.capacity) if self.capacity else 1.0
        return self.latency * load**2 + (HANG_SECONDS if fault == "hang" else 0.0)

    def extra_headers(self) -> tuple[str, ...]:
        return self._bucket.headers() if self._bucket and self.headers_of_limit else ()

    def reply(self, exchange: Exchange) -> Reply:
        """What is said, by the fault."""
        shape = SHAPES[exchange.path]
        if self._blind:
            return as_json(shape.answer(CONSTANT))
        try:
            return reply_to(shape, exchange.body, exchange.fault, exchange.headers, self._reply)
        except Exception as error:
            return as_json(shape.error(500, f"the test server failed: {error!r}"), 500)

    def response(self, exchange: Exchange, more: str = "") -> bytes:
        """A whole HTTP response."""
        extra = (*self.extra_headers(), *((more,) if more else ()))
        if self._blind and not extra and exchange.reply is None:
            return CONSTANT_BYTES[exchange.path]
        return (exchange.reply or self.reply(exchange)).whole(*extra)

    def end(self, exchange: Exchange, *, sent: bool) -> None:
        """A response is out in full, or never will be."""
        self.in_flight -= exchange.counted
        if self._log and exchange.n:
            self._log.add(
                {
                    "key": exchange.key,
                    "fault": exchange.fault,
                    "at": time.time(),
                    "received": exchange.received,
                    "n": exchange.n,
                    "sent": sent,
                }
            )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port-file", required=True)
    parser.add_argument("--log", type=Path)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--share", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rate-limit", type=float, default=0.0)
    parser.add_argument("--retry-after", type=float, default=0.0)
    parser.add_argument("--headers-of-limit", action="store_true")
    parser.add_argument("--capacity", type=float, default=0.0)
    parser.add_argument("--lean", dest="keep", action="store_false")
    return parser.parse_args()


async def _serve(options: argparse.Namespace) -> None:
    given = vars(options)
    port_file = given.pop("port_file")
    async with FaultServer(**given) as server:
        part = Path(port_file + ".part")
        part.write_text(server.url)
        part.rename(port_file)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(_options()))
