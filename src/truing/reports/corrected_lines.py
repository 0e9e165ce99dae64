"""The rates as people would give them, as lines under a row in the terminal."""

from __future__ import annotations

from rich.text import Text

from truing.reports.corrected import CorrectedRate
from truing.reports.profile import Row
from truing.reports.text import interval, rate, visible

__all__ = ["corrected_lines", "labels_behind"]


def corrected_lines(row: Row) -> list[Text]:
    """Side by side and balanced, by way of the scorer that was chosen for it; none unlabelled."""
    if row.labelled is None:
        return []
    own = row.corrected[row.labelled.first]
    lines = [f"as people would say, by {labels_behind(row)}:"]
    sides = [f"{name.replace('_', ' ')} {_shown(found)}" for name, found in own.sides.items()]
    lines.append("  ".join([" ", *sides, f"balanced {_shown(own.balanced)}"]))
    if reason := next((one.reason for one in own.sides.values() if one.reason), ""):
        lines.append(f"  {reason}")
    return [Text(visible(f"  {line}"), style="dim") for line in lines]


def labels_behind(row: Row) -> str:
    """`100 labels and refusal_rule@1`, and what was left out."""
    counts = row.labelled
    assert counts is not None
    line = f"{counts.labels} labels and {counts.first}"
    left = [
        f"{number} {what}"
        for number, what in (
            (counts.unsure, "unsure"),
            (counts.disputed, "disputed"),
            (counts.outside, "out of turn"),
        )
        if number
    ]
    return f"{line} ({', '.join(left)} left out)" if left else line


def _shown(own: CorrectedRate) -> str:
    if own.estimate is None:
        return "unknown"
    return f"{rate(own.estimate)} {interval(own.low, own.high)}"
