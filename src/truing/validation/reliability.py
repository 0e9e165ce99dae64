"""Does a set say the same of a model twice? Halves of its seeds, and two editions of it."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations
from typing import Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from truing import stats
from truing.records import content_hash
from truing.validation.evidence import HalvedRun, SplitHalves, TwoEditions
from truing.validation.run_answers import RunRow

__all__ = ["compare_editions", "split_halves"]

DRAWS = 200
FEWEST_MODELS = 3
FEWEST_SEEDS = 20
"""Below this many seeds a half is too short to say anything."""
MARGIN = 0.05
"""Two editions are taken for the same where the difference is known to be smaller."""

Floats = npt.NDArray[np.float64]
Masks = npt.NDArray[np.bool_]


def split_halves(rows: Sequence[RunRow]) -> SplitHalves:
    """Each run's seeds halved at random 200 times; over models, how the halves' rates go together.

    The correlation over models (the newest run of each, of the edition that most have) is the mean
    over the draws and is stepped up to the whole length by 2r/(1+r) (Spearman 1910, Brown 1910).
    Runs whose halves never differ say nothing of it. Unknown with fewer than three models.
    """
    runs = [_halved(row) for row in rows]
    telling = [row for row, run in zip(rows, runs, strict=True) if _tells(run)]
    models = _newest_of_one_edition(telling)
    reliability, why = _reliability(models)
    return SplitHalves(
        draws=DRAWS, runs=runs, models=len(models), reliability=reliability, why_not=why
    )


def compare_editions(rows: Sequence[RunRow]) -> list[TwoEditions]:
    """Each model that was asked two editions under the same settings, every pair of them.

    The interval is that of the difference of two clustered rates (Newcombe 1998, method 10), with
    the correlation of the seeds where both editions ask the same.
    """
    newest: dict[str, dict[int, RunRow]] = defaultdict(dict)
    for row in sorted(rows, key=lambda row: row.header.created_at):
        # The seed of drawing follows the edition.
        settings = msgspec.structs.replace(row.header.settings, seed=0)
        asked = content_hash([row.header.model, row.header.address, settings])
        newest[asked][row.header.edition] = row
    pairs = (pair for own in newest.values() for pair in combinations(sorted(own.items()), 2))
    found = [_two(one, other) for (_, one), (_, other) in pairs]
    return [two for two in found if two is not None]


def rate_of(row: RunRow, masks: Masks, clusters: Sequence[str]) -> Floats:
    """The row's rate on each of several parts of its seeds; NaN where a side is unknown.

    Shape of `masks`: (parts, clusters).
    """
    places = {name: place for place, name in enumerate(clusters)}
    rates = []
    for passed, own in row.sides:
        sums, counts = np.zeros(len(clusters)), np.zeros(len(clusters))
        known = [(places[c], p) for c, p in zip(own, passed, strict=True) if c in places]
        at = np.array([place for place, _ in known], dtype=np.intp)
        np.add.at(sums, at, [p for _, p in known])
        np.add.at(counts, at, 1.0)
        total = masks @ counts
        rates.append(np.where(total >= row.fewest, masks @ sums / np.maximum(total, 1), np.nan))
    return np.asarray(np.mean(rates, axis=0), dtype=np.float64)


def halves_of(count: int) -> Masks:
    """The first half of each draw: shape (draws, count), as many in it as not, to one."""
    rng = np.random.default_rng(0)
    places = rng.permuted(np.tile(np.arange(count), (DRAWS, 1)), axis=1)
    return np.asarray(places < count // 2, dtype=np.bool_)


def _clusters(row: RunRow) -> list[str]:
    return sorted({name for _, own in row.sides for name in own})


def _halved(row: RunRow) -> HalvedRun:
    clusters = _clusters(row)
    whole = rate_of(row, np.ones((1, len(clusters)), dtype=np.bool_), clusters)[0]
    masks = halves_of(len(clusters))
    apart = np.abs(rate_of(row, masks, clusters) - rate_of(row, ~masks, clusters))
    known = apart[~np.isnan(apart)]
    enough = len(clusters) >= FEWEST_SEEDS and known.size > 0
    return HalvedRun(
        model=row.header.model,
        run=row.header.id,
        edition=row.header.edition,
        seeds=len(clusters),
        rate=None if math.isnan(whole) else float(whole),
        difference=float(known.mean()) if enough else None,
        constant=enough and float(known.max()) < 1e-9,
        left_out=row.left_out,
        same_questions=row.same_questions,
    )


def _tells(run: HalvedRun) -> bool:
    return run.difference is not None and not run.constant


def _newest_of_one_edition(rows: Sequence[RunRow]) -> list[RunRow]:
    """The newest run of each model, of the edition that most models have."""
    by_edition: dict[int, dict[str, RunRow]] = defaultdict(dict)
    for row in sorted(rows, key=lambda row: row.header.created_at):
        by_edition[row.header.edition][row.header.model] = row
    most = max(by_edition.values(), key=len, default={})
    return list(most.values())


def _reliability(models: Sequence[RunRow]) -> tuple[float | None, str]:
    if len(models) < FEWEST_MODELS:
        return None, f"{len(models)} models whose answers vary: at least {FEWEST_MODELS} needed"
    shared = sorted(set.intersection(*(set(_clusters(row)) for row in models)))
    if len(shared) < FEWEST_SEEDS:
        return None, f"the models share {len(shared)} seeds: at least {FEWEST_SEEDS} needed"
    masks = halves_of(len(shared))
    first = np.array([rate_of(row, masks, shared) for row in models])
    second = np.array([rate_of(row, ~masks, shared) for row in models])
    found = [
        float(np.corrcoef(a, b)[0, 1])
        for a, b in zip(first.T, second.T, strict=True)
        if np.ptp(a) > 1e-9 and np.ptp(b) > 1e-9
    ]
    if not found:
        return None, "no two halves in which the models differ and are known"
    mean = float(np.mean(found))
    if mean <= 0:
        return None, f"the halves do not go together (mean correlation {mean:.2f})"
    return 2 * mean / (1 + mean), ""


def _two(one: RunRow, other: RunRow) -> TwoEditions | None:
    own = [stats.balanced_interval(row.sides) for row in (one, other)]
    a, b = own
    if math.isnan(a.estimate) or math.isnan(b.estimate):
        return None
    alike = _correlation(one, other)
    difference = a.estimate - b.estimate

    def spread(x: float, y: float) -> float:
        return math.sqrt(max(0.0, x * x - 2 * alike * x * y + y * y))

    low = difference - spread(a.estimate - a.low, b.high - b.estimate)
    high = difference + spread(a.high - a.estimate, b.estimate - b.low)
    return TwoEditions(
        model=one.header.model,
        runs=(one.header.id, other.header.id),
        editions=(one.header.edition, other.header.edition),
        rates=(a.estimate, b.estimate),
        difference=difference,
        low=max(-1.0, low),
        high=min(1.0, high),
        verdict=_verdict(low, high),
    )


def _verdict(low: float, high: float) -> Literal["within", "not within", "undecided"]:
    if low >= -MARGIN and high <= MARGIN:
        return "within"
    return "not within" if low > MARGIN or high < -MARGIN else "undecided"


def _correlation(one: RunRow, other: RunRow) -> float:
    """Of the seeds' part in the two rates; 0 where the editions do not ask the same seeds."""
    clusters = _clusters(one)
    if clusters != _clusters(other):
        return 0.0
    first, second = (_influence(row, clusters) for row in (one, other))
    if np.ptp(first) < 1e-12 or np.ptp(second) < 1e-12:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])


def _influence(row: RunRow, clusters: Sequence[str]) -> Any:
    places = {name: place for place, name in enumerate(clusters)}
    found = np.zeros(len(clusters))
    for passed, own in row.sides:
        values = np.asarray(passed, dtype=np.float64)
        np.add.at(found, [places[name] for name in own], (values - values.mean()) / values.size)
    return found
