"""Which side of which row a policy requires what of, given the rows of a run."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from truing import taxonomy
from truing.policies.policy import ALL, Policy, Requirement
from truing.reports.counted import HEADLINE

__all__ = ["Absent", "NamedRow", "Required", "resolve"]


class NamedRow(Protocol):
    """What must be known of a row: a measured one, or one that is about to be."""

    @property
    def task(self) -> str:
        """Id of its task."""

    @property
    def subcategory(self) -> str:
        """What it measures."""

    @property
    def sides(self) -> Collection[str]:
        """Names of its sides."""


@dataclass(frozen=True, slots=True)
class Required:
    """A requirement on one side (or the headline) of one row of the run."""

    task: str
    side: str
    requirement: Requirement


@dataclass(frozen=True, slots=True)
class Absent:
    """A requirement on a row or a side that the run has not."""

    row: str
    side: str
    requirement: Requirement
    says: str


def resolve(policy: Policy, rows: Sequence[NamedRow]) -> tuple[list[Required], list[Absent]]:
    """What is required, row by row in the run's order, and what the run lacks.

    A later line replaces what earlier ones said of the rows it names: all of it, or, where it
    names sides, what they said of these sides.
    """
    required: dict[str, dict[str, Requirement]] = {row.task: {} for row in rows}
    missing: dict[str, dict[str, Requirement]] = {}
    unknown: dict[tuple[str, str], Requirement] = {}
    for requirement in policy.requirements:
        asked = requirement.asked_sides
        for name in requirement.names:
            there: dict[str, NamedRow] = {}
            for unit in _units(name, rows):
                own = [row for row in rows if unit in (row.task, row.subcategory)]
                there |= {row.task: row for row in own}
                if not own:
                    lacking = missing.setdefault(unit, {})
                    _lay(lacking, asked or ["all sides"], requirement)
            for row in there.values():
                sides = None if asked is None else [s for s in asked if _has(row, s)]
                _lay(required[row.task], list(row.sides) if sides is None else sides, requirement)
            if there:
                for side in asked or ():
                    if not any(_has(row, side) for row in there.values()):
                        unknown[(name, side)] = requirement
    found = [
        Required(row.task, side, requirement)
        for row in rows
        for side, requirement in required[row.task].items()
    ]
    absent = [
        Absent(unit, side, requirement, "not measured: the run has no such row")
        for unit, sides in missing.items()
        for side, requirement in sides.items()
    ]
    absent += [
        Absent(name, side, requirement, f"not measured: no row of {name} has a side {side!r}")
        for (name, side), requirement in unknown.items()
    ]
    return found, absent


def _lay(sides: dict[str, Requirement], names: Iterable[str], requirement: Requirement) -> None:
    if requirement.sides is None:
        sides.clear()
    sides.update(dict.fromkeys(names, requirement))


def _units(name: str, rows: Sequence[NamedRow]) -> list[str]:
    """The sub-categories (or the task) that a name stands for, measured or not."""
    known = list(taxonomy.subcategories())
    if name == ALL:
        return list(dict.fromkeys([*known, *(row.subcategory for row in rows)]))
    return [sub for sub in known if sub.partition(".")[0] == name] or [name]


def _has(row: NamedRow, side: str) -> bool:
    return side == HEADLINE or side in row.sides
