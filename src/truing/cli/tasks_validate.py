"""`truing tasks validate`: the evidence for a test set, gathered and kept beside its card."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console

from truing.cli.tasks_chosen import chosen_tasks, print_findings
from truing.errors import UsageError
from truing.tasks import Task
from truing.validation.blind_files import write_items
from truing.validation.evidence import Evidence, folder_of, read_evidence, write_evidence
from truing.validation.finding import Finding
from truing.validation.gathering import gather
from truing.validation.overlap import public_prompts
from truing.validation.readings import add_reading, read_readings, write_readings
from truing.validation.relabelling import Given, Read, blind_items, read_given
from truing.validation.run_answers import RunRow, read_rows
from truing.validation.verdicts import judged

__all__ = ["validate_command"]

_WORST = {
    "trivial models": "closest trivial model to its floor",
    "oracle": "lowest oracle",
    "anti-oracle": "highest anti-oracle",
    "options alone": "highest shortcut, options alone",
    "prompt alone": "highest shortcut, prompt alone",
    "twins told apart by words": "highest shortcut, words of twins",
    "near-duplicates across seeds": "most near-duplicates",
    "overlap with public sets": "most overlap with public sets",
    "blind relabelling": "lowest kappa",
}


@click.command("validate")
@click.argument("names", nargs=-1, metavar="[TASK|SUITE|FOLDER]...")
@click.option(
    "--run",
    "runs",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="A stored run: halves of the set, two editions; no model is called. Repeatable.",
)
@click.option("--public", type=click.Path(path_type=Path), help="Folder of copies of public sets.")
@click.option("--blind", type=click.Path(path_type=Path), help="Write a blind reader's file, only.")
@click.option("-n", "--seeds", type=click.IntRange(1), help="Seeds a task for --blind.")
@click.option("--labels", type=click.Path(path_type=Path), help="A blind reader's filled file.")
@click.option("--reader", help="Who filled it: 'one person, 2026-11'.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
def validate_command(
    names: tuple[str, ...],
    runs: tuple[Path, ...],
    public: Path | None,
    blind: Path | None,
    seeds: int | None,
    labels: Path | None,
    reader: str | None,
    as_json: bool,
) -> int:
    """Gather the evidence for tasks (all without names) and keep it as evidence.json.

    Form, trivial models, oracles, shortcuts, overlap with public sets; with --run what stored runs
    say, with --labels what a blind reader says (JSON lines or CSV). What was known of the same
    content and is not gathered again stays. Exit code 1 where something does not hold.
    """
    tasks = chosen_tasks(names)
    if blind is not None:
        if labels is not None or runs:
            raise UsageError("--blind writes a file for a reader and does nothing else")
        items = [item for task in tasks for item in blind_items(task, limit=seeds)]
        write_items(blind, items)
        click.echo(f"{blind}: {len(items)} items of {len(tasks)} tasks; fill `answer` in each")
        return 0
    if (labels is None) != (reader is None):
        raise UsageError("--labels and --reader go together: say who read")
    folders = {task.id: _writable(task) for task in tasks}
    rows: Mapping[str, list[RunRow]] = read_rows(runs, tasks) if runs else {}
    readings = _readings(tasks, folders, labels, reader)
    prompts = public_prompts(public)
    date = datetime.now(UTC).date().isoformat()
    console = Console(highlight=False)
    found: dict[str, Evidence] = {}
    for task in tasks:
        kept, read = readings[task.id]
        folder = folders[task.id]
        evidence = asyncio.run(
            gather(
                task,
                read_evidence(folder),
                date=date,
                rows=rows.get(task.id),
                kept=kept,
                read=read,
                public=prompts,
                chosen=public is not None,
            )
        )
        write_evidence(folder, evidence)
        found[task.id] = evidence
        if not as_json:
            print_findings(task.id, judged(evidence), console)
    findings = {name: list(judged(evidence)) for name, evidence in found.items()}
    worst = list(_worst(findings))
    if as_json:
        printed: dict[str, Any] = {"tasks": found, "worst": worst}
        sys.stdout.buffer.write(msgspec.json.encode(printed) + b"\n")
    elif len(tasks) > 1:
        print_findings("worst of all", worst, console)
    return 1 if any(f.ok is False for own in findings.values() for f in own) else 0


def _writable(task: Task) -> Path:
    """The task's folder. Raises `UsageError` before anything is computed."""
    folder = folder_of(task)
    if not os.access(folder, os.W_OK):
        raise UsageError(
            f"{task.id}: its folder {folder} cannot be written: give a copy of the folder"
        )
    return folder


def _readings(
    tasks: list[Task], folders: Mapping[str, Path], labels: Path | None, reader: str | None
) -> dict[str, tuple[list[Given], Read | None]]:
    """Each task's readers' answers, those of `labels` among them and kept."""
    kept = {task.id: read_readings(folders[task.id]) for task in tasks}
    if labels is None or reader is None:
        return {name: (own, None) for name, own in kept.items()}
    read = {task.id: read_given(task, labels) for task in tasks}
    if not any(own.given or own.lost for own in read.values()):
        raise UsageError(f"--labels: {labels} has no answer about these tasks")
    found: dict[str, tuple[list[Given], Read | None]] = {}
    for task in tasks:
        own = add_reading(kept[task.id], read[task.id].given, reader, task)
        if len(own) > len(kept[task.id]):
            write_readings(folders[task.id], own)
        found[task.id] = own, read[task.id]
    return found


def _worst(findings: Mapping[str, list[Finding]]) -> Iterator[Finding]:
    """Of each kind of finding the one with the smallest margin, with its task."""
    for check, name in _WORST.items():
        there = [
            (finding.margin, task, finding)
            for task, own in findings.items()
            for finding in own
            if finding.check == check and finding.margin is not None
        ]
        if there:
            margin, task, finding = min(there, key=lambda one: one[:2])
            figure = f"{task}: {finding.figure}"
            yield Finding(
                check=name, ok=finding.ok, figure=figure, value=finding.value, margin=margin
            )
