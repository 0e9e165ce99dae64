"""`truing judge queue`: which answers of a run people should label next."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from truing.cli.finish import write_reports
from truing.errors import UsageError
from truing.judges.label_sheet import label_rows, write_label_sheet
from truing.judges.queue import Expected, Queue, open_queue
from truing.reports.text import rate, visible

__all__ = ["queue_command"]

_MORE = (50, 100, 200)
"""How many labels more the plan is printed for, beside what was asked for."""


@click.command("queue")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "-n", "count", type=click.IntRange(1), default=100, show_default=True, help="How many answers."
)
@click.option("--task", "tasks", multiple=True, metavar="ID", help="These rows alone; repeatable.")
@click.option("--judge", metavar="NAME", help="The judge whose corrected rates stand first.")
@click.option("--seed", type=int, help="Draws another order; fixed once a run has its plan.")
@click.option("--disputed", is_flag=True, help="Instead: answers on which people differ.")
@click.option(
    "-o", "out", type=click.Path(path_type=Path), metavar="FILE", help="A .csv or .jsonl to fill."
)
@click.option("--json", "as_json", is_flag=True, help="Print the answers and the plan as JSON.")
def queue_command(
    run: Path,
    count: int,
    tasks: tuple[str, ...],
    judge: str | None,
    seed: int | None,
    disputed: bool,
    out: Path | None,
    as_json: bool,
) -> int:
    """Which answers of RUN people should label next, the most useful first.

    Shows what their labels would bring and, with -o, writes the file that `truing judge label`
    reads back. Stop anywhere and go on later: the rates stay unbiased.
    """
    queue = open_queue(run, tasks=tasks, judge=judge, seed=seed)
    answers = queue.disputed[:count] if disputed else queue.next_answers(count)
    left = len(queue.next_answers(sys.maxsize))
    expected = [] if disputed else queue.expected(_counts(count, left))
    if out is not None:
        if not answers:
            what = "no answer is disputed" if disputed else "every answer has been labelled"
            raise UsageError(f"-o: {what}: there is nothing to write")
        write_label_sheet(out, answers)
    if queue.labelling.lines:
        write_reports(run)  # the plan may have taken in answers that came late
    if as_json:
        printed: dict[str, Any] = {
            "run": queue.header.id,
            "seed": queue.labelling.plan.seed,
            "judge": queue.labelling.plan.judge,
            "left": left,
            "disputed": len(queue.disputed),
            "expected": expected,
            "answers": list(label_rows(answers)),
        }
        sys.stdout.buffer.write(msgspec.json.encode(printed) + b"\n")
        return 0
    console = Console(highlight=False)
    _print(queue, expected, left, console)
    if out is not None:
        say = f"\n{out}: {len(answers)} answers; fill `label`, then truing judge label {run} {out}"
        console.print(Text(visible(say)), soft_wrap=True)
    elif answers:
        console.print("\nNothing was written: -o FILE.csv gives a file to fill.", style="dim")
    return 0


def _counts(count: int, left: int) -> list[int]:
    """Numbers of labels more to plan for: round ones and those asked for, at most what is left."""
    return sorted({min(number, left) for number in (count, *_MORE)} - {0})


def _print(queue: Queue, expected: list[Expected], left: int, console: Console) -> None:
    plan = queue.labelling.plan
    weighted = sum(side.stratum.typical is not None for side in queue.sides)
    drawn = (
        "the least certain more often, with known chances"
        if weighted
        else "at random: the scorers tell no answer from another well enough"
    )
    by = f"by way of {plan.judge}" if plan.judge else "by way of the rule"
    console.print(Text(visible(f"{left} answers of {queue.header.id} are not labelled; {drawn}.")))
    if disputed := len(queue.disputed):
        console.print(f"{disputed} are disputed: --disputed lists them to be adjudicated.")
    if torn := queue.labelling.torn:
        console.print(f"{torn} torn lines of the label journal were left out.")
    if not expected:
        return
    console.print(Text(visible(f"\nExpected balanced rate, half its interval, {by}:")))
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("")
    for name in ("labels", "now", *(f"{count} more" for count in expected[0].after)):
        table.add_column(name, justify="right")
    for row in expected:
        cells = [row.now, *row.after.values()]
        shown = ["-" if width is None else f"±{rate(width)}" for width in cells]
        table.add_row(visible(row.task), str(row.labels), *shown)
    console.print(table)
    if len(expected) > 1:
        console.print("The labels are shared among rows and sides: --task ID for one row.")
