"""Seeds that are computed: one module a generator, each with its own gold.

A generator is a function of (edition, count) and returns that many seeds with unique ids; the
same edition gives the same seeds on any machine. A loop makes the questions of later rounds from
the answers to earlier ones.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from truing.errors import UnknownName
from truing.tasks.generators import (
    arguments,
    causal_graphs,
    limited_places,
    mirrored_topics,
    passages,
    planted_facts,
    planted_hints,
    poisoned_context,
    restatements,
    rule_cases,
    shifted_facts,
)

__all__ = ["Loop", "find_generator", "find_loop"]

Generator = Callable[[int, int], list[dict[str, Any]]]

GENERATORS: dict[str, Generator] = {
    "arguments": arguments.seeds,
    "causal_graphs": causal_graphs.seeds,
    "limited_places": limited_places.seeds,
    "mirrored_topics": mirrored_topics.seeds,
    "passages": passages.seeds,
    "planted_facts": planted_facts.seeds,
    "poisoned_context": poisoned_context.seeds,
    "restatements": restatements.seeds,
    "rule_cases": rule_cases.seeds,
    "shifted_facts": shifted_facts.seeds,
}


@cache
def find_generator(name: str) -> Generator:
    """A generator by name, remembering what it made. Raises `UnknownName`."""
    if name not in GENERATORS:
        raise UnknownName("generator", name, sorted(GENERATORS))
    return cache(GENERATORS[name])


class Loop(NamedTuple):
    """A question whose later rounds depend on the answers to the earlier ones."""

    rounds: int
    next_round: Callable[[dict[str, Any], tuple[str, ...]], dict[str, Any] | None]
    """(seed, labels of the answers so far) -> the seed with the slots of the next round."""


LOOPS = {
    "limited_places": Loop(limited_places.ROUNDS, limited_places.next_round),
    "planted_hints": Loop(planted_hints.ROUNDS, planted_hints.next_round),
}


def find_loop(name: str) -> Loop:
    """A loop by name. Raises `UnknownName`."""
    if name not in LOOPS:
        raise UnknownName("loop", name, sorted(LOOPS))
    return LOOPS[name]
