"""How far the rate of a row moves when the run is made again, by what, and whether that matters."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

import msgspec

from truing.comparison.measured import MeasuredTask
from truing.comparison.pairing import pair_task
from truing.reproducing.components import LEVEL, combined, components
from truing.reproducing.deciding import Seeds, decides, reach_of
from truing.reproducing.tables import cluster_table, flip_rate, only_side, own_interval
from truing.stats import Interval
from truing.stats.paired_sides import PairedSides, paired_sides

__all__ = [
    "Levels",
    "Move",
    "Part",
    "RowReproduced",
    "Share",
    "Source",
    "Word",
    "reproduce_row",
]


class Source(StrEnum):
    """What may move a rate, beside the items.

    The first three are one chain: each is net of the one before it, and form and quantisation are
    net of the last of them that was varied.
    """

    AGAIN = "again"
    """The same request once more: what batching and servers do, and what changed since."""
    SEED = "seed"
    """The same questions with another sampling seed."""
    EPOCH = "epoch"
    """The same question as the next repeat of the same run."""
    FORM = "form"
    """The same questions in other words and layout."""
    QUANTISATION = "quantisation"
    """The same weights in another number format."""
    JUDGE = "judge"
    """The same answers with another judge's verdicts."""


_CHAIN = (Source.AGAIN, Source.SEED, Source.EPOCH)


class Word(StrEnum):
    """What is said of a row."""

    REPRODUCIBLE = "reproducible"
    """Every move's own 95 % interval lies within the reach of the row's."""
    NOT = "not"
    """A move lies beyond it, by the interval that holds for all moves of the row at once."""
    UNDECIDED = "undecided"


class Levels(NamedTuple):
    """A source's levels on a row: the first, and (name, the row there) of each other."""

    source: Source
    base: MeasuredTask
    others: Sequence[tuple[str, MeasuredTask]]
    averaged: int = 1
    """Over so many levels the run's own rate is a mean (its epochs)."""
    called: bool = True


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """The rate at a level minus the stored one, on the same questions."""

    level: str
    rate: float
    move: float
    low: float
    high: float
    simultaneous: tuple[float, float]
    """Holds for all moves of the row (of the side) at once."""
    flips: float
    """Share of the answers whose verdict differs."""
    pairs: int
    clusters: int


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """What a source does to the rate. Standard deviations are of the run's rate, in [0, 1]."""

    source: Source
    sd: float
    sd_low: float
    sd_high: float
    share: float
    """Of the variance of the rate over everything that was varied and the items."""
    shift_variance: float
    """Levels that move all items alike; unbiased, so it may be below 0."""
    flips_variance: float
    """Items that move one by one, net of plain repeats; unbiased, so it may be below 0."""
    flip_rate: float
    flip_low: float
    flip_high: float
    moves: list[Move]


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A row, or one side of it. `None` is unknown."""

    rate: float | None
    low: float | None
    high: float | None
    reach: float | None
    """How far the farther end of the 95 % interval is from the rate."""
    clusters: int
    items_sd: float | None
    """The row's standard error less what flips add to it: what other items would change."""
    items_share: float | None
    total_sd: float | None
    sources: list[Share]
    verdict: Word
    farthest: float | None
    """The farthest that a move's own 95 % interval goes."""
    decides: str
    """Of an undecided row: what would decide it."""


class RowReproduced(msgspec.Struct, frozen=True, kw_only=True):
    """One task: the mean of its sides, or its groups, and each side."""

    task: str
    unit: str
    scorer: str
    whole: Part
    sides: dict[str, Part]
    not_varied: dict[str, str]
    """Source -> why it was not varied on this row."""


class _Seen(NamedTuple):
    name: str
    flips: float
    difference: PairedSides


class _Measured(NamedTuple):
    levels: Levels
    seen: list[_Seen]
    shift: Interval
    flips: Interval
    flip_rate: Interval


def reproduce_row(
    own: MeasuredTask,
    levels: Sequence[Levels],
    not_varied: Mapping[str, str],
    *,
    seeds: Seeds,
) -> RowReproduced:
    """Every figure of a row."""
    sides = {
        side: _part(
            only_side(own, side),
            [
                one._replace(
                    base=only_side(one.base, side),
                    others=[(name, only_side(task, side)) for name, task in one.others],
                )
                for one in levels
            ],
            seeds,
        )
        for side in (own.sides if len(own.sides) > 1 else ())
    }
    unpaired = [one for one in levels if _measure(one) is None]
    return RowReproduced(
        task=own.task,
        unit=own.unit,
        scorer=own.scorer,
        whole=_part(own, levels, seeds),
        sides=sides,
        not_varied={**not_varied, **{one.source.value: _unpaired(one) for one in unpaired}},
    )


def _part(own: MeasuredTask, levels: Sequence[Levels], seeds: Seeds) -> Part:
    rate, clusters, units = own_interval(own)
    measured = [found for one in levels if (found := _measure(one)) is not None]
    if math.isnan(rate.estimate) or clusters < 2:
        measured = []
    reach = reach_of(rate)
    moves = [move for one in measured for move in _moves(one, sum(len(m.seen) for m in measured))]
    verdict = _word(moves, reach)
    moved = [seen.difference for one in measured for seen in one.seen]
    known = not math.isnan(rate.estimate)
    shares, items, total = _shares(own, measured, clusters, units) if measured else ([], None, None)
    calls = sum(len(t.answers) for one in levels if one.called for _, t in one.others)
    return Part(
        rate=rate.estimate if known else None,
        low=rate.low if known else None,
        high=rate.high if known else None,
        reach=reach if known else None,
        clusters=clusters,
        items_sd=None if items is None else math.sqrt(items),
        items_share=items / total if items is not None and total else None,
        total_sd=None if total is None else math.sqrt(total),
        sources=shares,
        verdict=verdict,
        farthest=max((max(-m.low, m.high) for m in moves), default=None),
        decides=decides(moved, rate, (clusters, units), seeds, calls)
        if verdict is Word.UNDECIDED
        else "",
    )


def _measure(levels: Levels) -> _Measured | None:
    """None where no level has anything in common with the first."""
    seen, tasks = [], [levels.base]
    for name, other in levels.others:
        paired = pair_task(other, levels.base)
        if isinstance(paired, str):
            continue
        (_, (flips,)) = flip_rate([levels.base, other])
        seen.append(_Seen(name, flips, paired_sides(list(paired.sides.values()))))
        tasks.append(other)
    if not seen or any(one.difference.clusters < 2 for one in seen):
        return None
    table = cluster_table(tasks)
    if len(table) < 2:
        return None
    found = components(table)
    return _Measured(
        levels=levels,
        seen=seen,
        shift=found.shift,
        flips=found.flips,
        flip_rate=flip_rate(tasks)[0],
    )


def _unpaired(levels: Levels) -> str:
    for name, other in levels.others:
        paired = pair_task(other, levels.base)
        if isinstance(paired, str):
            return f"{name} cannot be paired with the run: {paired}"
    return "fewer than two clusters are in common"


def _moves(one: _Measured, moves: int) -> list[Move]:
    found = []
    for name, flips, paired in one.seen:
        own = paired.interval(LEVEL)
        wide = paired.interval(1 - (1 - LEVEL) / moves)
        found.append(
            Move(
                level=name,
                rate=paired.a,
                move=paired.difference,
                low=own.low,
                high=own.high,
                simultaneous=(wide.low, wide.high),
                flips=flips,
                pairs=paired.pairs,
                clusters=paired.clusters,
            )
        )
    return found


def _shares(
    own: MeasuredTask, measured: Sequence[_Measured], clusters: int, units: int
) -> tuple[list[Share], float, float]:
    """Of each source, with the variance that is the items' and that of all together."""
    shares_of_rate = cluster_table([own])[:, 0]
    rate = float(shares_of_rate.mean())
    # As its interval has it: no fewer answers count than are independent, and no more than all.
    error = max(float(shares_of_rate.var(ddof=1)) / clusters, rate * (1 - rate) / units)
    count = sum(len(one.seen) for one in measured)
    noise: Interval | None = None
    nets: list[tuple[_Measured, Interval, Interval, Interval]] = []
    for one in measured:
        averaged = one.levels.averaged
        shift = _scaled(one.shift, averaged)
        flips = _scaled(one.flips, averaged * clusters)
        terms = [(1, flips)]
        if noise is not None and one.levels.source is not Source.JUDGE:
            terms.append((-1, noise))
        nets.append((one, shift, combined(terms), combined([(1, shift), *terms])))
        if one.levels.source in _CHAIN:
            noise = flips
    positive = [(max(0.0, shift.estimate), max(0.0, flips.estimate)) for _, shift, flips, _ in nets]
    items = max(0.0, error - sum(flips.estimate for _, _, flips, _ in nets))
    total = items + sum(shift + flips for shift, flips in positive)
    shares = [
        Share(
            source=one.levels.source,
            sd=math.sqrt(sum(mine)),
            sd_low=math.sqrt(max(0.0, min(both.low, sum(mine)))),
            sd_high=math.sqrt(max(both.high, sum(mine))),
            share=sum(mine) / total if total else 0.0,
            shift_variance=shift.estimate,
            flips_variance=flips.estimate,
            flip_rate=one.flip_rate.estimate,
            flip_low=one.flip_rate.low,
            flip_high=one.flip_rate.high,
            moves=_moves(one, count),
        )
        for (one, shift, flips, both), mine in zip(nets, positive, strict=True)
    ]
    return shares, items, total


def _scaled(interval: Interval, by: int) -> Interval:
    return Interval(*(value / by for value in interval))


def _word(moves: Sequence[Move], reach: float) -> Word:
    """What the moves show.

    Reproducible is a claim about every move, so each is held to its own interval; not is one about
    any, so it takes the interval for all.
    """
    if not moves or math.isnan(reach):
        return Word.UNDECIDED
    if any(m.simultaneous[0] > reach or m.simultaneous[1] < -reach for m in moves):
        return Word.NOT
    if all(-reach <= m.low and m.high <= reach for m in moves):
        return Word.REPRODUCIBLE
    return Word.UNDECIDED
