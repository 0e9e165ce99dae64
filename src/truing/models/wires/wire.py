"""What a protocol is, and what the protocols share."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, Protocol

from truing.models.model import answer_room, clean_text
from truing.records import Message, Request, Response, Role, ToolCall

__all__ = [
    "Dialect",
    "Malformed",
    "Stop",
    "Wire",
    "answer_tokens",
    "count",
    "full_message",
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


def full_message(text: str, calls: tuple[ToolCall, ...], reasoning: Any) -> Message | None:
    """The whole message where it holds more than text."""
    thoughts = clean_text(reasoning) if isinstance(reasoning, str) and reasoning else None
    if not calls and thoughts is None:
        return None
    return Message(role=Role.ASSISTANT, text=text, tool_calls=calls, reasoning=thoughts)


def count(given: Any) -> int | None:
    """A number of tokens, or None where it is not one."""
    return given if isinstance(given, int) and not isinstance(given, bool) and given >= 0 else None


def without_none(body: dict[str, Any]) -> dict[str, Any]:
    """The body without what a user has set to null: so a field can be taken out."""
    return {name: value for name, value in body.items() if value is not None}
