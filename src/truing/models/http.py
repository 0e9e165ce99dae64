"""HTTP/1.1 to one server, as cheap as a Python process can do it.

Knows connections, proxies, certificates and what can go wrong on a wire; no provider and no
protocol above HTTP. A request is one write, connections are pooled, llhttp parses. Measured
against aiohttp (three times the processor time a call) and Rust clients (half again as much, and
one aborts the process as it ends): see docs/performance.md.
"""

from __future__ import annotations

import asyncio
import base64
import os
import ssl
import time
import zlib
from collections import deque
from typing import NamedTuple
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import httptools

from truing.errors import UsageError
from truing.records import FaultKind

__all__ = ["CallFailed", "HttpClient", "NotConnected", "Reply", "checked_url"]

LARGEST_BODY_BYTES = 16 << 20
CONNECT_SECONDS = 15.0
IDLE_SECONDS = 4.0
"""A connection unused for longer may be closed by the server just as it is used: not worth it."""
_PORTS = {"http": 80, "https": 443}


class CallFailed(Exception):
    """A call that brought no whole HTTP answer."""

    def __init__(self, kind: FaultKind, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail


class NotConnected(CallFailed):
    """No connection could be made: nothing was sent."""


class Reply(NamedTuple):
    """A whole HTTP answer."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    def header(self, name: str) -> str | None:
        """The value of a header, whatever the case of its name."""
        wanted = name.lower().encode()
        for key, value in self.headers:
            if key.lower() == wanted:
                return value.decode("latin-1").strip()
        return None


class _Proxy(NamedTuple):
    secure: bool
    host: str
    port: int
    authorization: str | None


class HttpClient:
    """Calls to one base address. `headers` go with every call and are never shown anywhere."""

    def __init__(
        self,
        base_url: str,
        headers: dict[str, str],
        *,
        timeout_seconds: float,
        largest_body_bytes: int = LARGEST_BODY_BYTES,
    ) -> None:
        parts = urlsplit(base_url)
        self._secure = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._port = parts.port or _PORTS[parts.scheme]
        self._prefix = parts.path.rstrip("/")
        self._query = f"?{parts.query}" if parts.query else ""
        self._proxy = _proxy_for(base_url)
        self._timeout = timeout_seconds
        self._largest = largest_body_bytes
        self._idle: deque[_Connection] = deque()
        self._flying: set[_Connection] = set()
        self._sweeper: asyncio.TimerHandle | None = None
        self._context: ssl.SSLContext | None = None
        named = _bracketed(self._host) + ("" if parts.port is None else f":{parts.port}")
        sent = {"Host": named, "User-Agent": "truing", "Accept": "application/json", **headers}
        if self._proxy and not self._secure and self._proxy.authorization:
            sent["Proxy-Authorization"] = self._proxy.authorization
        for name, value in sent.items():
            if any(sign in f"{name}{value}" for sign in "\r\n\0"):
                raise UsageError(f"the header {name} holds a line break: is the key whole?")
        self._headers = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
        self._heads: dict[str, bytes] = {}

    async def post(self, path: str, body: bytes) -> Reply:
        """The answer to a JSON body. Raises `CallFailed`; a status is never an error here."""
        head = self._head(path)
        return await self._call(b"%b%d\r\n\r\n%b" % (head, len(body), body))

    async def close(self) -> None:
        """Close every pooled connection and let the loop see them closed."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        while self._idle:
            self._idle.pop().abort()
        await asyncio.sleep(0)

    def _head(self, path: str) -> bytes:
        head = self._heads.get(path)
        if head is None:
            target = f"{self._prefix}{path}{self._query}"
            if self._proxy and not self._secure:
                target = f"http://{_bracketed(self._host)}:{self._port}{target}"
            lines = f"POST {target} HTTP/1.1\r\n{self._headers}"
            lines += "Content-Type: application/json\r\nContent-Length: "
            head = self._heads[path] = lines.encode("latin-1")
        return head

    async def _call(self, data: bytes) -> Reply:
        connection = self._pooled() or await self._connect()
        connection.deadline = time.monotonic() + self._timeout
        self._flying.add(connection)
        if self._sweeper is None:
            self._schedule_sweep()
        try:
            reply = await connection.exchange(data)
        except BaseException:
            connection.abort()
            raise
        finally:
            self._flying.discard(connection)
        if connection.reusable:
            connection.idle_since = time.monotonic()
            self._idle.append(connection)
        else:
            connection.abort()
        return reply

    def _schedule_sweep(self) -> None:
        # One timer for all calls: a timer for each costs a fifth of the call.
        seconds = min(1.0, self._timeout / 10)
        self._sweeper = asyncio.get_running_loop().call_later(seconds, self._sweep)

    def _sweep(self) -> None:
        self._sweeper = None
        now = time.monotonic()
        for connection in self._flying:
            if connection.deadline <= now:
                connection.time_out(self._timeout)
        if self._flying:
            self._schedule_sweep()

    def _pooled(self) -> _Connection | None:
        oldest = time.monotonic() - IDLE_SECONDS
        while self._idle:
            connection = self._idle.pop()
            if connection.reusable and connection.idle_since > oldest:
                return connection
            connection.abort()
        return None

    async def _connect(self) -> _Connection:
        seconds = min(CONNECT_SECONDS, self._timeout)
        try:
            async with asyncio.timeout(seconds):
                return await (self._tunnel() if self._proxy else self._direct())
        except TimeoutError:
            raise NotConnected(
                FaultKind.CONNECTION, f"no connection within {seconds:g} seconds"
            ) from None
        except ssl.SSLError as error:
            reason = getattr(error, "verify_message", "") or error.reason or "TLS failed"
            detail = f"TLS: {reason} (a certificate of your own goes into SSL_CERT_FILE)"
            raise NotConnected(FaultKind.CONNECTION, detail) from None
        except OSError as error:
            raise NotConnected(FaultKind.CONNECTION, error.strerror or str(error)) from None

    async def _direct(self) -> _Connection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(
            lambda: _Connection(self._largest),
            self._host,
            self._port,
            ssl=self._tls() if self._secure else None,
        )
        return connection

    async def _tunnel(self) -> _Connection:
        """A connection through the proxy: as it is for http, a CONNECT tunnel for https."""
        assert self._proxy is not None
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(
            lambda: _Connection(self._largest),
            self._proxy.host,
            self._proxy.port,
            ssl=self._tls() if self._proxy.secure else None,
        )
        if not self._secure:
            return connection
        target = f"{_bracketed(self._host)}:{self._port}"
        lines = f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n"
        if self._proxy.authorization:
            lines += f"Proxy-Authorization: {self._proxy.authorization}\r\n"
        try:
            reply = await connection.exchange(f"{lines}\r\n".encode("latin-1"), headers_only=True)
            _check_tunnel(reply)
            await connection.start_tls(self._tls(), self._host)
        except BaseException:
            connection.abort()
            raise
        return connection

    def _tls(self) -> ssl.SSLContext:
        if self._context is None:
            given = next(filter(None, map(os.environ.get, _CA_VARIABLES)), None)
            try:
                self._context = ssl.create_default_context()
                if given:
                    folder = os.path.isdir(given)  # noqa: PTH112 - once, before the first call
                    self._context.load_verify_locations(
                        cafile=None if folder else given, capath=given if folder else None
                    )
            except OSError as error:
                raise UsageError(f"cannot read the certificates in {given}: {error}") from error
        return self._context


def _check_tunnel(reply: Reply) -> None:
    if reply.status != 200:
        detail = f"the proxy answered {reply.status} to CONNECT"
        raise NotConnected(FaultKind.CONNECTION, detail)


_CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_DIR")


class _Connection(asyncio.Protocol):
    """One connection: one request at a time, its answer gathered by llhttp."""

    def __init__(self, largest: int) -> None:
        self._largest = largest
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[Reply] | None = None
        self._open = False
        self._spoiled = False
        self._headers_only = False
        self._fresh()
        self.idle_since = 0.0
        self.deadline = 0.0

    @property
    def reusable(self) -> bool:
        """Whether another request may be sent on it."""
        return self._open and not self._spoiled

    async def exchange(self, data: bytes, *, headers_only: bool = False) -> Reply:
        assert self._transport is not None
        waiter: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiter = waiter
        self._headers_only = headers_only
        self._transport.write(data)
        try:
            return await waiter
        finally:
            self._waiter = None

    async def start_tls(self, context: ssl.SSLContext, host: str) -> None:
        assert self._transport is not None
        loop = asyncio.get_running_loop()
        self._fresh()
        self._spoiled = False
        upgraded = await loop.start_tls(self._transport, self, context, server_hostname=host)
        assert upgraded is not None
        self._transport = upgraded

    def abort(self) -> None:
        """Close at once; nothing more is read."""
        self._open = False
        if self._transport is not None:
            self._transport.abort()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._open = True

    def data_received(self, data: bytes) -> None:
        if self._waiter is None:
            # Bytes that nobody asked for: what follows could be taken for another's answer.
            self._spoiled = True
            self.abort()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail(FaultKind.MALFORMED, "the server switched protocols")
        except httptools.HttpParserError as error:
            self._spoiled = True
            self._fail(FaultKind.MALFORMED, f"not an HTTP answer: {error}")

    def connection_lost(self, exc: Exception | None) -> None:
        self._open = False
        if self._waiter is None or self._waiter.done():
            return
        if exc is None and self._in_body and not self._sized:
            self._finish()  # a body that ends with the connection
        elif self._in_body or self._headers:
            self._fail(FaultKind.CONNECTION, "the connection was cut in the middle of an answer")
        else:
            said = getattr(exc, "strerror", None) or "before any answer"
            self._fail(FaultKind.CONNECTION, f"the server closed the connection: {said}")

    # What llhttp calls.

    def on_message_begin(self) -> None:
        if self._waiter is None or self._waiter.done():
            self._spoiled = True
        self._clear()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))
        if len(name) in (14, 17) and name.lower() in (b"content-length", b"transfer-encoding"):
            self._sized = True

    def on_headers_complete(self) -> None:
        if self._headers_only:
            self._finish()
        self._in_body = self._parser.get_status_code() >= 200

    def on_body(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > self._largest:
            self._fail(FaultKind.MALFORMED, f"the body is larger than {self._largest} bytes")
            self.abort()
            return
        self._parts.append(data)

    def on_message_complete(self) -> None:
        if self._parser.get_status_code() < 200 and not self._headers_only:
            return  # 100 Continue and its like: the answer is still to come
        if not self._parser.should_keep_alive():
            self._spoiled = True
        self._finish()

    def _fresh(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._clear()

    def _clear(self) -> None:
        self._headers: list[tuple[bytes, bytes]] = []
        self._parts: list[bytes] = []
        self._size = 0
        self._in_body = self._sized = False

    def time_out(self, seconds: float) -> None:
        """Fail the exchange that goes on."""
        self._fail(FaultKind.TIMEOUT, f"no answer within {seconds:g} seconds")

    def _fail(self, kind: FaultKind, detail: str) -> None:
        self._spoiled = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(CallFailed(kind, detail))

    def _finish(self) -> None:
        if self._waiter is None or self._waiter.done():
            self._spoiled = True
            return
        parts = self._parts
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        reply = Reply(self._parser.get_status_code(), self._headers, body)
        for name, value in self._headers:
            if len(name) == 16 and name.lower() == b"content-encoding":
                unpacked = _unpacked(body, value, self._largest)
                if unpacked is None:
                    shown = value.decode("latin-1")[:20]
                    self._fail(FaultKind.MALFORMED, f"the body is not {shown} as it says")
                    return
                reply = reply._replace(body=unpacked)
        self._waiter.set_result(reply)


def _unpacked(body: bytes, encoding: bytes, largest: int) -> bytes | None:
    """The body without its compression, or None where it is not what it says or too large."""
    name = encoding.strip().lower()
    if name in (b"", b"identity"):
        return body
    if name not in (b"gzip", b"x-gzip", b"deflate"):
        return None
    unpacker = zlib.decompressobj(wbits=47)
    try:
        plain = unpacker.decompress(body, largest + 1)
    except zlib.error:
        return None
    return plain if unpacker.eof and len(plain) <= largest else None


def checked_url(url: str | None, *, option: str = "--base-url") -> str:
    """An address as given, without its last slash. Raises `UsageError` for what is not one."""
    try:
        parts = urlsplit(url or "")
        port_given = parts.port is None or parts.port > 0
    except ValueError:
        parts, port_given = urlsplit(""), False
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_given:
        raise UsageError(f"{option}: expected http(s)://HOST[:PORT]/v1, got {url!r}")
    if parts.username or parts.password or parts.query:
        raise UsageError(
            f"{option}: leave user, password and query out of the address; "
            "the key goes into the environment (--key-env NAME)"
        )
    if any(ord(sign) <= 32 or ord(sign) > 126 for sign in str(url)):
        raise UsageError(f"{option}: an address holds no space or sign beyond ASCII, got {url!r}")
    return str(url).rstrip("/")


def _proxy_for(url: str) -> _Proxy | None:
    """The proxy that the environment names for an address, as every client reads it."""
    parts = urlsplit(url)
    if not parts.hostname or proxy_bypass(parts.hostname):
        return None
    proxies = getproxies()
    given = proxies.get(parts.scheme) or proxies.get("all")
    if not given:
        return None
    proxy = urlsplit(given if "://" in given else f"http://{given}")
    if proxy.scheme not in _PORTS or not proxy.hostname:
        raise UsageError(
            f"the environment names a proxy of the kind {proxy.scheme!r}: "
            "expected http:// or https:// (HTTP_PROXY, HTTPS_PROXY, NO_PROXY)"
        )
    authorization = None
    if proxy.username:
        pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
        authorization = f"Basic {base64.b64encode(pair.encode()).decode()}"
    port = proxy.port or _PORTS[proxy.scheme]
    return _Proxy(proxy.scheme == "https", proxy.hostname, port, authorization)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
