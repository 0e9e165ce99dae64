"""Seeds that are computed: one module a generator, each with its own gold.

A generator is a function of (edition, count) and returns that many seeds with unique ids; the
same edition gives the same seeds on any machine.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from truing.errors import UnknownName
from truing.tasks.generators import causal_graphs, passages

__all__ = ["find_generator"]

Generator = Callable[[int, int], list[dict[str, Any]]]

GENERATORS: dict[str, Generator] = {
    "causal_graphs": causal_graphs.seeds,
    "passages": passages.seeds,
}


@cache
def find_generator(name: str) -> Generator:
    """A generator by name, remembering what it made. Raises `UnknownName`."""
    if name not in GENERATORS:
        raise UnknownName("generator", name, sorted(GENERATORS))
    return cache(GENERATORS[name])
