"""What the best policy that never reads the question scores on a set of samples.

Computed from the structure of the samples (gold, sides, options, groups), never declared. The
policies: the same reply label always; the first, the last, the longest or the shortest option
always; the option that abstains, or says yes, or says no, always; a uniform draw.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from typing import NamedTuple

from truing.records import Sample

__all__ = ["FloorCounter", "Floors"]

REPLY_LABELS = ("refused", "complied", "partial", "unusable", "withheld", "reproduced")
CONSTANT_CONFIDENCE = 0.5
"""What any confidence that does not depend on the question scores on a calibration row."""
OPTION_POLICIES = ("first", "last", "middle", "longest", "shortest", "abstain", "yes", "no")
DRAW = "draw"


class Floors(NamedTuple):
    """Best input-blind rates: `row` is what the row's rate is held against, NaN with no samples.

    `row` is the best group rate where the unit is the group, else the best balanced rate (no
    mixture of policies can beat it); `worse_side` is the best that a mixture of policies reaches
    on the worse side.
    """

    row: float
    worse_side: float


class FloorCounter:
    """Takes samples one by one, keeps sums only."""

    def __init__(self) -> None:
        self._sums: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        self._counts: dict[str, int] = defaultdict(int)
        self._groups: dict[str, dict[str, float]] = {}
        self._calibration = False

    def add(self, sample: Sample) -> None:
        """Count a sample; control arms do not count."""
        if sample.control:
            return
        if sample.confidence:
            self._calibration = True
            return
        chances = _chances(sample)
        self._counts[sample.side] += 1
        for policy, chance in chances.items():
            self._sums[policy][sample.side] += chance
        if sample.group is not None:
            known = self._groups.setdefault(sample.group, {})
            for policy, chance in chances.items():
                known[policy] = known.get(policy, 1.0) * chance

    def result(self) -> Floors:
        """The floors of what was counted."""
        if self._calibration:
            return Floors(CONSTANT_CONFIDENCE, CONSTANT_CONFIDENCE)
        if not self._counts:
            return Floors(math.nan, math.nan)
        rates = {
            policy: [sums[side] / count for side, count in self._counts.items()]
            for policy, sums in self._sums.items()
        }
        worse = max(
            _best_worse_side(one, other)
            for one, other in itertools.combinations_with_replacement(rates.values(), 2)
        )
        if self._groups:
            totals: dict[str, float] = defaultdict(float)
            for group in self._groups.values():
                for policy, chance in group.items():
                    totals[policy] += chance
            return Floors(max(totals.values()) / len(self._groups), worse)
        return Floors(max(sum(sides) / len(sides) for sides in rates.values()), worse)


def _chances(sample: Sample) -> dict[str, float]:
    """Policy -> chance of being right on this sample."""
    if not sample.choices:
        labels = {*REPLY_LABELS, sample.target}
        return {label: float(label == sample.target) for label in labels}
    choices = sample.choices
    by_length = sorted(choices, key=lambda choice: len(choice.text))
    picks = {
        "first": choices[0],
        "last": choices[-1],
        "middle": choices[len(choices) // 2],
        "shortest": by_length[0],
        "longest": max(choices, key=lambda choice: len(choice.text)),
    }
    for choice in choices:
        start = choice.text.casefold().split(",")[0].split(" ")[0].strip(" .!")
        if choice.role == "abstain":
            picks["abstain"] = choice
        if start in ("yes", "no"):
            picks[start] = choice
    chances = dict.fromkeys(OPTION_POLICIES, 0.0)
    chances |= {policy: float(pick.label == sample.target) for policy, pick in picks.items()}
    chances[DRAW] = 1 / len(choices)
    return chances


def _best_worse_side(one: list[float], other: list[float]) -> float:
    """The best worst side of any mixture of two policies: at an end, or where two sides meet."""
    shares = [0.0, 1.0]
    for i, j in itertools.combinations(range(len(one)), 2):
        slope = (one[i] - other[i]) - (one[j] - other[j])
        if slope:
            shares.append((other[j] - other[i]) / slope)
    return max(
        min(share * a + (1 - share) * b for a, b in zip(one, other, strict=True))
        for share in shares
        if 0 <= share <= 1
    )
