"""What a token costs: a dated table, and the user's own prices before it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources
from typing import NamedTuple

import msgspec

from truing.records import Response

__all__ = ["OwnPrice", "Price", "find_price"]


class OwnPrice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A price as the user gives it: US dollars a million tokens."""

    input: float
    output: float


class Price(NamedTuple):
    """US dollars a million tokens, and where they come from."""

    input: float
    output: float
    as_of: str
    source: str

    def cost(self, response: Response) -> float | None:
        """Dollars of an answer; None where its tokens were not counted."""
        if response.prompt_tokens is None or response.completion_tokens is None:
            return None
        return self.of(response.prompt_tokens, response.completion_tokens)

    def of(self, prompt_tokens: float, completion_tokens: float) -> float:
        """Dollars of so many tokens."""
        return (prompt_tokens * self.input + completion_tokens * self.output) / 1e6


def find_price(model: str, own: Mapping[str, OwnPrice], *, own_only: bool = False) -> Price | None:
    """The price of a model by its name, or None: an unknown price is not 0.

    `own` (pattern -> price) goes before the table; the first pattern that fits holds.
    """
    for pattern, price in own.items():
        if fnmatchcase(model, pattern):
            return Price(price.input, price.output, "", "truing.toml")
    for entry in [] if own_only else _table():
        if fnmatchcase(model, entry.model):
            return Price(entry.input, entry.output, str(entry.as_of), entry.source)
    return None


class _Entry(msgspec.Struct, frozen=True):
    model: str
    input: float
    output: float
    as_of: date
    source: str


@cache
def _table() -> list[_Entry]:
    raw = resources.files("truing.calls").joinpath("prices.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(raw)["price"], list[_Entry])
