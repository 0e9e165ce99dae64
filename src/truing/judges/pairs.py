"""Pairs of replies with a judge's winner in both orders: the rows of a table, read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from truing.errors import TaskError, UsageError
from truing.judges.calibrating import Pair
from truing.judges.labelled import split_names
from truing.records import content_hash

__all__ = ["PAIR_MEANINGS", "pairs_hash", "read_pairs"]

PAIR_MEANINGS = ("label", "forward", "backward", "row", "cluster")
_NEEDED = ("label", "forward", "backward")
_REPLIES = ("1", "2")


def read_pairs(
    rows: Iterable[Mapping[str, str]],
    columns: Mapping[str, str],
    names: Mapping[str, str] | None = None,
    *,
    where: str = "pairs",
) -> list[Pair]:
    """Every pair of a table: which reply people prefer, and which wins in either order.

    `forward` is the order in which reply 1 is shown first; all three columns name the reply, not
    the place: 1 or 2, or what `names` says stands for them. A winner that is neither is unscored.
    Raises `UsageError` for a meaning or column that is not there, `TaskError` for a preference
    that is neither reply.
    """
    if unknown := sorted(set(columns) - set(PAIR_MEANINGS)):
        raise UsageError(
            f"--columns: no meaning named {unknown[0]!r} with --pairwise: known are "
            f"{', '.join(PAIR_MEANINGS)}"
        )
    if missing := [meaning for meaning in _NEEDED if meaning not in columns]:
        raise UsageError(f"--columns: name the {missing[0]} column ({missing[0]}=...)")
    read = {**{one: one for one in _REPLIES}, **split_names(names or {})}
    pairs = []
    for number, row in enumerate(rows, 1):
        for column in columns.values():
            if column not in row:
                there = ", ".join(sorted(row)[:12])
                raise UsageError(f"{where}, row {number}: no column {column!r}; there are: {there}")
        cells = {meaning: row[column].strip() for meaning, column in columns.items()}
        gold = read.get(cells["label"])
        if gold not in _REPLIES:
            raise TaskError(
                f"{where}, row {number}: expected the preferred reply, 1 or 2, found "
                f"{cells['label'][:60]!r}: say what it stands for with --label-names 1=...,2=..."
            )
        forward, backward = (read.get(cells[order]) for order in ("forward", "backward"))
        pairs.append(
            Pair(
                gold=gold,
                forward=forward if forward in _REPLIES else None,
                backward=backward if backward in _REPLIES else None,
                row=cells.get("row", ""),
                cluster=cells.get("cluster") or str(number),
            )
        )
    if not pairs:
        raise TaskError(f"{where}: expected at least one pair, found none")
    return pairs


def pairs_hash(pairs: Sequence[Pair]) -> str:
    """What identifies the pairs: their rows, clusters and people's preferences, in order."""
    return content_hash([(pair.row, pair.cluster, pair.gold) for pair in pairs])
