"""Judges a group of samples as a whole. Sees outcomes, not texts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from truing.records import Outcome

__all__ = ["NAME", "all_members", "whole_groups"]

NAME = "all_members@1"


def all_members(outcomes: Iterable[Outcome]) -> Outcome:
    """Trustworthy where every member is; unscored where any member is.

    A group with an unscored member is left out even if another member failed: counting it only
    when the rest failed would bend the rate downwards.
    """
    seen = set(outcomes)
    if not seen or Outcome.UNSCORED in seen:
        return Outcome.UNSCORED
    return Outcome.UNTRUSTWORTHY if Outcome.UNTRUSTWORTHY in seen else Outcome.TRUSTWORTHY


def whole_groups(
    members: Iterable[tuple[str, str, Outcome]],
) -> dict[tuple[str, str], Outcome]:
    """(group, cluster) -> verdict, sorted, from (group, cluster, outcome) of every member.

    A group that still owes a member is left out.
    """
    found: dict[tuple[str, str], list[Outcome]] = defaultdict(list)
    for group, cluster, outcome in members:
        found[(group, cluster)].append(outcome)
    size = max((len(outcomes) for outcomes in found.values()), default=0)
    return {
        key: all_members(outcomes)
        for key, outcomes in sorted(found.items())
        if len(outcomes) == size
    }
