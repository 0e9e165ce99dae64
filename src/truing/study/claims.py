"""Whether later models in an order are the better ones, row by row."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import msgspec
import numpy as np

from truing import stats
from truing.stats import Direction, Floats, Trend
from truing.study.cells import Cell
from truing.tasks.seeds import draw_bytes

__all__ = ["Break", "RowClaim", "claims", "unpaired_claim"]

_THREE_WAYS = 2 / 3
"""A row gets a word by a slope above 0, below 0, or a reversal: three chances of alpha/2 each."""


class Break(msgspec.Struct, frozen=True, kw_only=True):
    """A model further on in the order that is shown to be below an earlier one.

    The interval is the one it is shown by.
    """

    earlier: str
    later: str
    difference: float
    low: float
    high: float


class RowClaim(msgspec.Struct, frozen=True, kw_only=True):
    """`The later, the better` on one row."""

    task: str
    paired: bool
    """On the questions that all models answered. Otherwise there were none, nothing is known of
    the slope, and only breaks between cells whose simultaneous intervals are apart count."""
    word: Direction
    """Holds for all rows at once (Holm): with models all alike any row has a word but `undecided`
    with probability .05 at most."""
    slope: float | None
    """Of the rate per step of the order, least squares."""
    low: float | None
    high: float | None
    simultaneous: tuple[float, float] | None
    """Holds at once for all rows."""
    p: float | None
    """Two-sided, of no slope; this row's alone."""
    breaks: list[Break]
    models: list[str]
    """Those that have the row, in order."""
    clusters: int
    """In common."""


def claims(
    rows: Sequence[tuple[str, Sequence[str], Sequence[float], Floats]],
    *,
    margin: float,
    level: float,
    seed: int,
) -> list[RowClaim]:
    """A word for each row (task, models in order, their positions, values of (models, clusters)).

    `stats.trend` at the level that Holm's method leaves to the row.
    """
    if not rows:
        return []
    alpha = (1 - level) * _THREE_WAYS

    def at(place: int, share: float) -> Trend:
        task, _, positions, values = rows[place]
        # The same draw of signs each time, whatever else is in the study.
        entropy = int.from_bytes(draw_bytes("study", seed, task)[:8])
        rng = np.random.default_rng(entropy)
        return stats.trend(values, margin=margin, positions=positions, alpha=share, rng=rng)

    alone = [at(place, 1 - level) for place in range(len(rows))]
    wide = [at(place, alpha / len(rows)) for place in range(len(rows))]
    said = list(wide)
    # A row that alone says nothing says nothing at a smaller share either.
    open_rows = {i for i, one in enumerate(alone) if one.p <= 1 - level or one.reversals}
    open_rows -= {i for i, one in enumerate(wide) if one.direction is not Direction.UNDECIDED}
    known = sum(one.direction is not Direction.UNDECIDED for one in wide)
    while known and open_rows:
        share = alpha / (len(rows) - known)
        again = {i: at(i, share) for i in open_rows}
        new = {i for i, one in again.items() if one.direction is not Direction.UNDECIDED}
        if not new:
            break
        for i in new:
            said[i] = again[i]
        open_rows -= new
        known += len(new)
    return [
        _claim(row[0], row[1], *trends)
        for row, trends in zip(rows, zip(said, alone, wide, strict=True), strict=True)
    ]


def unpaired_claim(
    task: str, models: Sequence[str], cells: Sequence[Cell], *, margin: float
) -> RowClaim:
    """For models in order that answered no question in common: fails, or is undecided.

    A later cell is below an earlier one where their simultaneous intervals are more than `margin`
    apart. Holding never is shown so.
    """
    breaks = []
    for a, b in itertools.combinations(range(len(models)), 2):
        earlier, later = cells[a], cells[b]
        if earlier.estimate is None or later.estimate is None:
            continue
        assert earlier.simultaneous is not None
        assert later.simultaneous is not None
        low = later.simultaneous[0] - earlier.simultaneous[1]
        high = later.simultaneous[1] - earlier.simultaneous[0]
        if high < -margin:
            difference = later.estimate - earlier.estimate
            breaks.append(
                Break(earlier=models[a], later=models[b], difference=difference, low=low, high=high)
            )
    return RowClaim(
        task=task,
        paired=False,
        word=Direction.FAILS if breaks else Direction.UNDECIDED,
        slope=None,
        low=None,
        high=None,
        simultaneous=None,
        p=None,
        breaks=breaks,
        models=list(models),
        clusters=0,
    )


def _claim(task: str, models: Sequence[str], said: Trend, alone: Trend, wide: Trend) -> RowClaim:
    return RowClaim(
        task=task,
        paired=True,
        word=said.direction,
        slope=None if math.isnan(alone.slope.estimate) else alone.slope.estimate,
        low=alone.slope.low,
        high=alone.slope.high,
        simultaneous=(wide.slope.low, wide.slope.high),
        p=alone.p,
        breaks=[
            Break(
                earlier=models[one.earlier],
                later=models[one.later],
                difference=one.difference.estimate,
                low=one.difference.low,
                high=one.difference.high,
            )
            for one in said.reversals
        ],
        models=list(models),
        clusters=alone.clusters,
    )
