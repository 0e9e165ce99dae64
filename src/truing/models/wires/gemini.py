"""Google's own protocol for Gemini, `generateContent`, as Vertex AI speaks it."""

from __future__ import annotations

import math
import re
from typing import Any

import msgspec

from truing.models.logprobs import option_logprobs
from truing.models.model import clean_text
from truing.models.wires.wire import (
    Dialect,
    Malformed,
    Stop,
    answer_tokens,
    arguments_of,
    count,
    full_message,
    merged,
    said,
    without_none,
)
from truing.records import Elicitation, Message, Request, Response, Role, ToolCall, ToolSpec

__all__ = ["Gemini"]

_STOPS: dict[str, Stop] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "filter",
    "RECITATION": "filter",
    "BLOCKLIST": "filter",
    "PROHIBITED_CONTENT": "filter",
    "SPII": "filter",
    "MODEL_ARMOR": "filter",
}
_TOP = {
    *("contents", "systemInstruction", "tools", "toolConfig", "safetySettings", "labels"),
    *("cachedContent", "modelArmorConfig", "generationConfig"),
}
_SIGNS_CALLS = re.compile(r"gemini-(?:[3-9]|\d\d)")
_UNSIGNED = "skip_thought_signature_validator"
"""Stands for the signature of a call that the model did not write in this conversation."""


class Gemini:
    """POST to a model's address, which ends in `:generateContent`."""

    path = ""
    headers: dict[str, str] = {}  # noqa: RUF012 - shared and never changed
    fields = {  # noqa: RUF012 - in small letters, as refusals are read
        "temperature": "temperature",
        "seed": "seed",
        "logprobs": "logprobs",
        "responselogprobs": "logprobs",
        "responsejsonschema": "json_schema",
        "thinking": "thinking",
        "thinkingconfig": "thinking",
        "toolconfig": "tool_choice",
        "tools": "tools",
    }

    def encode(self, request: Request, dialect: Dialect) -> dict[str, Any]:
        """The body of a request.

        A parameter of the user's goes where the protocol has it: into the body or, all others,
        into `generationConfig`.
        """
        unsent = dialect.unsent
        system = [m.text for m in request.messages if m.role is Role.SYSTEM]
        names = {call.id: call.name for m in request.messages for call in m.tool_calls}
        signs = _SIGNS_CALLS.search(dialect.model) is not None
        turns = [
            _turn(m, names, signs=signs)
            for m in said(request, dialect)
            if m.role is not Role.SYSTEM
        ]
        config: dict[str, Any] = {"maxOutputTokens": answer_tokens(request, dialect)}
        body: dict[str, Any] = {"contents": merged(turns, "parts"), "generationConfig": config}
        if system:
            body["systemInstruction"] = {"parts": [{"text": "\n\n".join(system)}]}
        if "temperature" not in unsent:
            config["temperature"] = request.temperature
        if "seed" not in unsent:
            config["seed"] = request.seed + request.repeat
        if request.want_logprobs and "logprobs" not in unsent:
            config |= {"responseLogprobs": True, "logprobs": dialect.top_logprobs}
        if request.json_schema is not None and "json_schema" not in unsent:
            config |= {
                "responseMimeType": "application/json",
                "responseJsonSchema": request.json_schema,
            }
        if dialect.thinks and request.thinking_tokens is not None and "thinking" not in unsent:
            config["thinkingConfig"] = {
                "includeThoughts": True,
                "thinkingBudget": request.thinking_tokens,
            }
        if request.tools and "tools" not in unsent:
            body |= _offered(request.tools, may_call="tool_choice" in unsent)
        for name, value in request.parameters.items():
            (body if name in _TOP else config)[name] = value
        if body["generationConfig"] is config:
            body["generationConfig"] = without_none(config)
        return without_none(body)

    def read(self, reply: Any, request: Request) -> Response:
        """The response in a decoded body."""
        try:
            blocked = bool((reply.get("promptFeedback") or {}).get("blockReason"))
            candidates = reply.get("candidates") or ()
            if not candidates and not blocked:
                raise Malformed("expected a candidate, got none")
            candidate = candidates[0] if candidates else {}
            parts = [
                part
                for part in (candidate.get("content") or {}).get("parts") or ()
                if isinstance(part, dict)
            ]
            text = _joined(parts, thought=False)
            calls = tuple(
                ToolCall(
                    id=str(part["functionCall"].get("id") or f"call_{number}"),
                    name=str(part["functionCall"]["name"]),
                    arguments=msgspec.json.encode(part["functionCall"].get("args") or {}).decode(),
                )
                for number, part in enumerate(parts)
                if "functionCall" in part
            )
            given = candidate.get("finishReason")
        except (LookupError, TypeError, AttributeError) as error:
            raise Malformed(f"expected a candidate: {type(error).__name__}: {error}") from error
        stop: Stop = _STOPS.get(given, "unknown") if isinstance(given, str) else "unknown"
        if calls and stop == "stop":
            stop = "tool"
        if blocked and not candidates:
            stop = "filter"
        elif not parts and not given:
            raise Malformed("expected a candidate with content, got none")
        text = clean_text(text)
        letters = [letter for letter, _ in request.choices]
        usage = reply.get("usageMetadata")
        return Response(
            text=text,
            message=full_message(text, calls, _joined(parts, thought=True)),
            stop_reason=stop,
            truncated=stop == "length",
            prompt_tokens=_tokens(usage, "promptTokenCount", "toolUsePromptTokenCount"),
            completion_tokens=_tokens(usage, "candidatesTokenCount", "thoughtsTokenCount"),
            option_logprobs=option_logprobs(_as_chat(candidate.get("logprobsResult")), letters),
            elicitation=Elicitation.PARSED if request.choices else Elicitation.FREE,
        )


def _offered(tools: tuple[ToolSpec, ...], *, may_call: bool) -> dict[str, Any]:
    declared = [
        {
            "name": tool.name,
            "description": tool.description,
            "parametersJsonSchema": tool.parameters,
        }
        for tool in tools
    ]
    fields: dict[str, Any] = {"tools": [{"functionDeclarations": declared}]}
    if not may_call:
        fields["toolConfig"] = {"functionCallingConfig": {"mode": "NONE"}}
    return fields


def _joined(parts: list[dict[str, Any]], *, thought: bool) -> str:
    return "".join(
        str(part["text"])
        for part in parts
        if "text" in part and bool(part.get("thought")) == thought
    )


def _tokens(usage: Any, *names: str) -> int | None:
    """A sum of counts, of which a count of 0 is not written; None where nothing is counted."""
    if not isinstance(usage, dict) or count(usage.get("promptTokenCount")) is None:
        return None
    return sum(count(usage.get(name)) or 0 for name in names)


def _as_chat(result: Any) -> Any:
    """Log-probabilities of the first token as chat completions hold them."""
    try:
        chosen = result["chosenCandidates"][0]
        top = (result.get("topCandidates") or [{}])[0].get("candidates") or ()
        entries = [
            {"token": entry["token"], "logprob": entry.get("logProbability", -math.inf)}
            for entry in (chosen, *top)
        ]
    except (LookupError, TypeError, AttributeError):
        return None
    return {"content": [{**entries[0], "top_logprobs": entries[1:]}]}


def _turn(message: Message, names: dict[str, str], *, signs: bool) -> dict[str, Any]:
    if message.role is Role.TOOL:
        answered = message.tool_call_id or ""
        result = {"name": names.get(answered, answered), "response": {"result": message.text}}
        return {"role": "user", "parts": [{"functionResponse": result}]}
    parts: list[dict[str, Any]] = []
    if message.text or not message.tool_calls:
        parts.append({"text": message.text})
    for call in message.tool_calls:
        part: dict[str, Any] = {"functionCall": {"name": call.name, "args": arguments_of(call)}}
        parts.append(part | {"thoughtSignature": _UNSIGNED} if signs else part)
    return {"role": "model" if message.role is Role.ASSISTANT else "user", "parts": parts}
