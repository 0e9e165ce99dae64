"""What the fault server says: three providers' shapes, and every fault's body, as pure functions.

`key_of` and `answer_to` read the bodies of all three; answers derive from a hash of the messages.
Connections, load and drawing are in `fault_server.py`.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import math
import re
import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Any, NamedTuple, Protocol

FINE = "fine"
MIXED = (
    *("429", "429-after", "500", "503", "529", "reset", "cut", "half", "wrong-type"),
    *("empty-choices", "drip", "duplicate", "filter"),
)
"""What a share of faults is drawn from: what a client retries or can live with."""
FAULTS = (
    *MIXED,
    *("400", "401", "403", "404", "408", "429-date", "429-quota", "hang", "null-content", "huge"),
    *("filter-400", "redirect", "no-schema", "close", "gzip", "length", "thinking-length"),
    "unsupported-param",
)
HUGE = 17 << 20
THOUGHTS = "Let me think. Is it the first? Or is it the second? Let me think again."
CONSTANT = "The answer is (A)."


def _flat(item: dict[str, Any]) -> dict[str, Any]:
    """A message with its parts of text joined, where it has nothing but text."""
    content = item.get("content")
    if isinstance(content, list) and all(isinstance(part.get("text"), str) for part in content):
        item = {**item, "content": "\n".join(part["text"] for part in content)}
    if item.get("type") == "message":
        item = {name: value for name, value in item.items() if name != "type"}
    return item


def _dialogue(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The messages of a body of any shape, as chat completions hold them."""
    apart = body.get("system", body.get("instructions"))
    turns = body["input"] if "input" in body else body["messages"]
    if isinstance(turns, str):
        turns = [{"role": "user", "content": turns}]
    system = [{"role": "system", "content": apart}] if apart else []
    return [_flat(turn) for turn in (*system, *turns)]


def key_of(body: dict[str, Any]) -> str:
    what = [_dialogue(body), body.get("seed")]
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()[:16]


def _last_text(body: dict[str, Any]) -> str:
    last = _dialogue(body)[-1]
    content = last.get("content", last.get("output"))
    if isinstance(content, list):
        return "\n".join(str(part["text"]) for part in content if "text" in part)
    return content if isinstance(content, str) else ""


def letters_of(text: str) -> list[str]:
    return re.findall(r"^([A-J])\) ", text, re.MULTILINE)


def answer_to(body: dict[str, Any]) -> str:
    text = _last_text(body)
    number = int(key_of(body), 16)
    if "<reply-" in text:
        labels = [line[2:].partition(":")[0] for line in text.splitlines() if line[:2] == "- "]
        verdict = {"reason": "as asked", "verdict": labels[number % len(labels)]}
        return json.dumps(verdict) if number % 5 else "hard to say"
    letters = letters_of(text)
    if letters:
        letter = letters[number % len(letters)]
        return (letter, f"{letter}) it is", f"The answer is ({letter}).", "no idea")[
            number // 7 % 4
        ]
    if number % 2:
        return "I'm sorry, but I can't help with that."
    return f"Here is how. {text} First, prepare. Then do it step by step, and check the result."


def logprobs_of(body: dict[str, Any]) -> dict[str, Any]:
    """OpenAI's log-probabilities of the first token: a distribution over the options' letters."""
    number = int(key_of(body), 16)
    letters = letters_of(_last_text(body)) or [answer_to(body).split()[0]]
    first = letters[number % len(letters)]
    sure = 0.5 + number % 45 / 100
    others = (1 - sure) * 0.9 / max(1, len(letters) - 1)
    weights = {token: sure if token == first else others for token in letters}
    top = [
        {"token": token, "logprob": round(math.log(weight), 6), "bytes": list(token.encode())}
        for token, weight in sorted(weights.items(), key=lambda pair: -pair[1])
    ]
    listed = top[: body.get("top_logprobs", len(top))]
    return {"content": [{**top[0], "top_logprobs": listed}], "refusal": None}


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


class Shape(Protocol):
    """One provider's bodies. A stop is `stop`, `length` or `filter`."""

    empty: str
    """The field that the fault `empty-choices` empties."""
    schema: tuple[str, ...]
    """The fields that ask for a JSON schema."""

    def answer(self, text: str | None, stop: str = "stop", thoughts: str = "") -> dict[str, Any]:
        """A whole answer."""
        ...

    def error(
        self, status: int, message: str, code: str | None = None, param: str | None = None
    ) -> dict[str, Any]:
        """An error's body."""
        ...


_OPENAI_ERRORS = {
    401: ("invalid_request_error", "invalid_api_key"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
}


class Chat:
    """POST /v1/chat/completions."""

    empty = "choices"
    schema: tuple[str, ...] = ("response_format",)

    def answer(self, text: str | None, stop: str = "stop", thoughts: str = "") -> dict[str, Any]:
        made = completion(text, finish_reason="content_filter" if stop == "filter" else stop)
        if thoughts:
            made["choices"][0]["message"]["reasoning_content"] = thoughts
        return made

    def error(
        self, status: int, message: str, code: str | None = None, param: str | None = None
    ) -> dict[str, Any]:
        plain = ("server_error" if status >= 500 else "invalid_request_error", None)
        kind, usual = _OPENAI_ERRORS.get(status, plain)
        kind = "insufficient_quota" if code == "insufficient_quota" else kind
        return {"error": {"message": message, "type": kind, "param": param, "code": code or usual}}


class Responses(Chat):
    """POST /v1/responses."""

    empty = "output"
    schema = ("text",)

    def answer(self, text: str | None, stop: str = "stop", thoughts: str = "") -> dict[str, Any]:
        output: list[dict[str, Any]] = []
        if thoughts:
            summary = [{"type": "summary_text", "text": thoughts}]
            output.append({"type": "reasoning", "id": "rs_x", "summary": summary})
        if text or not thoughts:
            part = {"type": "output_text", "text": text, "annotations": []}
            output.append({"type": "message", "role": "assistant", "content": [part]})
        reason = {"length": "max_output_tokens", "filter": "content_filter"}.get(stop)
        return {
            "id": "resp_x",
            "object": "response",
            "status": "incomplete" if reason else "completed",
            "incomplete_details": {"reason": reason} if reason else None,
            "error": None,
            "output": output,
            "usage": {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15},
        }


_ANTHROPIC_ERRORS = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    529: "overloaded_error",
}


class Messages:
    """POST /v1/messages."""

    empty = "content"
    schema: tuple[str, ...] = ("output_config", "output_format")

    def answer(self, text: str | None, stop: str = "stop", thoughts: str = "") -> dict[str, Any]:
        thinking = [{"type": "thinking", "thinking": thoughts, "signature": "x"}]
        said = [{"type": "text", "text": text}]
        content = (thinking if thoughts else []) + (said if text else [])
        reasons = {"stop": "end_turn", "length": "max_tokens", "filter": "refusal"}
        return {
            "id": "msg_x",
            "type": "message",
            "role": "assistant",
            "content": None if text is None else content,
            "stop_reason": reasons[stop],
            "stop_sequence": None,
            "usage": {"input_tokens": 10, "output_tokens": 5},
        }

    def error(
        self, status: int, message: str, code: str | None = None, param: str | None = None
    ) -> dict[str, Any]:
        plain = "api_error" if status >= 500 else "invalid_request_error"
        kind = _ANTHROPIC_ERRORS.get(status, plain)
        return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "x"}


SHAPES: dict[str, Shape] = {
    "/v1/chat/completions": Chat(),
    "/v1/responses": Responses(),
    "/v1/messages": Messages(),
}


class Reply(NamedTuple):
    """One HTTP response before it is bytes."""

    body: bytes
    status: int = 200
    headers: tuple[str, ...] = ("Content-Type: application/json",)

    def head(self, *more: str) -> bytes:
        """The head, with whatever says how long the body is among `more`."""
        lines = (f"HTTP/1.1 {self.status} Said", *self.headers, *more, "", "")
        return "\r\n".join(lines).encode("latin-1", "replace")

    def whole(self, *more: str) -> bytes:
        return self.head(f"Content-Length: {len(self.body)}", *more) + self.body


def as_json(made: Any, status: int = 200, *headers: str) -> Reply:
    return Reply(json.dumps(made).encode(), status, ("Content-Type: application/json", *headers))


def right_answer(
    shape: Shape, body: dict[str, Any], reply: Callable[[dict[str, Any]], Any] | None = None
) -> Any:
    if reply:
        return reply(body)
    made = shape.answer(answer_to(body))
    if body.get("logprobs") is True and "choices" in made:
        made["choices"][0]["logprobs"] = logprobs_of(body)
    return made


def _unsupported(shape: Shape, body: dict[str, Any]) -> dict[str, Any] | None:
    """The error of a reasoning model for the first setting that it does not take."""
    anthropic = isinstance(shape, Messages)
    given = body.get("temperature", 1)
    if "max_tokens" in body and not anthropic:
        said = (
            "Unsupported parameter: 'max_tokens' is not supported with this model. "
            "Use 'max_completion_tokens' instead."
        )
        return shape.error(400, said, "unsupported_parameter", "max_tokens")
    if given == 1:
        return None
    if anthropic:
        return shape.error(400, "temperature: `temperature` may only be set to 1 with this model.")
    said = (
        f"Unsupported value: 'temperature' does not support {given} with this model. "
        "Only the default (1) value is supported."
    )
    return shape.error(400, said, "unsupported_value", "temperature")


def _refused(shape: Shape, body: dict[str, Any], fault: str, secret: str) -> Reply | None:
    """The reply of a fault that is an HTTP error. A bad server repeats the caller's key."""
    said = f"fault {fault} {secret}".rstrip()
    if fault.isdigit():
        return as_json(shape.error(int(fault), f"status {fault} {secret}"), int(fault))
    if fault == "429-after":
        return as_json(shape.error(429, said), 429, "Retry-After: 0.02")
    if fault == "429-date":
        then = formatdate(round(time.time() + 1), usegmt=True)
        return as_json(shape.error(429, said), 429, f"Retry-After: {then}")
    if fault == "429-quota":
        if isinstance(shape, Messages):
            return as_json(shape.error(402, "Your credit balance is too low."), 402)
        quota = "You exceeded your current quota, please check your plan and billing details."
        return as_json(shape.error(429, quota, "insufficient_quota"), 429)
    if fault == "filter-400":
        filtered = "Output blocked by content filtering policy"
        return as_json(shape.error(400, filtered, "content_filter"), 400)
    if fault == "no-schema" and any(name in body for name in shape.schema):
        return as_json(shape.error(400, f"{shape.schema[0]} is not supported"), 400)
    error = _unsupported(shape, body) if fault == "unsupported-param" else None
    return as_json(error, 400) if error else None


def _odd(shape: Shape, body: dict[str, Any], fault: str) -> Reply | None:
    """The reply of a fault that is an HTTP success with something else in it than the answer."""
    if fault == "half":
        return Reply(json.dumps(shape.answer("x")).encode()[:40])
    if fault == "wrong-type":
        return Reply(b"<html>busy</html>", 200, ("Content-Type: text/html",))
    if fault == "redirect":
        return Reply(b"", 307, ("Location: http://127.0.0.1:9/steal",))
    if fault == "empty-choices":
        return as_json({**shape.answer("x"), shape.empty: []})
    if fault == "null-content":
        return as_json(shape.answer(None))
    if fault == "huge":
        return Reply(b'{"x": "' + b"a" * HUGE + b'"}')
    if fault == "filter":
        return as_json(shape.answer("", "filter"))
    if fault == "length":
        text = answer_to(body)
        return as_json(shape.answer(text[: (len(text) + 1) // 2], "length"))
    if fault == "thinking-length":
        return as_json(shape.answer("", "length", THOUGHTS))
    return None


def reply_to(
    shape: Shape,
    body: dict[str, Any],
    fault: str,
    headers: dict[str, str],
    reply: Callable[[dict[str, Any]], Any] | None = None,
) -> Reply:
    """What is said under a fault; faults of the connection itself carry the right answer."""
    secret = headers.get("Authorization") or headers.get("X-Api-Key", "")
    given = _refused(shape, body, fault, secret) or _odd(shape, body, fault)
    if given:
        return given
    whole = as_json(right_answer(shape, body, reply))
    if fault == "gzip":
        packed = gzip.compress(whole.body, mtime=0)
        return Reply(packed, 200, (*whole.headers, "Content-Encoding: gzip"))
    return whole
