"""The difference of two models over the same clusters, on several sides that count alike."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from truing.quantiles import normal_quantile, student_quantile
from truing.stats.intervals import Floats, Interval
from truing.stats.paired import PairedDifference, mcnemar_exact, sign_flip_test
from truing.stats.planning import detectable_difference

__all__ = ["PairedSides", "Side", "paired_sides"]

_ENUMERATED = 14
_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class Side:
    """Scores in [0, 1] of a and of b, each with its cluster.

    Mostly the same questions in the same order (`aligned`). Where the side that an answer counts on
    follows the answer itself, the two have other questions on it, and clusters in common only.
    """

    a: Floats
    clusters_a: Sequence[Hashable]
    b: Floats
    clusters_b: Sequence[Hashable]
    aligned: bool = True


@dataclass(frozen=True, slots=True)
class PairedSides:
    """a minus b, the mean over sides of the differences of their rates; made by `paired_sides`."""

    a: float
    b: float
    pairs: int
    """Answers of each model; the smaller number where they differ."""
    values: Floats
    """Each cluster's own difference: their mean is the difference, their spread its error."""
    sides: tuple[Side, ...]

    @property
    def difference(self) -> float:
        """NaN where a side has no answer."""
        return self.a - self.b

    @property
    def clusters(self) -> int:
        """How many clusters took part."""
        return self.values.size

    def interval(self, level: float = 0.95) -> Interval:
        """Student's t on the clusters' differences, with two more that differ fully, one each way.

        Bonett and Price's interval for paired proportions (2012, Journal of Educational and
        Behavioral Statistics 37(4)) taken to clusters: models that never differ get no interval of
        width 0. One cluster, or none, gives [-1, 1].
        """
        count = self.clusters
        if count < 2:
            return Interval(self.difference, -1.0, 1.0)
        widened = np.concatenate([self.values, [1.0, -1.0]])
        error = math.sqrt(float(widened.var(ddof=1)) / widened.size)
        half = student_quantile(count + 1, 1 - (1 - level) / 2) * error
        centre = float(widened.mean())
        low = max(-1.0, min(self.difference, centre - half))
        high = min(1.0, max(self.difference, centre + half))
        return Interval(self.difference, low, high)

    def tested(self, *, rng: np.random.Generator, level: float = 0.95) -> PairedDifference:
        """With interval and two-sided p of no difference, and the name of the test.

        Exact McNemar for right or wrong on one side with one question a cluster; else by flipping
        the signs of clusters; where sides follow the answers by swapping a's and b's answers of a
        cluster and working the difference out anew: exact where a and b are exchangeable.
        """
        if self.clusters == 0:
            return PairedDifference(math.nan, -1.0, 1.0, "none", math.nan, 0)
        _, low, high = self.interval(level)
        test, p = self._test(rng)
        return PairedDifference(self.difference, low, high, test, p, self.pairs)

    def detectable(self, *, alpha: float = 0.05, power: float = 0.8) -> float:
        """The smallest difference that would have been found with this power; at most 1."""
        return detectable_difference(self.clusters, self._spread, alpha=alpha, power=power)

    def clusters_to_find(
        self, difference: float, *, alpha: float = 0.05, power: float = 0.8
    ) -> int:
        """Clusters like these at which a difference so large would be found with this power."""
        z = normal_quantile(1 - alpha / 2) + normal_quantile(power)
        return max(1, math.ceil(self._spread * (z / difference) ** 2))

    @property
    def _spread(self) -> float:
        return float(np.concatenate([self.values, [1.0, -1.0]]).var(ddof=1))

    def _test(self, rng: np.random.Generator) -> tuple[str, float]:
        if not all(side.aligned for side in self.sides):
            return "swap by cluster", _swap_test(self.sides, self.difference, rng)
        moved = [side.a - side.b for side in self.sides]
        alone = len(moved) == 1 and self.clusters == self.pairs
        if alone and set(np.unique(moved[0])) <= {-1.0, 0.0, 1.0}:
            p = mcnemar_exact(int(np.sum(moved[0] > 0)), int(np.sum(moved[0] < 0)))
            return "McNemar exact", p
        codes = _codes(self.sides)
        sums = np.zeros(len(codes))
        for side, value in zip(self.sides, moved, strict=True):
            np.add.at(sums, [codes[c] for c in side.clusters_a], value / (value.size * len(moved)))
        return "sign flip by cluster", sign_flip_test(sums, rng=rng)


def paired_sides(sides: Sequence[Side]) -> PairedSides:
    """The difference of two models on sides that count alike; a side without answers is unknown.

    Influence values: u_c = D + C/S sum over sides of (sum_c (a - mean a)/n_a - the same of b), C
    clusters, S sides, D the difference. Aligned sides of equal clusters make them the clusters' own
    mean differences.
    """
    if not sides or any(min(side.a.size, side.b.size) == 0 for side in sides):
        return PairedSides(math.nan, math.nan, 0, np.zeros(0), tuple(sides))
    codes = _codes(sides)
    mean_a = float(np.mean([side.a.mean() for side in sides]))
    mean_b = float(np.mean([side.b.mean() for side in sides]))
    influence = np.zeros(len(codes))
    for side in sides:
        for sign, scores, clusters in ((1, side.a, side.clusters_a), (-1, side.b, side.clusters_b)):
            share = sign * (scores - scores.mean()) / (scores.size * len(sides))
            np.add.at(influence, [codes[c] for c in clusters], share)
    return PairedSides(
        mean_a,
        mean_b,
        min(sum(side.a.size for side in sides), sum(side.b.size for side in sides)),
        influence * len(codes) + (mean_a - mean_b),
        tuple(sides),
    )


def _codes(sides: Sequence[Side]) -> dict[Hashable, int]:
    both = (c for side in sides for own in (side.clusters_a, side.clusters_b) for c in own)
    return {name: i for i, name in enumerate(dict.fromkeys(both))}


def _swap_test(
    sides: Sequence[Side], difference: float, rng: np.random.Generator, *, draws: int = 20_000
) -> float:
    """Two-sided p: all swaps of up to 14 clusters that differ, else `draws` and the one seen."""
    codes = _codes(sides)
    totals, moves = [], []
    for side in sides:
        table = np.zeros((2, 2, len(codes)))
        for place, scores, clusters in ((0, side.a, side.clusters_a), (1, side.b, side.clusters_b)):
            own = [codes[c] for c in clusters]
            np.add.at(table[place, 0], own, scores)
            np.add.at(table[place, 1], own, 1.0)
        totals.append(table.sum(axis=2))
        moves.append(table[1] - table[0])
    moving = np.any([move.any(axis=0) for move in moves], axis=0)
    moves = [move[:, moving] for move in moves]
    count = int(moving.sum())
    seen = abs(difference) - 1e-12

    def as_far(swapped: Floats) -> int:
        found = np.zeros(len(swapped))
        with np.errstate(divide="ignore", invalid="ignore"):
            for total, move in zip(totals, moves, strict=True):
                shift = swapped @ move.T
                own, other = total[0] + shift, total[1] - shift
                found += own[:, 0] / own[:, 1] - other[:, 0] / other[:, 1]
        # A swap that empties a side has no difference to be smaller.
        return int(np.sum(~(np.abs(found) / len(sides) < seen)))

    if count <= _ENUMERATED:
        every = (np.arange(2**count)[:, None] >> np.arange(count)) & 1
        return as_far(every.astype(np.float64)) / float(2**count)
    reached = sum(
        as_far(rng.integers(0, 2, size=(min(_AT_ONCE, draws - start), count)).astype(np.float64))
        for start in range(0, draws, _AT_ONCE)
    )
    return (reached + 1) / (draws + 1)
