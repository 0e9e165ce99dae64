"""`truing score`: rates, intervals and paired tests for recorded answers."""

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

__all__ = ["score_command"]


@click.command("score")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--columns",
    required=True,
    metavar="MEANING=COLUMN,...",
    help=f"Which column is what: {', '.join(COLUMNS)}.",
)
@click.option("--scorer", metavar="NAME", help="Judge with a scorer instead of the given labels.")
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
    columns: str,
    scorer: str | None,
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
    """
    meanings = _pairs(columns, "--columns")
    rows = read_rows(file, meanings)
    if scorer is None and "label" not in meanings:
        raise UsageError(
            "--columns: name the label column (label=...), or judge with --scorer NAME"
        )
    if scorer is not None and "response" not in meanings:
        raise UsageError("--columns: a scorer needs the response column (response=...)")
    if group_by == "model" and "model" not in meanings:
        raise UsageError("--group-by model: name the model column in --columns (model=...)")
    if group_by is None and "model" in meanings and len({row.model for row in rows}) > 1:
        group_by = "model"
    if scorer is None:
        use_labels(rows)
    else:
        asyncio.run(judge_rows(rows, scorer, target))
    result = compare_groups(rows, seed=seed)
    if scorer is not None and "label" in meanings:
        result["agreement"] = agreement(rows, _pairs(label_names, "--label-names"))
    if write:
        _write(rows, write)
    if as_json:
        click.echo(json.dumps(result, indent=1))
    else:
        _print(result, Console(highlight=False, width=max(110, Console().width)))
    return 0


def _pairs(text: str | None, option: str) -> dict[str, str]:
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
