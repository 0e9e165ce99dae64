"""What the rates of a row are counted from: passed or not, by cluster, for any level."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from truing import stats

__all__ = ["GROUPS", "HEADLINE", "Counted", "Sided"]

HEADLINE = "headline"
"""Stands where a side's name does, for the row as a whole."""

GROUPS = "groups"
"""Stands where a side's name does, for whole groups."""

Sided = tuple[list[float], list[str]]
"""Passed (or a score in [0, 1]) and cluster of each unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """A row's units; every interval of the row is made of these and of nothing else."""

    sides: dict[str, Sided]
    groups: Sided | None
    """Whole groups, where the unit is the group."""
    mean_of_sides: bool
    """The headline is the mean of the sides, not the worse one."""
    seeds: int
    scored: int
    """Answers with a verdict that is one, controls left out."""
    answers: int
    """Calls that the seeds took: controls, and what was left unscored, too."""

    anytime: Mapping[str, stats.AnytimeRate] | None = None
    """Side, or `groups` -> bounds that hold although the row could stop; None of any other."""
    right: dict[str, str] = field(default_factory=dict)
    """Side -> the label that is right on it, where all its samples share one on every side."""

    def parts(self, name: str) -> tuple[tuple[Sided, ...], ...]:
        """A side, or the headline, as the worst of means: outer the worst, inner the mean."""
        if name != HEADLINE:
            return ((self.sides[name],),)
        if self.groups is not None:
            return ((self.groups,),)
        both = tuple(self.sides.values())
        return (both,) if self.mean_of_sides else tuple((side,) for side in both)
