"""OpenAI's responses protocol, asked to keep nothing."""

from __future__ import annotations

from typing import Any

from truing.models.logprobs import option_logprobs
from truing.models.model import clean_text
from truing.models.wires.wire import (
    Dialect,
    Malformed,
    Stop,
    answer_tokens,
    count,
    full_message,
    said,
    without_none,
)
from truing.records import Elicitation, Message, Request, Response, Role, ToolCall

__all__ = ["OpenAIResponses"]


class OpenAIResponses:
    """POST /responses."""

    path = "/responses"
    headers: dict[str, str] = {}  # noqa: RUF012 - shared and never changed
    fields = {  # noqa: RUF012
        "temperature": "temperature",
        "top_logprobs": "logprobs",
        "text.format": "json_schema",
        "tool_choice": "tool_choice",
        "tools": "tools",
    }

    def encode(self, request: Request, dialect: Dialect) -> dict[str, Any]:
        """The body of a request. The protocol has no seed."""
        body: dict[str, Any] = {
            "model": dialect.model,
            "input": [item for message in said(request, dialect) for item in _items(message)],
            # The protocol's least is 16.
            "max_output_tokens": max(16, answer_tokens(request, dialect)),
            "store": False,
        }
        if "temperature" not in dialect.unsent:
            body["temperature"] = request.temperature
        if request.tools and "tools" not in dialect.unsent:
            body["tools"] = [
                {
                    "type": "function",
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": tool.parameters,
                }
                for tool in request.tools
            ]
            if "tool_choice" not in dialect.unsent:
                body["tool_choice"] = "none"
        if request.json_schema is not None and "json_schema" not in dialect.unsent:
            form = {"type": "json_schema", "name": "answer", "schema": request.json_schema}
            body["text"] = {"format": form}
        if request.want_logprobs and "logprobs" not in dialect.unsent:
            body |= {
                "top_logprobs": dialect.top_logprobs,
                "include": ["message.output_text.logprobs"],
            }
        if dialect.thinks and dialect.thinking == "effort" and request.thinking_tokens == 0:
            body["reasoning"] = {"effort": "minimal"}
        return without_none(body | request.parameters) if request.parameters else body

    def read(self, reply: Any, request: Request) -> Response:
        """The response in a decoded body."""
        try:
            items = [item for item in reply["output"] if isinstance(item, dict)]
            parts = [
                part for item in items if item.get("type") == "message" for part in item["content"]
            ]
            text = "".join(str(part.get("text") or part.get("refusal") or "") for part in parts)
            calls = tuple(
                ToolCall(
                    id=str(item.get("call_id", "")),
                    name=str(item["name"]),
                    arguments=clean_text(str(item["arguments"])),
                )
                for item in items
                if item.get("type") == "function_call"
            )
            thoughts = "\n".join(
                str(part.get("text", ""))
                for item in items
                if item.get("type") == "reasoning"
                for part in item.get("summary") or ()
            )
            cut = (reply.get("incomplete_details") or {}).get("reason")
            logprobs = next((part["logprobs"] for part in parts if part.get("logprobs")), None)
        except (LookupError, TypeError, AttributeError) as error:
            raise Malformed(f"expected a response: {type(error).__name__}: {error}") from error
        if not items and cut is None:
            raise Malformed("expected a response with output, got none")
        text = clean_text(text)
        stop: Stop = "tool" if calls else "stop"
        if cut == "max_output_tokens":
            stop = "length"
        elif cut == "content_filter":
            stop = "filter"
        usage = reply.get("usage")
        usage = usage if isinstance(usage, dict) else {}
        letters = [letter for letter, _ in request.choices]
        return Response(
            text=text,
            message=full_message(text, calls, thoughts),
            stop_reason=stop,
            truncated=stop == "length",
            prompt_tokens=count(usage.get("input_tokens")),
            completion_tokens=count(usage.get("output_tokens")),
            option_logprobs=option_logprobs({"content": logprobs}, letters) if logprobs else None,
            elicitation=Elicitation.PARSED if request.choices else Elicitation.FREE,
        )


def _items(message: Message) -> list[dict[str, Any]]:
    if message.role is Role.TOOL:
        return [
            {
                "type": "function_call_output",
                "call_id": message.tool_call_id,
                "output": message.text,
            }
        ]
    items: list[dict[str, Any]] = []
    if message.text or not message.tool_calls:
        items.append({"role": message.role, "content": message.text})
    items += [
        {
            "type": "function_call",
            "call_id": call.id,
            "name": call.name,
            "arguments": call.arguments,
        }
        for call in message.tool_calls
    ]
    return items
