"""Every interval covers what it says, by simulation with fixed seeds.

Discrete data cannot hold 95 % in every cell: over a grid the smallest coverage is at least .92 and
the mean within [.94, .98]; cells with fewer than 3 expected successes or failures are held apart.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from truing import stats

DRAWS = 1000
RATES = (0.01, 0.05, 0.1, 0.3, 0.5, 0.7, 0.9, 0.95, 0.99)
CLUSTERS = (10, 40, 150)
ICC = (0.0, 0.2, 0.5)

Rng = np.random.Generator
Cell = tuple[str, float, bool]


def cluster_rates(rng: Rng, p: float, icc: float, count: int) -> np.ndarray:
    """Beta-distributed rates of clusters with mean p and intraclass correlation icc."""
    if icc == 0:
        return np.full(count, p)
    scale = (1 - icc) / icc
    return rng.beta(p * scale, (1 - p) * scale, size=count)


def samples(rng: Rng, rates: np.ndarray, each: int) -> np.ndarray:
    return (rng.random((rates.size, each)) < rates[:, None]).ravel()


def covered(rng: Rng, draw: Callable[[Rng], stats.Interval], truth: float) -> float:
    hits = 0
    for _ in range(DRAWS):
        interval = draw(rng)
        hits += interval.low <= truth <= interval.high
    return hits / DRAWS


def sparse(p: float, samples_in_all: float) -> bool:
    return min(p, 1 - p) * samples_in_all < 3


def rate_cells(rng: Rng) -> Iterator[Cell]:
    for count in CLUSTERS:
        for each, icc in ((1, 0.0), (3, 0.0), (3, 0.2), (3, 0.5)):
            clusters = np.repeat(np.arange(count), each).tolist()
            effective = count * each / (1 + (each - 1) * icc)
            for p in RATES:

                def draw(
                    r: Rng,
                    p: float = p,
                    count: int = count,
                    each: int = each,
                    icc: float = icc,
                    clusters: list[int] = clusters,
                ) -> stats.Interval:
                    return stats.rate_interval(
                        samples(r, cluster_rates(r, p, icc, count), each), clusters
                    )

                name = f"p {p} clusters {count} each {each} icc {icc}"
                yield name, covered(rng, draw, p), sparse(p, effective)


def sides(r: Rng, p1: float, p2: float, count: int, link: float) -> list[np.ndarray]:
    """Two sides that share clusters; link +1 the same seeds are easy on both, -1 the reverse."""
    mood = r.random(count)
    one = mood < p1
    if link > 0:
        return [one, mood < p2]
    return [one, (1 - mood) < p2] if link < 0 else [one, r.random(count) < p2]


PAIRS = ((0.5, 0.5), (0.9, 0.9), (0.3, 0.9), (0.1, 0.95), (0.7, 0.72), (0.95, 0.98))


def balanced_cells(rng: Rng) -> Iterator[Cell]:
    for count in CLUSTERS:
        names = list(range(count))
        for p1, p2 in PAIRS:
            for link in (-1, 0, 1):

                def draw(
                    r: Rng,
                    p1: float = p1,
                    p2: float = p2,
                    count: int = count,
                    link: int = link,
                    names: list[int] = names,
                ) -> stats.Interval:
                    return stats.balanced_interval(
                        [(side, names) for side in sides(r, p1, p2, count, link)]
                    )

                few = sparse(p1, count) and sparse(p2, count)
                name = f"p {p1} {p2} clusters {count} link {link}"
                yield name, covered(rng, draw, (p1 + p2) / 2), few


def worse_cells(rng: Rng) -> Iterator[Cell]:
    for count in CLUSTERS:
        names = list(range(count))
        for p1, p2 in PAIRS:

            def draw(
                r: Rng,
                p1: float = p1,
                p2: float = p2,
                count: int = count,
                names: list[int] = names,
            ) -> stats.Interval:
                both = sides(r, p1, p2, count, 0)
                return stats.worse_of([stats.rate_interval(side, names) for side in both])

            few = sparse(p1, count) or sparse(p2, count)
            yield f"p {p1} {p2} clusters {count}", covered(rng, draw, min(p1, p2)), few


def paired_cells(rng: Rng) -> Iterator[Cell]:
    for count in CLUSTERS:
        for p1, p2 in PAIRS:
            for each in (1, 3):
                clusters = None if each == 1 else np.repeat(np.arange(count), each).tolist()

                def draw(
                    r: Rng,
                    p1: float = p1,
                    p2: float = p2,
                    count: int = count,
                    each: int = each,
                    clusters: list[int] | None = clusters,
                ) -> stats.Interval:
                    mood = r.random((count, 1)) if each > 1 else np.zeros((count, 1))
                    own = (
                        0.5 * mood + 0.5 * r.random((count, each))
                        if each > 1
                        else r.random((count, 1))
                    )
                    other = np.where(r.random((count, each)) < 0.5, own, r.random((count, each)))
                    a, b = (own < p1).ravel(), (other < p2).ravel()
                    found = (
                        stats.paired_difference(a, b, clusters, rng=np.random.default_rng(0))
                        if each == 1
                        else _paired_interval(a, b, clusters)
                    )
                    return stats.Interval(found.difference, found.low, found.high)

                truth = _paired_truth(p1, p2, each)
                few = sparse(p1, count) or sparse(p2, count)
                yield f"p {p1} {p2} clusters {count} each {each}", covered(rng, draw, truth), few


def _paired_interval(a, b, clusters):
    # The same interval without the test, whose draws would take most of the time.
    original = stats.sign_flip_test
    stats.sign_flip_test = lambda *_args, **_kwargs: 1.0
    try:
        return stats.paired_difference(a, b, clusters, rng=np.random.default_rng(0))
    finally:
        stats.sign_flip_test = original


def _paired_truth(p1: float, p2: float, each: int) -> float:
    """Mean of a - b under the draws above."""
    if each == 1:
        return p1 - p2

    def mixed(p: float) -> float:
        """P(.5 U + .5 V < p) for uniform U, V."""
        return 2 * p * p if p <= 0.5 else 1 - 2 * (1 - p) ** 2

    return mixed(p1) - 0.5 * mixed(p2) - 0.5 * p2


def mean_cells(rng: Rng) -> Iterator[Cell]:
    for count in CLUSTERS:
        for lean in (-0.3, 0.0, 0.2):
            for neutral in (0.3, 0.6):
                names = np.repeat(np.arange(count), 2).tolist()

                def draw(
                    r: Rng,
                    lean: float = lean,
                    neutral: float = neutral,
                    count: int = count,
                    names: list[int] = names,
                ) -> stats.Interval:
                    up = (1 - neutral + lean) / 2
                    u = r.random(2 * count)
                    values = np.where(u < up, 1.0, np.where(u < 1 - neutral, -1.0, 0.0))
                    return stats.mean_interval(values.tolist(), names)

                yield (
                    f"lean {lean} neutral {neutral} clusters {count}",
                    covered(rng, draw, lean),
                    False,
                )


@pytest.mark.parametrize(
    ("cells", "smallest", "seed"),
    [
        (rate_cells, 0.92, 1),
        (balanced_cells, 0.92, 2),
        (worse_cells, 0.92, 3),
        (paired_cells, 0.92, 4),
        (mean_cells, 0.92, 5),
    ],
    ids=["rate", "balanced", "worse side", "paired", "mean"],
)
def test_coverage(cells, smallest, seed, record_property):
    found = list(cells(np.random.default_rng(seed)))
    dense = [cell for cell in found if not cell[2]]
    low, mean = min(c for _, c, _ in dense), sum(c for _, c, _ in dense) / len(dense)
    noise = 3 * math.sqrt(0.05 * 0.95 / DRAWS)
    worst = sorted(dense, key=lambda cell: cell[1])[:3]
    thin = [c for _, c, few in found if few]
    apart = f"; {len(thin)} thin cells, lowest {min(thin):.3f}" if thin else ""
    figures = f"{len(dense)} cells, lowest {low:.3f}, mean {mean:.3f}{apart}"
    record_property("figure", f"coverage of 95 %, {cells.__name__}: {figures}")
    assert low >= smallest - noise, worst
    assert 0.94 - noise / 3 <= mean <= 0.98, worst
    assert all(c >= 0.85 for _, c, few in found if few)


@pytest.mark.parametrize("rows", [6, 29])
def test_simultaneous_intervals_hold_all_at_once(rows):
    rng = np.random.default_rng(rows)
    level = stats.sidak_level(0.95, rows)
    rates = rng.uniform(0.05, 0.95, size=rows)
    draws, hits, seeds = 400, 0, list(range(40))
    for _ in range(draws):
        hits += all(
            interval.low <= p <= interval.high
            for p in rates
            for interval in [stats.rate_interval(rng.random(40) < p, seeds, level=level)]
        )
    assert hits / draws >= 0.95 - 2 * math.sqrt(0.05 * 0.95 / draws)


def test_the_sign_flip_test_is_right_at_most_one_time_in_twenty_under_no_difference():
    rng = np.random.default_rng(9)
    draws = 600
    wrong = sum(
        stats.sign_flip_test(rng.integers(-2, 3, size=12).astype(float), rng=rng) <= 0.05
        for _ in range(draws)
    )
    assert wrong / draws <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / draws)
