"""OpenAI's chat completions, as dozens of servers speak them."""

from __future__ import annotations

from typing import Any

from truing.models.grammar import choice_grammar
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
from truing.records import Elicitation, Message, Request, Response, ToolCall

__all__ = ["OpenAIChat"]

_STOPS: dict[str, Stop] = {
    "stop": "stop",
    "eos": "stop",
    "end_turn": "stop",
    "length": "length",
    "max_tokens": "length",
    "tool_calls": "tool",
    "content_filter": "filter",
}


class OpenAIChat:
    """POST /chat/completions."""

    path = "/chat/completions"
    headers: dict[str, str] = {}  # noqa: RUF012 - shared and never changed
    fields = {  # noqa: RUF012
        "temperature": "temperature",
        "seed": "seed",
        "random_seed": "seed",
        "logprobs": "logprobs",
        "top_logprobs": "logprobs",
        "response_format": "json_schema",
        "grammar": "choice",
        "structured_outputs": "choice",
        "guided_choice": "choice",
        "guided_grammar": "choice",
        "ebnf": "choice",
        "max_tokens": "max_tokens",
        "tool_choice": "tool_choice",
        "tools": "tools",
    }

    def encode(self, request: Request, dialect: Dialect) -> dict[str, Any]:
        """The body of a request."""
        unsent = dialect.unsent
        field = _tokens_field(dialect)
        body: dict[str, Any] = {
            "model": dialect.model,
            "messages": [_message(message) for message in said(request, dialect)],
            field: answer_tokens(request, dialect),
        }
        if "temperature" not in unsent:
            body["temperature"] = request.temperature
        if "seed" not in unsent:
            body[dialect.seed_field] = request.seed + request.repeat
        if request.tools and "tools" not in unsent:
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
            if "tool_choice" not in unsent:
                body["tool_choice"] = "none"
        if request.json_schema is not None and "json_schema" not in unsent:
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "answer", "schema": request.json_schema},
            }
        if request.choices and dialect.guided_choice and "choice" not in unsent:
            body |= _constrained(request, dialect)
        if request.want_logprobs and "logprobs" not in unsent:
            body |= {"logprobs": True, "top_logprobs": dialect.top_logprobs}
        if dialect.thinks and dialect.thinking == "effort" and request.thinking_tokens == 0:
            body["reasoning_effort"] = "minimal"
        return without_none(body | request.parameters) if request.parameters else body

    def read(self, reply: Any, request: Request) -> Response:
        """The response in a decoded body."""
        try:
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
            given = choice.get("finish_reason")
            logprobs = choice.get("logprobs")
        except (LookupError, TypeError, AttributeError) as error:
            raise Malformed(
                f"expected a chat completion: {type(error).__name__}: {error}"
            ) from error
        if not isinstance(text, str):
            raise Malformed(f"expected text as the message's content, got {type(text).__name__}")
        text = clean_text(text)
        usage = reply.get("usage")
        usage = usage if isinstance(usage, dict) else {}
        stop: Stop = _STOPS.get(given, "unknown") if isinstance(given, str) else "unknown"
        return Response(
            text=text,
            message=full_message(
                text, calls, message.get("reasoning_content") or message.get("reasoning")
            ),
            stop_reason=stop,
            truncated=stop == "length",
            prompt_tokens=count(usage.get("prompt_tokens")),
            completion_tokens=count(usage.get("completion_tokens")),
            option_logprobs=option_logprobs(logprobs, [letter for letter, _ in request.choices])
            if logprobs
            else None,
            elicitation=Elicitation.PARSED if request.choices else Elicitation.FREE,
        )


def _tokens_field(dialect: Dialect) -> str:
    return "max_completion_tokens" if "max_tokens" in dialect.unsent else dialect.max_tokens_field


def _constrained(request: Request, dialect: Dialect) -> dict[str, Any]:
    """Fields that hold a choice to its letters, in the server's own way."""
    letters = [letter for letter, _ in request.choices]
    field = str(dialect.guided_choice)
    tokens = {_tokens_field(dialect): max(8, request.max_tokens) if request.confidence else 1}
    if field in ("grammar", "ebnf", "guided_grammar"):
        return {field: choice_grammar(request), **tokens}
    if request.confidence:
        return {}  # a list of words cannot say "a letter and a percentage"
    if field == "structured_outputs":
        return {field: {"choice": letters}, **tokens}
    return {field: letters, **tokens}


def _message(message: Message) -> dict[str, Any]:
    wire: dict[str, Any] = {"role": message.role, "content": message.text}
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
