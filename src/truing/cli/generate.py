"""`truing generate`: a fresh test set for a sub-category, for a policy, or from failures."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from truing.calls.caller import Caller
from truing.cli.opening import open_budget, open_judge, open_subject
from truing.cli.options import RunOptions
from truing.config import Config, read_config
from truing.errors import UsageError
from truing.generation.counting import Counting
from truing.generation.difficulty import Difficulty, screened
from truing.generation.diversity import DIVERSITY_FIGURES, shown
from truing.generation.forms import (
    policy_recipes,
    recipe_of_failures,
    recipe_of_task,
    task_of_subcategory,
)
from truing.generation.making import choose_topics, fates, make_drafts, read_topics
from truing.generation.recipes import Draft, Recipe, Topic
from truing.generation.rubrics import write_rubric
from truing.generation.sets import (
    Made,
    add_line,
    empty_folder,
    write_edition,
    write_lines,
    write_set,
)
from truing.records import Response
from truing.reports.text import visible
from truing.tasks import Task

__all__ = ["generate_command"]


@click.command("generate")
@click.argument("subcategory", required=False)
@click.option("--policy", type=click.Path(path_type=Path), help="Rules of your own, as TOML.")
@click.option(
    "--from", "failures", type=click.Path(path_type=Path), help="CSV: prompt, should, twin."
)
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, help="New folder.")
@click.option("-n", "--seeds", type=click.IntRange(1), default=50, show_default=True)
@click.option("-w", "--writer", help="Model that writes [default: none, templates only].")
@click.option("--topics", help="CSV table, text file or a,b,c [default: those that ship].")
@click.option("--list-topics", type=click.IntRange(1, 400), help="Have the writer list N topics.")
@click.option("--rubric", is_flag=True, help="Have the writer, who sees the items, write one.")
@click.option("--judge", help="Model that reads every item blind; who it misreads is left out.")
@click.option("--screen", multiple=True, metavar="MODEL", help="Mark as easy what all these pass.")
@click.option(
    "--check",
    type=click.IntRange(0),
    default=30,
    show_default=True,
    metavar="N",
    help="Seeds in the file for people to read blind.",
)
@click.option("--seed", "edition", type=int, default=0, help="Another number, another set.")
@click.option("--base-url", help="Address of the writer's server.")
@click.option("--key-env", metavar="NAME", help="Variable with the writer's key.")
@click.option("--judge-url", help="Address of the judge's server.")
@click.option("--judge-key-env", metavar="NAME", help="Variable with the judge's key.")
@click.option("-j", "--concurrency", type=click.IntRange(1), help="Most calls in flight.")
@click.option("--max-cost", type=click.FloatRange(0), metavar="USD", help="Most it may cost.")
@click.option("--max-tokens-total", type=click.IntRange(0), help="Most tokens it may use.")
@click.option("--max-time", metavar="T", help="Longest it may take: 90s, 30m, 2h.")
@click.option("--offline", is_flag=True, help="Fetch nothing: weights must be here already.")
@click.option("--config", type=click.Path(path_type=Path), help="Config file [truing.toml].")
def generate_command(
    subcategory: str | None,
    policy: Path | None,
    failures: Path | None,
    out: Path,
    seeds: int,
    writer: str | None,
    topics: str | None,
    list_topics: int | None,
    rubric: bool,
    judge: str | None,
    screen: tuple[str, ...],
    check: int,
    **calling: Any,
) -> int:
    """Make a fresh test set in the form of a SUBCATEGORY or TASK, for a policy, from failures.

    \b
    truing generate violence -o sets/violence                     templates, no model
    truing generate violence -w openai/gpt-4o --judge ... -o DIR  written, read blind, filtered
    truing generate logical --seed 7 -o DIR                       computed rows: a fresh edition
    """  # noqa: D301 - click wants the character itself
    sources = [source for source in (subcategory, policy, failures) if source is not None]
    if len(sources) != 1:
        raise UsageError("expected one of SUBCATEGORY, --policy FILE and --from FILE")
    if rubric and writer is None:
        raise UsageError("--rubric needs a --writer")
    config = read_config(calling["config"])
    console = Console(stderr=True, highlight=False)
    if subcategory is not None:
        task = task_of_subcategory(subcategory)
        if task.card.generator is not None:
            return _compute(task, calling["edition"], seeds, out, writer, console)
        recipes = [recipe_of_task(task)]
    else:
        recipes = [recipe_of_failures(failures)] if failures else policy_recipes(policy or Path())
    options = RunOptions(model=writer, out=out, judges=() if judge is None else (judge,), **calling)
    given = [] if topics is None else read_topics(topics)
    folders = [out]
    if policy is not None:
        folders = [out / recipe.card.id.rpartition("/")[2] for recipe in recipes]
    for folder in folders:
        empty_folder(folder)
    wishes = _Wishes(
        seeds=seeds,
        topics=given,
        list_topics=list_topics or 0,
        screen=screen,
        check=check,
        rubric=rubric,
    )
    for recipe, folder in zip(recipes, folders, strict=True):
        asyncio.run(_make(recipe, folder, wishes, options, config, console))
    return 0


@dataclass(frozen=True, kw_only=True)
class _Wishes:
    """What the user wants of every set."""

    seeds: int
    topics: list[Topic]
    list_topics: int
    screen: tuple[str, ...]
    check: int
    rubric: bool


async def _make(
    recipe: Recipe,
    folder: Path,
    wishes: _Wishes,
    options: RunOptions,
    config: Config,
    console: Console,
) -> None:
    budget = open_budget(options, config)
    opened: list[Counting] = []

    def opening(model: Caller) -> Counting:
        if model.capabilities.sees_reference:
            raise UsageError(f"{model.name} knows answers by heart: it can be asked samples alone")
        opened.append(Counting(model))
        return opened[-1]

    try:
        name = options.model
        writer = None if name is None else opening(open_subject(name, options, config, budget))
        judge = None
        if options.judges:
            judge = opening(open_judge(options.judges[0], options, config, budget, _readable))
        topics = await choose_topics(
            recipe, wishes.topics, writer, count=wishes.list_topics, seed=options.edition
        )
        drafts = await make_drafts(
            recipe,
            topics,
            writer,
            judge,
            wanted=wishes.seeds,
            seed=options.edition,
            progress=_progress(console, wishes.seeds),
            written=lambda draft: add_line(folder / "drafts.jsonl", draft),
        )
        made = Made(
            recipe=recipe,
            drafts=drafts,
            topics=len(topics),
            writer=name,
            judge=options.judges[0] if options.judges else None,
            seed=options.edition,
        )
        if not made.kept:
            write_lines(folder / "drafts.jsonl", drafts)
            raise UsageError(_nothing_kept(drafts, folder))
        if wishes.rubric and writer is not None:
            made.rubric = await write_rubric(recipe, made.kept, writer, seed=options.edition)
        difficulty = None
        if wishes.screen:
            bare = replace(options, base_url=None, key_env=None)
            models = [opening(open_subject(m, bare, config, budget)) for m in wishes.screen]
            difficulty = await screened(made.task(), models)
        write_set(folder, made, difficulty, check=wishes.check)
    finally:
        for model in opened:
            await model.close()
    _print(made, difficulty)
    _print_spent(opened)
    _print_next(folder, Console(highlight=False))


def _print_spent(models: Sequence[Counting]) -> None:
    for model in models:
        cost = "cost unknown" if model.usd is None else f"${model.usd:.2f}"
        click.echo(f"{visible(model.name)}: {model.calls} calls, {model.tokens:,} tokens, {cost}")


def _readable(response: Response) -> bool:
    return bool(response.text.strip())


def _nothing_kept(drafts: Sequence[Draft], folder: Path) -> str:
    counts = ", ".join(f"{number} {fate}" for fate, number in fates(drafts).items() if number)
    return (
        f"none of {len(drafts)} drafts can be used ({counts}); all of them, with the reasons, are "
        f"in {folder / 'drafts.jsonl'}. A better writer, or other topics, may help"
    )


def _compute(
    task: Task, edition: int, seeds: int, folder: Path, writer: str | None, console: Console
) -> int:
    if writer is not None:
        raise UsageError(f"{task.id} is computed, gold and all: leave out --writer, use --seed")
    empty_folder(folder)
    write_edition(folder, task, edition=edition, count=seeds)
    console.print(f"{seeds} seeds of edition {edition} of {task.id}, computed", markup=False)
    _print_next(folder, Console(highlight=False))
    return 0


def _progress(console: Console, wanted: int) -> Callable[[int, int], None]:
    last = -1

    def show(written: int, kept: int) -> None:
        nonlocal last
        if written // 10 != last:
            last = written // 10
            console.print(f"{written} written, {kept} of {wanted} kept")

    return show


def _print(made: Made, difficulty: Difficulty | None) -> None:
    console = Console(highlight=False)
    table = Table.grid(padding=(0, 2))
    for fate, number in fates(made.drafts).items():
        table.add_row(Text(str(number)), Text(visible(fate)))
    console.print(Text(visible(made.recipe.card.id), "bold"))
    console.print(table)
    console.print(f"{len(made.kept)} seeds in {made.clusters} clusters: worth {made.clusters}")
    ours, theirs = made.diversity(), made.shipped_diversity()
    for name, what in DIVERSITY_FIGURES.items():
        beside = "" if theirs is None else f", {shown(getattr(theirs, name))} in what ships"
        console.print(f"{what}: {shown(getattr(ours, name))}{beside}", markup=False)
    console.print(f"topics: {ours.topics_covered} of {ours.topics}")
    if made.judge is None:
        console.print("validity: by rules alone; a --judge, or people (check.csv), say more")
    if difficulty is not None:
        console.print(
            f"{len(difficulty.easy)} easy (all of {', '.join(difficulty.models)} pass), "
            f"{len(difficulty.hard)} hard, {len(difficulty.unknown)} not scored",
            markup=False,
        )


def _print_next(folder: Path, console: Console) -> None:
    console.print("\nTry next:")
    for command, why in (
        (f"truing tasks check {folder} --shortcuts", "balance, floors, learners"),
        (f"truing tasks validate {folder} --labels {folder}/check.csv", "once people filled it in"),
        (f"truing run --task {folder} -m NAME", "measure a model on it"),
    ):
        console.print(f"  {command:<60} {why}", markup=False, soft_wrap=True)
