"""Which rows of a run are to be repaired: chosen by interval, never by the point estimate."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from truing.reports.profile import Row

__all__ = ["TARGET", "ChosenRow", "choose_rows"]

TARGET = 0.9


class ChosenRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row, and whether and why it is repaired."""

    task: str
    repaired: bool
    says: str


def choose_rows(rows: Sequence[Row], *, target: float = TARGET) -> list[ChosenRow]:
    """Rows shown to be below the target on their headline are repaired, worst first.

    Shown means that the interval which holds for all rows at once lies wholly below. A row that
    may be above is left alone: what is not shown to be broken is not mended.
    """
    chosen = []
    for row in rows:
        own = row.headline
        if own.estimate is None or own.simultaneous is None:
            chosen.append(_row(row, repaired=False, says="unknown: too few answers of its kind"))
            continue
        low, high = own.simultaneous
        bounds = f"{own.estimate:.2f} [{low:.2f}, {high:.2f}]"
        if high < target:
            chosen.append(_row(row, repaired=True, says=f"{bounds} is below {target:.2f}"))
        elif low >= target:
            chosen.append(_row(row, repaired=False, says=f"{bounds} reaches {target:.2f}"))
        else:
            chosen.append(_row(row, repaired=False, says=f"{bounds} is not decided: more seeds"))
    worst = {row.task: row.headline.estimate for row in rows}
    return sorted(chosen, key=lambda one: (not one.repaired, worst[one.task] or 0.0))


def _row(row: Row, *, repaired: bool, says: str) -> ChosenRow:
    return ChosenRow(task=row.task, repaired=repaired, says=says)
