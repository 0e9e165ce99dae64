"""The difference of two rates over the same questions: tests and intervals."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from truing.quantiles import binomial_tail
from truing.stats.intervals import Floats, Interval, rate_interval

_LARGEST_DRAW = 1 << 18
"""Signs drawn at a time, of 8 bytes each."""


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """a minus b over the same questions: mean, interval, and the test that p comes from."""

    difference: float
    low: float
    high: float
    test: str
    p: float
    pairs: int


def mcnemar_exact(only_a: int, only_b: int) -> float:
    """Two-sided exact p that discordant pairs fall either way alike; 1 with none.

    Source: McNemar 1947; exact binomial form.
    """
    discordant = only_a + only_b
    if discordant == 0:
        return 1.0
    return min(1.0, 2 * binomial_tail(min(only_a, only_b), discordant))


def sign_flip_test(differences: Floats, *, rng: np.random.Generator, draws: int = 20_000) -> float:
    """Two-sided p that cluster sums are symmetric around 0, by flipping their signs.

    All 2^C flips up to 14 clusters, else `draws` random ones with the +1 of Phipson & Smyth 2010
    (the observed arrangement is one of them). Shape of `differences`: (clusters,).
    """
    moving = differences[differences != 0]
    if moving.size == 0:
        return 1.0
    seen = abs(float(moving.sum())) - 1e-12
    if moving.size <= 14:
        flips = 1 - 2 * ((np.arange(2**moving.size)[:, None] >> np.arange(moving.size)) & 1)
        return float(np.mean(np.abs(flips @ moving) >= seen))
    at_least = 0
    rows = max(1, min(2000, _LARGEST_DRAW // moving.size))
    for start in range(0, draws, rows):
        flips = rng.choice(np.array([-1.0, 1.0]), size=(min(rows, draws - start), moving.size))
        at_least += int(np.sum(np.abs(flips @ moving) >= seen))
    return (at_least + 1) / (draws + 1)


def paired_difference(
    a: npt.NDArray[np.bool_],
    b: npt.NDArray[np.bool_],
    clusters: Sequence[Hashable] | None = None,
    *,
    rng: np.random.Generator,
    level: float = 0.95,
) -> PairedDifference:
    """The difference of two rates over the same questions (arrays of equal length, aligned).

    Without clusters: exact McNemar test, and Newcombe's interval for paired proportions (1998,
    Statistics in Medicine 17, method 10). With clusters: sign-flip test by cluster, and the same
    interval with each rate's clustered score interval.
    """
    pairs = int(a.size)
    if pairs == 0:
        return PairedDifference(math.nan, -1.0, 1.0, "none", math.nan, 0)
    difference = float(a.mean() - b.mean())
    names = list(range(pairs)) if clusters is None else list(clusters)
    _, low, high = paired_interval(a, b, clusters, level=level)
    if clusters is None:
        p = mcnemar_exact(int(np.sum(a & ~b)), int(np.sum(b & ~a)))
        return PairedDifference(difference, low, high, "McNemar exact", p, pairs)
    codes = {name: i for i, name in enumerate(dict.fromkeys(names))}
    sums = np.zeros(len(codes))
    np.add.at(sums, [codes[name] for name in names], a.astype(float) - b.astype(float))
    p = sign_flip_test(sums, rng=rng)
    return PairedDifference(difference, low, high, "sign flip by cluster", p, pairs)


def paired_interval(
    a: npt.NDArray[np.bool_],
    b: npt.NDArray[np.bool_],
    clusters: Sequence[Hashable] | None = None,
    *,
    level: float = 0.95,
) -> Interval:
    """The interval of `paired_difference` without its test; nothing paired gives [-1, 1]."""
    if a.size == 0:
        return Interval(math.nan, -1.0, 1.0)
    names = list(range(a.size)) if clusters is None else list(clusters)
    own_a = rate_interval(a, names, level=level)
    own_b = rate_interval(b, names, level=level)
    low, high = _newcombe(own_a, own_b, _correlation(a, b))
    return Interval(float(a.mean() - b.mean()), low, high)


def _correlation(a: npt.NDArray[np.bool_], b: npt.NDArray[np.bool_]) -> float:
    """Newcombe's continuity-corrected phi of the two-by-two table; 0 where a margin is empty."""
    both, none = int(np.sum(a & b)), int(np.sum(~a & ~b))
    only_a, only_b = int(np.sum(a & ~b)), int(np.sum(b & ~a))
    margins = (both + only_a) * (only_b + none) * (both + only_b) * (only_a + none)
    if margins == 0:
        return 0.0
    product = both * none - only_a * only_b
    if product > 0:
        product = max(product - a.size // 2, 0)
    return product / math.sqrt(margins)


def _newcombe(a: Interval, b: Interval, phi: float) -> tuple[float, float]:
    difference = a.estimate - b.estimate

    def spread(x: float, y: float) -> float:
        return math.sqrt(max(0.0, x * x - 2 * phi * x * y + y * y))

    low = difference - spread(a.estimate - a.low, b.high - b.estimate)
    high = difference + spread(a.high - a.estimate, b.estimate - b.low)
    return max(-1.0, low), min(1.0, high)
