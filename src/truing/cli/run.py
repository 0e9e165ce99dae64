"""`truing run`: from a name of a model to its profile."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console

from truing.cli.finish import write_reports
from truing.cli.interrupt import Stop, stop_on_interrupt
from truing.cli.judging import check_judges, judge_replies
from truing.cli.progress import Progress
from truing.cli.texts import read_windows
from truing.config import Config, read_config
from truing.engine import Ask, Finished, measure
from truing.errors import TruingError, UsageError
from truing.journal import JournalWriter, JudgementLine, ResponseLine, read_journal
from truing.models import DEFAULT_MODEL, Opening, open_model
from truing.models.model import Model
from truing.records import Choice, Message, Response, Role, Settings
from truing.reports.profile import Summary
from truing.reports.terminal import print_profile
from truing.reports.text import visible
from truing.runs import Done, RunHeader, find_unfinished, header_for, open_folder, read_header
from truing.scorers import find_scorer
from truing.tasks import DEFAULT_SUITE, Task, find_suite, find_task

__all__ = ["run_command"]


@click.command("run")
@click.option("-m", "--model", help=f"Model to measure [default: {DEFAULT_MODEL}].")
@click.option("-s", "--suite", help=f"Suite of tasks [default: {DEFAULT_SUITE}].")
@click.option("--task", "tasks", multiple=True, metavar="ID", help="A task instead of a suite.")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Run folder [default: made].")
@click.option("-n", "--seeds", type=click.IntRange(1), help="Seeds a task [default: all].")
@click.option("--seed", "edition", type=int, default=0, help="Edition: which seeds, which order.")
@click.option("--epochs", type=click.IntRange(1), default=1, help="Ask everything K times.")
@click.option("--base-url", help="Address of an OpenAI-compatible server, e.g. http://HOST/v1.")
@click.option("--key-env", metavar="NAME", help="Environment variable that holds the key.")
@click.option("--system", type=click.Path(path_type=Path), help="File with a system message.")
@click.option("--param", "parameters", multiple=True, metavar="K=V", help="Field for the provider.")
@click.option("--temperature", type=click.FloatRange(0, 2), default=0.0, show_default=True)
@click.option("--max-tokens", type=click.IntRange(1), help="Cap on the tokens of an open reply.")
@click.option("-j", "--concurrency", type=click.IntRange(1), help="Calls in flight.")
@click.option("--timeout", type=click.FloatRange(1), default=120.0, help="Seconds a call may take.")
@click.option("--config", type=click.Path(path_type=Path), help="Config file [truing.toml].")
@click.option("--offline", is_flag=True, help="Fetch nothing: weights must be here already.")
@click.option("--judge", "judges", multiple=True, metavar="MODEL", help="LLM judge of replies.")
@click.option("--judge-url", help="Address of the judge's server, where it has one.")
@click.option("--judge-key-env", metavar="NAME", help="Variable that holds the judge's key.")
@click.option("--no-cache", is_flag=True, help="Ask a judge again what it has judged before.")
@click.option(
    "--texts", type=click.Path(path_type=Path), help="Your own texts, to probe for memorisation."
)
@click.option("--json", "as_json", is_flag=True, help="Print summary.json on standard output.")
def run_command(
    model: str | None,
    suite: str | None,
    tasks: tuple[str, ...],
    out: Path | None,
    seeds: int | None,
    edition: int,
    epochs: int,
    base_url: str | None,
    key_env: str | None,
    system: Path | None,
    parameters: tuple[str, ...],
    temperature: float,
    max_tokens: int | None,
    concurrency: int | None,
    timeout: float,
    config: Path | None,
    offline: bool,
    judges: tuple[str, ...],
    judge_url: str | None,
    judge_key_env: str | None,
    no_cache: bool,
    texts: Path | None,
    as_json: bool,
) -> int:
    """Measure a model on a suite, show its profile, write a report.

    The same command again resumes a run that was stopped: no answer is asked for twice.
    """
    given = read_config(config)
    if tasks and suite:
        raise UsageError("give --task or -s, not both")
    chosen = list(dict.fromkeys(tasks)) or find_suite(
        suite or given.suite or DEFAULT_SUITE, given.suites
    )
    measured = _measured(chosen, texts)
    name = model or given.model or DEFAULT_MODEL
    settings = Settings(
        temperature=temperature,
        seed=edition,
        system=_read_system(system, given, config),
        epochs=epochs,
        max_tokens=max_tokens,
        parameters={**given.parameters, **dict(map(_parameter, parameters))},
    )
    opening = Opening(
        base_url=base_url or given.base_url,
        key_env=key_env or given.key_env,
        timeout_seconds=timeout,
        seed=edition,
        offline=offline,
    )
    check_judges(name, list(judges))
    subject = _open(name, opening)
    suite_name = "tasks" if tasks else suite or given.suite or DEFAULT_SUITE
    now = time.time()
    header = header_for(
        measured,
        run_id=_run_id(now, subject.name, suite_name),
        model=subject.name,
        address=opening.base_url,
        suite=suite_name,
        settings=settings,
        edition=edition,
        seeds_per_task=seeds or given.seeds_per_task,
        created_at=now,
        deterministic=subject.capabilities.deterministic,
        oracle=subject.capabilities.sees_reference,
        own_texts=texts is not None,
    )
    console = Console(stderr=True, highlight=False)
    runs = Path(given.runs)
    folder = out or find_unfinished(runs, header) or runs / header.id
    resumed = (folder / "run.json").exists()
    header = open_folder(folder, header)
    with JournalWriter(folder / "journal") as journal:
        done = Done(folder)
        if resumed:
            console.print(f"resuming {visible(str(folder))}: {len(done)} answers are there")
        sitting = _Sitting(header, measured, subject, journal, done)
        stopped, failure = asyncio.run(
            sitting.run(
                concurrency or given.concurrency or subject.capabilities.concurrency, console
            )
        )
        rubrics = {task.id: task.card.rubric for task in measured if task.card.rubric}
        for judge in dict.fromkeys(judges):
            if stopped or failure:
                break
            judging = Opening(
                base_url=judge_url,
                key_env=judge_key_env,
                timeout_seconds=timeout,
                seed=edition,
                offline=offline,
            )
            stopped, failure = asyncio.run(
                judge_replies(
                    folder,
                    rubrics,
                    open_model(judge, judging),
                    journal,
                    console,
                    address=judge_url,
                    cached=not no_cache,
                    concurrency=concurrency,
                )
            )
    summary = write_reports(folder)
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(summary) + b"\n")
    else:
        _print_end(summary, folder, console)
    if failure:
        raise failure
    return 130 if stopped else 0


class _Sitting:
    """One process working on one run."""

    def __init__(
        self,
        header: RunHeader,
        tasks: list[Task],
        model: Model,
        journal: JournalWriter,
        done: Done,
    ) -> None:
        self._header = header
        self._tasks = tasks
        self._model = model
        self._journal = journal
        self._done = done
        self._stop = Stop()

    async def run(self, concurrency: int, console: Console) -> tuple[bool, TruingError | None]:
        """Whether a person stopped it, and what made it end early, if anything did."""
        scorers = {task.id: find_scorer(task.card.scorer) for task in self._tasks}
        failure: TruingError | None = None
        with (
            stop_on_interrupt(console) as self._stop,
            Progress(console, self._header, already=self._already()) as progress,
        ):

            def finished(outcome: Finished) -> None:
                self._record(outcome)
                progress.count(outcome)

            try:
                await measure(
                    self._asks(),
                    self._model,
                    scorers.__getitem__,
                    self._header.settings,
                    finished,
                    concurrency=concurrency,
                )
            except TruingError as error:
                failure = error
            finally:
                await self._model.close()
        return self._stop.asked, failure

    def _asks(self) -> Iterator[Ask]:
        for task in self._tasks:
            for sample in task.samples(
                edition=self._header.edition, limit=self._header.seeds_per_task
            ):
                for epoch in range(self._header.settings.epochs):
                    if self._stop.asked:
                        return
                    if not self._done.judged(sample.id, epoch):
                        yield Ask(sample, epoch, self._done.answer(sample.id, epoch))

    def _already(self) -> int:
        return min(self._done.judged_count, self._header.planned)

    def _record(self, outcome: Finished) -> None:
        sample, epoch = outcome.ask.sample, outcome.ask.epoch
        verdict = JudgementLine(epoch=epoch, sample=sample.id, judgement=outcome.judgement)
        if outcome.fresh:
            answer = ResponseLine(
                epoch=epoch, sample=sample, response=outcome.response, at=time.time()
            )
            self._journal.append(answer, verdict)
        else:
            self._journal.append(verdict)


def _measured(chosen: list[str], texts: Path | None) -> list[Task]:
    tasks = [find_task(name) for name in chosen]
    if texts is None:
        return tasks
    windows = read_windows(texts)
    with_texts = [task.with_texts(windows) for task in tasks]
    if all(task is before for task, before in zip(with_texts, tasks, strict=True)):
        raise UsageError("--texts: no task here continues your texts; add copyright_leak/notice")
    return with_texts


def _open(name: str, opening: Opening) -> Model:
    if name.startswith("replay/") and opening.base_url is None:
        return _open_replay(Path(name.partition("/")[2]))
    return open_model(name, opening)


def _open_replay(folder: Path) -> Model:
    from truing.models.replay import Replay

    header = read_header(folder)
    system = header.settings.system
    before = () if system is None else (Message(role=Role.SYSTEM, text=system),)

    def answers() -> Iterator[tuple[tuple[Message, ...], tuple[Choice, ...], int, Response]]:
        for line in read_journal(folder / "journal"):
            if isinstance(line, ResponseLine) and line.response.fault is None:
                repeat = 2 * line.epoch + line.sample.control
                yield (*before, *line.sample.messages), line.sample.choices, repeat, line.response

    return Replay(f"replay/{header.model}@{header.id}", answers())


def _parameter(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UsageError(f"--param: expected NAME=VALUE, got {text!r}")
    try:
        return name, msgspec.json.decode(value.encode())
    except msgspec.DecodeError:
        return name, value


def _read_system(given: Path | None, config: Config, config_file: Path | None) -> str | None:
    path = given
    if path is None and config.system is not None:
        path = (config_file or Path("truing.toml")).parent / config.system
    if path is None:
        return None
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--system: cannot read {path}: {error}") from error


def _run_id(now: float, model: str, suite: str) -> str:
    moment = time.strftime("%Y%m%d-%H%M%S", time.gmtime(now))
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{model}-{suite}").strip("-.")[:80]
    return f"{moment}-{name}"


def _print_end(summary: Summary, folder: Path, console: Console) -> None:
    out = Console(highlight=False)
    print_profile(summary, out)
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
