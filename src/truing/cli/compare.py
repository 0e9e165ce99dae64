"""`truing compare`: two models on the same questions, of runs or of other tools' logs."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec
from rich.console import Console

from truing.cli.compared import print_comparison, shortened
from truing.comparison.comparing import MARGIN, compare
from truing.comparison.measured import MeasuredSet
from truing.comparison.of_logs import measured_logs, measured_rows
from truing.comparison.of_runs import measured_run
from truing.comparison.pairing import differences_of
from truing.errors import UsageError
from truing.interop import read_logs
from truing.recorded import judge_rows, read_rows, use_labels

__all__ = ["compare_command", "read_sets"]


@click.command("compare")
@click.argument("paths", nargs=-1, required=True, metavar="A [B]", type=click.Path(path_type=Path))
@click.option(
    "--margin",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=MARGIN,
    show_default=True,
    help="Difference that does not matter: within it two models are equivalent.",
)
@click.option(
    "--metric", help="Score of another tool's log, where it has several (NAME,NAME: the first)."
)
@click.option("--columns", help="Of a table: prompt=COLUMN,response=...,label=...,model=...")
@click.option("--scorer", help="Scores a table's replies; without it its labels count.")
@click.option("--model-a", help="Which model of A, where it holds several.")
@click.option("--model-b", help="Which model of B, where it holds several.")
@click.option(
    "--despite-settings", is_flag=True, help="Compare though the models were asked differently."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the sign-flip test.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
def compare_command(
    paths: tuple[Path, ...],
    margin: float,
    metric: str | None,
    columns: str | None,
    scorer: str | None,
    model_a: str | None,
    model_b: str | None,
    despite_settings: bool,
    seed: int,
    as_json: bool,
) -> int:
    """Compare two models question by question: better, worse, equivalent or undecided.

    A and B are run folders, logs of inspect (.eval, .json), sample logs of lm-eval, results of
    promptfoo, or tables (with --columns); one file that holds two models does as well.

    \b
    truing compare runs/base runs/tuned
    truing compare a.eval b.eval
    truing compare answers.csv --columns prompt=q,label=ok,model=model
    """  # noqa: D301 - click wants the character itself
    if len(paths) > 2:
        raise UsageError(f"expected one or two things to compare, got {len(paths)}")
    read = [read_sets(path, metric=metric, columns=columns, scorer=scorer) for path in paths]
    if len(read) == 1:
        a, b = _both(read[0], paths[0], model_a, model_b)
    else:
        a = _one(read[0], paths[0], model_a, "--model-a")
        b = _one(read[1], paths[1], model_b, "--model-b")
    differing = differences_of(a, b)
    if differing and not despite_settings:
        told = "; ".join(
            f"{name}: {shortened(x)} and {shortened(y)}" for name, (x, y) in differing.items()
        )
        raise UsageError(
            f"the two were asked differently ({told}): a difference would be of the settings as "
            "much as of the models. --despite-settings compares them all the same"
        )
    result = compare(a, b, margin=margin, seed=seed)
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(result) + b"\n")
    else:
        print_comparison(result, Console(highlight=False))
    if not result.rows:
        first = result.not_compared[0]
        raise UsageError(f"nothing could be compared; {first.task}: {first.why}")
    return 0


def read_sets(
    path: Path, *, metric: str | None = None, columns: str | None = None, scorer: str | None = None
) -> list[MeasuredSet]:
    """What a path holds, one set a model.

    Raises `UsageError`, `JournalError`, `TaskError` or `MissingExtra`.
    """
    if (path / "run.json").exists():
        return [measured_run(path)]
    if columns is None:
        return measured_logs(path, read_logs(path, metric=metric))
    pairs = (part.partition("=") for part in columns.split(","))
    rows = read_rows(path, {name.strip(): column.strip() for name, _, column in pairs})
    if scorer is None:
        use_labels(rows)
    else:
        asyncio.run(judge_rows(rows, scorer, None))
    return measured_rows(path, rows)


def _one(sets: Sequence[MeasuredSet], path: Path, model: str | None, option: str) -> MeasuredSet:
    known = ", ".join(one.model for one in sets)
    if model is not None:
        found = [one for one in sets if one.model == model]
        if not found:
            raise UsageError(f"{option} {model}: {path} holds {known}")
        return found[0]
    if len(sets) > 1:
        raise UsageError(f"{path} holds several models, name one with {option}: {known}")
    return sets[0]


def _both(
    sets: Sequence[MeasuredSet], path: Path, model_a: str | None, model_b: str | None
) -> tuple[MeasuredSet, MeasuredSet]:
    if model_a is None and model_b is None and len(sets) == 2:
        return sets[0], sets[1]
    if len(sets) < 2:
        raise UsageError(f"{path} holds one model ({sets[0].model}): name a second file or folder")
    return _one(sets, path, model_a, "--model-a"), _one(sets, path, model_b, "--model-b")
