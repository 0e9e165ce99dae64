"""`truing import`: recorded answers from elsewhere become run folders."""

from __future__ import annotations

import subprocess
import tempfile
import time
from importlib import metadata
from pathlib import Path

import click

from truing.cli.finish import write_reports
from truing.errors import UsageError
from truing.importers import find_importer
from truing.importers.recorded_run import RecordedRun
from truing.journal import JournalWriter, JudgementLine, ResponseLine
from truing.records import Settings
from truing.reports.text import rate, visible
from truing.runs import RunHeader, open_folder

__all__ = ["import_command"]


@click.command("import")
@click.argument("source")
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="Folder of runs.")
def import_command(source: str, path: Path | None, out: Path) -> int:
    """Make a run of each model's recorded answers.

    SOURCE is survey-recorded. PATH is a local copy; without it the source's repository is cloned
    at a pinned commit.
    """
    reader, repository, commit = find_importer(source)
    if path is not None:
        if not path.is_dir():
            raise UsageError(f"expected a folder with a copy of {source}, got {path}")
        runs = reader(path)
    else:
        with tempfile.TemporaryDirectory() as copy:
            _clone(repository, commit, Path(copy))
            runs = reader(Path(copy))
    for run in runs:
        folder = out / run.model
        _write(folder, run, suite=source)
        summary = write_reports(folder)
        shown = ", ".join(
            f"{row.task.partition('/')[2]} {rate(row.headline.estimate)} (n {row.headline.units})"
            for row in summary.rows
        )
        click.echo(visible(f"{folder}: {shown}"))
    return 0


def _clone(repository: str, commit: str, folder: Path) -> None:
    for command in (
        ["git", "clone", "--quiet", repository, str(folder)],
        ["git", "-C", str(folder), "checkout", "--quiet", commit],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            said = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise UsageError(
                f"could not fetch {repository} at {commit}: {said}; give a local copy as PATH"
            )


def _write(folder: Path, run: RecordedRun, *, suite: str) -> None:
    header = RunHeader(
        truing=metadata.version("truing"),
        id=f"{suite}-{run.model}",
        model=f"recorded/{run.model}",
        address=None,
        suite=suite,
        tasks=run.tasks,
        settings=Settings(temperature=0.7),
        edition=0,
        seeds_per_task=None,
        created_at=time.time(),
        packages={},
        machine={},
    )
    if (folder / "run.json").exists():
        raise UsageError(f"{folder} holds a run already: give another folder with -o")
    open_folder(folder, header)
    with JournalWriter(folder / "journal") as journal:
        for sample, repeat, response, judgement in run.answers:
            journal.append(
                ResponseLine(epoch=repeat, sample=sample, response=response, at=0.0),
                JudgementLine(epoch=repeat, sample=sample.id, judgement=judgement),
            )
