"""Scores of several models by side and cluster, and what other clusters might have given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from truing.comparison.measured import Key, MeasuredTask
from truing.stats import Floats
from truing.stats.paired_sides import PairedSides

__all__ = ["Answered", "answered", "paired", "resampled", "scores_by_side", "united"]

_AT_ONCE = 1 << 21
"""Weights drawn at a time, of 8 bytes each."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A row's scores: sums and counts of answers, each of shape (models, sides, clusters)."""

    clusters: tuple[str, ...]
    sums: Floats
    counts: Floats

    @property
    def rates(self) -> Floats:
        """Each model's mean over sides of its rate, in [0, 1]; shape (models,)."""
        return np.asarray((self.sums.sum(axis=2) / self.counts.sum(axis=2)).mean(axis=1))

    @property
    def influence(self) -> Floats:
        """What each cluster adds to each model's rate; shape (models, clusters), rows add to 0."""
        totals = self.counts.sum(axis=2, keepdims=True)
        means = self.sums.sum(axis=2, keepdims=True) / totals
        return np.asarray(((self.sums - means * self.counts) / totals).mean(axis=1))

    @property
    def values(self) -> Floats:
        """Each cluster's own rate for each model, so that their mean is the model's rate.

        A cluster's score where each cluster holds as many answers as any other on every side;
        otherwise rate + C times its influence, which can leave [0, 1].
        """
        return np.asarray(self.rates[:, None] + len(self.clusters) * self.influence)


def scores_by_side(task: MeasuredTask, keys: Sequence[Key]) -> dict[str, list[tuple[float, str]]]:
    """Scored answers of each side as (score, cluster); where sides follow answers, theirs."""
    found: dict[str, list[tuple[float, str]]] = {name: [] for name in task.sides}
    for key in keys:
        one = task.answers[key]
        if one.score is None:
            continue
        for side, score in one.placed if task.by_outcome else ((one.side, one.score),):
            if side in found:
                found[side].append((score, one.cluster))
    return found


def answered(tasks: Sequence[MeasuredTask], keys: Sequence[Sequence[Key]]) -> Answered:
    """The answers named by `keys`, those of each model, which have the same sides.

    Every side of every model needs an answer: ValueError otherwise.
    """
    by_model = [scores_by_side(task, own) for task, own in zip(tasks, keys, strict=True)]
    names = (cluster for sides in by_model for side in sides.values() for _, cluster in side)
    codes = {name: place for place, name in enumerate(dict.fromkeys(names))}
    shape = (len(tasks), len(tasks[0].sides), len(codes))
    sums, counts = np.zeros(shape), np.zeros(shape)
    for m, sides in enumerate(by_model):
        for s, own in enumerate(sides.values()):
            places = [codes[cluster] for _, cluster in own]
            np.add.at(sums[m, s], places, [score for score, _ in own])
            np.add.at(counts[m, s], places, 1.0)
    if not counts.any(axis=2).all():
        raise ValueError("a side of a model has no answer")
    return Answered(tuple(codes), sums, counts)


def paired(rates: Floats, influence: Floats, a: int, b: int) -> PairedSides:
    """Model a minus model b, by cluster; its interval is that of `truing compare`."""
    clusters = influence.shape[1]
    difference = float(rates[a] - rates[b])
    values = difference + clusters * (influence[a] - influence[b])
    return PairedSides(float(rates[a]), float(rates[b]), clusters, values, ())


def united(rows: Sequence[Answered]) -> tuple[Floats, Floats]:
    """Rates and influence of the mean over rows, which have the same models.

    Clusters of one name are one cluster: rows that ask about the same seed are not independent.
    """
    places, count = _places(rows)
    influence = np.zeros((rows[0].sums.shape[0], count))
    for row, own in zip(rows, places, strict=True):
        influence[:, own] += row.influence / len(rows)
    return np.mean([row.rates for row in rows], axis=0), influence


def resampled(rows: Sequence[Answered], *, draws: int, rng: np.random.Generator) -> list[Floats]:
    """The models' rates on each row, had other clusters been drawn: (draws, models) a row.

    The Poisson bootstrap by cluster: how often each is drawn is a Poisson count of mean 1, the same
    in all rows. So what a single cluster decides is undone in the draws (37 %) that lack it. A draw
    that leaves a side of a row empty gives that row's own rates. Source: Hanley & MacGibbon 2006,
    Computer Methods and Programs in Biomedicine 83(1).
    """
    places, count = _places(rows)
    found: list[list[Floats]] = [[] for _ in rows]
    for weights in _weights(draws, count, rng):
        for row, own, rates in zip(rows, places, found, strict=True):
            used = weights[:, own]
            sums = np.tensordot(used, row.sums, axes=(1, 2))
            counts = np.tensordot(used, row.counts, axes=(1, 2))
            empty = (counts == 0).any(axis=(1, 2))
            shares = (sums / np.where(counts == 0, 1, counts)).mean(axis=2)
            rates.append(np.where(empty[:, None], row.rates, shares))
    return [np.concatenate(rates) for rates in found]


def _weights(draws: int, count: int, rng: np.random.Generator) -> Iterator[Floats]:
    step = max(1, _AT_ONCE // max(1, count))
    for start in range(0, draws, step):
        yield rng.poisson(1.0, (min(step, draws - start), count)).astype(np.float64)


def _places(rows: Sequence[Answered]) -> tuple[list[list[int]], int]:
    codes: dict[str, int] = {}
    places = [[codes.setdefault(name, len(codes)) for name in row.clusters] for row in rows]
    return places, len(codes)
