"""`truing score RUN`: a stored run judged again, beside what was recorded. Calls no model."""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from rich.console import Console
from rich.text import Text

from truing.cli.finish import write_reports
from truing.errors import JournalError, UsageError
from truing.journal import JournalWriter, Line
from truing.reports.text import interval, rate, visible
from truing.rescoring import (
    Part,
    Rescored,
    RescoredRow,
    choose_scorers,
    compare_verdicts,
    judge_again,
    rescored_header,
)
from truing.runs import open_folder, read_header

__all__ = ["rescore_run"]


def rescore_run(
    run: Path, scorer: str | None, out: Path | None, *, seed: int, as_json: bool
) -> int:
    """Judge the answers of a run again, print what changes, write a run of it where asked."""
    header = read_header(run)
    if out is not None:
        _check_out(out, run)
    scorers = choose_scorers(run, header, scorer)
    if out is None:
        found = asyncio.run(judge_again(run, header, scorers))
    else:
        now = time.time()
        new = rescored_header(header, scorers, run_id=_run_id(now, header.id), created_at=now)
        with _appearing(out) as folder:
            open_folder(folder, new)
            with JournalWriter(folder / "journal") as journal:

                def append(*lines: Line) -> None:
                    journal.append(*lines)
                    if journal.failure:
                        raise journal.failure

                found = asyncio.run(judge_again(run, header, scorers, append))
            write_reports(folder)
    result = compare_verdicts(header, scorers, found, seed=seed)
    if out is not None:
        result = msgspec.structs.replace(result, out=str(out))
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(result) + b"\n")
    else:
        _print(result, Console(highlight=False))
    return 0


def _check_out(out: Path, run: Path) -> None:
    if out.resolve().is_relative_to(run.resolve()):
        raise UsageError(f"-o: {out} lies in the run itself, which stays as it is: name another")
    if (out / "run.json").exists():
        raise UsageError(f"-o: {out} holds a run already: name another folder")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"-o: expected a new or empty folder, {out} is not: name another")


@contextmanager
def _appearing(folder: Path) -> Iterator[Path]:
    """A place to write, which becomes `folder` once all is there; of a failure nothing is left."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    except OSError as error:
        raise JournalError(f"cannot write to {folder}: {error.strerror or error}") from error
    try:
        yield part
        try:
            part.replace(folder)
        except OSError as error:
            raise JournalError(f"cannot write to {folder}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _run_id(now: float, source: str) -> str:
    moment = time.strftime("%Y%m%d-%H%M%S", time.gmtime(now))
    name = re.sub(r"^\d{8}-\d{6}-", "", source).removesuffix("-rescored")
    return f"{moment}-{name}-rescored"


def _print(result: Rescored, console: Console) -> None:
    def say(line: str, style: str = "") -> None:
        console.print(Text(visible(line), style=style), soft_wrap=True)

    say(f"Run {result.run} of {result.model}, judged again\n")
    say(_line("", ("recorded", "now", "now - recorded", "p", "p, Holm", "test")), "dim")
    for row in result.rows:
        say(_changed(row), "bold" if row.changed else "")
        counted = "groups right" if row.unit == "group" else "samples right"
        say(_line(counted, _cells(row.whole)))
        for name, side in row.sides.items() if row.changed else ():
            say(_line(name.replace("_", " "), _cells(side)))
    say("")
    if any(row.sides and not row.changed for row in result.rows):
        say("Sides are shown where a verdict changed; --json has them all.", "dim")
    if result.torn_lines:
        say(f"{result.torn_lines} torn lines were left out: their answers are owed.", "dim")
    if result.out is not None:
        say(f"report  {Path(result.out) / 'report.html'}\nrun     {result.out}")
    else:
        say("Nothing was called or written (-o DIR keeps the new verdicts).", "dim")


def _line(name: str, cells: tuple[str, ...]) -> str:
    widths = (19, 19, 20, 9, 9, 0)
    shown = (f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True))
    return f"  {name:<16} {' '.join(shown)}".rstrip()


def _cells(part: Part) -> tuple[str, ...]:
    recorded, now = (
        f"{rate(own.estimate):<4} {interval(own.low, own.high)}"
        for own in (part.recorded, part.now)
    )
    found = part.difference
    if found is None:
        return (recorded, now, "-", "-", "-", "nothing to pair")
    moved = f"{_signed(found.difference)} [{_signed(found.low)}, {_signed(found.high)}]"
    return (recorded, now, moved, f"{found.p:.3g}", f"{found.p_holm:.3g}", found.test)


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("0.", ".", 1)


def _changed(row: RescoredRow) -> str:
    by = row.scorer_now
    if row.scorer_recorded != by:
        by = f"{by} (was {row.scorer_recorded})"
    compared = row.answers - row.first_verdicts
    line = f"{row.task}, {by}: {row.changed} of {compared} verdicts changed"
    if row.changes:
        each = (f"{change.recorded} -> {change.now} {change.count}" for change in row.changes)
        line += f": {', '.join(each)}"
    if row.first_verdicts:
        line += f"; {row.first_verdicts} answers had none yet"
    if row.whole.now.unscored:
        line += f"; {row.whole.now.unscored} unscored"
    return line
