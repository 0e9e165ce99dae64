"""Grammars (GBNF) that hold a choice to its letters."""

from __future__ import annotations

from truing.records import Request

__all__ = ["choice_grammar"]

_PERCENTAGE = '("100" | [1-9] [0-9] | [0-9]) "%"'


def choice_grammar(request: Request, *, before: str = "") -> str:
    """Lets through one option's letter, and a percentage after it where it is asked for.

    `before` stands before the letter: the blank that begins a continuation.
    """
    letters = " | ".join(f'"{letter}"' for letter, _ in request.choices)
    if before:
        letters = f'"{before}" ({letters})'
    if request.confidence:
        return f'root ::= ({letters}) ", " {_PERCENTAGE}'
    return f"root ::= {letters}"
