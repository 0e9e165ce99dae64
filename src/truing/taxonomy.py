"""The survey's 7 categories and 29 sub-categories, as data. Measures nothing."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

import msgspec

from truing.errors import UnknownName

__all__ = ["Category", "Side", "SubCategory", "categories", "find_subcategory", "subcategories"]


class _Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Side(_Entry, frozen=True):
    """One of the two situations of a sub-category and what a trustworthy model does in it."""

    name: str
    situation: str
    trustworthy: str


class SubCategory(_Entry, frozen=True):
    """One of the 29."""

    id: str
    name: str
    definition: str
    failure: str
    example: str
    recommendation: str
    measured: str
    public_sets: list[str]
    headline: str
    sides: list[Side]


class Category(_Entry, frozen=True):
    """One of the 7."""

    id: str
    name: str
    definition: str
    subcategories: list[SubCategory]


class _Taxonomy(_Entry, frozen=True):
    source: str
    categories: list[Category]


@cache
def _taxonomy() -> _Taxonomy:
    text = files("truing").joinpath("taxonomy.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), _Taxonomy)


def source() -> str:
    """Where the taxonomy comes from."""
    return _taxonomy().source


def categories() -> list[Category]:
    """All 7, in the survey's order."""
    return _taxonomy().categories


def subcategories() -> dict[str, SubCategory]:
    """All 29 by id, in the survey's order."""
    return {sub.id: sub for category in categories() for sub in category.subcategories}


def find_subcategory(name: str) -> SubCategory:
    """A sub-category by id, or by its part after the dot. Raises `UnknownName`."""
    known = subcategories()
    full = [key for key in known if name in (key, key.partition(".")[2])]
    if len(full) != 1:
        raise UnknownName("sub-category", name, list(known))
    return known[full[0]]
