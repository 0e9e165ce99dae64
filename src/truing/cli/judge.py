"""`truing judge`: what judges are worth. Each command's module is imported when it is called."""

from __future__ import annotations

import click

from truing.cli.lazy import LazyGroup

__all__ = ["judge_command"]

# Command -> (module, one line for --help).
_COMMANDS = {
    "calibrate": ("judge_calibrate", "Measure a judge against people, and keep its card."),
    "fit": ("judge_fit", "Train a small judge on your own labels."),
    "queue": ("judge_queue", "Which answers of a run people should label next."),
    "label": ("judge_label", "Bring people's labels into a run."),
    "show": ("judge_show", "Show the cards of judges."),
}


@click.group("judge", cls=LazyGroup, table=_COMMANDS)
def judge_command() -> None:
    """Measure judges against people, train one, label what helps most."""
