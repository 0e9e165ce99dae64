"""The formats that trainers read, one line a record.

TRL (dpo, sft, kto, grpo: conversational form), the hosted preference format (openai: `input`,
`preferred_output`, `non_preferred_output`) and plain chats (messages). Every line of an open format
carries the record's `id`; hosted formats refuse unknown keys, so there line i is record i of
`records.jsonl`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from truing.alignment.records import Record
from truing.errors import UnknownName
from truing.models.plain_turns import plain_turns
from truing.records import Message

__all__ = ["FORMATS", "PAIRED", "check_format", "line_of"]


def _turns(messages: tuple[Message, ...]) -> list[dict[str, str]]:
    return [{"role": str(m.role), "content": m.text} for m in plain_turns(messages)]


def _said(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


def _dpo(record: Record) -> dict[str, Any] | None:
    if record.chosen is None or record.rejected is None:
        return None
    return {
        "id": record.id,
        "prompt": _turns(record.messages),
        "chosen": _said(record.chosen.text),
        "rejected": _said(record.rejected.text),
    }


def _openai(record: Record) -> dict[str, Any] | None:
    if record.chosen is None or record.rejected is None:
        return None
    return {
        "input": {"messages": _turns(record.messages), "tools": [], "parallel_tool_calls": True},
        "preferred_output": _said(record.chosen.text),
        "non_preferred_output": _said(record.rejected.text),
    }


def _sft(record: Record) -> dict[str, Any] | None:
    if record.chosen is None:
        return None
    return {
        "id": record.id,
        "prompt": _turns(record.messages),
        "completion": _said(record.chosen.text),
    }


def _messages(record: Record) -> dict[str, Any] | None:
    if record.chosen is None:
        return None
    return {"messages": [*_turns(record.messages), *_said(record.chosen.text)]}


def _kto(record: Record) -> dict[str, Any] | None:
    answer = record.chosen or record.rejected
    if answer is None or (record.chosen and record.rejected):
        return None
    return {
        "id": record.id,
        "prompt": _turns(record.messages),
        "completion": _said(answer.text),
        "label": record.chosen is not None,
    }


def _grpo(record: Record) -> dict[str, Any] | None:
    """A prompt, and what a reward function needs to judge what is written to it."""
    return {
        "id": record.id,
        "prompt": _turns(record.messages),
        "task": record.task,
        "side": record.side,
        "target": record.chosen.label if record.chosen else None,
    }


FORMATS: dict[str, Callable[[Record], dict[str, Any] | None]] = {
    "dpo": _dpo,
    "grpo": _grpo,
    "kto": _kto,
    "messages": _messages,
    "openai": _openai,
    "sft": _sft,
}
PAIRED = frozenset({"dpo", "openai"})
"""Formats whose record is a good answer against a bad one; the others take each alone."""


def check_format(name: str) -> None:
    """Raises `UnknownName`."""
    if name not in FORMATS:
        raise UnknownName("format", name, sorted(FORMATS))


def line_of(record: Record, name: str) -> dict[str, Any] | None:
    """The line of a record, or None where the format has no place for it."""
    return FORMATS[name](record)
