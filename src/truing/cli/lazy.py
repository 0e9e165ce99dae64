"""A group of commands whose modules are imported when they are called, so that help is quick."""

from __future__ import annotations

import importlib
from typing import Any

import click

__all__ = ["LazyGroup"]


class LazyGroup(click.Group):
    """`table`: command -> (module in `truing.cli`, one line for --help).

    The module of NAME holds the command as `NAME_command`.
    """

    def __init__(self, *arguments: Any, table: dict[str, tuple[str, str]], **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._table = table

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of the table."""
        return list(self._table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, or None where the table has none."""
        if cmd_name not in self._table:
            return None
        module = importlib.import_module(f"truing.cli.{self._table[cmd_name][0]}")
        command = getattr(module, f"{cmd_name}_command")
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """From the table alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in self._table.items()])
