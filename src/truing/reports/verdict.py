"""How a run stands to a policy, as numbers and words: what the gate hands to every report."""

from __future__ import annotations

import msgspec

__all__ = ["FAIL", "PASS", "UNDECIDED", "PolicyVerdict", "RequiredSide"]

PASS, FAIL, UNDECIDED = "pass", "fail", "undecided"


class RequiredSide(msgspec.Struct, frozen=True, kw_only=True):
    """One requirement on one side of a row, or on its headline."""

    task: str | None
    """None where the run has no such row."""
    row: str
    """The sub-category; where nothing was measured, the row as the policy names it."""
    side: str
    at_least: float
    estimate: float | None
    low: float | None
    """One-sided at the policy's alpha: the requirement is met where this reaches `at_least`."""
    high: float | None
    """One-sided at the policy's alpha."""
    seeds: int
    verdict: str
    says: str
    """Why it is so; of an undecided one, what would decide it."""
    why: str
    """The policy's reason for asking."""

    @property
    def rank(self) -> int:
        """Where it stands in a table: failing ones first, then undecided ones."""
        return (FAIL, UNDECIDED, PASS).index(self.verdict)


class PolicyVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """`policy` in `summary.json`."""

    name: str
    hash: str
    alpha: float
    verdict: str
    sides: list[RequiredSide]

    def count(self, verdict: str) -> int:
        """How many sides have this verdict."""
        return sum(side.verdict == verdict for side in self.sides)
