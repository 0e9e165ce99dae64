"""A product behind HTTP as a model: `target/http --template FILE`.

The template is TOML: `url`, `body` (JSON in which "{{prompt}}" stands for the last user message
and "{{messages}}" for the whole list), `text` (where the answer lies, e.g. `reply.0.content`),
and where they exist `context`, `headers` (values may name variables: `${MY_KEY}`), `model`.
"""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from truing.errors import BadKey, NoSuchModel, Unreachable, UsageError
from truing.models.http import CallFailed, HttpClient, NotConnected, checked_url
from truing.models.refusals import fault_of, read_error
from truing.models.target_py import read_answer
from truing.records import Capabilities, Fault, FaultKind, Request, Response, Role

__all__ = ["HttpTarget"]

_VARIABLE = re.compile(r"\$\{(\w+)\}")


class _Template(msgspec.Struct, forbid_unknown_fields=True):
    url: str
    body: Any
    text: str
    context: str | None = None
    headers: dict[str, str] = {}
    name: str = "http"


class HttpTarget:
    """One product at one address. Secrets come from the environment and are shown nowhere."""

    def __init__(self, template: str | None, *, timeout_seconds: float) -> None:
        if template is None:
            raise UsageError("target/http needs --template FILE (see docs/targets.md)")
        self._template = _read_template(Path(template))
        url = checked_url(self._template.url, option="template url")
        parts = urlsplit(url)
        self._path = parts.path or "/"
        self._secrets: list[str] = []
        headers = {name: self._filled(value) for name, value in self._template.headers.items()}
        base = f"{parts.scheme}://{parts.netloc}"
        self._http = HttpClient(base, headers, timeout_seconds=timeout_seconds)
        self._url = url
        self._answered = False
        self.name = f"target/{self._template.name}"
        self.capabilities = Capabilities(
            temperature=False, seed=False, system_messages=None, concurrency=None
        )

    async def respond(self, request: Request) -> Response:
        """What the product answers; where there is no text it is malformed."""
        messages = [{"role": str(m.role), "content": m.text} for m in request.messages]
        prompts = [m.text for m in request.messages if m.role is Role.USER]
        body = _put(self._template.body, prompts[-1] if prompts else "", messages)
        try:
            reply = await self._http.post(self._path, msgspec.json.encode(body))
        except CallFailed as error:
            if isinstance(error, NotConnected) and not self._answered:
                raise Unreachable(f"no server answered at {self._url} ({error.detail})") from None
            return Response(fault=Fault(kind=error.kind, detail=self._redact(error.detail)))
        if not 200 <= reply.status < 300:
            said = self._redact(read_error(reply.body).message)
            if reply.status in (401, 403) and not self._answered:
                raise BadKey(f"{self._url} refused the request ({reply.status}: {said})")
            if reply.status == 404 and not self._answered:
                raise NoSuchModel(f"{self._url} is not there (404: {said})")
            return Response(fault=fault_of(reply, said))
        try:
            whole = msgspec.json.decode(reply.body)
            text = _at(whole, self._template.text)
            context = _at(whole, self._template.context) if self._template.context else ()
        except (msgspec.DecodeError, LookupError, TypeError, ValueError) as error:
            detail = f"no {self._template.text!r} in the answer: {type(error).__name__}: {error}"
            return Response(fault=Fault(kind=FaultKind.MALFORMED, detail=self._redact(detail)))
        self._answered = True
        return read_answer({"text": text, "context": context}, request)

    async def close(self) -> None:
        """Close the pooled connections."""
        await self._http.close()

    def _filled(self, value: str) -> str:
        def variable(match: re.Match[str]) -> str:
            found = os.environ.get(match[1])
            if not found:
                raise UsageError(f"the template names ${{{match[1]}}}, which is not set")
            self._secrets.append(found)
            return found

        return _VARIABLE.sub(variable, value)

    def _redact(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "[key]")
        return text[:300]


def _read_template(file: Path) -> _Template:
    try:
        return msgspec.convert(tomllib.loads(file.read_text("utf-8")), _Template)
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise UsageError(f"--template: {file} is not a template: {error}") from error


def _put(value: Any, prompt: str, messages: list[dict[str, str]]) -> Any:
    """The body with its places filled; a prompt is data and is never a template itself."""
    if value == "{{messages}}":
        return messages
    if isinstance(value, str):
        return value.replace("{{prompt}}", prompt)
    if isinstance(value, dict):
        return {name: _put(item, prompt, messages) for name, item in value.items()}
    if isinstance(value, list):
        return [_put(item, prompt, messages) for item in value]
    return value


def _at(value: Any, path: str) -> Any:
    """What lies at `a.0.b`; `*` takes every item of a list."""
    names = path.split(".")
    for place, name in enumerate(names):
        if name == "*":
            rest = ".".join(names[place + 1 :])
            return [_at(item, rest) if rest else item for item in value]
        value = value[int(name)] if isinstance(value, list) else value[name]
    return value
