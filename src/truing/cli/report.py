"""`truing report`: the report of a stored run, derived again."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec
from rich.console import Console

from truing.cli.finish import verdict_code, write_junit, write_reports
from truing.cli.held import check_baseline, held_code, hold_run, open_baseline, print_held
from truing.policies.policy import find_policy
from truing.reports.terminal import print_profile
from truing.reports.verdict_table import print_verdict
from truing.runs import read_header

__all__ = ["report_command"]


@click.command("report")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--policy", metavar="FILE|NAME", help="Go or no-go: exit 0, 100 (below), 101 (undecided)."
)
@click.option("--junit", type=click.Path(path_type=Path), help="Write the verdict as JUnit XML.")
@click.option(
    "--baseline", type=click.Path(path_type=Path), metavar="RUN", help="Is RUN worse than this one?"
)
@click.option(
    "--no-worse-than",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.05,
    show_default=True,
    metavar="X",
    help="Loss against the baseline that is allowed on any side.",
)
@click.option("--json", "as_json", is_flag=True, help="Print summary.json on standard output.")
def report_command(
    run: Path,
    policy: str | None,
    junit: Path | None,
    baseline: Path | None,
    no_worse_than: float,
    as_json: bool,
) -> int:
    """Derive summary.json and report.html of RUN again from its journal.

    A policy is kept in RUN and holds, with its exit codes, until another one is given.
    """
    before = open_baseline(baseline)
    check_baseline(before, read_header(run))
    summary = write_reports(run, None if policy is None else find_policy(policy))
    held = hold_run(run, before, no_worse_than)
    if junit is not None:
        write_junit(junit, summary, held)
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(summary) + b"\n")
    else:
        console = Console(highlight=False)
        print_profile(summary, console)
        if summary.policy is not None:
            print_verdict(summary.policy, console)
        console.print(f"\nreport  {run / 'report.html'}", markup=False, soft_wrap=True)
    print_held(held, Console(stderr=True, highlight=False))
    return held_code(held, verdict_code(summary))
