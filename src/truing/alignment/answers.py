"""Judged answers by prompt: what training data are made of, wherever they came from."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from truing.records import Message, content_hash, judged_hash

__all__ = ["JudgedAnswer", "Prompt", "prompt_key"]


class JudgedAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One answer and the verdict on exactly this text."""

    text: str
    good: bool
    label: str
    scorer: str
    judged: str
    """Hash of the judged text: equal to the text's own, or the record is refused."""
    source: str
    """A model's name, `reference`, or `rewritten by NAME`."""
    probability: float | None = None
    """How sure the scorer is of its label, where it says so."""
    human: bool = False
    """A person said so."""
    run: str | None = None
    epoch: int = 0
    truncated: bool = False

    @property
    def bound(self) -> bool:
        """Whether the verdict is about this text."""
        return self.judged == judged_hash(self.text)


class Prompt(msgspec.Struct, kw_only=True):
    """One thing asked, and every judged answer to it."""

    messages: tuple[Message, ...]
    task: str
    subcategory: str
    side: str
    cluster: str
    licence: str
    sample: str | None = None
    severity: str = "unknown"
    constrained: bool = False
    """The answer is an option's letter."""
    answers: list[JudgedAnswer] = []

    @property
    def key(self) -> str:
        """Hash of what was asked: prompts with one key are one prompt."""
        return prompt_key(self.messages)

    def of(self, *, good: bool) -> list[JudgedAnswer]:
        """The answers with one verdict."""
        return [answer for answer in self.answers if answer.good is good]


def prompt_key(messages: Sequence[Message]) -> str:
    """Hash of a conversation."""
    return content_hash([[message.role, message.text] for message in messages])
