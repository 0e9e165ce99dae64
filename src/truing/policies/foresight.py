"""What can be said of a verdict before anything is asked: that it cannot be pass, and why."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from truing.policies.bounds import Rate
from truing.policies.policy import Policy
from truing.policies.required import resolve

__all__ = ["PlannedRow", "foresee"]


@dataclass(frozen=True, slots=True)
class PlannedRow:
    """A row that is about to be measured."""

    task: str
    subcategory: str
    sides: Sequence[str]
    seeds: int


def foresee(policy: Policy, rows: Sequence[PlannedRow], *, of_set: bool = False) -> list[str]:
    """A line for every kind of reason why the verdict cannot be pass; none where it can.

    Of the set itself (`of_set`) any number of seeds is enough, once all are asked.
    """
    required, absent = resolve(policy, rows)
    seeds = {row.task: row.seeds for row in rows}
    lines = []
    if lacking := list(dict.fromkeys(gap.row for gap in absent)):
        lines.append(
            f"{len(lacking)} rows that it names are not asked, or lack the side: {_some(lacking)}"
        )
    best = {count: _best(count, policy.alpha) for count in set(seeds.values())}
    hopeless = [one for one in required if best[seeds[one.task]] < one.requirement.at_least]
    if hopeless and not of_set:
        highest = max(one.requirement.at_least for one in hopeless)
        needed = math.ceil(math.log(policy.alpha) / math.log(highest))
        lines.append(
            f"too few seeds to prove {highest:g}, even without a failure (about {needed} would): "
            f"{_some(list(dict.fromkeys(one.task for one in hopeless)))}"
        )
    few = [task for task, count in seeds.items() if count < policy.fewest_seeds]
    if few := [task for task in few if any(one.task == task for one in required)]:
        lines.append(f"fewer than the {policy.fewest_seeds} seeds it wants: {_some(few)}")
    return lines


def _best(seeds: int, alpha: float) -> float:
    return Rate([[([1.0] * seeds, [str(seed) for seed in range(seeds)])]]).low(alpha)


def _some(names: list[str], shown: int = 3) -> str:
    more = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {more} more" if more > 0 else "")
