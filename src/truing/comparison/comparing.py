"""How much better one model is than the other, row by row, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from truing import stats
from truing.comparison.measured import MeasuredSet
from truing.comparison.pairing import LeftOut, PairedTask, differences_of, pair_task
from truing.stats.paired_sides import PairedSides, Side, paired_sides
from truing.tasks.seeds import draw_bytes

__all__ = ["LEVEL", "MARGIN", "Comparison", "Difference", "NotCompared", "RowComparison", "compare"]

LEVEL = 0.95
MARGIN = 0.05


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """a minus b on the same questions, or the same seeds."""

    a: float
    b: float
    difference: float
    low: float
    high: float
    simultaneous: tuple[float, float]
    """Holds at once for all rows; of a side, for all sides."""
    test: str
    p: float
    adjusted_p: float
    """Holm's, over the rows; of a side, over the sides."""
    verdict: stats.Word
    different: bool
    """Shown not to be 0: an equivalent row may be."""
    detectable: float
    """The smallest difference that would have been found so (power .8)."""
    clusters_needed: int
    """Clusters at which a difference of the margin would be found so."""
    pairs: int
    clusters: int


class RowComparison(msgspec.Struct, frozen=True, kw_only=True):
    """One task: the mean of its sides, or its groups, and each side."""

    task: str
    scorer: str
    unit: str
    paired_by: str
    """`question`, or `seed` where later questions follow earlier answers."""
    by_outcome: bool
    """Its sides follow the answers, and are not of the same questions for both."""
    whole: Difference
    sides: dict[str, Difference]
    beside: dict[str, Difference]
    """Of the same questions, and no part of the row."""
    opposed: bool
    """One side is shown to be better and another worse: the mean hides it."""
    left_out: LeftOut


class NotCompared(msgspec.Struct, frozen=True, kw_only=True):
    """A task that was not compared, and why."""

    task: str
    why: str


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """`truing compare --json`."""

    a: str
    b: str
    model_a: str
    model_b: str
    rows: list[RowComparison]
    not_compared: list[NotCompared]
    settings: dict[str, tuple[Any, Any]]
    """Fields that differ, where they were allowed to."""
    base_models: list[str]
    """Which of a and b cannot chat and were asked to continue a transcript."""
    margin: float
    level: float
    verdicts: dict[str, int]


def compare(a: MeasuredSet, b: MeasuredSet, *, margin: float = MARGIN, seed: int = 0) -> Comparison:
    """Every task that both have, compared by pairs, with words that hold for all rows at once.

    Rows are one family, their sides another (`stats.compare_rows`): with the same model twice, a
    table says better or worse of a row with probability 1 - LEVEL at most.
    """
    paired: list[PairedTask] = []
    not_compared: list[NotCompared] = []
    for name in dict.fromkeys([*a.tasks, *b.tasks]):
        if name not in a.tasks or name not in b.tasks:
            why = "only in a" if name in a.tasks else "only in b"
            not_compared.append(NotCompared(task=name, why=why))
            continue
        found = pair_task(a.tasks[name], b.tasks[name])
        if isinstance(found, str):
            not_compared.append(NotCompared(task=name, why=found))
        else:
            paired.append(found)
    wholes = _family([(task.task, "", list(task.sides.values())) for task in paired], margin, seed)
    parts = [(task.task, name, [side]) for task in paired for name, side in _parts(task).items()]
    by_part = dict(zip([part[:2] for part in parts], _family(parts, margin, seed), strict=True))
    rows = [_row(task, whole, by_part) for task, whole in zip(paired, wholes, strict=True)]
    return Comparison(
        a=a.name,
        b=b.name,
        model_a=a.model,
        model_b=b.model,
        rows=rows,
        not_compared=not_compared,
        settings=differences_of(a, b),
        base_models=[name for name, one in (("a", a), ("b", b)) if one.base_model],
        margin=margin,
        level=LEVEL,
        verdicts={word.value: sum(one.verdict is word for one in wholes) for word in stats.Word},
    )


def _parts(task: PairedTask) -> dict[str, Side]:
    """Sides of a row that has several, and what is shown beside it."""
    return {**(task.sides if len(task.sides) > 1 else {}), **task.beside}


def _row(
    task: PairedTask, whole: Difference, by_part: dict[tuple[str, str], Difference]
) -> RowComparison:
    parts = {name: by_part[task.task, name] for name in _parts(task)}
    sides = {name: part for name, part in parts.items() if name in task.sides}
    moved = {side.difference > 0 for side in sides.values() if side.different}
    return RowComparison(
        task=task.task,
        scorer=task.scorer,
        unit=task.unit,
        paired_by="seed" if task.by_seed else "question",
        by_outcome=task.by_outcome,
        whole=whole,
        sides=sides,
        beside={name: part for name, part in parts.items() if name in task.beside},
        opposed=len(moved) > 1,
        left_out=task.left_out,
    )


def _family(
    members: Sequence[tuple[str, str, list[Side]]], margin: float, seed: int
) -> list[Difference]:
    """Differences with words that hold at once for all of them."""
    measured = [paired_sides(sides) for _, _, sides in members]
    found = []
    for (task, part, _), one in zip(members, measured, strict=True):
        # The same draw of signs each time, whatever else is compared.
        entropy = int.from_bytes(draw_bytes("compare", seed, task, part)[:8])
        found.append(one.tested(rng=np.random.default_rng(entropy), level=LEVEL))
    judged = stats.compare_rows(
        found,
        lambda place, level: measured[place].interval(level),
        margin=margin,
        alpha=1 - LEVEL,
    )
    alpha = 1 - stats.sidak_level(LEVEL, len(members))
    return [_difference(one, of, margin, alpha) for one, of in zip(measured, judged, strict=True)]


def _difference(one: PairedSides, of: stats.Comparison, margin: float, alpha: float) -> Difference:
    return Difference(
        a=one.a,
        b=one.b,
        difference=of.found.difference,
        low=of.found.low,
        high=of.found.high,
        simultaneous=(of.simultaneous.low, of.simultaneous.high),
        test=of.found.test,
        p=of.found.p,
        adjusted_p=of.adjusted,
        verdict=of.word,
        different=of.different,
        detectable=one.detectable(alpha=alpha),
        clusters_needed=one.clusters_to_find(margin, alpha=alpha),
        pairs=one.pairs,
        clusters=one.clusters,
    )
