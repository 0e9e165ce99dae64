"""Anthropic's messages protocol."""

from __future__ import annotations

from typing import Any

import msgspec

from truing.models.model import clean_text
from truing.models.wires.wire import (
    Dialect,
    Malformed,
    Stop,
    answer_tokens,
    count,
    full_message,
    without_none,
)
from truing.records import Elicitation, Message, Request, Response, Role, ToolCall

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
    fields = {"temperature": "temperature", "thinking": "thinking"}  # noqa: RUF012

    def encode(self, request: Request, dialect: Dialect) -> dict[str, Any]:
        """The body of a request. The protocol has neither seed nor log-probabilities."""
        system = [m.text for m in request.messages if m.role is Role.SYSTEM]
        turns = [_turn(m) for m in request.messages if m.role is not Role.SYSTEM]
        body: dict[str, Any] = {
            "model": dialect.model,
            "messages": _merged(turns),
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
        if request.tools:
            body["tools"] = [
                {
                    "name": tool.name,
                    "description": tool.description,
                    "input_schema": tool.parameters,
                }
                for tool in request.tools
            ]
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
        text = clean_text(text)
        usage = reply.get("usage")
        usage = usage if isinstance(usage, dict) else {}
        read = [
            count(usage.get(name))
            for name in ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
        ]
        return Response(
            text=text,
            message=full_message(text, calls, thoughts),
            stop_reason=stop,
            truncated=stop == "length",
            prompt_tokens=None if read[0] is None else sum(n or 0 for n in read),
            completion_tokens=count(usage.get("output_tokens")),
            elicitation=Elicitation.PARSED if request.choices else Elicitation.FREE,
        )


def _turn(message: Message) -> dict[str, Any]:
    if message.role is Role.TOOL:
        result = {
            "type": "tool_result",
            "tool_use_id": message.tool_call_id,
            "content": message.text,
        }
        return {"role": "user", "content": [result]}
    if not message.tool_calls:
        return {"role": message.role, "content": message.text}
    parts: list[dict[str, Any]] = [{"type": "text", "text": message.text}] if message.text else []
    for call in message.tool_calls:
        try:
            given = msgspec.json.decode(call.arguments)
        except msgspec.DecodeError:
            given = {}
        parts.append({"type": "tool_use", "id": call.id, "name": call.name, "input": given})
    return {"role": "assistant", "content": parts}


def _merged(turns: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Turns in alternation: neighbours of the same role become one turn of several parts."""
    merged: list[dict[str, Any]] = []
    for turn in turns:
        if merged and merged[-1]["role"] == turn["role"]:
            merged[-1] = {
                "role": turn["role"],
                "content": _parts(merged[-1]["content"]) + _parts(turn["content"]),
            }
        else:
            merged.append(turn)
    return merged


def _parts(content: str | list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content
