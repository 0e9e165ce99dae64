"""Any server that speaks the OpenAI chat-completions protocol.

Knows the protocol, its faults and how to wait; no sample and no task. Retries what may pass on
another try; a bad key, an unknown model or an address where nobody answers stops the run.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import random
import ssl
import time
from typing import Any, Literal
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import msgspec

from truing.errors import BadKey, BadRequest, MissingKey, NoSuchModel, Unreachable, UsageError
from truing.models.logprobs import option_logprobs
from truing.models.model import clean_text
from truing.records import (
    Attempt,
    Capabilities,
    Elicitation,
    Fault,
    FaultKind,
    Request,
    Response,
    Role,
    ToolCall,
)
from truing.records import Message as MessageRecord

__all__ = ["PROVIDERS", "OpenAICompatible"]

PROVIDERS = {
    "openai": ("https://api.openai.com/v1", "OPENAI_API_KEY", "OPENAI_BASE_URL"),
    "ollama": ("http://127.0.0.1:11434/v1", None, "OLLAMA_BASE_URL"),
    "vllm": ("http://127.0.0.1:8000/v1", None, "VLLM_BASE_URL"),
    "llamacpp": ("http://127.0.0.1:8080/v1", None, "LLAMACPP_BASE_URL"),
}
"""Prefix of the model's name: address, variable with the key, variable that moves the address."""

TRIES = 6
TIMEOUT_SECONDS = 120.0
LONGEST_WAIT_SECONDS = 60.0
LARGEST_BODY_BYTES = 16 << 20
_ANSWER_TOKENS = 24
"""A choice that cannot be constrained gets room for "The answer is (B)."."""

_RETRIED = {408: FaultKind.TIMEOUT, 409: FaultKind.SERVER_ERROR, 429: FaultKind.RATE_LIMIT}


class OpenAICompatible:
    """One model behind one address."""

    def __init__(
        self,
        name: str,
        *,
        base_url: str | None = None,
        key_env: str | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
        seed: int = 0,
    ) -> None:
        prefix, _, rest = name.partition("/")
        provider = PROVIDERS.get(prefix) if rest else None
        if provider is None and base_url is None:
            raise UsageError(f"no address for {name!r}: give --base-url URL")
        address, key_variable, address_variable = provider or (None, None, None)
        moved = os.environ.get(address_variable) if address_variable else None
        self._url = f"{_checked_url(base_url or moved or address)}/chat/completions"
        self._key = self._find_key(prefix, key_env, key_variable, own_address=base_url is not None)
        self._remote_name = rest if provider else name
        self.name = name
        self.capabilities = Capabilities(
            temperature=True, system_messages=True, constrained_choice=False, concurrency=16
        )
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._jitter = random.Random(seed)  # noqa: S311 - spreads retries, guards nothing
        self._session: aiohttp.ClientSession | None = None
        self._answered = False
        self._plain_json = False
        """The server has refused a JSON schema: it is asked without one from then on."""

    @staticmethod
    def _find_key(
        prefix: str, key_env: str | None, key_variable: str | None, *, own_address: bool
    ) -> str | None:
        if key_env:
            if not os.environ.get(key_env):
                raise MissingKey(f"no key: --key-env names {key_env}, which is not set")
            return os.environ[key_env]
        key = os.environ.get(key_variable or "OPENAI_API_KEY")
        if key_variable and not key and not own_address:
            raise MissingKey(
                f"no key for {prefix}: set {key_variable}, "
                "or run the embedded model with -m embedded/smollm2-135m"
            )
        # A key goes only where it belongs: to the provider it is for, or to an address given
        # together with it.
        return key if key_variable or own_address else None

    async def respond(self, request: Request) -> Response:
        """The answer, after as many tries as the kind of fault deserves."""
        body = self._body(request)
        attempts: list[Attempt] = []
        started = time.perf_counter()
        while True:
            began = time.perf_counter()
            try:
                outcome = await self._try(body, request)
            except BadRequest:
                if "response_format" not in body:
                    raise
                self._plain_json = True
                body = self._body(request)
                continue
            seconds = time.perf_counter() - began
            if isinstance(outcome, Response):
                attempts.append(Attempt(seconds=seconds))
                return _finished(outcome, attempts, started)
            fault, wait = outcome
            if fault.kind is FaultKind.REFUSED_REQUEST and "response_format" in body:
                self._plain_json = True
                body = self._body(request)
                continue
            attempts.append(Attempt(seconds=seconds, fault=fault.kind, detail=fault.detail))
            if fault.kind is FaultKind.REFUSED_REQUEST or len(attempts) == TRIES:
                return _finished(Response(fault=fault), attempts, started)
            await asyncio.sleep(self._pause(len(attempts), wait))

    async def close(self) -> None:
        """Close the pooled connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _body(self, request: Request) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self._remote_name,
            "messages": [_wire_message(message) for message in request.messages],
            "max_tokens": _ANSWER_TOKENS
            if request.choices and not request.confidence
            else request.max_tokens,
            "temperature": request.temperature,
            "seed": request.seed + request.repeat,
        }
        if request.tools:
            body["tools"] = [
                {
                    "type": "function",
                    "function": {
                        "name": tool.name,
                        "description": tool.description,
                        "parameters": tool.parameters,
                    },
                }
                for tool in request.tools
            ]
        if request.json_schema is not None and not self._plain_json:
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "answer", "schema": request.json_schema},
            }
        return {
            key: value for key, value in (body | request.parameters).items() if value is not None
        }

    async def _try(
        self, body: dict[str, Any], request: Request
    ) -> Response | tuple[Fault, float | None]:
        session = self._open()
        try:
            async with session.post(self._url, json=body, allow_redirects=False) as reply:
                raw = await reply.content.read(LARGEST_BODY_BYTES + 1)
                while len(raw) <= LARGEST_BODY_BYTES and not reply.content.at_eof():
                    raw += await reply.content.read(LARGEST_BODY_BYTES + 1 - len(raw))
                status, headers = reply.status, reply.headers
        except aiohttp.ClientConnectorError as error:
            if not self._answered:
                raise Unreachable(
                    f"no server answered at {self._shown_url()} ({self._redact(str(error))}): "
                    "is it running, and is --base-url right?"
                ) from None
            return Fault(kind=FaultKind.CONNECTION, detail=self._redact(str(error))), None
        except TimeoutError:
            return Fault(kind=FaultKind.TIMEOUT, detail="no answer in time"), None
        except (aiohttp.ClientError, ssl.SSLError, OSError) as error:
            return Fault(kind=FaultKind.CONNECTION, detail=self._redact(repr(error))), None
        if status == 200:
            self._answered = True
            if len(raw) > LARGEST_BODY_BYTES:
                detail = f"the body is larger than {LARGEST_BODY_BYTES} bytes"
                return Fault(kind=FaultKind.MALFORMED, detail=detail), None
            return self._read(raw, request)
        return self._refused(status, raw, headers.get("Retry-After"))

    def _read(self, raw: bytes, request: Request) -> Response | tuple[Fault, float | None]:
        try:
            reply = json.loads(raw)
            choice = reply["choices"][0]
            message = choice["message"]
            text = message.get("content") or message.get("refusal") or ""
            if isinstance(text, list):
                text = "".join(part.get("text", "") for part in text)
            calls = tuple(
                ToolCall(
                    id=str(call.get("id", "")),
                    name=str(call["function"]["name"]),
                    arguments=clean_text(str(call["function"]["arguments"])),
                )
                for call in message.get("tool_calls") or ()
            )
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            detail = f"expected a chat completion: {type(error).__name__}: {error}"
            return Fault(kind=FaultKind.MALFORMED, detail=self._redact(clean_text(detail))), None
        if not isinstance(text, str):
            detail = f"expected text as the message's content, got {type(text).__name__}"
            return Fault(kind=FaultKind.MALFORMED, detail=detail), None
        text = clean_text(text)
        stop = _stop_reason(choice.get("finish_reason"))
        reasoning = message.get("reasoning_content") or message.get("reasoning")
        full = None
        if calls or isinstance(reasoning, str):
            thoughts = clean_text(reasoning) if isinstance(reasoning, str) else None
            full = MessageRecord(
                role=Role.ASSISTANT, text=text, tool_calls=calls, reasoning=thoughts
            )
        usage = reply.get("usage") if isinstance(reply.get("usage"), dict) else {}
        return Response(
            text=text,
            message=full,
            stop_reason=stop,
            truncated=stop == "length",
            prompt_tokens=_count(usage.get("prompt_tokens")),
            completion_tokens=_count(usage.get("completion_tokens")),
            option_logprobs=option_logprobs(
                choice.get("logprobs"), [letter for letter, _ in request.choices]
            ),
            elicitation=Elicitation.PARSED if request.choices else Elicitation.FREE,
        )

    def _refused(
        self, status: int, raw: bytes, retry_after: str | None
    ) -> Response | tuple[Fault, float | None]:
        said = self._redact(clean_text(_error_text(raw)))
        if status in (401, 403):
            self_help = "is the key right, and may it use this model?"
            raise BadKey(f"{self._shown_url()} refused the key ({status}: {said}): {self_help}")
        if status == 404:
            raise NoSuchModel(
                f"{self._shown_url()} does not know the model {self._remote_name!r} "
                f"(404: {said}): is the name right, and does --base-url end where it should (/v1)?"
            )
        if status == 400 and b"content_filter" in raw:
            self._answered = True
            return Response(stop_reason="filter", cost_usd=None)
        if status in _RETRIED or status >= 500:
            kind = _RETRIED.get(status, FaultKind.SERVER_ERROR)
            return Fault(kind=kind, detail=f"{status}: {said}"), _seconds(retry_after)
        if not self._answered:
            raise BadRequest(f"{self._shown_url()} refused the first request ({status}: {said})")
        return Fault(kind=FaultKind.REFUSED_REQUEST, detail=f"{status}: {said}"), None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
            self._session = aiohttp.ClientSession(
                headers=headers,
                timeout=self._timeout,
                # Not trust_env: it would also send what ~/.netrc holds for the host.
                proxy=_proxy_for(self._url),
                connector=aiohttp.TCPConnector(limit=0),
            )
        return self._session

    def _pause(self, tries: int, asked_seconds: float | None) -> float:
        """Seconds before the next try: what the server asked for, else doubling, with jitter."""
        if asked_seconds is not None:
            return min(asked_seconds, LONGEST_WAIT_SECONDS) + 0.1 * self._jitter.random()
        return float(min(0.5 * 2 ** (tries - 1), LONGEST_WAIT_SECONDS)) * (
            0.5 + self._jitter.random()
        )

    def _shown_url(self) -> str:
        return self._redact(self._url)

    def _redact(self, text: str) -> str:
        shown = text[:400]
        return shown.replace(self._key, "[key]") if self._key else shown


def _checked_url(url: str | None) -> str:
    parts = urlsplit(url or "")
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise UsageError(f"--base-url: expected http(s)://HOST[:PORT]/v1, got {url!r}")
    if parts.username or parts.password or parts.query:
        raise UsageError(
            "--base-url: leave user, password and query out of the address; "
            "the key goes into the environment (--key-env NAME)"
        )
    return str(url).rstrip("/")


def _proxy_for(url: str) -> str | None:
    """The proxy that the environment names for an address, as every client reads it."""
    parts = urlsplit(url)
    if not parts.hostname or proxy_bypass(parts.hostname):
        return None
    return getproxies().get(parts.scheme)


def _wire_message(message: MessageRecord) -> dict[str, Any]:
    wire: dict[str, Any] = {"role": str(message.role), "content": message.text}
    if message.tool_calls:
        wire["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        wire["tool_call_id"] = message.tool_call_id
    return wire


def _finished(response: Response, attempts: list[Attempt], started: float) -> Response:
    return msgspec.structs.replace(
        response, attempts=tuple(attempts), latency_seconds=time.perf_counter() - started
    )


def _stop_reason(given: Any) -> Literal["stop", "length", "tool", "filter", "unknown"]:
    known: dict[Any, Literal["stop", "length", "tool", "filter"]] = {
        "stop": "stop",
        "length": "length",
        "tool_calls": "tool",
        "content_filter": "filter",
    }
    return known.get(given, "unknown") if isinstance(given, str) else "unknown"


def _count(given: Any) -> int | None:
    return given if isinstance(given, int) and given >= 0 else None


def _seconds(header: str | None) -> float | None:
    try:
        seconds = float(header) if header is not None else math.nan
    except ValueError:
        return None
    return seconds if 0 <= seconds < math.inf else None


def _error_text(raw: bytes) -> str:
    text = raw[:2000].decode("utf-8", "replace")
    try:
        error = json.loads(raw)["error"]
        text = str(error["message"] if isinstance(error, dict) else error)
    except (ValueError, LookupError, TypeError):
        pass
    return " ".join(text.split())[:300] or "no message"
