"""Judged answers and prompts, made by hand."""

from __future__ import annotations

from truing.alignment.answers import JudgedAnswer, Prompt
from truing.records import Message, Role, judged_hash

__all__ = ["answer", "prompt"]


def answer(text, *, good=True, source="m", **more):
    """A judged answer, bound to its text unless told otherwise."""
    more.setdefault("judged", judged_hash(text))
    more.setdefault("label", "good" if good else "bad")
    return JudgedAnswer(text=text, good=good, scorer="rule@1", source=source, **more)


def prompt(text, *answers, side="harmful", task="violence/twins", cluster=None, **more):
    """A prompt with its answers."""
    return Prompt(
        messages=(Message(role=Role.USER, text=text),),
        task=task,
        subcategory="safety.violence",
        side=side,
        cluster=cluster or text,
        licence="MIT",
        answers=list(answers),
        **more,
    )
