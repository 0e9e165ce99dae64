"""`truing import`: public benchmarks, and recorded answers that become run folders."""

from __future__ import annotations

import tempfile
import time
from importlib import metadata
from pathlib import Path

import click

from truing.cli.finish import write_reports
from truing.errors import UnknownName, UsageError
from truing.importers import find_importer, importer_names
from truing.importers.benchmarks import import_benchmark
from truing.importers.recorded_run import RecordedRun
from truing.importers.repository import clone
from truing.journal import JournalWriter, JudgementLine, ResponseLine
from truing.records import Settings
from truing.reports.text import rate, visible
from truing.runs import RunHeader, open_folder
from truing.tasks.public import benchmark_names, find_benchmark

__all__ = ["import_command"]


@click.command("import")
@click.argument("source")
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option("--from", "copy", type=click.Path(path_type=Path), help="The same as PATH.")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Folder of recorded runs.")
def import_command(source: str, path: Path | None, copy: Path | None, out: Path | None) -> int:
    """Bring a public benchmark here, or make a run of each model's recorded answers.

    SOURCE is a name out of `truing list benchmarks`, to be run with --task import:NAME, or
    survey-recorded, which needs -o. PATH is a local copy; without it the source's repository is
    fetched at a pinned commit.
    """
    if path is not None and copy is not None:
        raise UsageError("give the copy once: PATH or --from PATH")
    if source in benchmark_names():
        if out is not None:
            raise UsageError(f"{source} is a benchmark: it is kept in the cache, not with -o")
        return _import_benchmark(source, path or copy)
    if source not in importer_names():
        raise UnknownName("source", source, [*importer_names(), *benchmark_names()])
    if out is None:
        raise UsageError(f"{source} makes runs: give their folder with -o")
    return _import_runs(source, path or copy, out)


def _import_benchmark(name: str, copy: Path | None) -> int:
    benchmark = find_benchmark(name)
    derived = import_benchmark(name, copy)
    for task, seeds in derived.seeds.items():
        click.echo(f"{task}: {seeds:,} seeds, {benchmark.cards[task].subcategory}")
    for why, rows in derived.left_out.items():
        click.echo(f"left out: {rows:,} rows ({why})")
    terms = ", for non-commercial use only" if benchmark.source.non_commercial else ""
    click.echo(f"licence: {benchmark.source.licence}{terms}")
    return 0


def _import_runs(source: str, path: Path | None, out: Path) -> int:
    reader, repository, commit = find_importer(source)
    if path is not None:
        if not path.is_dir():
            raise UsageError(f"expected a folder with a copy of {source}, got {path}")
        runs = reader(path)
    else:
        with tempfile.TemporaryDirectory() as copy:
            clone(repository, commit, Path(copy))
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
