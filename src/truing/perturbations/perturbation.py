"""What a perturbation is: a way to rewrite the last thing asked, and turns to say before it."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import NamedTuple

__all__ = ["Asked", "Perturbation"]


class Asked(NamedTuple):
    """What a perturbation sees of a sample."""

    body: str
    """What is asked, without options and the line that asks for a letter."""
    protected: frozenset[str]
    """Words that carry the answer."""
    draw: random.Random
    """All chance there is."""
    rate: float


class Perturbation(NamedTuple):
    """`rewrite` gives the new body; `turns` are (role, text) said before it."""

    kind: str
    """`noise`, `encoding` or `attack`."""
    about: str
    rewrite: Callable[[Asked], str]
    turns: tuple[tuple[str, str], ...] = ()
    rate: float | None = None
    """Its usual rate; None where it has none."""
    choices: bool = True
    """Whether it fits a question with options, or open requests only."""
