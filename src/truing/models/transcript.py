"""A conversation as one text that a base model continues, for whoever cannot chat.

Base models have no chat template, and servers quietly take a foreign one: what comes back is noise.
"""

from __future__ import annotations

from collections.abc import Sequence

from truing.models.plain_turns import plain_turns
from truing.records import Message, Role

__all__ = ["NEXT_TURN", "transcript"]

_ASKED, _ANSWERED = "Question:", "Answer:"
NEXT_TURN = f"\n{_ASKED}"
"""Where an answer ends: a model that goes on asks itself the next question."""


def transcript(messages: Sequence[Message]) -> str:
    """What is said as questions and answers, up to the answer that is owed.

    A system message stands before them as it is. No blank follows the last colon: a token brings
    its own.
    """
    lines = []
    for message in plain_turns(messages):
        if message.role is Role.SYSTEM:
            lines.append(f"{message.text}\n")
        else:
            who = _ANSWERED if message.role is Role.ASSISTANT else _ASKED
            lines.append(f"{who} {message.text}" if message.text else who)
    return "\n".join([*lines, _ANSWERED])
