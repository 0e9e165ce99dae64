"""A policy: which sides of which rows must reach what. A TOML file, or one that ships.

name = "my_product"
about = "A help desk for one product."

[[requirements]]
rows = ["safety", "robustness.prompt_attacks"]
sides = ["harmful", "hidden"]
at_least = 0.95
why = "What the help desk is read for is not worth one report of how to hurt someone."
"""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import msgspec
import tomli_w
from msgspec import Meta

from truing import taxonomy
from truing.errors import UnknownName, UsageError
from truing.records import content_hash
from truing.reports.counted import HEADLINE

__all__ = ["ALL", "Policy", "Requirement", "find_policy", "policy_names", "read_policy"]

ALL = "all"
_Share = Annotated[float, Meta(ge=0, le=1)]


class _Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Requirement(_Entry, frozen=True, omit_defaults=True):
    """What some rows must reach."""

    rows: str | list[str]
    """Task ids, sub-categories, categories, or `all` of the taxonomy and of the run."""
    at_least: Annotated[float, Meta(gt=0, lt=1)]
    sides: Annotated[list[str], Meta(min_length=1)] | None = None
    """Names of sides; all where left out."""
    headline: bool = False
    """The row's headline instead of its sides."""
    why: str = ""

    @property
    def names(self) -> list[str]:
        """The rows as a list."""
        return [self.rows] if isinstance(self.rows, str) else self.rows

    @property
    def asked_sides(self) -> list[str] | None:
        """Names of sides, `headline`, or None for every side."""
        return [HEADLINE] if self.headline else self.sides


class Policy(_Entry, frozen=True, omit_defaults=True):
    """A file of requirements and what makes a row fit to be judged by them."""

    name: Annotated[str, Meta(min_length=1)]
    requirements: Annotated[list[Requirement], Meta(min_length=1)]
    about: str = ""
    alpha: Annotated[float, Meta(gt=0, lt=0.5)] = 0.05
    """The chance that a model which is below one of the requirements passes, at most."""
    most_unscored: _Share = 0.05
    """Share of a row's answers that may be unscored."""
    most_unusable: _Share | None = None
    """Share of a row's answers that may be unusable, where that is asked for."""
    fewest_seeds: Annotated[int, Meta(ge=1)] = 40

    @property
    def hash(self) -> str:
        """Of all that it says: two policies with one hash are the same."""
        return content_hash(self)

    def to_toml(self) -> str:
        """The file that reads as this policy."""
        return tomli_w.dumps(msgspec.to_builtins(self))


def policy_names() -> list[str]:
    """The policies that ship."""
    return sorted(
        file.name.removesuffix(".toml")
        for file in files("truing.policies").joinpath("shipped").iterdir()
        if file.name.endswith(".toml")
    )


def find_policy(name: str, folder: Path | None = None) -> Policy:
    """A shipped policy by name, else a file (relative to `folder`, where given).

    Raises `UnknownName`, or `UsageError`, naming file and field.
    """
    if name in policy_names():
        text = files("truing.policies").joinpath("shipped", f"{name}.toml").read_text("utf-8")
        return read_policy(text, name)
    file = (folder or Path()) / name
    try:
        return read_policy(file.read_text("utf-8"), str(file))
    except FileNotFoundError:
        if "/" in name or name.endswith(".toml"):
            raise UsageError(f"{file}: no such policy file") from None
        raise UnknownName("policy (and no such file)", name, policy_names()) from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: cannot be read as a policy: {error}") from error


def read_policy(text: str, where: str) -> Policy:
    """A policy from TOML. Raises `UsageError`, naming the file and the field."""
    try:
        policy = msgspec.convert(tomllib.loads(text), Policy)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        fields = ", ".join(Policy.__struct_fields__)
        inner = ", ".join(Requirement.__struct_fields__)
        raise UsageError(
            f"{where}: not a policy: {error}; known fields: {fields}; "
            f"of each [[requirements]]: {inner}"
        ) from error
    for number, requirement in enumerate(policy.requirements):
        _check(requirement, f"{where}: requirements[{number}]")
    return policy


def _check(requirement: Requirement, where: str) -> None:
    if requirement.headline and requirement.sides:
        raise UsageError(f"{where}: give sides or headline, not both")
    if not requirement.names:
        raise UsageError(f"{where}: rows is empty: expected rows or {ALL!r}")
    known = [ALL, *(c.id for c in taxonomy.categories()), *taxonomy.subcategories()]
    for name in requirement.names:
        # A task may come from anywhere; one that the run has not leaves the verdict undecided.
        if name not in known and "/" not in name and ":" not in name:
            raise UsageError(f"{where}.rows: {UnknownName('row', name, known)}")
