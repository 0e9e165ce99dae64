"""Protocols as pure functions: a request becomes a body, a body becomes a response.

One module a protocol; none of them knows addresses, keys or connections.
"""

from __future__ import annotations

from truing.models.wires.anthropic_messages import AnthropicMessages
from truing.models.wires.bedrock_converse import BedrockConverse
from truing.models.wires.gemini import Gemini
from truing.models.wires.openai_chat import OpenAIChat
from truing.models.wires.openai_responses import OpenAIResponses
from truing.models.wires.wire import Dialect, Malformed, Wire, settled

__all__ = ["WIRES", "Dialect", "Malformed", "Wire", "settled"]

WIRES: dict[str, type[Wire]] = {
    "openai_chat": OpenAIChat,
    "openai_responses": OpenAIResponses,
    "anthropic_messages": AnthropicMessages,
    "bedrock_converse": BedrockConverse,
    "gemini": Gemini,
}
