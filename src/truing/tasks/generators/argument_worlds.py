"""What arguments are made of and in which worlds a statement is true: the gold of `arguments`.

A world is a set of inhabited Venn regions, a row of a truth table or a linear order.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any, NamedTuple

__all__ = ["Argument", "Space", "Statement", "classes", "clauses", "order_holds", "orders"]


class Statement(NamedTuple):
    """What is said of which terms. `style` is its wording and changes nothing else."""

    kind: str
    terms: tuple[str, ...]
    style: int = 0


class Argument(NamedTuple):
    """Premises and what is drawn from them."""

    premises: tuple[Statement, ...]
    conclusion: Statement


class Space:
    """The worlds of a kind of argument, and in which of them a statement is true.

    A set of worlds is the bits of a number. `usual` are those that every reader grants: all, but
    for syllogisms those in which no class is empty.
    """

    def __init__(self, holds: Callable[[str, Sequence[str], Any], bool], worlds: list[Any]) -> None:
        self._holds = holds
        self._worlds = worlds
        self._known: dict[tuple[str, tuple[str, ...]], int] = {}
        self.every = (1 << len(worlds)) - 1
        self.usual = self.every

    def where(self, statement: Statement) -> int:
        """The worlds in which a statement is true."""
        key = (statement.kind, statement.terms)
        if key not in self._known:
            true = [self._holds(*key, world) for world in self._worlds]
            self._known[key] = sum(1 << place for place, held in enumerate(true) if held)
        return self._known[key]

    def given(self, premises: Iterable[Statement], among: int) -> int:
        """The worlds in which all the premises are true."""
        for premise in premises:
            among &= self.where(premise)
        return among

    def entails(self, argument: Argument, among: int) -> bool:
        """Whether the conclusion is true wherever the premises are."""
        return not self.given(argument.premises, among) & ~self.where(argument.conclusion)

    def allows(self, argument: Argument) -> bool:
        """Whether premises and conclusion can be true together."""
        return bool(self.given(argument.premises, self.usual) & self.where(argument.conclusion))


@cache
def classes() -> Space:
    """Sets of inhabited regions of three classes S, M and P; a region is the classes it lies in."""
    regions = [frozenset(c) for n in range(4) for c in itertools.combinations("SMP", n)]
    worlds = [
        frozenset(region for region, lived in zip(regions, bits, strict=True) if lived)
        for bits in itertools.product((False, True), repeat=len(regions))
    ]
    space = Space(_regions_hold, worlds)
    space.usual = space.given([Statement("lived", (name,)) for name in "SMP"], space.every)
    return space


def _regions_hold(kind: str, terms: Sequence[str], world: frozenset[frozenset[str]]) -> bool:
    one, other = terms[0], terms[-1]
    both = any(one in region and other in region for region in world)
    apart = any(one in region and other not in region for region in world)
    return {"all": not apart, "no": not both, "some": both, "some_not": apart, "lived": both}[kind]


@cache
def clauses() -> Space:
    """Sets of the clauses among p, q and r that are true; a minus before a term negates it."""
    worlds = [frozenset(c) for n in range(4) for c in itertools.combinations("pqr", n)]
    return Space(_clause_holds, worlds)


def _clause_holds(kind: str, terms: Sequence[str], world: frozenset[str]) -> bool:
    given = [(term[-1] in world) != term.startswith("-") for term in terms]
    one, other = given[0], given[-1]
    return {
        "clause": one,
        "if": not one or other,
        "or": one or other,
        "nand": not (one and other),
        "xor": one != other,
        "iff": one == other,
    }[kind]


@cache
def orders(size: int) -> Space:
    """Orders of the first `size` of w, x, y and z, from the most to the least."""
    return Space(order_holds, list(itertools.permutations("wxyz"[:size])))


def order_holds(kind: str, terms: Sequence[str], world: tuple[str, ...]) -> bool:
    """Whether a statement is true of an order, from the most to the least."""
    places = [world.index(term) for term in terms]
    match kind:
        case "more":
            return places[0] < places[1]
        case "not_more":
            return places[0] > places[1]
        case "top":
            return places[0] == 0
        case "bottom":
            return places[0] == len(world) - 1
        case _:
            return min(places[1:]) < places[0] < max(places[1:])
