"""What can be measured: the table of tasks and suites that ship, and those that are added.

Knows which tasks there are and how to read them; asks and scores nothing. Other packages add
task folders through the entry point group `truing.tasks`, whose object is a function that
returns a path to a folder of the same form.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path
from typing import Any

from truing.errors import TaskError, UnknownName
from truing.records import Sample, content_hash
from truing.tasks.card import Card, read_card, read_seeds
from truing.tasks.expand import expand

__all__ = ["DEFAULT_SUITE", "Task", "find_suite", "find_task", "suites", "task_ids"]

DEFAULT_SUITE = "survey4"


class Task:
    """One measurable question on one sub-category: a card and its seeds."""

    def __init__(self, card: Card, seeds: list[dict[str, Any]]) -> None:
        self.card = card
        self.seeds = seeds

    @property
    def id(self) -> str:
        """`subcategory/name`."""
        return self.card.id

    def samples(self, *, edition: int = 0, limit: int | None = None) -> Iterator[Sample]:
        """Samples of the first `limit` seeds (all with None), lazily."""
        return expand(self.card, self.seeds, edition=edition, limit=limit)

    def content_hash(self) -> str:
        """Hash of card and seeds: what a run pins."""
        return content_hash([self.card, self.seeds])


@cache
def _folders() -> dict[str, Path]:
    root = Path(str(files("truing.tasks")))
    found = {
        f"{card.parent.parent.name}/{card.parent.name}": card.parent
        for card in sorted(root.glob("*/*/card.toml"))
    }
    for entry in entry_points(group="truing.tasks"):
        folder = Path(entry.load()())
        card = read_card(folder)
        if card.id in found:
            raise TaskError(f"{folder}: a task named {card.id!r} is there already")
        found[card.id] = folder
    return found


def task_ids() -> list[str]:
    """Every task there is, sorted."""
    return sorted(_folders())


@cache
def find_task(name: str) -> Task:
    """A task by id. Raises `UnknownName`, or `TaskError` where its files are malformed."""
    folders = _folders()
    if name not in folders:
        raise UnknownName("task", name, sorted(folders))
    card = read_card(folders[name])
    if card.id != name:
        raise TaskError(f"{folders[name]}: the card's id is {card.id!r}, its folder says {name!r}")
    return Task(card, read_seeds(folders[name]))


@cache
def suites() -> dict[str, list[str]]:
    """Named lists of task ids, in the order they are run and shown."""
    text = files("truing.tasks").joinpath("suites.toml").read_text("utf-8")
    return {name: list(suite["tasks"]) for name, suite in tomllib.loads(text).items()}


def find_suite(name: str, extra: dict[str, list[str]] | None = None) -> list[str]:
    """Task ids of a suite; `extra` are the suites of the user's config file."""
    known = {**suites(), **(extra or {})}
    if name not in known:
        raise UnknownName("suite", name, sorted(known))
    return known[name]
