"""What a protocol is, and what the protocols share."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, Protocol

import msgspec

from truing.models.model import answer_room, clean_text
from truing.models.plain_turns import plain_turns
from truing.records import (
    Elicitation,
    Fault,
    FaultKind,
    Message,
    Request,
    Response,
    Role,
    ToolCall,
)

__all__ = [
    "Dialect",
    "Malformed",
    "Stop",
    "Wire",
    "answer_tokens",
    "arguments_of",
    "count",
    "from_parts",
    "full_message",
    "merged",
    "said",
    "settled",
    "without_none",
]

Stop = Literal["stop", "length", "tool", "filter", "unknown"]


class Malformed(Exception):
    """A body that is not what the protocol says."""


class Dialect(NamedTuple):
    """How one server speaks its protocol."""

    model: str
    max_tokens_field: str = "max_tokens"
    seed_field: str = "seed"
    top_logprobs: int = 20
    guided_choice: str | None = None
    thinking: str | None = None
    thinks: bool = False
    unsent: frozenset[str] = frozenset()
    """Settings that are not sent: the values of `Wire.fields`."""


class Wire(Protocol):
    """One protocol."""

    path: str
    headers: dict[str, str]
    fields: dict[str, str]
    """Field of the body -> the setting it carries, for settings that can be left out."""

    def encode(self, request: Request, dialect: Dialect) -> dict[str, Any]:
        """The body of a request; user parameters are laid over it."""
        ...

    def read(self, reply: Any, request: Request) -> Response:
        """The response in a decoded body. Raises `Malformed`."""
        ...


def answer_tokens(request: Request, dialect: Dialect) -> int:
    """Tokens allowed for an answer, with what a reasoning model thinks before it on top."""
    return answer_room(request) + ((request.thinking_tokens or 0) if dialect.thinks else 0)


def said(request: Request, dialect: Dialect) -> tuple[Message, ...]:
    """The conversation as it is sent: in plain turns to a server that takes no tools."""
    return plain_turns(request.messages) if "tools" in dialect.unsent else request.messages


def from_parts(
    request: Request,
    text: str,
    calls: tuple[ToolCall, ...],
    thoughts: str,
    *,
    stop: Stop,
    usage: Any,
    read: tuple[str, ...],
    written: str,
) -> Response:
    """The response of a protocol whose turns are lists of parts.

    `read` names the counts that make up the prompt, the first of which must be there, and
    `written` that of the answer.
    """
    text = clean_text(text)
    counts = usage if isinstance(usage, dict) else {}
    tokens = [count(counts.get(name)) for name in read]
    return Response(
        text=text,
        message=full_message(text, calls, thoughts),
        stop_reason=stop,
        truncated=stop == "length",
        prompt_tokens=None if tokens[0] is None else sum(n or 0 for n in tokens),
        completion_tokens=count(counts.get(written)),
        elicitation=Elicitation.PARSED if request.choices else Elicitation.FREE,
    )


def full_message(text: str, calls: tuple[ToolCall, ...], reasoning: Any) -> Message | None:
    """The whole message where it holds more than text."""
    thoughts = clean_text(reasoning) if isinstance(reasoning, str) and reasoning else None
    if not calls and thoughts is None:
        return None
    return Message(role=Role.ASSISTANT, text=text, tool_calls=calls, reasoning=thoughts)


def settled(response: Response, dialect: Dialect) -> Response:
    """The response with what was left out of its request, and a fault where it was all thoughts."""
    changes: dict[str, Any] = {}
    if unsent := dialect.unsent - {"max_tokens"}:  # that one goes under another name
        changes["unsent"] = tuple(sorted(unsent))
    thought = dialect.thinks or (
        response.message is not None and response.message.reasoning is not None
    )
    if response.truncated and thought and not response.text.strip():
        detail = "the tokens were used up by thinking: allow more with --thinking-tokens"
        changes["fault"] = Fault(kind=FaultKind.THINKING_CUT, detail=detail)
    return msgspec.structs.replace(response, **changes) if changes else response


def arguments_of(call: ToolCall) -> Any:
    """The arguments of a call as an object; empty where the model wrote no JSON."""
    try:
        return msgspec.json.decode(call.arguments)
    except msgspec.DecodeError:
        return {}


def merged(turns: list[dict[str, Any]], parts: str) -> list[dict[str, Any]]:
    """Turns in alternation: neighbours of one role become one, with all their parts."""
    alternating: list[dict[str, Any]] = []
    for turn in turns:
        if alternating and alternating[-1]["role"] == turn["role"]:
            both = alternating[-1][parts] + turn[parts]
            alternating[-1] = {"role": turn["role"], parts: both}
        else:
            alternating.append(turn)
    return alternating


def count(given: Any) -> int | None:
    """A number of tokens, or None where it is not one."""
    return given if isinstance(given, int) and not isinstance(given, bool) and given >= 0 else None


def without_none(body: dict[str, Any]) -> dict[str, Any]:
    """The body without what a user has set to null: so a field can be taken out."""
    return {name: value for name, value in body.items() if value is not None}
