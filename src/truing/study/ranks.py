"""Which models are shown to be better than which, and the ranks that leaves open."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import msgspec
import numpy as np

from truing import stats
from truing.stats import Floats
from truing.stats.paired_sides import PairedSides
from truing.study.answered import paired

__all__ = [
    "ModelRank",
    "Pair",
    "Ranking",
    "best_shares",
    "mean_ranks",
    "pairs_of",
    "ranking",
    "shown",
]


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """Model a minus model b on what all models answered."""

    a: str
    b: str
    difference: float
    low: float
    high: float
    different: bool
    """Shown not to be 0: holds for all pairs of the row at once."""
    different_everywhere: bool
    """Holds for all pairs of all rows at once."""


class ModelRank(msgspec.Struct, frozen=True, kw_only=True):
    """A model's place, 1 the best."""

    model: str
    rate: float
    """On what all models answered."""
    rank: float
    """By the rate; models alike share the mean of their places."""
    low: int
    high: int
    """The ranks left open by the row's pairs; all models' hold at once."""
    simultaneous: tuple[int, int]
    """The same for all rows at once."""
    best: float
    """Share of bootstrap draws in which it is the best; models alike share a draw."""


class Ranking(msgspec.Struct, frozen=True, kw_only=True):
    """The models of a row, or of the mean over rows, in the study's order."""

    models: list[ModelRank]
    pairs: list[Pair]
    clusters: int


def pairs_of(rates: Floats, influence: Floats) -> list[PairedSides]:
    """Every pair of models, in the order of `itertools.combinations`."""
    return [paired(rates, influence, a, b) for a, b in itertools.combinations(range(rates.size), 2)]


def shown(pairs: Sequence[PairedSides], *, alpha: float) -> list[bool]:
    """Which pairs differ, all at once with probability 1 - alpha.

    Holm's method by intervals: with m pairs left, those differ whose interval at 1 - alpha/m leaves
    0 out; then the same with those that are left.
    """
    found = [False] * len(pairs)
    while left := [place for place, known in enumerate(found) if not known]:
        level = 1 - alpha / len(left)
        new = []
        for place in left:
            of = pairs[place].interval(level)
            if of.low > 0 or of.high < 0:
                new.append(place)
        if not new:
            break
        for place in new:
            found[place] = True
    return found


def ranking(
    models: Sequence[str],
    rates: Floats,
    pairs: Sequence[PairedSides],
    everywhere: Sequence[bool],
    draws: Floats,
    *,
    level: float,
) -> Ranking:
    """Rank intervals of models from their pairs; `draws` are their rates on other clusters.

    The lowest rank is 1 + how many models are shown to be better, the highest how many are not
    shown to be worse: where no difference is found that is not there, every true rank is inside.
    Source: Mogstad, Romano, Shaikh & Wilhelm 2024, Review of Economic Studies 91(1); here with
    Student's t by cluster and Holm's method.
    """
    own = shown(pairs, alpha=1 - level)
    places = mean_ranks(rates)
    best = best_shares(draws)
    in_row, in_all = (_open(len(models), pairs, known) for known in (own, everywhere))
    ranked = [
        ModelRank(
            model=model,
            rate=float(rates[i]),
            rank=float(places[i]),
            low=in_row[i][0],
            high=in_row[i][1],
            simultaneous=in_all[i],
            best=float(best[i]),
        )
        for i, model in enumerate(models)
    ]
    names = itertools.combinations(models, 2)
    told = [
        _pair(a, b, pair, level, (known, known_everywhere))
        for (a, b), pair, known, known_everywhere in zip(names, pairs, own, everywhere, strict=True)
    ]
    return Ranking(models=ranked, pairs=told, clusters=pairs[0].clusters)


def mean_ranks(rates: Floats) -> Floats:
    """Ranks from 1 over the last axis, the largest first; equal ones share the mean of places."""
    above = rates[..., :, None] - rates[..., None, :]
    better, alike = (above < -1e-12).sum(axis=-1), (np.abs(above) <= 1e-12).sum(axis=-1)
    return np.asarray(better + (alike + 1) / 2)


def best_shares(draws: Floats) -> Floats:
    """Of draws of shape (draws, models): how often each model is the best; they add up to 1."""
    best = draws >= draws.max(axis=1, keepdims=True) - 1e-12
    return np.asarray((best / best.sum(axis=1, keepdims=True)).mean(axis=0))


def _open(
    models: int, pairs: Sequence[PairedSides], known: Sequence[bool]
) -> list[tuple[int, int]]:
    better, worse = [0] * models, [0] * models
    places = itertools.combinations(range(models), 2)
    for (a, b), pair, different in zip(places, pairs, known, strict=True):
        if different:
            above, below = (a, b) if pair.difference > 0 else (b, a)
            better[below] += 1
            worse[above] += 1
    return [(1 + better[i], models - worse[i]) for i in range(models)]


def _pair(a: str, b: str, pair: PairedSides, level: float, different: tuple[bool, bool]) -> Pair:
    of: stats.Interval = pair.interval(level)
    return Pair(
        a=a,
        b=b,
        difference=of.estimate,
        low=of.low,
        high=of.high,
        different=different[0],
        different_everywhere=different[1],
    )
