"""`truing tasks`: are the test sets worth asking?"""

from __future__ import annotations

import click

from truing.cli.tasks_check import check_command
from truing.cli.tasks_validate import validate_command

__all__ = ["tasks_command"]


@click.group("tasks")
def tasks_command() -> None:
    """Check test sets, yours and those that ship, and keep the evidence for them."""


tasks_command.add_command(check_command)
tasks_command.add_command(validate_command)
