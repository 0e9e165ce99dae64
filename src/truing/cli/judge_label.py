"""`truing judge label`: people's labels brought into a run."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.text import Text

from truing.cli.finish import write_reports
from truing.errors import UsageError
from truing.judges.label_sheet import take_labels
from truing.judges.queue import open_queue
from truing.labels import LABELS_FOLDER, LabelWriter
from truing.reports.corrected import LabelCounts
from truing.reports.corrected_lines import corrected_lines
from truing.reports.text import visible

__all__ = ["label_command"]


@click.command("label")
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--labeller", metavar="NAME", help="Who gave the labels; else whoever is logged in.")
@click.option("--adjudicate", is_flag=True, help="The labels settle what people differ on.")
@click.option("--json", "as_json", is_flag=True, help="Print what was taken as JSON.")
def label_command(
    run: Path, file: Path, labeller: str | None, adjudicate: bool, as_json: bool
) -> int:
    """Bring the labels of FILE, filled from `truing judge queue -o`, into RUN.

    Rows without a label are skipped; reading a file again changes nothing. The run's report gets
    the rates as people would give them.
    """
    queue = open_queue(run)
    with LabelWriter(run / LABELS_FOLDER) as writer:
        taken = take_labels(
            queue, file, writer, labeller=labeller or _login(), adjudicates=adjudicate
        )
    summary = write_reports(run)
    counted = {row.task: row.labelled for row in summary.rows if row.labelled is not None}
    if as_json:
        printed = {"file": taken, "rows": counted}
        sys.stdout.buffer.write(msgspec.json.encode(printed) + b"\n")
        return 0
    console = Console(highlight=False)
    line = f"{taken.taken} labels taken"
    line += f" ({taken.changed} in place of another)" if taken.changed else ""
    line += f", {taken.there} there already" if taken.there else ""
    line += f", {taken.unsure} unsure" if taken.unsure else ""
    line += f", {taken.blank} rows without a label skipped" if taken.blank else ""
    console.print(line)
    for row in summary.rows:
        if row.labelled is not None:
            console.print(Text(f"\n{visible(row.task)}: {_counts(row.labelled)}"), soft_wrap=True)
            for shown in corrected_lines(row):
                console.print(shown, soft_wrap=True)
    console.print(f"\nreport  {run / 'report.html'}", markup=False, soft_wrap=True)
    return 0


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError) as error:
        raise UsageError("--labeller: say who gave the labels") from error


def _counts(counts: LabelCounts) -> str:
    line = f"{counts.labels} labels count"
    line += f", {counts.unsure} unsure" if counts.unsure else ""
    if counts.disputed:
        line += f", {counts.disputed} disputed (truing judge queue --disputed)"
    if counts.outside:
        line += (
            f"; {counts.outside} wait behind answers that have none yet: the next "
            "truing judge queue lists those first"
        )
    return line
