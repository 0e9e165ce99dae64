"""`--policy` of the command line: which one, and what it says before anything is asked."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from truing.cli.options import RunOptions
from truing.config import Config
from truing.errors import UsageError
from truing.policies.foresight import PlannedRow, foresee
from truing.policies.policy import Policy, find_policy
from truing.reports.text import visible
from truing.tasks import Task

__all__ = ["open_policy", "print_foresight"]


def open_policy(options: RunOptions, config: Config) -> Policy | None:
    """The policy of the command line, else of the config file. Raises `UsageError`."""
    if options.policy is not None:
        return find_policy(options.policy)
    if config.policy is not None:
        return find_policy(config.policy, (options.config or Path("truing.toml")).parent)
    if options.junit is not None and options.baseline is None:
        raise UsageError("--junit holds a verdict: add --policy NAME or FILE, or --baseline RUN")
    return None


def print_foresight(
    policy: Policy | None,
    tasks: list[Task],
    seeds: int | None,
    console: Console,
    *,
    of_set: bool = False,
) -> None:
    """Say why the verdict cannot be pass, where it cannot, while nothing is paid for yet."""
    if policy is None:
        return
    rows = [
        PlannedRow(
            task=task.id,
            subcategory=task.card.subcategory,
            sides=[side.name for side in task.card.sides],
            seeds=min(seeds or task.seed_count, task.seed_count),
        )
        for task in tasks
    ]
    for line in foresee(policy, rows, of_set=of_set):
        console.print(
            visible(f"policy {policy.name} cannot pass: {line}"), markup=False, soft_wrap=True
        )
