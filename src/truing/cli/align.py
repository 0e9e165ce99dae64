"""`truing align`: from failures to training data. Each command's module is imported when called."""

from __future__ import annotations

import click

from truing.cli.lazy import LazyGroup

__all__ = ["align_command"]

# Command -> (module, one line for --help).
_COMMANDS = {
    "export": ("align_export", "Training data of runs or of labelled answers."),
    "train": ("align_train", "A LoRA adapter from training data."),
    "prove": ("align_prove", "What a tuned model gained and lost against its base."),
    "loop": ("align_loop", "All of it in one folder, beside what a system message alone does."),
    "audit": ("align_audit", "Look for what crossed from the measured part into training data."),
}


@click.group("align", cls=LazyGroup, table=_COMMANDS)
def align_command() -> None:
    """Turn what a run found into training data, and prove what came of it."""
