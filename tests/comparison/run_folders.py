"""Runs of scripted models, and copies of them that are wrong in a known way."""

from __future__ import annotations

import json
import shutil

from click.testing import CliRunner

from truing.cli import cli

__all__ = ["ask", "copied"]


def ask(folder, model, tasks, seeds, *more):
    """The folder, with a run of a scripted model in it."""
    chosen = [word for task in tasks for word in ("--task", task)]
    done = CliRunner().invoke(
        cli, ["run", "-m", f"scripted/{model}", *chosen, "-n", str(seeds), "-o", str(folder), *more]
    )
    assert done.exit_code == 0, done.output
    return folder


def copied(run, target, change):
    """A copy of a run; `change` gets each journal line as a dict, and returns it or None."""
    shutil.copytree(run, target)
    for file in (target / "journal").glob("*.jsonl"):
        lines = [change(json.loads(line)) for line in file.read_text("utf-8").splitlines()]
        kept = [json.dumps(line) + "\n" for line in lines if line is not None]
        file.write_text("".join(kept), "utf-8")
    return target
