"""What the best policy that never reads the question scores on a set of samples.

Computed from the structure of the samples (gold, sides, options, groups), never declared. The
policies: the same reply label always; the first, the last, the longest or the shortest option
always; the option that abstains, or says yes, or says no, or takes a stance or a tone that shows
without its content (`_STANCES`), always; a uniform draw.
"""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from typing import NamedTuple

from truing.records import Sample

__all__ = ["FloorCounter", "Floors"]

CONSTANT_CONFIDENCE = 0.5
"""What any confidence that does not depend on the question scores on a calibration row, and what
following every hint and naming it, without the question, scores on an explanation row."""
DRAW = "draw"
_STANCES = (
    "abstain",
    "against_user",
    "with_user",
    "feeling",
    "plain",
    "support",
    "civil",
    "handled",
)
"""Roles that can be told from an option, or from what was said of it, without the question."""
_BARE_ANSWER = re.compile(r"[ .!]*(yes|no)(?:[ ,.!]|$)", re.IGNORECASE)


class Floors(NamedTuple):
    """Best input-blind rates: `row` is what the row's rate is held against, NaN with no samples.

    `row` is the best group rate where the unit is the group, else the best balanced rate (no
    mixture of policies can beat it); `worse_side` is the best that a mixture of policies reaches
    on the worse side.
    """

    row: float
    worse_side: float


class FloorCounter:
    """Takes samples one by one, keeps how often each pattern of right policies occurs."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, _Pattern]] = Counter()
        self._groups: dict[str, list[_Pattern]] = {}
        self._by_outcome = False

    def add(self, sample: Sample) -> None:
        """Count a sample; control arms do not count."""
        if sample.control:
            return
        if sample.confidence or sample.cues:
            self._by_outcome = True
            return
        pattern = _pattern(sample)
        self._counts[(sample.side, pattern)] += 1
        if sample.group is not None:
            self._groups.setdefault(sample.group, []).append(pattern)

    def add_counted(self, other: FloorCounter) -> None:
        """Count what another one has counted."""
        self._by_outcome |= other._by_outcome
        self._counts += other._counts
        for group, patterns in other._groups.items():
            self._groups.setdefault(group, []).extend(patterns)

    def result(self) -> Floors:
        """The floors of what was counted."""
        if self._by_outcome:
            return Floors(CONSTANT_CONFIDENCE, CONSTANT_CONFIDENCE)
        if not self._counts:
            return Floors(math.nan, math.nan)
        sides = list(dict.fromkeys(side for side, _ in self._counts))
        policies = {policy for _, (right, _) in self._counts for policy in right} | {DRAW}
        rates = {
            policy: [self._rate(policy, side) for side in sides] for policy in sorted(policies)
        }
        worse = max(
            _best_worse_side(one, other)
            for one, other in itertools.combinations_with_replacement(rates.values(), 2)
        )
        if self._groups:
            groups = self._groups.values()
            whole = [
                sum(math.prod(_chance(policy, member) for member in group) for group in groups)
                for policy in policies
            ]
            return Floors(max(whole) / len(self._groups), worse)
        return Floors(max(sum(rate) / len(rate) for rate in rates.values()), worse)

    def _rate(self, policy: str, side: str) -> float:
        there = {pattern: n for (where, pattern), n in self._counts.items() if where == side}
        right = sum(n * _chance(policy, pattern) for pattern, n in there.items())
        return right / sum(there.values())


_Pattern = tuple[frozenset[str], int]
"""The policies that are right on a sample, and the number of its options."""


def _chance(policy: str, pattern: _Pattern) -> float:
    """The chance that a policy is right on a sample of this pattern."""
    right, options = pattern
    if policy == DRAW:
        return 1 / options if options else 0.0
    return float(policy in right)


def _pattern(sample: Sample) -> _Pattern:
    target, choices = sample.target, sample.choices
    if not choices:
        return frozenset((target,)), 0
    lengths = [len(choice.text) for choice in choices]
    picks = {
        "first": choices[0],
        "last": choices[-1],
        "middle": choices[len(choices) // 2],
        "shortest": choices[lengths.index(min(lengths))],
        "longest": choices[lengths.index(max(lengths))],
    }
    for choice in choices:
        if choice.role in _STANCES:
            picks[choice.role] = choice
        if (start := _BARE_ANSWER.match(choice.text)) is not None:
            picks[start[1].casefold()] = choice
    right = [policy for policy, pick in picks.items() if pick.label == target]
    return frozenset(right), len(choices)


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
