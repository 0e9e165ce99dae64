"""A product behind HTTP as a model: `target/http --template FILE`.

The template is TOML: `url`, `body` (JSON in which "{{prompt}}" stands for the last user message,
with the tool call and its result where a task has them, and "{{messages}}" for the whole list;
calls and results are turns in plain text), `text` (where the answer lies, e.g. `reply.0.content`),
and where they exist `context`, `headers`, `name`. `${MY_KEY}` in a header, in the body or in the
path and query of the url is filled from the environment before any prompt is put in: a prompt is
data and fills nothing.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec

from truing.errors import BadKey, NoSuchModel, TruingError, Unreachable, UsageError
from truing.models.http import CallFailed, HttpClient, NotConnected, Reply, checked_url
from truing.models.model import clean_text
from truing.models.plain_turns import from_the_question, plain_turns
from truing.models.refusals import fault_of, read_error
from truing.models.target_py import read_answer
from truing.models.variables import VARIABLE, Variables
from truing.records import Capabilities, Fault, FaultKind, Request, Response

__all__ = ["HttpTarget"]

_PROMPT, _MESSAGES = "{{prompt}}", "{{messages}}"
_SECRET_NAME = re.compile(
    r"(?:key|token|secret|passw(?:or)?d|pwd|signature|credentials?|bearer|jwt|authorization)$"
    r"|(?:^|[-_.])(?:auth|sig)$",
    re.IGNORECASE,
)
_LOOKS_SECRET = re.compile(r"(?=[A-Za-z_]*\d)\w{24,}|\b(?:sk|pk|ghp|xox[a-z])[-_]\w{8}|AIza|eyJ")
_FILLED = re.compile(r"(?:(?:bearer|basic|token)(?:%20|\+))?(?:\$\{\w+\})+", re.IGNORECASE)


class _Template(msgspec.Struct, forbid_unknown_fields=True):
    url: str
    body: Any
    text: str
    context: str | None = None
    headers: dict[str, str] = {}
    name: str = "http"


class HttpTarget:
    """One product at one address. What the environment fills in is shown nowhere."""

    def __init__(self, template: str | None, *, timeout_seconds: float) -> None:
        if template is None:
            raise UsageError("target/http needs --template FILE (see docs/targets.md)")
        self._template = _read_template(Path(template))
        self._variables = Variables()
        self._url, path, query = _split(self._template.url)
        self._target = self._variables.filled(path + query, in_address=True)
        self._body = self._prepared(self._template.body)
        parts = urlsplit(self._url)
        self._http = HttpClient(
            f"{parts.scheme}://{parts.netloc}",
            {name: self._header(name, value) for name, value in self._template.headers.items()},
            timeout_seconds=timeout_seconds,
        )
        self._answered = False
        self.name = f"target/{self._template.name}"
        self.capabilities = Capabilities(
            temperature=False, seed=False, system_messages=None, concurrency=None
        )

    async def respond(self, request: Request) -> Response:
        """What the product answers; where there is no text it is malformed."""
        try:
            reply = await self._send(request)
            return reply if isinstance(reply, Response) else self._read(reply, request)
        except TruingError:
            raise
        except Exception as error:  # noqa: BLE001 - a defect here, whose words may hold a key
            return self._failed(FaultKind.INTERNAL, f"{type(error).__name__}: {error}")

    async def close(self) -> None:
        """Close the pooled connections."""
        await self._http.close()

    async def _send(self, request: Request) -> Reply | Response:
        """The reply, without what was filled in where it is an error; or the fault."""
        turns = plain_turns(request.messages)
        messages = [{"role": str(turn.role), "content": turn.text} for turn in turns]
        prompt = from_the_question(request.messages)
        try:
            reply = await self._http.post(
                self._target, msgspec.json.encode(_put(self._body, prompt, messages))
            )
        except CallFailed as error:
            detail = self._redact(error.detail)
            if isinstance(error, NotConnected) and not self._answered:
                raise Unreachable(f"no server answered at {self._url} ({detail})") from None
            return self._failed(error.kind, detail)
        if 200 <= reply.status < 300:
            return reply
        hidden = self._variables.redacted_bytes
        headers = [(name, hidden(value)) for name, value in reply.headers]
        return Reply(reply.status, headers, hidden(reply.body))

    def _read(self, reply: Reply, request: Request) -> Response:
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
            return self._failed(FaultKind.MALFORMED, detail)
        self._answered = True
        response = read_answer({"text": text, "context": context}, request)
        hidden = self._variables.redacted_answer
        return msgspec.structs.replace(
            response, text=hidden(response.text), context=tuple(map(hidden, response.context))
        )

    def _header(self, name: str, value: str) -> str:
        filled = self._variables.filled(value)
        if any(ord(sign) > 255 for sign in filled):
            raise UsageError(f"the header {name} of the template holds signs that no header may")
        return filled

    def _prepared(self, value: Any) -> Any:
        """The body with variables filled; a string becomes the pieces around its prompts."""
        if value == _MESSAGES:
            return value
        if isinstance(value, str):
            return tuple(map(self._variables.filled, value.split(_PROMPT)))
        if isinstance(value, dict):
            return {
                self._variables.filled(name): self._prepared(item) for name, item in value.items()
            }
        if isinstance(value, list):
            return [self._prepared(item) for item in value]
        return value

    def _failed(self, kind: FaultKind, detail: str) -> Response:
        return Response(fault=Fault(kind=kind, detail=self._redact(detail)))

    def _redact(self, text: str) -> str:
        return clean_text(self._variables.redacted(text)[:300])


def _split(url: str) -> tuple[str, str, str]:
    """(address as shown, path, query with its `?`). Raises `UsageError` for what holds a key."""
    address, mark, query = url.partition("#")[0].partition("?")
    if "@" in address.partition("//")[2].partition("/")[0]:
        raise UsageError("template url: leave user and password out of it; ${NAME} fills headers")
    shown = checked_url(address, option="template url")
    parts = urlsplit(shown)
    if VARIABLE.search(parts.netloc):
        raise UsageError("template url: ${NAME} may stand in its path and query, not in its host")
    if any(ord(sign) <= 32 or ord(sign) > 126 for sign in query):
        raise UsageError("template url: its query holds a space or a sign beyond ASCII: encode it")
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        literal = VARIABLE.sub("", value)
        named = _SECRET_NAME.search(unquote(name)) and literal and not _FILLED.fullmatch(value)
        if named or _LOOKS_SECRET.search(VARIABLE.sub("", pair)):
            shown_name = "NAME" if _LOOKS_SECRET.search(name) else name
            raise UsageError(
                f"template url: {shown_name}= holds what looks like a key: put that into the "
                f"environment and write {shown_name}=${{NAME}}"
            )
    return shown, parts.path or "/", mark + query


def _read_template(file: Path) -> _Template:
    try:
        return msgspec.convert(tomllib.loads(file.read_text("utf-8")), _Template)
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise UsageError(f"--template: {file} is not a template: {error}") from error


def _put(value: Any, prompt: str, messages: list[dict[str, str]]) -> Any:
    """The prepared body with its places filled."""
    if value == _MESSAGES:
        return messages
    if isinstance(value, tuple):
        return prompt.join(value)
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
