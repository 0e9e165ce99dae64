"""`truing report`: the report of a stored run, derived again."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec
from rich.console import Console

from truing.cli.finish import write_reports
from truing.reports.terminal import print_profile

__all__ = ["report_command"]


@click.command("report")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print summary.json on standard output.")
def report_command(run: Path, as_json: bool) -> int:
    """Derive summary.json and report.html of RUN again from its journal."""
    summary = write_reports(run)
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(summary) + b"\n")
    else:
        console = Console(highlight=False)
        print_profile(summary, console)
        console.print(f"\nreport  {run / 'report.html'}", markup=False, soft_wrap=True)
    return 0
