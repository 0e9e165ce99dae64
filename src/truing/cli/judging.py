"""Puts a run's open replies to LLM judges, after they have been measured by the rules.

A judge adds verdicts to the journal beside the rule's and changes none: rows stay what they are.
A verdict that is there is not asked for again; one that the judge's server failed to give is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from truing.calls.budget import Budget
from truing.calls.caller import Caller
from truing.cli.interrupt import stop_on_interrupt
from truing.cli.opening import open_judge
from truing.cli.options import RunOptions
from truing.config import Config
from truing.engine import Ask, Finished, measure
from truing.errors import TruingError, UsageError
from truing.journal import JournalWriter, JudgementLine, ResponseLine, read_journal
from truing.records import FaultKind, Response, Sample, Settings, judged_hash
from truing.scorers.judge import LlmJudge, read_verdict
from truing.scorers.rubric import Rubric, find_rubric, read_rubric
from truing.tasks import Task

__all__ = ["check_judges", "judge_replies", "run_judges"]


def check_judges(subject: str, judges: list[str]) -> None:
    """Refuse a model as the only judge of itself. Raises `UsageError`."""
    if judges and all(judge == subject for judge in judges):
        raise UsageError(
            f"--judge: {subject} would be the only judge of its own answers: "
            "name another model, alone or beside it"
        )


def run_judges(
    folder: Path,
    tasks: list[Task],
    journal: JournalWriter,
    options: RunOptions,
    config: Config,
    budget: Budget,
    console: Console,
) -> tuple[bool, TruingError | None]:
    """Have every judge of the command line see the replies, one after the other.

    Returns as `judge_replies`.
    """
    rubrics = {task.id: _rubric_of(task) for task in tasks if task.card.rubric}
    read_by = list({rubric.id: rubric for rubric in rubrics.values()}.values())

    def readable(response: Response) -> bool:
        return any(read_verdict(response.text, rubric) for rubric in read_by)

    for name in dict.fromkeys(options.judges):
        judge = open_judge(name, options, config, budget, readable)
        stopped, failure = asyncio.run(judge_replies(folder, rubrics, judge, journal, console))
        if stopped or failure:
            return stopped, failure
    return False, None


def _rubric_of(task: Task) -> Rubric:
    name = task.card.rubric or ""
    own = task.folder is not None and name.endswith(".toml")
    return read_rubric(task.folder / name) if own and task.folder else find_rubric(name)


async def judge_replies(
    folder: Path,
    rubrics: dict[str, Rubric],
    judge: Caller,
    journal: JournalWriter,
    console: Console,
) -> tuple[bool, TruingError | None]:
    """Have one judge see every reply of the tasks in `rubrics` (task -> rubric).

    Returns whether a person stopped it, and what made it end early, if anything did.
    """
    scorers = {
        task: LlmJudge(judge.name, rubric, judge.respond) for task, rubric in rubrics.items()
    }
    owed = list(_owed(folder, {task: scorer.name for task, scorer in scorers.items()}))
    if not owed:
        await judge.close()
        return False, None
    console.print(f"{judge.name} judges {len(owed)} replies", markup=False)

    def finished(outcome: Finished) -> None:
        journal.append(
            JudgementLine(
                epoch=outcome.ask.epoch,
                sample=outcome.ask.sample.id,
                judgement=outcome.judgement,
            )
        )

    failure: TruingError | None = None
    with stop_on_interrupt(console) as stop:

        def asks() -> Iterator[Ask]:
            for sample, epoch, response in owed:
                if stop.asked or journal.failure:
                    return
                yield Ask(sample, epoch, response)

        try:
            await measure(
                asks(),
                judge,
                scorers.__getitem__,
                Settings(),
                finished,
                concurrency=judge.gate.most,
                paid=lambda _: True,
            )
        except TruingError as error:
            failure = error
        finally:
            await judge.close()
    return stop.asked, failure or journal.failure


def _owed(folder: Path, judge_of: dict[str, str]) -> Iterator[tuple[Sample, int, Response]]:
    """Replies without this judge's verdict, in the order they came."""
    answers: dict[tuple[str, int], tuple[Sample, int, Response]] = {}
    for line in read_journal(folder / "journal"):
        if isinstance(line, ResponseLine):
            if line.sample.task in judge_of and line.response.fault is None:
                answers[(line.sample.id, line.epoch)] = (line.sample, line.epoch, line.response)
            continue
        there = answers.get((line.sample, line.epoch))
        given = line.judgement
        if (
            there is not None
            and given.scorer == judge_of[there[0].task]
            and given.judged == judged_hash(there[2].text)
            and given.label not in set(FaultKind)
        ):
            del answers[(line.sample, line.epoch)]
    yield from answers.values()
