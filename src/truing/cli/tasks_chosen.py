"""Which tasks are meant, and findings as a table."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from truing.config import read_config
from truing.reports.text import visible
from truing.tasks import Task, find_suite, find_task, suites, task_ids
from truing.validation.finding import Finding

__all__ = ["chosen_tasks", "print_findings"]

_MARKS = {True: "ok", False: "FAILS", None: ""}


def chosen_tasks(names: Iterable[str]) -> list[Task]:
    """The tasks of the names, each a task, a suite or a folder; all that ship without names."""
    own = read_config(None).suites
    ids: list[str] = []
    for name in list(names) or task_ids():
        known_suite = name in suites() or name in own
        ids += find_suite(name, own).tasks if known_suite else [name]
    return [find_task(name) for name in dict.fromkeys(ids)]


def print_findings(name: str, findings: Iterable[Finding], console: Console) -> None:
    """A task's name, and a line for each finding."""
    console.print(Text(visible(name), style="bold"))
    table = Table.grid(padding=(0, 2))
    for finding in findings:
        style = "red" if finding.ok is False else "dim" if finding.ok is None else ""
        figure = visible(finding.figure + (f": {finding.detail}" if finding.detail else ""))
        row = ("  " + finding.check, _MARKS[finding.ok], figure)
        table.add_row(*(Text(cell, style=style) for cell in row))
    console.print(table)
