"""How many records each row and side gives: twins in proportion, no row over all others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from truing.alignment.records import Record
from truing.records import content_hash

__all__ = ["balance_sides"]


def balance_sides(
    records: Sequence[Record],
    *,
    per_side: int | None = None,
    most: Mapping[str, int] | None = None,
    ratio: float = 1.0,
    seed: int = 0,
) -> tuple[list[Record], int]:
    """The records that stay, so that a row's sides stand in proportion, and how many went.

    In each row both sides are cut to `per_side`, and a side named in `most` to the number there;
    then the larger one to `ratio` times the smaller one. A
    row with records on one side alone keeps none: it would teach that side whatever is asked. Of
    one side rows are drawn cluster by cluster in turn, in an order that the seed decides.
    """
    by_row: dict[str, dict[str, list[Record]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        by_row[record.task][record.side].append(record)
    kept: set[int] = set()
    for sides in by_row.values():
        limits = {side: _limit(side, len(own), per_side, most or {}) for side, own in sides.items()}
        if set(sides) != {"recorded"}:
            if len(sides) < 2:
                continue
            least = min(limits.values())
            limits = {side: min(limit, int(ratio * least)) for side, limit in limits.items()}
        for side, own in sides.items():
            kept.update(id(record) for record in _in_turn(own, seed)[: limits[side]])
    return [r for r in records if id(r) in kept], len(records) - len(kept)


def _limit(side: str, there: int, per_side: int | None, most: Mapping[str, int]) -> int:
    return min(n for n in (there, per_side, most.get(side)) if n is not None)


def _in_turn(records: Sequence[Record], seed: int) -> list[Record]:
    """One record of every cluster, then a second of each, and so on."""
    by_cluster: dict[str, list[Record]] = defaultdict(list)
    for record in sorted(records, key=lambda r: content_hash([seed, r.id])):
        by_cluster[record.cluster].append(record)
    placed = [(turn, record) for own in by_cluster.values() for turn, record in enumerate(own)]
    return [r for _, r in sorted(placed, key=lambda p: (p[0], content_hash([seed, p[1].id])))]
