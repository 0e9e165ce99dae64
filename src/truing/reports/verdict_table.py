"""The verdict against a policy in the terminal: what does not pass, and what would decide it."""

from __future__ import annotations

import textwrap

from rich.console import Console
from rich.text import Text

from truing.reports.text import interval, rate, visible
from truing.reports.verdict import FAIL, PASS, UNDECIDED, PolicyVerdict, RequiredSide

__all__ = ["print_verdict"]

_STYLES = {PASS: "bold green", FAIL: "bold red", UNDECIDED: "bold yellow"}
_ORDER = (FAIL, UNDECIDED)


def print_verdict(policy: PolicyVerdict, console: Console) -> None:
    """The verdict, then every side that does not pass, failing ones first."""
    counts = ", ".join(f"{policy.count(word)} {word}" for word in (PASS, *_ORDER))
    console.print()
    console.print(
        Text.assemble(
            f"Policy {visible(policy.name)} ({policy.hash}): ",
            (policy.verdict.upper(), _STYLES[policy.verdict]),
        )
    )
    console.print(Text(f"{len(policy.sides)} sides required: {counts}", style="dim"))
    for word in _ORDER:
        for side in policy.sides:
            if side.verdict == word:
                _print_side(side, console)


def _print_side(side: RequiredSide, console: Console) -> None:
    first = Text(f"  {side.verdict:<10}", style=_STYLES[side.verdict])
    told = f"{side.task or side.row}, {side.side.replace('_', ' ')}: "
    if side.estimate is not None:
        told += f"{rate(side.estimate)} {interval(side.low, side.high)}, "
    first.append(visible(f"{told}at least {rate(side.at_least)}"), style="default not bold")
    console.print(first, soft_wrap=True)
    for line in textwrap.wrap(visible(side.says), width=max(40, min(console.width, 100) - 12)):
        console.print(Text(f"{'':<12}{line}", style="dim"), soft_wrap=True)
