"""Anthropic's messages protocol."""

from __future__ import annotations

from typing import Any

import msgspec

from truing.models.wires.wire import (
    Dialect,
    Malformed,
    Stop,
    answer_tokens,
    arguments_of,
    from_parts,
    merged,
    said,
    without_none,
)
from truing.records import Message, Request, Response, Role, ToolCall

__all__ = ["AnthropicMessages"]

_STOPS: dict[str, Stop] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "tool_use": "tool",
    "refusal": "filter",
}
_LEAST_THINKING = 1024


class AnthropicMessages:
    """POST /messages."""

    path = "/messages"
    headers = {"anthropic-version": "2023-06-01"}  # noqa: RUF012 - shared and never changed
    fields = {  # noqa: RUF012
        "temperature": "temperature",
        "thinking": "thinking",
        "tool_choice": "tool_choice",
        "tools": "tools",
    }

    def encode(self, request: Request, dialect: Dialect) -> dict[str, Any]:
        """The body of a request. The protocol has neither seed nor log-probabilities."""
        system = [m.text for m in request.messages if m.role is Role.SYSTEM]
        turns = [_turn(m) for m in said(request, dialect) if m.role is not Role.SYSTEM]
        body: dict[str, Any] = {
            "model": dialect.model,
            "messages": [_written(turn) for turn in merged(turns, "content")],
            "max_tokens": answer_tokens(request, dialect),
        }
        if system:
            body["system"] = "\n\n".join(system)
        budget = request.thinking_tokens or 0
        thinking = budget >= _LEAST_THINKING and "thinking" not in dialect.unsent
        if thinking:
            # A thinking model takes no temperature but its own; the answer's room stays as it is.
            body["thinking"] = {"type": "enabled", "budget_tokens": budget}
            own = answer_tokens(request, dialect._replace(thinks=False))
            body["max_tokens"] = own + budget
        elif "temperature" not in dialect.unsent:
            body["temperature"] = min(request.temperature, 1.0)
        if request.tools and "tools" not in dialect.unsent:
            body["tools"] = [
                {
                    "name": tool.name,
                    "description": tool.description,
                    "input_schema": tool.parameters,
                }
                for tool in request.tools
            ]
            if "tool_choice" not in dialect.unsent:
                body["tool_choice"] = {"type": "none"}
        return without_none(body | request.parameters) if request.parameters else body

    def read(self, reply: Any, request: Request) -> Response:
        """The response in a decoded body."""
        try:
            parts = [part for part in reply["content"] if isinstance(part, dict)]
            text = "".join(str(part["text"]) for part in parts if part.get("type") == "text")
            calls = tuple(
                ToolCall(
                    id=str(part.get("id", "")),
                    name=str(part["name"]),
                    arguments=msgspec.json.encode(part.get("input", {})).decode(),
                )
                for part in parts
                if part.get("type") == "tool_use"
            )
            thoughts = "\n".join(
                str(part.get("thinking", "")) for part in parts if part.get("type") == "thinking"
            )
            given = reply.get("stop_reason")
        except (LookupError, TypeError, AttributeError) as error:
            raise Malformed(f"expected a message: {type(error).__name__}: {error}") from error
        stop: Stop = _STOPS.get(given, "unknown") if isinstance(given, str) else "unknown"
        # An empty turn is a legal answer only where it says why it ended.
        if not parts and (stop not in ("length", "filter") and given != "end_turn"):
            raise Malformed("expected a message with content, got none")
        return from_parts(
            request,
            text,
            calls,
            thoughts,
            stop=stop,
            usage=reply.get("usage"),
            read=("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"),
            written="output_tokens",
        )


def _turn(message: Message) -> dict[str, Any]:
    if message.role is Role.TOOL:
        result = {
            "type": "tool_result",
            "tool_use_id": message.tool_call_id,
            "content": message.text,
        }
        return {"role": "user", "content": [result]}
    parts: list[dict[str, Any]] = []
    if message.text or not message.tool_calls:
        parts.append({"type": "text", "text": message.text})
    for call in message.tool_calls:
        given = arguments_of(call)
        parts.append({"type": "tool_use", "id": call.id, "name": call.name, "input": given})
    return {"role": message.role, "content": parts}


def _written(turn: dict[str, Any]) -> dict[str, Any]:
    """A turn of one text with that text as its content, as people write it."""
    match turn["content"]:
        case [{"type": "text", "text": text}]:
            return {**turn, "content": text}
    return turn
