"""`truing study`: several models on several rows, with what can be said of all at once."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec
from rich.console import Console

from truing.cli.compare import read_sets
from truing.cli.studied import print_study
from truing.errors import UsageError
from truing.study.studying import study

__all__ = ["study_command"]


@click.command("study")
@click.argument("paths", nargs=-1, metavar="M1 M2 ...", type=click.Path(path_type=Path))
@click.option(
    "--runs",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Every run folder directly in this folder.",
)
@click.option(
    "--order",
    metavar="LEAST,...,MOST",
    help="Models from the least to the most aligned (or large, or new): is the later the better?",
)
@click.option(
    "--margin",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.0,
    show_default=True,
    help="How far a later model may be below an earlier one and the order still hold.",
)
@click.option(
    "--metric", help="Score of another tool's log, where it has several (NAME,NAME: the first)."
)
@click.option("--columns", help="Of a table: prompt=COLUMN,response=...,label=...,model=...")
@click.option("--scorer", help="Scores a table's replies; without it its labels count.")
@click.option(
    "--despite-settings", is_flag=True, help="Study them though they were asked differently."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of bootstrap and sign flips.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
def study_command(
    paths: tuple[Path, ...],
    runs: Path | None,
    order: str | None,
    margin: float,
    metric: str | None,
    columns: str | None,
    scorer: str | None,
    despite_settings: bool,
    seed: int,
    as_json: bool,
) -> int:
    """Study several models: rates, ranks and trends with their uncertainty, and what rows share.

    Each M is a run folder, a log of inspect, lm-eval or promptfoo, or a table (with --columns); a
    file may hold several models.

    \b
    truing study runs/base runs/tuned runs/other
    truing study --runs recorded --order opt-1.3b,davinci,gpt-4
    truing study answers.csv --columns prompt=q,label=ok,model=model
    """  # noqa: D301 - click wants the character itself
    found = [*paths, *_folders(runs)]
    if not found:
        where = f"no run folder in {runs}" if runs else "nothing to study"
        raise UsageError(f"{where}: name run folders, logs or tables, or --runs FOLDER")
    sets = [
        one
        for path in found
        for one in read_sets(path, metric=metric, columns=columns, scorer=scorer)
    ]
    names = None if order is None else [name.strip() for name in order.split(",")]
    result = study(sets, order=names, margin=margin, despite_settings=despite_settings, seed=seed)
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(result) + b"\n")
    else:
        print_study(result, Console(highlight=False))
    return 0


def _folders(runs: Path | None) -> list[Path]:
    return [] if runs is None else sorted(file.parent for file in runs.glob("*/run.json"))
