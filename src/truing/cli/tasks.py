"""`truing tasks`: are the test sets worth asking?"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from truing.config import read_config
from truing.reports.text import visible
from truing.tasks import Task, find_suite, find_task, suites, task_ids
from truing.validation.checks import check_across, check_form, check_policies
from truing.validation.finding import Finding
from truing.validation.shortcuts import check_shortcuts

__all__ = ["tasks_command"]

_MARKS = {True: "ok", False: "FAILS", None: ""}


@click.group("tasks")
def tasks_command() -> None:
    """Check test sets: yours and those that ship."""


@tasks_command.command("check")
@click.argument("names", nargs=-1, metavar="[TASK|SUITE]...")
@click.option("--seed", "edition", type=int, default=0, help="Edition to check.")
@click.option("--shortcuts", is_flag=True, help="Train learners that do not read the question.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
def check_command(names: tuple[str, ...], edition: int, shortcuts: bool, as_json: bool) -> int:
    """Check the form of tasks (all without names): balance, duplicates, floors, oracles.

    Exit code 1 where something does not hold.
    """
    tasks = _chosen(names)
    found = {task.id: list(_check(task, edition=edition, shortcuts=shortcuts)) for task in tasks}
    if len(tasks) > 1:
        found["all together"] = list(check_across(tasks, edition=edition))
    failed = any(finding.ok is False for findings in found.values() for finding in findings)
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(found) + b"\n")
    else:
        _print(found, Console(highlight=False))
    return 1 if failed else 0


def _chosen(names: tuple[str, ...]) -> list[Task]:
    own = read_config(None).suites
    ids: list[str] = []
    for name in names or task_ids():
        known_suite = name in suites() or name in own
        ids += find_suite(name, own).tasks if known_suite else [name]
    return [find_task(name) for name in dict.fromkeys(ids)]


def _check(task: Task, *, edition: int, shortcuts: bool) -> Iterator[Finding]:
    yield from check_form(task, edition=edition)
    policies = list(asyncio.run(check_policies(task, edition=edition)))
    yield from policies
    if shortcuts:
        floor = next(float(f.figure) for f in policies if f.check == "floor")
        yield from check_shortcuts(task, floor, edition=edition)


def _print(found: dict[str, list[Finding]], console: Console) -> None:
    for name, findings in found.items():
        console.print(Text(visible(name), style="bold"))
        table = Table.grid(padding=(0, 2))
        for finding in findings:
            style = "red" if finding.ok is False else "dim" if finding.ok is None else ""
            figure = visible(finding.figure + (f": {finding.detail}" if finding.detail else ""))
            row = ("  " + finding.check, _MARKS[finding.ok], figure)
            table.add_row(*(Text(cell, style=style) for cell in row))
        console.print(table)
