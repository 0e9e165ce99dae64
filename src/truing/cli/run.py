"""`truing run`: from a name of a model to its profile."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console

from truing.calls.caller import Caller
from truing.cli.drawn import check_stopping, plan_rows
from truing.cli.finish import verdict_code, write_junit, write_reports
from truing.cli.go import open_policy
from truing.cli.held import check_baseline, held_code, hold_run, open_baseline, print_held
from truing.cli.judging import check_judges, run_judges
from truing.cli.opening import open_budget, open_subject
from truing.cli.options import RunOptions, read_parameter, read_system, run_options
from truing.cli.plan import print_plan
from truing.cli.sitting import Sitting
from truing.cli.texts import read_windows
from truing.config import Config, read_config
from truing.errors import BudgetSpent, UsageError
from truing.journal import JournalWriter
from truing.models import DEFAULT_MODEL, given_address, is_remote
from truing.models.providers import find_reasoning
from truing.policies.regression import Regression
from truing.records import Settings
from truing.reports.profile import Summary
from truing.reports.terminal import print_profile
from truing.reports.text import visible
from truing.reports.verdict_table import print_verdict
from truing.runs import (
    Done,
    RunHeader,
    UntilDecided,
    find_unfinished,
    header_for,
    keep_tasks,
    open_folder,
)
from truing.tasks import DEFAULT_SUITE, Task, find_suite, find_task, of_part
from truing.tasks.parts import Part
from truing.tasks.perturbed import MARK
from truing.tasks.public_names import PREFIX

__all__ = ["run_command"]

DEFAULT_THINKING_TOKENS = 4096


@click.command("run")
@run_options
def run_command(**given: Any) -> int:
    """Measure a model on a suite, show its profile, write a report.

    The same command again resumes a run that was stopped: no answer is asked for twice.
    """
    options = RunOptions(**given)
    config = read_config(options.config)
    policy = open_policy(options, config)
    check_stopping(options, policy)
    baseline = open_baseline(options.baseline)
    if options.tasks and options.suite:
        raise UsageError("give --task or -s, not both")
    suite = options.suite or config.suite or DEFAULT_SUITE
    chosen = list(dict.fromkeys(options.tasks))
    seeds = options.seeds or config.seeds_per_task
    if not chosen:
        chosen, usual, _ = find_suite(suite, config.suites)
        seeds = seeds or usual
    if options.perturbations:
        chosen = [f"{task}{MARK}{name}" for task in chosen for name in options.perturbations]
    _bring(chosen, offline=options.offline)
    tasks = [of_part(task, _part(options)) for task in _measured(chosen, options.texts)]
    name = options.model or config.model or DEFAULT_MODEL
    check_judges(name, list(options.judges))
    console = Console(stderr=True, highlight=False)
    stopping = plan_rows(options, policy, tasks, seeds, console)
    if options.dry_run:
        return print_plan(name, tasks, _settings(name, options, config), seeds, options, config)
    settings = _settings(name, options, config)
    budget = open_budget(options, config)
    subject = open_subject(name, options, config, budget)
    shown = "tasks" if options.tasks else suite
    header = _header(tasks, subject, settings, shown, seeds, options, config, stopping)
    check_baseline(baseline, header)
    folder = options.out or find_unfinished(Path(config.runs), header)
    folder = folder or Path(config.runs) / header.id
    resumed = (folder / "run.json").exists()
    header = open_folder(folder, header)
    keep_tasks(folder, tasks)
    with JournalWriter(folder / "journal") as journal:
        done = Done(folder)
        if resumed:
            console.print(f"resuming {visible(str(folder))}: {len(done)} answers are there")
            budget.spend(done.usd, done.tokens)
        sitting = Sitting(header, tasks, subject, journal, done)
        stopped, failure = asyncio.run(sitting.run(console))
        if not stopped and not failure:
            stopped, failure = run_judges(folder, tasks, journal, options, config, budget, console)
    summary = write_reports(folder, policy)
    held = hold_run(folder, baseline, options.no_worse_than)
    _show(summary, held, folder, options, console)
    if isinstance(failure, BudgetSpent):
        console.print(f"truing: {failure}", markup=False, soft_wrap=True)
    elif failure:
        raise failure
    return 130 if stopped else held_code(held, verdict_code(summary))


def _settings(name: str, options: RunOptions, config: Config) -> Settings:
    thinking = options.thinking_tokens
    if thinking is None and find_reasoning(name) and is_remote(name, options.base_url):
        thinking = DEFAULT_THINKING_TOKENS
    return Settings(
        temperature=options.temperature,
        seed=options.edition,
        system=read_system(options.system, config, options.config),
        epochs=options.epochs,
        max_tokens=options.max_tokens,
        thinking_tokens=thinking,
        parameters={**config.parameters, **dict(map(read_parameter, options.parameters))},
    )


def _header(
    tasks: list[Task],
    subject: Caller,
    settings: Settings,
    suite: str,
    seeds: int | None,
    options: RunOptions,
    config: Config,
    stopping: tuple[UntilDecided | None, dict[str, list[tuple[str, float]] | str]],
) -> RunHeader:
    now = time.time()
    return header_for(
        tasks,
        run_id=_run_id(now, subject.name, suite),
        model=subject.name,
        address=given_address(subject.name, options.base_url or config.base_url),
        suite=suite,
        settings=settings,
        edition=options.edition,
        seeds_per_task=seeds,
        created_at=now,
        deterministic=subject.capabilities.deterministic,
        oracle=subject.capabilities.sees_reference,
        base_model=not subject.capabilities.chat,
        own_texts=options.texts is not None,
        until_decided=stopping[0],
        required=stopping[1],
        part=_part(options),
    )


def _part(options: RunOptions) -> Part | None:
    return None if options.part is None else Part(options.part)


def _bring(chosen: list[str], *, offline: bool) -> None:
    """Fetch the public benchmarks that are not here yet."""
    if not any(task.startswith(PREFIX) for task in chosen):
        return
    from truing.importers.benchmarks import fetch_missing

    for name in fetch_missing(chosen, offline=offline):
        click.echo(f"fetched {name} from its source, once", err=True)


def _measured(chosen: list[str], texts: Path | None) -> list[Task]:
    tasks = [find_task(name) for name in chosen]
    twice = [name for name, times in Counter(task.id for task in tasks).items() if times > 1]
    if twice:
        raise UsageError(f"--task: {twice[0]} is asked for twice; give one of them another id")
    if texts is None:
        return tasks
    windows = read_windows(texts)
    with_texts = [task.with_texts(windows) for task in tasks]
    if all(task is before for task, before in zip(with_texts, tasks, strict=True)):
        raise UsageError("--texts: no task here continues your texts; add copyright_leak/notice")
    return with_texts


def _run_id(now: float, model: str, suite: str) -> str:
    moment = time.strftime("%Y%m%d-%H%M%S", time.gmtime(now))
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{model}-{suite}").strip("-.")[:80]
    return f"{moment}-{name}"


def _show(
    summary: Summary,
    held: Regression | None,
    folder: Path,
    options: RunOptions,
    console: Console,
) -> None:
    if options.junit is not None:
        write_junit(options.junit, summary, held)
    if options.as_json:
        sys.stdout.buffer.write(msgspec.json.encode(summary) + b"\n")
    else:
        _print_end(summary, folder, console)
    print_held(held, console)


def _print_end(summary: Summary, folder: Path, console: Console) -> None:
    out = Console(highlight=False)
    print_profile(summary, out)
    if summary.policy is not None:
        print_verdict(summary.policy, out)
    out.print()
    out.print(f"report  {visible(str(folder / 'report.html'))}", markup=False, soft_wrap=True)
    out.print(f"run     {visible(str(folder))}", markup=False, soft_wrap=True)
    out.print()
    out.print("Try next:")
    for command, why in (
        ("truing run -m scripted/refuse-all -n 40", "what refusing everything scores"),
        ("truing run -m NAME --base-url URL", "your own model"),
        (f"truing audit {folder}", "derive every number again"),
    ):
        out.print(f"  {command:<46} {why}", markup=False, soft_wrap=True)
    console.print()
