"""Amazon Bedrock's Converse, one protocol for all of its models."""

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

__all__ = ["BedrockConverse"]

_STOPS: dict[str, Stop] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool",
    "guardrail_intervened": "filter",
    "content_filtered": "filter",
}
_INFERENCE = {"maxTokens", "temperature", "topP", "stopSequences"}
_TOP = {
    *("system", "toolConfig", "guardrailConfig", "performanceConfig", "promptVariables"),
    *("requestMetadata", "serviceTier", "outputConfig", "inferenceConfig", "projectIdentifier"),
    *("additionalModelRequestFields", "additionalModelResponseFieldPaths"),
}
_LEAST_THINKING = 1024


class BedrockConverse:
    """POST /model/NAME/converse; the SDK knows where."""

    path = "/converse"
    headers: dict[str, str] = {}  # noqa: RUF012 - shared and never changed
    fields = {  # noqa: RUF012
        "temperature": "temperature",
        "thinking": "thinking",
        "toolconfig": "tools",
        "tool": "tools",
    }

    def encode(self, request: Request, dialect: Dialect) -> dict[str, Any]:
        """The arguments of a call but for the model. There are no seed and no log-probabilities.

        A parameter of the user's goes where the protocol has it, and else to the model itself, in
        `additionalModelRequestFields`.
        """
        system = [m.text for m in request.messages if m.role is Role.SYSTEM and m.text]
        turns = [_turn(m) for m in said(request, dialect) if m.role is not Role.SYSTEM]
        inference: dict[str, Any] = {"maxTokens": answer_tokens(request, dialect)}
        model_fields: dict[str, Any] = {}
        body: dict[str, Any] = {"messages": merged(turns, "content")}
        if system:
            body["system"] = [{"text": "\n\n".join(system)}]
        budget = request.thinking_tokens or 0
        steered = dialect.thinking == "budget" and "thinking" not in dialect.unsent
        if steered and budget >= _LEAST_THINKING:
            # Claude takes no temperature but its own while it thinks.
            model_fields["thinking"] = {"type": "enabled", "budget_tokens": budget}
        elif "temperature" not in dialect.unsent:
            inference["temperature"] = min(request.temperature, 1.0)
        if request.tools and "tools" not in dialect.unsent:
            # The protocol cannot say that none may be called; what was called must be offered.
            body["toolConfig"] = {
                "tools": [
                    {
                        "toolSpec": {
                            "name": tool.name,
                            "description": tool.description or tool.name,
                            "inputSchema": {"json": tool.parameters},
                        }
                    }
                    for tool in request.tools
                ]
            }
        if request.json_schema is not None and "json_schema" not in dialect.unsent:
            schema = msgspec.json.encode(request.json_schema).decode()
            structure = {"jsonSchema": {"name": "answer", "schema": schema}}
            body["outputConfig"] = {"textFormat": {"type": "json_schema", "structure": structure}}
        body["inferenceConfig"] = inference
        for name, value in request.parameters.items():
            place = inference if name in _INFERENCE else body if name in _TOP else model_fields
            place[name] = value
        if kept := without_none(model_fields):
            own = body.get("additionalModelRequestFields") or {}
            body["additionalModelRequestFields"] = kept | own
        if body["inferenceConfig"] is inference:
            body["inferenceConfig"] = without_none(inference)
        return without_none(body)

    def read(self, reply: Any, request: Request) -> Response:
        """The response in what the SDK returns."""
        try:
            parts = [part for part in reply["output"]["message"]["content"] if part]
            text = "".join(str(part["text"]) for part in parts if "text" in part)
            calls = tuple(
                ToolCall(
                    id=str(part["toolUse"].get("toolUseId", "")),
                    name=str(part["toolUse"]["name"]),
                    arguments=msgspec.json.encode(part["toolUse"].get("input", {})).decode(),
                )
                for part in parts
                if "toolUse" in part
            )
            thoughts = "\n".join(
                str(part["reasoningContent"].get("reasoningText", {}).get("text", ""))
                for part in parts
                if "reasoningContent" in part
            )
            given = reply.get("stopReason")
        except (LookupError, TypeError, AttributeError) as error:
            raise Malformed(f"expected a message: {type(error).__name__}: {error}") from error
        stop: Stop = _STOPS.get(given, "unknown") if isinstance(given, str) else "unknown"
        # An empty turn is a legal answer only where it says why it ended.
        if not parts and stop == "unknown":
            raise Malformed("expected a message with content, got none")
        return from_parts(
            request,
            text,
            calls,
            thoughts,
            stop=stop,
            usage=reply.get("usage"),
            read=("inputTokens", "cacheReadInputTokens", "cacheWriteInputTokens"),
            written="outputTokens",
        )


def _turn(message: Message) -> dict[str, Any]:
    if message.role is Role.TOOL:
        result = {"toolUseId": message.tool_call_id or "", "content": [{"text": message.text}]}
        return {"role": "user", "content": [{"toolResult": result}]}
    parts: list[dict[str, Any]] = []
    # A blank text is an error there; what is blank altogether is left for the server to refuse.
    if message.text or not message.tool_calls:
        parts.append({"text": message.text})
    for call in message.tool_calls:
        use = {"toolUseId": call.id, "name": call.name, "input": arguments_of(call)}
        parts.append({"toolUse": use})
    return {"role": str(message.role), "content": parts}
