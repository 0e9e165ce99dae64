"""`truing align export`: training data of runs, or of a table of labelled answers."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.text import Text

from truing.alignment.answers import JudgedAnswer, Prompt
from truing.alignment.dataset_card import render_card
from truing.alignment.exporting import Export, Making, make_export, write_export
from truing.alignment.filters import Bounds, Dropped, check_answers
from truing.alignment.formats import FORMATS, check_format
from truing.alignment.leaks import Asked, asked_of, find_crossings, said
from truing.alignment.measured import measured_samples
from truing.alignment.of_runs import RunAnswers, answers_of_runs
from truing.alignment.of_tables import answers_of_table
from truing.alignment.records import Record
from truing.alignment.rewriting import rewrite_failures
from truing.alignment.rows import TARGET, ChosenRow, choose_rows
from truing.cli.opening import open_budget, open_subject
from truing.cli.options import RunOptions
from truing.cli.score import read_pairs
from truing.config import read_config
from truing.errors import TaskError, UnknownName, UsageError
from truing.policies.kept import summarise_run
from truing.records import Response, Sample
from truing.reports.text import visible
from truing.runs import RunHeader, read_header, task_of
from truing.scorers import find_scorer

__all__ = ["export_command"]


@click.command("export")
@click.argument("runs", nargs=-1, metavar="RUN...", type=click.Path(path_type=Path))
@click.option("--from", "table", type=click.Path(path_type=Path), help="Labelled answers instead.")
@click.option("--columns", help="Of the table: prompt=COLUMN,response=...,label=...,model=...")
@click.option(
    "--format", "name", required=True, metavar="NAME", help=f"One of {', '.join(sorted(FORMATS))}."
)
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="New folder.")
@click.option("--row", "rows", multiple=True, help="Task to repair [default: those shown to fail].")
@click.option(
    "--below",
    type=click.FloatRange(0, 1),
    default=TARGET,
    show_default=True,
    help="Rows shown to be below this are repaired.",
)
@click.option("--all-pairs", is_flag=True, help="Every good answer against every bad one.")
@click.option("--no-references", is_flag=True, help="Leave out the set's own good answers.")
@click.option("--rewrite", metavar="MODEL", help="Repairs failing answers that have no good one.")
@click.option("--base-url", help="Address of that model's server.")
@click.option("--max-cost", type=click.FloatRange(0), metavar="USD", help="Most repairs may cost.")
@click.option("--per-side", type=click.IntRange(1), help="Most records of a row's side.")
@click.option(
    "--most",
    metavar="SIDE=N,...",
    help="Most records of these sides in a row: harmful=30,misuse=30.",
)
@click.option(
    "--twins", type=click.FloatRange(1), default=1.0, show_default=True, help="Sides' most ratio."
)
@click.option(
    "--least-probability",
    type=click.FloatRange(0, 1),
    default=0.7,
    show_default=True,
    help="How sure the scorer must be, where it says so.",
)
@click.option(
    "--check",
    metavar="SCORER:good=L,bad=L",
    help="Leave out answers of a table whose label this scorer contradicts.",
)
@click.option("--keep-length", is_flag=True, help="Do not balance which text is the longer.")
@click.option("--licence", default="unknown", help="Of the table's prompts.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
def export_command(
    runs: tuple[Path, ...],
    table: Path | None,
    columns: str | None,
    name: str,
    out: Path,
    rows: tuple[str, ...],
    below: float,
    all_pairs: bool,
    no_references: bool,
    rewrite: str | None,
    base_url: str | None,
    max_cost: float | None,
    per_side: int | None,
    most: str | None,
    twins: float,
    least_probability: float,
    check: str | None,
    keep_length: bool,
    licence: str,
    seed: int,
    as_json: bool,
) -> int:
    """Make training data: of one run's answers, of several models', or of labelled answers.

    \b
    truing align export runs/base --format sft -o data/base
    truing align export --from answers.jsonl --format dpo -o data/pairs \\
        --columns prompt=question,response=answer,label=label,model=source_model
    """  # noqa: D301 - click wants the character itself
    check_format(name)
    if bool(runs) == (table is not None):
        raise UsageError("give run folders, or a table with --from: one of the two")
    making = Making(
        format=name,
        all_pairs=all_pairs or table is not None,
        per_side=per_side,
        most=_counts(most),
        twins=twins,
        length_share=None if keep_length else 0.6,
        seed=seed,
    )
    bounds = Bounds(least_probability=least_probability)
    if table is not None:
        made = _of_table(table, columns, check, making, bounds, licence)
    else:
        options = RunOptions(model=rewrite, base_url=base_url, max_cost=max_cost)
        made = _of_runs(runs, rows, below, making, bounds, options, references=not no_references)
    export, records, dropped = made
    write_export(out, export, records, dropped, render_card(export, records))
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(export) + b"\n")
    else:
        _print(export, out, Console(highlight=False))
    return 0


def _counts(most: str | None) -> dict[str, int]:
    try:
        return {side: int(count) for side, count in read_pairs(most, "--most").items()}
    except ValueError as error:
        raise UsageError(f"--most: expected SIDE=NUMBER,..., got {most!r}") from error


_Made = tuple[Export, list[Record], Dropped]


def _of_table(
    table: Path,
    columns: str | None,
    check: str | None,
    making: Making,
    bounds: Bounds,
    licence: str,
) -> _Made:
    if columns is None:
        raise UsageError("--from: say with --columns which column is the prompt, response, label")
    prompts, unlabelled = answers_of_table(
        table, read_pairs(columns, "--columns"), row=table.stem, licence=licence
    )
    whole = [msgspec.structs.replace(prompt, answers=list(prompt.answers)) for prompt in prompts]
    already: list[Dropped] = []
    if check is not None:
        already.append(_checked(prompts, check))
    export, records, dropped = make_export(
        prompts,
        making,
        sources=[table.name],
        bounds=bounds,
        already=already,
        left_out={"without a label": unlabelled} if unlabelled else {},
    )
    both = [p for p in whole if p.of(good=True) and p.of(good=False)]
    export.prompts_both = len(both)
    export.pairs = sum(len(p.of(good=True)) * len(p.of(good=False)) for p in both)
    return export, records, dropped


def _checked(prompts: list[Prompt], check: str) -> Dropped:
    name, _, meanings = check.partition(":")
    scorer = find_scorer(name)
    means: dict[bool, frozenset[str]] = {}
    for part in meanings.split(","):
        word, equals, labels = part.partition("=")
        if word not in ("good", "bad") or not equals or not labels:
            raise UsageError(f"--check: expected SCORER:good=LABEL,bad=LABEL|LABEL, got {check!r}")
        means[word == "good"] = frozenset(labels.split("|"))
    if len(means) < 2:
        raise UsageError("--check: say what both good and bad mean: SCORER:good=LABEL,bad=LABEL")

    async def judge(prompt: Prompt, answer: JudgedAnswer) -> str:
        sample = Sample(
            id="",
            task=prompt.task,
            messages=prompt.messages,
            target="",
            side=prompt.side,
            cluster=prompt.cluster,
        )
        judgement = await scorer.judge(sample, Response(text=answer.text))
        return judgement.label

    return asyncio.run(check_answers(prompts, judge, means, name))


def _of_runs(
    runs: tuple[Path, ...],
    rows: tuple[str, ...],
    below: float,
    making: Making,
    bounds: Bounds,
    options: RunOptions,
    *,
    references: bool,
) -> _Made:
    headers = [read_header(run) for run in runs]
    there = sorted({task.id for header in headers for task in header.tasks})
    for row in rows:
        if row not in there:
            raise UnknownName("task of these runs", row, there)
    chosen: list[ChosenRow] = []
    if not rows:
        chosen = choose_rows(summarise_run(runs[0]).rows, target=below)
    wanted = set(rows) or {one.task for one in chosen if one.repaired}
    if not wanted:
        raise UsageError(
            f"no row of {runs[0]} is shown to be below {below}: name rows with --row, or raise it "
            "with --below"
        )
    found = answers_of_runs(
        runs,
        rows=wanted,
        references=references,
        licences=_licences(runs, wanted),
        repair=lambda found: _repair(found, options),
    )
    crossed = _drop_crossing(found.prompts, runs, headers)
    export, records, dropped = make_export(
        found.prompts,
        making,
        already=[crossed],
        sources=[f"{header.model} ({header.id})" for header in headers],
        bounds=bounds,
        held_back=found.held_back,
        left_out=found.left_out,
    )
    export.rows = [msgspec.to_builtins(one) for one in chosen]
    return export, records, dropped


def _repair(found: RunAnswers, options: RunOptions) -> None:
    """Have the model of `--rewrite` repair what failed, and say what came of it."""
    if options.model is None:
        return
    config = read_config(None)
    model = open_subject(options.model, options, config, open_budget(options, config))

    async def rewrite() -> dict[str, int]:
        try:
            return await rewrite_failures(
                found.prompts,
                found.samples,
                found.failures,
                lambda task: find_scorer(found.scorers[task]),
                model.respond,
                model.name,
            )
        finally:
            await model.close()

    came = asyncio.run(rewrite())
    told = ", ".join(f"{count} {word}" for word, count in came.items())
    Console(stderr=True, highlight=False).print(f"{model.name}: {told}", markup=False)


def _drop_crossing(
    prompts: list[Prompt], runs: tuple[Path, ...], headers: list[RunHeader]
) -> Dropped:
    """Take out the prompts that are too near to a measured one of any row of these runs."""
    measured = {
        sample.id: asked_of(sample.id, sample)
        for run, header in zip(runs, headers, strict=True)
        for sample in measured_samples(run, header)
    }
    asked = [
        Asked(name=p.key, task=p.task, cluster=p.cluster, text=said(p.messages), sample=p.sample)
        for p in prompts
    ]
    near = {crossing.record for crossing in find_crossings(asked, list(measured.values()))}
    dropped = [
        ("too near to a measured question", prompt.key) for prompt in prompts if prompt.key in near
    ]
    prompts[:] = [prompt for prompt in prompts if prompt.key not in near]
    return dropped


def _licences(runs: tuple[Path, ...], wanted: set[str]) -> dict[str, str]:
    found = {}
    for run in runs:
        for header in read_header(run).tasks:
            if header.id in wanted:
                try:
                    found[header.id] = task_of(run, header.id).card.licence
                except (TaskError, UsageError):
                    continue
    return found


def _print(export: Export, out: Path, console: Console) -> None:
    def say(line: str, style: str = "") -> None:
        console.print(Text(visible(line), style=style), soft_wrap=True)

    _say_found(export, say)
    say(f"Kept: {export.kept:,} records ({export.making.format})", "bold")
    for task, sides in export.by_side.items():
        say(f"  {task:<42} " + "  ".join(f"{side} {n}" for side, n in sides.items()))
    for name, field in (("length", "length"), ("opening words", "opening")):
        before, after = getattr(export.leak_before, field), getattr(export.leak, field)
        if after is not None and before is not None:
            say(f"Told apart by {name} alone: AUC {after:.2f} ({before:.2f} before balancing)")
    say(f"data  {out / (export.making.format + '.jsonl')}\ncard  {out / 'README.md'}")


def _say_found(export: Export, say: Callable[..., None]) -> None:
    say(
        f"{export.prompts_both:,} of {export.prompts:,} prompts have a good and a bad answer: "
        f"{export.pairs:,} pairs"
    )
    if export.held_back:
        say(f"{export.held_back:,} answers lie in the measured part and were not read", "dim")
    for row in export.rows:
        if row["repaired"]:
            say(f"  {row['task']:<42} {row['says']}")
    if export.left_out:
        say("Left out:")
        for reason, count in sorted(export.left_out.items(), key=lambda item: -item[1]):
            say(f"  {count:>7,}  {reason}")
    if export.doubtful:
        say(
            f"{export.doubtful:,} short answers have words that are labelled good after some "
            "prompts and bad after others. Where such words mean the same after every prompt, the "
            "labels are not about them: --check SCORER:good=LABEL,bad=LABEL",
            "yellow",
        )
