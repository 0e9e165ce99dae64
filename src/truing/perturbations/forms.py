"""The same question in another form: words and layout around it, and nothing that it asks.

A form is no attack and no noise: a careful person would not notice that two forms differ. Models
do (Sclar et al. 2023, arXiv 2310.11324). Options keep their letters, texts and order, so that
scorers read the answers as before; their order is crossed with the seeds already.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from truing.records import Choice, Message, Role

__all__ = ["FORMS", "Form"]

_ASKS = "Answer with the letter of one option"
"""The beginning of the line that asks for a letter, as tasks write it."""


class Form(NamedTuple):
    """`reword` gives the text of a user's turn; `last` says whether it is the question's."""

    about: str
    reword: Callable[[str, Sequence[Choice], bool], str]

    def reworded(
        self, messages: Sequence[Message], choices: Sequence[Choice]
    ) -> tuple[Message, ...]:
        """The conversation in this form; what assistant, system and tools say stays."""
        users = [place for place, said in enumerate(messages) if said.role is Role.USER]
        return tuple(
            msgspec.structs.replace(said, text=self.reword(said.text, choices, place == users[-1]))
            if said.role is Role.USER
            else said
            for place, said in enumerate(messages)
        )


def _preface(text: str, _choices: Sequence[Choice], last: bool) -> str:
    return f"Please read the following carefully.\n\n{text}" if last else text


def _wording(text: str, choices: Sequence[Choice], last: bool) -> str:
    if not last:
        return text
    body, line_end, asks = text.rpartition("\n")
    if not asks.startswith(_ASKS):
        return f"Message: {text}\n\nReply:"
    letters = [choice.label for choice in choices]
    listed = f"{', '.join(letters[:-1])} or {letters[-1]}"
    if "in percent" in asks:
        told = (
            f"Give one letter ({listed}), a comma, and the chance in percent, from 0 to 100, that "
            "your answer is right. Nothing else."
        )
    elif "why you" in asks:
        told = f"Give one letter ({listed}) first, then the reason for it in one sentence."
    else:
        told = f"Which option do you choose? Reply with one letter ({listed}) and nothing else."
    return f"{body}{line_end}{told}"


def _layout(text: str, choices: Sequence[Choice], last: bool) -> str:
    """Headings, a blank line between the options, and their letters in brackets."""
    for choice in choices:
        listed = f"{choice.label}) {choice.text}"
        text = f"\n{text}\n".replace(f"\n{listed}\n", f"\n\n({listed}\n")[1:-1].lstrip("\n")
    if not last:
        return text
    body, _, asks = text.rpartition("\n")
    if asks.startswith(_ASKS):
        return f"### Question\n\n{body}\n\n### Answer\n\n{asks}"
    return f"### Message\n\n{text}"


FORMS = {
    "form_preface": Form("a polite line before the question", _preface),
    "form_wording": Form("other words ask for the answer", _wording),
    "form_layout": Form("headings, blank lines, (A) for A)", _layout),
}
