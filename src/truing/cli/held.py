"""`--baseline` of the command line: is this run no worse than that one?"""

from __future__ import annotations

import textwrap
from pathlib import Path

import msgspec
from rich.console import Console
from rich.text import Text

from truing.cli.finish import BELOW, UNDECIDED
from truing.comparison.measured import MeasuredSet
from truing.comparison.of_runs import measured_run, settings_of
from truing.errors import JournalError, UsageError
from truing.policies.regression import HeldSide, Regression, hold_against
from truing.reports.text import visible
from truing.reports.verdict import FAIL, PASS
from truing.runs import RunHeader, read_header, write_atomically

__all__ = ["check_baseline", "held_code", "hold_run", "open_baseline", "print_held"]

_STYLES = {"pass": "bold green", "fail": "bold red", "undecided": "bold yellow"}


def open_baseline(folder: Path | None) -> MeasuredSet | None:
    """The baseline, where one is named. Raises `UsageError` where it is no run."""
    if folder is None:
        return None
    if not (folder / "run.json").exists():
        raise UsageError(f"--baseline: expected a run folder, got {folder}")
    _refuse_stopped(read_header(folder), str(folder))
    return measured_run(folder)


def _refuse_stopped(header: RunHeader, name: str) -> None:
    if header.until_decided is not None:
        raise UsageError(
            f"--baseline: {name} was asked until it was decided, and the test by pairs holds for a "
            "number of seeds that is fixed before: give a run without --until-decided"
        )


def check_baseline(baseline: MeasuredSet | None, header: RunHeader) -> None:
    """Refuse a baseline that was asked otherwise, before anything is paid. Raises `UsageError`."""
    if baseline is None:
        return
    _refuse_stopped(header, header.id)
    ours = settings_of(header)
    for name, theirs in baseline.settings.items():
        if theirs != ours.get(name) and theirs != "not sent":
            raise UsageError(
                f"--baseline: {baseline.name} was asked with {name} {theirs!r}, this run with "
                f"{ours.get(name)!r}: a difference would be of the settings as much as of the model"
            )
    if not {task.id for task in header.tasks} & set(baseline.tasks):
        raise UsageError(f"--baseline: {baseline.name} has none of the rows of this run")


def hold_run(folder: Path, baseline: MeasuredSet | None, no_worse_than: float) -> Regression | None:
    """Hold a run against its baseline; the result is kept as `baseline.json`."""
    if baseline is None:
        return None
    held = hold_against(measured_run(folder), baseline, no_worse_than=no_worse_than)
    encoded = msgspec.json.format(msgspec.json.encode(held), indent=1)
    try:
        write_atomically(folder / "baseline.json", encoded + b"\n")
    except OSError as error:
        raise JournalError(f"cannot write to {folder}: {error.strerror or error}") from error
    return held


def held_code(held: Regression | None, other: int) -> int:
    """The exit code of both gates: 100 where either fails, 101 where either is undecided."""
    if held is None or held.verdict == PASS or other == BELOW:
        return other
    return BELOW if held.verdict == FAIL else max(other, UNDECIDED)


def print_held(held: Regression | None, console: Console) -> None:
    """The verdict, and every side that does not pass."""
    if held is None:
        return
    console.print()
    console.print(
        Text.assemble(
            f"Against {visible(held.baseline)} ({visible(held.model)}), no worse than "
            f"{held.no_worse_than:g}: ",
            (held.verdict.upper(), _STYLES[held.verdict]),
        )
    )
    for word in ("fail", "undecided"):
        for side in held.sides:
            if side.verdict == word:
                _print_side(side, console)


def _print_side(side: HeldSide, console: Console) -> None:
    told = f"{side.task}, {side.side.replace('_', ' ')}"
    if side.now is not None and side.before is not None:
        told += f": {side.now:.2f}, was {side.before:.2f} ({side.difference:+.3f})"
    first = Text(f"  {side.verdict:<10}", style=_STYLES[side.verdict])
    first.append(visible(told), style="default not bold")
    console.print(first, soft_wrap=True)
    for line in textwrap.wrap(visible(side.says), width=max(40, min(console.width, 100) - 12)):
        console.print(Text(f"{'':<12}{line}", style="dim"), soft_wrap=True)
