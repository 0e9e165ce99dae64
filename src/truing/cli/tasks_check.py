"""`truing tasks check`: what a test set must hold by its form."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator

import click
import msgspec
from rich.console import Console

from truing.cli.tasks_chosen import chosen_tasks, print_findings
from truing.tasks import Task
from truing.validation.checks import check_across, check_form, check_policies
from truing.validation.finding import Finding
from truing.validation.shortcuts import check_shortcuts

__all__ = ["check_command"]


@click.command("check")
@click.argument("names", nargs=-1, metavar="[TASK|SUITE|FOLDER]...")
@click.option("--seed", "edition", type=int, default=0, help="Edition to check.")
@click.option("--shortcuts", is_flag=True, help="Train learners that do not read the question.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
def check_command(names: tuple[str, ...], edition: int, shortcuts: bool, as_json: bool) -> int:
    """Check the form of tasks (all without names): balance, duplicates, floors, oracles.

    Exit code 1 where something does not hold.
    """
    tasks = chosen_tasks(names)
    found = {task.id: list(_check(task, edition=edition, shortcuts=shortcuts)) for task in tasks}
    if len(tasks) > 1:
        found["all together"] = list(check_across(tasks, edition=edition))
    failed = any(finding.ok is False for findings in found.values() for finding in findings)
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(found) + b"\n")
    else:
        console = Console(highlight=False)
        for name, findings in found.items():
            print_findings(name, findings, console)
    return 1 if failed else 0


def _check(task: Task, *, edition: int, shortcuts: bool) -> Iterator[Finding]:
    yield from check_form(task, edition=edition)
    policies = list(asyncio.run(check_policies(task, edition=edition)))
    yield from policies
    if shortcuts:
        floor = next(finding.value or 0.0 for finding in policies if finding.check == "floor")
        yield from check_shortcuts(task, floor, edition=edition)
