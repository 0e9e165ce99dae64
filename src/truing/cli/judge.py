"""`truing judge`: what judges are worth. Each command's module is imported when it is called."""

from __future__ import annotations

import importlib

import click

__all__ = ["judge_command"]

# Command -> (module, one line for --help).
_COMMANDS = {
    "calibrate": ("judge_calibrate", "Measure a judge against people, and keep its card."),
    "fit": ("judge_fit", "Train a small judge on your own labels."),
    "queue": ("judge_queue", "Which answers of a run people should label next."),
    "label": ("judge_label", "Bring people's labels into a run."),
    "show": ("judge_show", "Show the cards of judges."),
}


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"truing.cli.{_COMMANDS[cmd_name][0]}")
        command = getattr(module, f"{cmd_name}_command")
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in _COMMANDS.items()])


@click.group("judge", cls=_Lazy)
def judge_command() -> None:
    """Measure judges against people, train one, label what helps most."""
