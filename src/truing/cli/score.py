"""`truing score`: rates, intervals and paired tests for recorded answers, or a run judged again."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from truing.cli.rescore import rescore_run
from truing.errors import UsageError
from truing.recorded import (
    COLUMNS,
    Recorded,
    agreement,
    compare_groups,
    judge_rows,
    read_rows,
    use_labels,
)
from truing.reports.text import interval, rate, visible
from truing.runs import write_atomically

__all__ = ["read_pairs", "score_command"]


@click.command("score")
@click.argument("file", metavar="FILE|RUN", type=click.Path(path_type=Path))
@click.option(
    "--columns",
    metavar="MEANING=COLUMN,...",
    help=f"Which column of FILE is what: {', '.join(COLUMNS)}.",
)
@click.option("--scorer", metavar="NAME", help="Judge with a scorer instead of the given labels.")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Make a run of RUN's verdicts.")
@click.option("--target", metavar="LABEL", help="The label that is right, where no column says it.")
@click.option(
    "--label-names",
    metavar="OURS=THEIRS,...",
    help="With --scorer and a label column: the file's names for the scorer's labels.",
)
@click.option("--group-by", type=click.Choice(["model"]), help="One rate for each model.")
@click.option("--write", type=click.Path(path_type=Path), help="Write each row's verdict here.")
@click.option("--seed", type=int, default=0, help="Seed of the sign-flip test.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
def score_command(
    file: Path,
    columns: str | None,
    scorer: str | None,
    out: Path | None,
    target: str | None,
    label_names: str | None,
    group_by: str | None,
    write: Path | None,
    seed: int,
    as_json: bool,
) -> int:
    """Rates with intervals, and paired tests between models, for the answers in FILE.

    With a label column and no scorer the labels are used: 1 good, 0 bad, empty unscored. Without a
    cluster column each row is its own cluster. Pairs are matched on the prompt and its k-th
    occurrence within the model.

    A folder is a RUN: every stored answer is judged again, by the scorer its row names or by
    --scorer where that can, beside the verdict recorded. No model is called, and RUN stays as it
    is; -o makes a new run of the same answers.
    """
    if file.is_dir():
        for_files = {
            "--columns": columns,
            "--target": target,
            "--label-names": label_names,
            "--group-by": group_by,
            "--write": write,
        }
        if given := [option for option, value in for_files.items() if value is not None]:
            raise UsageError(f"{given[0]} is for files: {file} is a folder, judged as a run")
        return rescore_run(file, scorer, out, seed=seed, as_json=as_json)
    if out is not None:
        raise UsageError("-o is for run folders; of a file --write FILE keeps the verdicts")
    meanings = _meanings(file, columns)
    rows = read_rows(file, meanings)
    _check(meanings, scorer, group_by)
    if scorer is None:
        use_labels(rows)
    else:
        asyncio.run(judge_rows(rows, scorer, target))
    result = compare_groups(rows, seed=seed)
    if scorer is not None and "label" in meanings:
        result["agreement"] = agreement(rows, read_pairs(label_names, "--label-names"))
    if write:
        _write(rows, write)
    if as_json:
        click.echo(json.dumps(result, indent=1))
    else:
        _print(result, Console(highlight=False, width=max(110, Console().width)))
    return 0


def _meanings(file: Path, columns: str | None) -> dict[str, str]:
    if columns is None and not file.exists():
        raise UsageError(f"{file}: no such file or run folder")
    if columns is None:
        raise UsageError(f"{file}: say which column is what with --columns MEANING=COLUMN,...")
    return read_pairs(columns, "--columns")


def _check(meanings: dict[str, str], scorer: str | None, group_by: str | None) -> None:
    if scorer is None and "label" not in meanings:
        raise UsageError(
            "--columns: name the label column (label=...), or judge with --scorer NAME"
        )
    if scorer is not None and "response" not in meanings:
        raise UsageError("--columns: a scorer needs the response column (response=...)")
    if group_by == "model" and "model" not in meanings:
        raise UsageError("--group-by model: name the model column in --columns (model=...)")


def read_pairs(text: str | None, option: str) -> dict[str, str]:
    """`A=B,C=D` as a table; nothing of None. Raises `UsageError`, naming the option."""
    pairs = {}
    for part in (text or "").split(","):
        name, equals, value = part.partition("=")
        if text and not (equals and name.strip() and value.strip()):
            raise UsageError(f"{option}: expected NAME=NAME,..., got {part!r}")
        if text:
            pairs[name.strip()] = value.strip()
    return pairs


def _write(rows: list[Recorded], file: Path) -> None:
    try:
        write_atomically(file, b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    except OSError as error:
        raise UsageError(f"--write: cannot write {file}: {error.strerror or error}") from error


def _print(result: dict[str, Any], console: Console) -> None:
    table = Table(box=None, pad_edge=False)
    for name in ("model", "rate", "95 %", "all at once", "scored", "unscored"):
        table.add_column(name, justify="left" if name == "model" else "right")
    for group in result["groups"]:
        wide = group["simultaneous"] or (None, None)
        table.add_row(
            Text(visible(group["model"])),
            rate(group["estimate"]),
            Text(interval(group["low"], group["high"])),
            Text(interval(*wide)),
            str(group["units"]),
            str(group["unscored"]),
        )
    console.print(table)
    for group in result["groups"]:
        if labels := group.get("labels"):
            counts = ", ".join(f"{label} {count}" for label, count in labels.items())
            console.print(Text(f"{visible(group['model'])}: {visible(counts)}", style="dim"))
    if result["paired"]:
        console.print()
        table = Table(box=None, pad_edge=False)
        for name in ("a", "b", "a - b", "95 %", "p", "p, Holm", "test"):
            table.add_column(name, justify="left" if name in ("a", "b", "test") else "right")
        for pair in result["paired"]:
            table.add_row(
                Text(visible(pair["a"])),
                Text(visible(pair["b"])),
                f"{pair['difference']:+.3f}",
                Text(f"[{pair['low']:+.3f}, {pair['high']:+.3f}]"),
                f"{pair['p']:.3g}",
                f"{pair['p_holm']:.3g}",
                pair["test"],
            )
        console.print(table)
    for found in result.get("agreement", ()):
        kappa = "-" if found["kappa"] is None else f"{found['kappa']:.3f}"
        console.print(
            Text(
                f"agreement with the given labels, {visible(found['model'])}: kappa {kappa}, "
                f"same {rate(found['accuracy'])} {interval(found['low'], found['high'])} "
                f"of {found['rows']}"
            )
        )
