"""A conversation with tool calls as plain turns, for whoever has no protocol for them.

A call stands in the assistant's turn, its result is a turn of the user's that says whose it is.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from truing.records import Message, Role

__all__ = ["from_the_question", "plain_turns"]


def plain_turns(messages: Sequence[Message]) -> tuple[Message, ...]:
    """The same conversation in the roles of system, user and assistant alone."""
    names = {call.id: call.name for message in messages for call in message.tool_calls}
    return tuple(_plain(message, names) for message in messages)


def from_the_question(messages: Sequence[Message]) -> str:
    """The last thing that the user says and, a paragraph each, what follows it; "" with none."""
    asked = [place for place, message in enumerate(messages) if message.role is Role.USER]
    if not asked:
        return ""
    return "\n\n".join(message.text for message in plain_turns(messages)[asked[-1] :])


def _plain(message: Message, names: dict[str, str]) -> Message:
    if message.role is Role.TOOL:
        name = names.get(message.tool_call_id or "", "the tool")
        return Message(role=Role.USER, text=f"[Result of {name}]\n{message.text}")
    if not message.tool_calls:
        return message
    calls = (f"[Calls {call.name} with {call.arguments}]" for call in message.tool_calls)
    text = "\n".join([*([message.text] if message.text else []), *calls])
    return msgspec.structs.replace(message, text=text, tool_calls=())
