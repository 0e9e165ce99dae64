"""Bedrock and Vertex AI on this machine: Converse, `generateContent` and a place to get tokens.

What is scripted is said first, one entry a call; every error repeats the headers it got, as a
careless proxy would. As a program it serves until it is killed and fails a third of its calls.
"""

from __future__ import annotations

import argparse
import json
import socket
import struct
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

TOKEN = "ya29.token"


class Said(NamedTuple):
    """One scripted answer; `how` is `whole`, `hang`, `reset`, `cut` or `drip`."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = {}  # noqa: RUF012 - shared and never changed
    how: str = "whole"


def aws_error(status: int, name: str, message: str = "no", **headers: str) -> Said:
    return Said(status, {"message": message}, {"x-amzn-ErrorType": name, **headers})


def google_error(status: int, name: str, message: str = "no", *details: dict[str, Any]) -> Said:
    error = {"code": status, "status": name, "message": message, "details": list(details)}
    return Said(status, {"error": error})


def converse(*content: dict[str, Any], stop: str = "end_turn", **usage: int) -> Said:
    return Said(
        body={
            "output": {"message": {"role": "assistant", "content": list(content)}},
            "stopReason": stop,
            "usage": {"inputTokens": 7, "outputTokens": 3, "totalTokens": 10, **usage},
            "metrics": {"latencyMs": 5},
        }
    )


def candidate(*parts: dict[str, Any], finish: str | None = "STOP", **more: Any) -> Said:
    first = {"content": {"role": "model", "parts": list(parts)}, "finishReason": finish, **more}
    usage = {"promptTokenCount": 7, "candidatesTokenCount": 3, "totalTokenCount": 10}
    return Said(body={"candidates": [first], "usageMetadata": usage})


class CloudServer:
    """Answers on a port of its own; `bodies`, `paths` and `headers` are what it was asked."""

    def __init__(self, *scripted: Said, token: str = TOKEN, share: int = 0) -> None:
        self.scripted = list(scripted)
        self.bodies: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.tokens_given = 0
        self.token_status = 200
        self.token_seconds = 3600
        self._token = token
        self._share = share
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                outer._answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> CloudServer:
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def serve(self) -> None:
        self._server.serve_forever()

    def _answer(self, call: BaseHTTPRequestHandler) -> None:
        body = call.rfile.read(int(call.headers["Content-Length"] or 0))
        if call.path.endswith("/token"):
            self.tokens_given += 1
            given = {"access_token": self._token, "expires_in": self.token_seconds}
            refused = {"error": "invalid_grant", "error_description": "it is no more"}
            self._say(call, Said(self.token_status, given if self.token_status == 200 else refused))
            return
        self.paths.append(call.path)
        self.bodies.append(json.loads(body))
        self.headers.append({name.lower(): value for name, value in call.headers.items()})
        said = self.scripted.pop(0) if self.scripted else None
        converses = call.path.endswith("/converse")
        if said is None and self._share and len(self.bodies) % self._share == 0:
            error = aws_error if converses else google_error
            said = error(
                *((503, "ServiceUnavailableException"), (429, "ThrottlingException"))[
                    len(self.bodies) // self._share % 2
                ]
            )
        if said is None:
            said = converse({"text": "Fine."}) if converses else candidate({"text": "Fine."})
        self._say(call, said)

    def _say(self, call: BaseHTTPRequestHandler, said: Said) -> None:
        if said.how == "hang":
            time.sleep(3)
            return
        if said.how == "reset":
            call.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            call.connection.close()
            call.close_connection = True
            return
        text = said.body if isinstance(said.body, str) else json.dumps(said.body)
        if said.status != 200:
            text = text.replace('"no"', json.dumps(f"no, not with {dict(call.headers)}"))
        body = text.encode()
        call.send_response(said.status)
        for name, value in {"Content-Type": "application/json", **said.headers}.items():
            call.send_header(name, value)
        call.send_header("Content-Length", str(len(body)))
        call.end_headers()
        if said.how == "cut":
            call.wfile.write(body[: len(body) // 2])
            call.close_connection = True
            return
        if said.how == "drip":
            for byte in body[:30]:
                call.wfile.write(bytes([byte]))
                time.sleep(0.1)
            call.close_connection = True
            return
        call.wfile.write(body)


def key_file(folder: Path, server: str) -> Path:
    """A service account's key whose tokens come from the server here."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    private = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file = folder / "service_account.json"
    account = {
        "type": "service_account",
        "project_id": "a-project",
        "private_key_id": "1",
        "private_key": private.decode(),
        "client_email": "someone@a-project.example",
        "token_uri": f"{server}/token",
    }
    file.write_text(json.dumps(account), "utf-8")
    return file


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port-file", type=Path, required=True)
    parser.add_argument("--token", default=TOKEN)
    given = parser.parse_args()
    running = CloudServer(token=given.token, share=3)
    given.port_file.write_text(running.url, "utf-8")
    running.serve()
