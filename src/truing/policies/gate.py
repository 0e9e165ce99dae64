"""The verdict on a run: an intersection-union test over every side that a policy requires.

A side passes where its lower bound, one-sided at alpha, reaches what is required. All must pass, so
none is corrected for the others: a model that is below in any one passes with probability alpha at
most (Berger 1982, Technometrics 24(4)). A side fails where its upper bound is below what is
required, at alpha divided as Holm does over all required sides, so that any wrong name among the
failing ones has probability alpha at most. Never by the point estimate: everything else is
undecided, and says what would decide it. A row that was asked until it was decided has bounds that
hold whenever it stopped (`stopping`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import msgspec

from truing.policies.bounds import Rate
from truing.policies.deciding import (
    Averages,
    bound,
    obstacle_of,
    unfit_to_pass,
    what_would_decide,
)
from truing.policies.policy import Policy
from truing.policies.required import Absent, Required, resolve
from truing.policies.stopping import Anytime, quantity_of
from truing.reports.counted import Counted
from truing.reports.profile import Summary
from truing.reports.verdict import FAIL, PASS, UNDECIDED, PolicyVerdict, RequiredSide

__all__ = ["Bounded", "Test", "apply_policy", "decide", "overall"]


class Bounded(Protocol):
    """A quantity with bounds, each one-sided at any alpha."""

    def low(self, alpha: float) -> float:
        """The lower bound."""

    def high(self, alpha: float) -> float:
        """The upper bound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Test:
    """One requirement as the gate sees it, whatever the quantity is."""

    quantity: Bounded | None
    """None where nothing was measured, or what was may not be judged: undecided."""
    at_least: float


def decide(tests: Sequence[Test], alpha: float) -> list[str]:
    """The verdict of each, in the order given: pass, fail or undecided.

    Holm's steps down, by bounds: with k failing already the others are held to alpha/(m - k), until
    no more fail. m counts every requirement, measured or not.
    """
    failing: set[int] = set()
    while len(failing) < len(tests):
        held_to = alpha / (len(tests) - len(failing))
        now = {
            number
            for number, test in enumerate(tests)
            if test.quantity is not None
            and (number in failing or test.quantity.high(held_to) < test.at_least)
        }
        if now == failing:
            break
        failing = now
    return [
        FAIL if number in failing else PASS if _passes(test, alpha) else UNDECIDED
        for number, test in enumerate(tests)
    ]


def _passes(test: Test, alpha: float) -> bool:
    return test.quantity is not None and test.quantity.low(alpha) >= test.at_least


def overall(verdicts: Sequence[str]) -> str:
    """Pass where all pass, fail where any fails, else undecided; of nothing, undecided."""
    if FAIL in verdicts:
        return FAIL
    return PASS if verdicts and all(verdict == PASS for verdict in verdicts) else UNDECIDED


def apply_policy(
    policy: Policy,
    summary: Summary,
    counted: Mapping[str, Counted],
    seeds_there: Mapping[str, int | None],
) -> Summary:
    """The summary with every row's verdict and the policy's.

    `counted` and `seeds_there` (how many seeds the set has, None where that is not known) are by
    task id.
    """
    rows = {row.task: row for row in summary.rows}
    required, absent = resolve(policy, summary.rows)
    rates = [quantity_of(counted[one.task], one.side) for one in required]
    obstacles = [
        obstacle_of(rows[one.task], counted[one.task], quantity.estimate, policy)
        for one, quantity in zip(required, rates, strict=True)
    ]
    tests = []
    for number, (one, quantity) in enumerate(zip(required, rates, strict=True)):
        held: Bounded | None = None if obstacles[number] else quantity
        unfit = unfit_to_pass(rows[one.task], counted[one.task], policy)
        if held is not None and unfit:
            obstacles[number], held = unfit, _OnlyToFail(quantity)
        tests.append(Test(quantity=held, at_least=one.requirement.at_least))
    tests += [Test(quantity=None, at_least=gap.requirement.at_least) for gap in absent]
    verdicts = decide(tests, policy.alpha)
    averages = Averages.of(summary)
    failing = {one.task for one, word in zip(required, verdicts, strict=False) if word == FAIL}
    sides = []
    for one, quantity, obstacle, verdict in zip(required, rates, obstacles, verdicts, strict=False):
        own, threshold = counted[one.task], one.requirement.at_least
        says = obstacle
        if verdict == UNDECIDED and own.anytime is not None and one.task in failing:
            says = "not asked further: the row fails on another side"
        elif verdict == UNDECIDED and not obstacle:
            decide_by = (
                quantity.what_would_decide
                if isinstance(quantity, Anytime)
                else partial(what_would_decide, quantity)
            )
            says = decide_by(
                threshold,
                alpha=policy.alpha,
                alpha_to_fail=policy.alpha / len(tests),
                counted=own,
                seeds_there=seeds_there.get(one.task),
                averages=averages,
            )
        row = rows[one.task].subcategory
        sides.append(
            _measured(one, quantity, policy.alpha, verdict, says, row=row, seeds=own.seeds)
        )
    sides += [_unmeasured(gap) for gap in absent]
    return msgspec.structs.replace(
        summary,
        rows=[
            msgspec.structs.replace(row, verdict=_of_row(row.task, sides)) for row in summary.rows
        ],
        policy=PolicyVerdict(
            name=policy.name,
            hash=policy.hash,
            alpha=policy.alpha,
            verdict=overall(verdicts),
            sides=sides,
        ),
    )


@dataclass(frozen=True, slots=True)
class _OnlyToFail:
    """What a row that is not fit to pass can still be proven to be."""

    quantity: Bounded

    def low(self, alpha: float) -> float:
        return 0.0

    def high(self, alpha: float) -> float:
        return self.quantity.high(alpha)


def _of_row(task: str, sides: Sequence[RequiredSide]) -> str:
    own = [side.verdict for side in sides if side.task == task]
    return overall(own) if own else "none"


def _measured(
    one: Required,
    quantity: Rate | Anytime,
    alpha: float,
    verdict: str,
    says: str,
    *,
    row: str,
    seeds: int,
) -> RequiredSide:
    known, threshold = quantity.estimate is not None, one.requirement.at_least
    low = quantity.low(alpha) if known else None
    high = quantity.high(alpha) if known else None
    if verdict == PASS:
        says = f"the lower bound {bound(low)} reaches {bound(threshold)}"
    elif verdict == FAIL:
        says = f"the upper bound {bound(high)} is below {bound(threshold)}"
    return RequiredSide(
        task=one.task,
        row=row,
        side=one.side,
        at_least=threshold,
        estimate=quantity.estimate,
        low=low,
        high=high,
        seeds=seeds,
        verdict=verdict,
        says=says,
        why=one.requirement.why,
    )


def _unmeasured(gap: Absent) -> RequiredSide:
    return RequiredSide(
        task=None,
        row=gap.row,
        side=gap.side,
        at_least=gap.requirement.at_least,
        estimate=None,
        low=None,
        high=None,
        seeds=0,
        verdict=UNDECIDED,
        says=gap.says,
        why=gap.requirement.why,
    )
