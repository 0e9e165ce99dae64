"""How many records each row and side gives: twins in proportion, no row over all others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from truing.alignment.records import Record
from truing.records import content_hash

__all__ = ["balance_sides"]


def balance_sides(
    records: Sequence[Record],
    *,
    per_side: int | None = None,
    ratio: float = 1.0,
    seed: int = 0,
) -> tuple[list[Record], int]:
    """The records that stay, so that a row's sides stand in proportion, and how many went.

    In each row the larger side is cut to `ratio` times the smaller one, and both to `per_side`. A
    row with records on one side alone keeps none: it would teach that side whatever is asked. Of
    one side rows are drawn cluster by cluster in turn, in an order that the seed decides.
    """
    by_row: dict[str, dict[str, list[Record]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        by_row[record.task][record.side].append(record)
    kept: set[int] = set()
    for sides in by_row.values():
        if set(sides) == {"recorded"}:
            most = None
        elif len(sides) < 2:
            continue
        else:
            most = int(ratio * min(map(len, sides.values())))
        limits = [limit for limit in (per_side, most) if limit is not None]
        for own in sides.values():
            in_turn = _in_turn(own, seed)
            kept.update(id(record) for record in in_turn[: min(limits, default=len(own))])
    return [r for r in records if id(r) in kept], len(records) - len(kept)


def _in_turn(records: Sequence[Record], seed: int) -> list[Record]:
    """One record of every cluster, then a second of each, and so on."""
    by_cluster: dict[str, list[Record]] = defaultdict(list)
    for record in sorted(records, key=lambda r: content_hash([seed, r.id])):
        by_cluster[record.cluster].append(record)
    placed = [(turn, record) for own in by_cluster.values() for turn, record in enumerate(own)]
    return [r for _, r in sorted(placed, key=lambda p: (p[0], content_hash([seed, p[1].id])))]
