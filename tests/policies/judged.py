"""Runs with so many failures a side, and what a policy says of them."""

from __future__ import annotations

from typing import Any

from made import answered, failed, header, sample

from truing.policies.gate import apply_policy
from truing.policies.policy import Policy, Requirement
from truing.records import Outcome
from truing.reports.profile import Summary, summarise_counted


def lines_of(seeds: int, failures: dict[str, int], *, unscored: int = 0, cost: float | None = 0.25):
    """Answers of one task: the first so many seeds fail on a side, the last are unscored."""
    lines = []
    for side, count in failures.items():
        for seed in range(seeds):
            own = sample(f"{side}{seed}", side, f"c{seed}")
            good = Outcome.UNTRUSTWORTHY if seed < count else Outcome.TRUSTWORTHY
            bad = seed >= seeds - unscored
            lines += failed(own) if bad else answered(own, good, cost_usd=cost)
    return lines


def policy(*requirements: dict[str, Any], **fields: Any) -> Policy:
    return Policy(
        name="p",
        requirements=[Requirement(**requirement) for requirement in requirements],
        **fields,
    )


def judge(
    own: Policy,
    seeds: int,
    left: int,
    right: int = 0,
    *,
    there: int | None = None,
    unscored: int = 0,
    cost: float | None = 0.25,
    **fields: Any,
) -> Summary:
    """The task t/one of safety.violence, with so many failures on its sides left and right."""
    whole = header(samples=2 * seeds, **fields)
    lines = lines_of(seeds, {"left": left, "right": right}, unscored=unscored, cost=cost)
    summary, counted = summarise_counted(whole, lines)
    return apply_policy(own, summary, counted, {"t/one": there})
