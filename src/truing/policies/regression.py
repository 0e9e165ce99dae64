"""No worse than a baseline: the same questions, side by side, and a loss that may not be exceeded.

Non-inferiority by pairs: a side passes where the lower bound of its difference to the baseline,
one-sided at alpha, is not below the loss that is allowed. As with a policy all must pass and none
is corrected for the others; failing ones are named with Holm's correction (`gate.decide`).
"""

from __future__ import annotations

import msgspec

from truing.comparison.measured import MeasuredSet
from truing.comparison.pairing import pair_task
from truing.policies.gate import Test, decide, overall
from truing.reports.verdict import FAIL, PASS
from truing.stats.paired_sides import PairedSides, paired_sides

__all__ = ["ALPHA", "HeldSide", "Regression", "hold_against"]

ALPHA = 0.05


class HeldSide(msgspec.Struct, frozen=True, kw_only=True):
    """One side of a row, now and in the baseline; None where there is nothing to compare."""

    task: str
    side: str
    now: float | None
    before: float | None
    difference: float | None
    low: float | None
    """One-sided at alpha: passes where this is at least the allowed loss, below 0."""
    high: float | None
    clusters: int
    verdict: str
    says: str


class Regression(msgspec.Struct, frozen=True, kw_only=True):
    """`baseline.json` of a run folder."""

    baseline: str
    model: str
    no_worse_than: float
    alpha: float
    verdict: str
    sides: list[HeldSide]


class _Gain:
    """A difference as the gate sees it: bounds, each one-sided."""

    def __init__(self, found: PairedSides) -> None:
        self.found = found

    def low(self, alpha: float) -> float:
        """The lower bound."""
        return self.found.interval(1 - 2 * alpha).low

    def high(self, alpha: float) -> float:
        """The upper bound."""
        return self.found.interval(1 - 2 * alpha).high


def hold_against(
    now: MeasuredSet, before: MeasuredSet, *, no_worse_than: float, alpha: float = ALPHA
) -> Regression:
    """Every side of every row that the baseline has, against it.

    `no_worse_than` is a rate above 0: the loss that is allowed. What cannot be compared is
    undecided, with the reason.
    """
    found: list[tuple[str, str, PairedSides | str]] = []
    for name, theirs in before.tasks.items():
        ours = now.tasks.get(name)
        if ours is None:
            found.append((name, "all", "the run has no such row"))
            continue
        pairs = pair_task(ours, theirs)
        if isinstance(pairs, str):
            found.append((name, "all", pairs))
            continue
        found += [(name, side, paired_sides([both])) for side, both in pairs.sides.items()]
    tests = [
        Test(quantity=None if isinstance(of, str) else _Gain(of), at_least=-no_worse_than)
        for _, _, of in found
    ]
    verdicts = decide(tests, alpha)
    return Regression(
        baseline=before.name,
        model=before.model,
        no_worse_than=no_worse_than,
        alpha=alpha,
        verdict=overall(verdicts),
        sides=[
            _held(task, side, of, verdict, no_worse_than, alpha)
            for (task, side, of), verdict in zip(found, verdicts, strict=True)
        ],
    )


def _held(
    task: str,
    side: str,
    of: PairedSides | str,
    verdict: str,
    no_worse_than: float,
    alpha: float,
) -> HeldSide:
    if isinstance(of, str):
        return HeldSide(
            task=task,
            side=side,
            now=None,
            before=None,
            difference=None,
            low=None,
            high=None,
            clusters=0,
            verdict=verdict,
            says=f"not compared: {of}",
        )
    low, high = _Gain(of).low(alpha), _Gain(of).high(alpha)
    if verdict == PASS:
        says = f"the lower bound {low:+.3f} is not below {-no_worse_than:+g}"
    elif verdict == FAIL:
        says = f"the upper bound {high:+.3f} is below {-no_worse_than:+g}"
    else:
        wanted = of.clusters_to_find(no_worse_than, alpha=2 * alpha)
        says = f"{of.clusters} seeds leave [{low:+.3f}, {high:+.3f}]"
        if wanted > of.clusters:
            says += f"; about {wanted} would decide it, were the two alike"
    return HeldSide(
        task=task,
        side=side,
        now=of.a,
        before=of.b,
        difference=of.difference,
        low=low,
        high=high,
        clusters=of.clusters,
        verdict=verdict,
        says=says,
    )
