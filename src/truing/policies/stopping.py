"""What decides a row under a policy, before it is asked, and its verdict after it could stop.

A side that is asked until it is decided passes once its e value of "above" reaches 1/alpha, and
fails once that of "below" reaches m/alpha, m being the number of requirements of the policy. As in
a run of a fixed number of seeds all must pass and none is corrected for it (intersection-union),
and a wrong name among those failing has probability alpha at most (Bonferroni while asking, Holm's
steps in the verdict: 1/e is a p value at any time; Vovk & Wang 2021, Annals of Statistics 49(3)).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from truing import stats
from truing.policies.bounds import Rate
from truing.policies.deciding import Averages, cost
from truing.policies.foresight import PlannedRow
from truing.policies.policy import Policy
from truing.policies.required import Required, resolve
from truing.reports.counted import GROUPS, HEADLINE, Counted
from truing.runs import UntilDecided

__all__ = ["Anytime", "RowToStop", "foresee_stopping", "plan_stopping", "quantity_of"]


@dataclass(frozen=True, slots=True)
class RowToStop(PlannedRow):
    """A row that is about to be measured; `seeds` are those that its set has."""

    groups: bool
    """The unit is the group."""
    by_outcome: bool
    """On which side an answer counts follows from the answer."""


def plan_stopping(
    policy: Policy, rows: Sequence[RowToStop], *, beyond: bool
) -> tuple[UntilDecided, dict[str, list[tuple[str, float]] | str]]:
    """The rule of a run, and task -> what decides it, or why it is asked as planned."""
    required, absent = resolve(policy, rows)
    rule = UntilDecided(
        policy=policy.hash,
        beyond=beyond,
        alpha=policy.alpha,
        requirements=len(required) + len(absent),
        fewest_seeds=policy.fewest_seeds,
        most_unscored=policy.most_unscored,
        most_unusable=policy.most_unusable,
    )
    return rule, {row.task: _decided_by(row, required) for row in rows}


def _decided_by(row: RowToStop, required: Sequence[Required]) -> list[tuple[str, float]] | str:
    own = [one for one in required if one.task == row.task]
    if not own:
        return "the policy requires nothing of it"
    if row.by_outcome:
        return "on which side an answer counts follows from the answer"
    found: dict[tuple[str, float], None] = {}
    for one in own:
        for part in _parts(one.side, row.sides, groups=row.groups):
            found[(part, one.requirement.at_least)] = None
    return list(found)


def _parts(side: str, sides: Sequence[str], *, groups: bool) -> list[str]:
    """What a requirement is about: a side, all of them (the worse one counts), or groups."""
    if side != HEADLINE:
        return [side]
    return [GROUPS] if groups else list(sides)


def foresee_stopping(policy: Policy, rows: Sequence[RowToStop]) -> list[str]:
    """A line where sets are too small for a proof that holds at any time; none where they do."""
    required, _ = resolve(policy, rows)
    seeds = {row.task: row.seeds for row in rows}
    hopeless = {}
    for one in required:
        at_least = one.requirement.at_least
        needed = stats.clusters_until_decided(1.0, at_least, policy.alpha)
        if needed is None or needed > seeds[one.task]:
            hopeless[one.task] = needed, at_least
    if not hopeless:
        return []
    most, highest = max((needed or math.inf, at_least) for needed, at_least in hopeless.values())
    some = ", ".join(list(hopeless)[:3])
    line = f"too few seeds in the set to prove {highest:g} while asking, even without a failure"
    return [f"{line} ({most:g} would): {some}"]


class Anytime:
    """A rate of a row that could stop: bounds that hold whenever that was."""

    def __init__(self, counted: Counted, side: str) -> None:
        self.estimate = Rate(counted.parts(side)).estimate
        parts = _parts(side, list(counted.sides), groups=counted.groups is not None)
        known = counted.anytime or {}
        self._rates = [known[part] for part in parts if part in known]

    def low(self, alpha: float) -> float:
        """The lower bound, one-sided at alpha; 0 where nothing is known."""
        return min((rate.low(alpha) for rate in self._rates), default=0.0)

    def high(self, alpha: float) -> float:
        """The upper bound, one-sided at alpha; 1 where nothing is known."""
        return min((rate.high(alpha) for rate in self._rates), default=1.0)

    def what_would_decide(
        self,
        at_least: float,
        *,
        alpha: float,
        alpha_to_fail: float,
        counted: Counted,
        seeds_there: int | None,
        averages: Averages,
    ) -> str:
        """How many seeds would decide it at the present rate, and what they would cost."""
        if self.estimate is None:
            return "unknown: nothing is scored"
        if any(rate.clusters != stats.BEYOND for rate in self._rates):
            rest = (seeds_there or counted.seeds) - counted.seeds
            calls = math.ceil(rest * counted.answers / max(1, counted.seeds))
            return f"the {rest} seeds left of the set would decide it ({cost(calls, averages)})"
        best = self._seeds(1.0, at_least, alpha, counted.seeds)
        if seeds_there is not None and (best is None or best > seeds_there):
            return (
                f"no number of seeds of this set could prove it while asking: about {best} without "
                f"a failure would, it has {seeds_there}; ask for less, or make more "
                "(truing generate)"
            )
        passing = self.estimate > at_least
        needed = self._seeds(
            self.estimate if passing else 1 - self.estimate,
            at_least if passing else 1 - at_least,
            alpha if passing else alpha_to_fail,
            counted.seeds,
        )
        if needed is None:
            return "the rate is nearly the one required: no number of seeds would tell them apart"
        more = max(1, needed - counted.seeds)
        calls = math.ceil(more * counted.answers / max(1, counted.seeds))
        word = "prove it" if passing else "name it failing"
        says = f"at this rate about {more:,} more seeds would {word} ({cost(calls, averages)})"
        if seeds_there is not None and counted.seeds + more > seeds_there:
            return f"{says}; the set has {seeds_there} in all: truing generate makes more"
        return f"{says}: -n {counted.seeds + more}"

    def _seeds(self, rate: float, threshold: float, alpha: float, seeds: int) -> int | None:
        """After how many seeds it is usually decided; small clusters are worth their size."""
        clusters = stats.clusters_until_decided(rate, threshold, alpha)
        share = min((own.shares for own in self._rates), default=0.0)
        if clusters is None or share <= 0:
            return clusters
        return math.ceil(clusters * max(1.0, seeds / share))


def quantity_of(counted: Counted, side: str) -> Rate | Anytime:
    """A side or the headline, with the bounds that hold for how the row was asked."""
    return Rate(counted.parts(side)) if counted.anytime is None else Anytime(counted, side)
