"""`truing align`: from failures to training data. Each command's module is imported when called."""

from __future__ import annotations

import importlib

import click

__all__ = ["align_command"]

# Command -> (module, one line for --help).
_COMMANDS = {
    "export": ("align_export", "Training data of runs or of labelled answers."),
    "train": ("align_train", "A LoRA adapter from training data."),
    "prove": ("align_prove", "What a tuned model gained and lost against its base."),
    "loop": ("align_loop", "All of it in one folder, beside what a system message alone does."),
    "audit": ("align_audit", "Look for what crossed from the measured part into training data."),
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


@click.group("align", cls=_Lazy)
def align_command() -> None:
    """Turn what a run found into training data, and prove what came of it."""
