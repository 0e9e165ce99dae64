"""The wire: proxies, certificates, and what a key must never appear in."""

from __future__ import annotations

import asyncio
import base64
import ssl
import subprocess

import pytest

from truing.errors import UsageError
from truing.models.http import HttpClient, NotConnected
from truing.records import FaultKind

CANARY = "sk-canary-5f2e9c"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def serving(handle, **kwargs):
    async def closing(reader, writer):
        try:
            await handle(reader, writer)
            await reader.read()
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(closing, "127.0.0.1", 0, **kwargs)
    return server, server.sockets[0].getsockname()[1]


async def read_request(reader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        (
            int(line[15:])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        ),
        0,
    )
    return head + await reader.readexactly(length)


async def answer(reader, writer):
    await read_request(reader)
    writer.write(ANSWER)
    await writer.drain()


@pytest.fixture
def certificate(tmp_path):
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-keyout", str(key), "-out", str(cert), "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context, cert


async def test_a_certificate_of_ones_own_is_trusted_when_the_environment_names_it(
    certificate, monkeypatch
):
    context, cert = certificate
    server, port = await serving(answer, ssl=context)
    async with server:
        client = HttpClient(f"https://127.0.0.1:{port}/v1", {}, timeout_seconds=5)
        with pytest.raises(NotConnected, match="SSL_CERT_FILE"):
            await client.post("/x", b"{}")
        for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
            monkeypatch.setenv(name, str(cert))
            client = HttpClient(f"https://127.0.0.1:{port}/v1", {}, timeout_seconds=5)
            assert (await client.post("/x", b"{}")).body == b"ok"
            await client.close()
            await asyncio.sleep(0.1)
            monkeypatch.delenv(name)


async def test_http_goes_through_the_proxy_with_its_password_and_the_whole_address(monkeypatch):
    seen = []

    async def proxy(reader, writer):
        seen.append(await read_request(reader))
        writer.write(ANSWER)
        await writer.drain()

    server, port = await serving(proxy)
    monkeypatch.setenv("http_proxy", f"http://user:{CANARY}@127.0.0.1:{port}")
    monkeypatch.setenv("no_proxy", "")
    async with server:
        client = HttpClient("http://models.example/v1", {}, timeout_seconds=5)
        assert (await client.post("/x", b"{}")).status == 200
        await client.close()
    password = base64.b64encode(f"user:{CANARY}".encode())
    assert seen[0].startswith(b"POST http://models.example:80/v1/x HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic " + password in seen[0]


async def test_https_goes_through_a_tunnel_and_the_proxy_never_sees_the_key(
    certificate, monkeypatch
):
    context, cert = certificate
    target, target_port = await serving(answer, ssl=context)
    seen = []

    async def proxy(reader, writer):
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        to_reader, to_writer = await asyncio.open_connection("127.0.0.1", target_port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")

        async def pump(source, sink):
            while data := await source.read(65536):
                seen.append(data)
                sink.write(data)
            sink.close()

        await asyncio.gather(pump(reader, to_writer), pump(to_reader, writer))

    server, port = await serving(proxy)
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("SSL_CERT_FILE", str(cert))
    async with server, target:
        headers = {"Authorization": f"Bearer {CANARY}"}
        client = HttpClient(f"https://localhost:{target_port}/v1", headers, timeout_seconds=5)
        assert (await client.post("/x", b"{}")).body == b"ok"
        await client.close()
        await asyncio.sleep(0.1)  # both ends see that it is over
    assert seen[0].startswith(f"CONNECT localhost:{target_port} ".encode())
    assert CANARY.encode() not in b"".join(seen)


async def test_a_body_that_ends_with_the_connection_is_whole():
    async def close_delimited(reader, writer):
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nall of it")
        await writer.drain()
        writer.close()

    server, port = await serving(close_delimited)
    async with server:
        client = HttpClient(f"http://127.0.0.1:{port}", {}, timeout_seconds=5)
        assert (await client.post("/x", b"{}")).body == b"all of it"
        await client.close()


async def test_connections_are_used_again():
    made = 0

    async def forever(reader, writer):
        nonlocal made
        made += 1
        while True:
            await answer(reader, writer)

    server, port = await serving(forever)
    async with server:
        client = HttpClient(f"http://127.0.0.1:{port}", {}, timeout_seconds=5)
        for _ in range(20):
            await client.post("/x", b"{}")
        await client.close()
    assert made == 1


@pytest.mark.parametrize("header", ["a\r\nX-Evil: 1", "a\nb"])
def test_a_key_with_a_line_break_is_refused(header):
    with pytest.raises(UsageError, match="line break"):
        HttpClient("http://127.0.0.1/v1", {"Authorization": header}, timeout_seconds=1)


async def test_a_server_that_is_silent_is_a_timeout():
    async def silent(reader, writer):
        await reader.read()

    server, port = await serving(silent)
    async with server:
        client = HttpClient(f"http://127.0.0.1:{port}", {}, timeout_seconds=0.1)
        with pytest.raises(Exception, match=r"no answer within 0\.1") as caught:
            await client.post("/x", b"{}")
        await client.close()
    assert caught.value.kind is FaultKind.TIMEOUT
