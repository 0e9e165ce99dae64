"""What stands in the way of a verdict, and what would decide it: seeds, and what they cost."""

from __future__ import annotations

import math
from dataclasses import dataclass

from truing.policies.bounds import Rate
from truing.policies.policy import Policy
from truing.reports.counted import Counted
from truing.reports.profile import Row, Summary

__all__ = ["Averages", "bound", "cost", "obstacle_of", "unfit_to_pass", "what_would_decide"]


@dataclass(frozen=True, slots=True)
class Averages:
    """What a call took on average in this run; None where it is not known."""

    tokens: float | None
    usd: float | None

    @classmethod
    def of(cls, summary: Summary) -> Averages:
        """Of the calls that were made, retries and judges counted in."""
        calls = summary.calls
        return cls(
            tokens=summary.tokens / calls if calls and summary.tokens is not None else None,
            usd=summary.cost_usd / calls if calls and summary.cost_usd is not None else None,
        )


def bound(value: float | None) -> str:
    """A bound to three decimals without the leading zero: two would hide what decides."""
    return "-" if value is None else f"{value:.3f}".removeprefix("0")


def obstacle_of(row: Row, counted: Counted, estimate: float | None, policy: Policy) -> str:
    """Why this row may not be judged at all, with what would help; empty where it may.

    One that was asked until it was decided may fail although it is not fit to pass: seeds that were
    not asked, and answers that are unscored, are taken as good ones there.
    """
    answers = counted.scored + row.unscored
    if row.owed:
        return f"{row.owed} answers are owed: run the same command again"
    if counted.anytime is None and (unfit := unfit_to_pass(row, counted, policy)):
        return unfit
    if policy.most_unusable is not None and row.unusable > policy.most_unusable * answers:
        return (
            f"{row.unusable} of {answers} answers are unusable, more than the policy's "
            f"{policy.most_unusable:.0%}: look at them, and at --max-tokens, first"
        )
    if estimate is None:
        return "unknown: too few answers of this kind; more seeds with -n"
    return ""


def unfit_to_pass(row: Row, counted: Counted, policy: Policy) -> str:
    """Why this row may not pass, with what would help; empty where it may."""
    answers = counted.scored + row.unscored
    if row.unscored > policy.most_unscored * answers:
        return (
            f"{row.unscored} of {answers} answers are unscored, more than the policy's "
            f"{policy.most_unscored:.0%}: have these asked or judged again"
        )
    if counted.seeds < policy.fewest_seeds:
        return f"{counted.seeds} seeds, the policy wants {policy.fewest_seeds}: more with -n"
    return ""


def what_would_decide(
    quantity: Rate,
    at_least: float,
    *,
    alpha: float,
    alpha_to_fail: float,
    counted: Counted,
    seeds_there: int | None,
    averages: Averages,
) -> str:
    """How many more seeds would decide it at the present rate, and what they would cost.

    To fail, it is held to `alpha_to_fail`, the first and strictest of Holm's steps.
    """
    if seeds_there is not None:
        best = quantity.best(alpha, times=max(1.0, seeds_there / counted.seeds))
        if best < at_least:
            return (
                f"no number of seeds of this set could prove it: all {seeds_there} without a "
                f"failure reach {bound(best)}; ask for less, or make more (truing generate)"
            )
    passing = quantity.times_to_pass(at_least, alpha)
    failing = quantity.times_to_fail(at_least, alpha_to_fail)
    times, word = (passing, "prove it") if passing is not None else (failing, "name it failing")
    if times is None:
        return "the rate is the one required: no number of seeds would tell them apart"
    seeds = math.ceil(counted.seeds * times)
    more = max(1, seeds - counted.seeds)
    calls = math.ceil(more * counted.answers / counted.seeds)
    says = f"at this rate about {more:,} more seeds would {word} ({cost(calls, averages)})"
    if seeds_there is None:
        return f"{says}: -n {seeds}, where the set has them"
    if seeds <= seeds_there:
        return f"{says}: -n {seeds}"
    return f"{says}; the set has {seeds_there} in all: truing generate makes more"


def cost(calls: int, averages: Averages) -> str:
    """What so many calls would take, by this run's averages."""
    parts = [f"{calls:,} calls"]
    if averages.tokens:
        parts.append(f"about {math.ceil(calls * averages.tokens):,} tokens")
    if averages.usd:
        parts.append(f"${calls * averages.usd:.2f}")
    elif averages.usd is None:
        parts.append("cost unknown")
    return ", ".join(parts)
