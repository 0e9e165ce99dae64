"""`truing align audit`: whether anything measured crossed into training data."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.text import Text

from truing.alignment.exporting import read_records
from truing.alignment.leaks import Asked, Crossing, asked_of, find_crossings, said
from truing.alignment.measured import measured_of_task, measured_samples
from truing.reports.text import visible
from truing.runs import read_header
from truing.tasks import find_suite, find_task

__all__ = ["audit_command"]

_SHOWN = 10
_KINDS = {
    "sample": "the same sample",
    "seed": "another sample of a measured seed",
    "text": "nearly the same text",
    "words": "the same things in another form",
}


@click.command("audit")
@click.argument("export", type=click.Path(path_type=Path))
@click.option(
    "--run", "runs", multiple=True, type=click.Path(path_type=Path), help="Run to be kept clean."
)
@click.option(
    "-s", "--suite", help="Suite to be kept clean [default: full, where no run is named]."
)
@click.option("--seed", "editions", multiple=True, type=int, help="Editions of it [default: 0].")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
def audit_command(
    export: Path,
    runs: tuple[Path, ...],
    suite: str | None,
    editions: tuple[int, ...],
    as_json: bool,
) -> int:
    """Look for training prompts that are, or nearly are, questions of the measured part.

    EXPORT is a folder of `truing align export`. Exit code 1 where anything crossed.
    """
    _, records = read_records(export)
    training = [
        Asked(
            name=record.id,
            task=record.task,
            cluster=record.cluster,
            text=said(record.messages),
            sample=record.sample,
        )
        for record in records
    ]
    measured = {
        sample.id: asked_of(sample.id, sample)
        for run in runs
        for sample in measured_samples(run, read_header(run))
    }
    if suite or not runs:
        for name in find_suite(suite or "full").tasks:
            for edition in editions or (0,):
                for sample in measured_of_task(find_task(name), edition=edition):
                    measured[sample.id] = asked_of(sample.id, sample)
    found = find_crossings(training, list(measured.values()))
    if as_json:
        result = {"records": len(records), "measured": len(measured), "crossings": found}
        sys.stdout.buffer.write(msgspec.json.encode(result) + b"\n")
    else:
        _print(found, len(records), len(measured))
    return 1 if found else 0


def _print(found: list[Crossing], records: int, measured: int) -> None:
    console = Console(highlight=False)

    def say(line: str, style: str = "") -> None:
        console.print(Text(visible(line), style=style), soft_wrap=True)

    say(f"{records:,} records against {measured:,} samples of the measured part")
    if not found:
        say("Nothing crossed.", "bold")
        return
    for kind, count in Counter(crossing.kind for crossing in found).items():
        say(f"{count:>6,}  {_KINDS[kind]}", "bold")
    for crossing in found[:_SHOWN]:
        say(
            f"  {crossing.task}: record {crossing.record} and sample {crossing.measured}, "
            f"{crossing.kind} {crossing.likeness:.2f}"
        )
    if len(found) > _SHOWN:
        say(f"  ... and {len(found) - _SHOWN} more (--json has them all)", "dim")
