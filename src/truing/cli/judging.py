"""Puts a run's open replies to judges, after they have been measured by the rules.

A judge adds verdicts to the journal beside the rule's and changes none: rows stay what they are.
Every judge of the command line sees what it must see, the answers whose verdict is known among
it; then what panels and cascades make of that is derived. A verdict that is there is not asked
for again; one that the judge's server failed to give is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rich.console import Console

from truing.calls.budget import Budget
from truing.calls.caller import Caller
from truing.cli.interrupt import Stop, stop_on_interrupt
from truing.cli.opening import OpenJudge, open_head, open_llm_judge
from truing.cli.options import RunOptions
from truing.config import Config
from truing.engine import Ask, Finished, measure
from truing.errors import TruingError
from truing.journal import JournalWriter, JudgementLine, read_journal
from truing.judges.bench import Seat, check_self, derive, needed, seats_in_order
from truing.judges.canaries import Canary, draw_canaries
from truing.judges.canary_record import CanaryWriter, canary_line, read_canaries
from truing.judges.replies import Reply, read_replies
from truing.judges.specs import (
    HEAD_PREFIX,
    Cascade,
    JudgeSpec,
    Panel,
    members,
    read_spec,
    same_families,
)
from truing.records import Judgement, Response, Settings
from truing.runs import RunHeader, read_header
from truing.scorers import find_scorer
from truing.scorers.judge import read_verdict
from truing.scorers.rubric import Rubric, rubric_named
from truing.scorers.scorer import Particular, Scorer, verdict_on
from truing.tasks import Task

__all__ = ["check_judges", "judge_calls", "run_judges"]


def check_judges(subject: str, judges: Sequence[str]) -> None:
    """Refuse what cannot be a judge, and a model as the only judge of itself.

    Raises `UsageError`, or `UnknownName` for a head that is not there: before any call.
    """
    specs = [read_spec(judge) for judge in judges]
    if specs:
        check_self(subject, specs)
    for name in seats_in_order(specs):
        if name.startswith(HEAD_PREFIX):
            open_head(name)


def judge_calls(
    judges: Sequence[str],
    tasks: Sequence[Task],
    replies: Mapping[str, int],
    *,
    edition: int,
    seeds: int | None,
) -> tuple[int, int]:
    """(calls for replies, for known answers) that judges make at most.

    `replies` is how many each task has. Heads are asked nothing; the model of a cascade may see
    every reply.
    """
    specs = [read_spec(judge) for judge in judges]
    models = [name for name in seats_in_order(specs) if not name.startswith(HEAD_PREFIX)]
    open_tasks = [task for task in tasks if task.card.rubric]
    known = _canaries({task.id: task for task in open_tasks}, edition, seeds) if models else []
    return (
        len(models) * sum(replies[task.id] for task in open_tasks),
        len(models) * sum(canary.text.strip(" \n\t:") != "" for canary in known),
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

    Returns whether a person stopped it, and what made it end early, if anything did.
    """
    specs = [read_spec(judge) for judge in dict.fromkeys(options.judges)]
    if not specs:
        return False, None
    judging = _Judging(folder, read_header(folder), tasks, specs, journal, options, budget, console)
    try:
        return judging.run(config)
    finally:
        judging.close()


def _rubric_of(task: Task) -> Rubric:
    return rubric_named(task.card.rubric or "", task.folder)


def _can(scorer: Scorer, reply: Reply) -> bool:
    return not (isinstance(scorer, Particular) and scorer.lacks(reply.sample))


def _canaries(tasks: Mapping[str, Task], edition: int, seeds: int | None) -> list[Canary]:
    """The known answers of a run, for every rubric its own."""
    by_rubric: dict[str, tuple[Rubric, list[Task]]] = {}
    for task in tasks.values():
        rubric = _rubric_of(task)
        by_rubric.setdefault(rubric.id, (rubric, []))[1].append(task)
    found: list[Canary] = []
    for rubric, own in by_rubric.values():
        samples = (sample for task in own for sample in task.samples(edition=edition, limit=seeds))
        found += draw_canaries(samples, rubric.id, list(rubric.labels), edition)
    return found


class _Judging:
    """All judges over all open replies of a run."""

    def __init__(
        self,
        folder: Path,
        header: RunHeader,
        tasks: Sequence[Task],
        specs: Sequence[JudgeSpec],
        journal: JournalWriter,
        options: RunOptions,
        budget: Budget,
        console: Console,
    ) -> None:
        self._tasks = {task.id: task for task in tasks if task.card.rubric}
        self._rubrics = {name: _rubric_of(task) for name, task in self._tasks.items()}
        self._specs = specs
        self._journal = journal
        self._options = options
        self._seed = header.edition
        self._budget = budget
        self._console = console
        self._seats: dict[str, Seat] = {}
        self._replies = read_replies(read_journal(folder / "journal"), self._tasks)
        self._canary_file = CanaryWriter(folder)
        self._known = self._known_answers(folder, header.seeds_per_task)

    def close(self) -> None:
        self._canary_file.close()

    def run(self, config: Config) -> tuple[bool, TruingError | None]:
        self._warn()
        stopped, failure = False, None
        for name in seats_in_order(self._specs):
            if name.startswith(HEAD_PREFIX):
                judge = open_head(name)
            else:
                judge = open_llm_judge(name, self._options, config, self._budget, self._readable)
            self._seats[name] = Seat(judge.name, judge.threshold)
            stopped, failure = asyncio.run(self._judge(name, judge))
            if stopped or failure:
                break
        if self._journal.failure is None:
            self._derive(complete=not stopped and failure is None)
        return stopped, failure or self._journal.failure

    def _warn(self) -> None:
        for spec in self._specs:
            if isinstance(spec, Panel):
                for one, other in same_families(spec.members):
                    self._console.print(
                        f"{one} and {other} are of one family: they may err alike, and their "
                        "agreement is worth less",
                        markup=False,
                        soft_wrap=True,
                    )

    def _known_answers(self, folder: Path, seeds: int | None) -> list[Reply]:
        """The canaries, with what was said of them and has not to be paid for again."""
        drawn = _canaries(self._tasks, self._seed, seeds)
        known = [
            Reply(canary.sample, 0, Response(text=canary.text, stop_reason="stop"), canary=canary)
            for canary in drawn
        ]
        by_id = {canary.id: reply for canary, reply in zip(drawn, known, strict=True)}
        for line in read_canaries(folder):
            self._budget.spend(line.cost_usd or 0.0, line.tokens or 0)
            if line.canary in by_id:
                by_id[line.canary].verdicts[line.judge] = line.judgement()
        if any(isinstance(spec, Cascade) for spec in self._specs):
            asyncio.run(self._rule_on(known))
        return known

    async def _rule_on(self, known: Sequence[Reply]) -> None:
        for reply in known:
            rule = find_scorer(self._tasks[reply.sample.task].card.scorer)
            reply.rule = await verdict_on(rule, reply.sample, reply.response)

    def _readable(self, response: Response) -> bool:
        return any(read_verdict(response.text, rubric) for rubric in self._rubrics.values())

    async def _judge(self, name: str, judge: OpenJudge) -> tuple[bool, TruingError | None]:
        scorers = {
            task: scorer
            for task, rubric in self._rubrics.items()
            if (scorer := judge.scorer(rubric)) is not None
        }
        for rubric in sorted({r.id for task, r in self._rubrics.items() if task not in scorers}):
            self._console.print(
                f"{judge.name} does not know the labels of {rubric}: those replies it cannot judge",
                markup=False,
            )
        owed = list(self._owed(self._known, name, scorers))
        replies = list(self._owed(self._replies, name, scorers))
        failure: TruingError | None = None
        with stop_on_interrupt(self._console) as stop:
            try:
                if owed or replies:
                    also = f" and {len(owed)} known answers" if owed else ""
                    self._console.print(
                        f"{judge.name} judges {len(replies)} replies{also}", markup=False
                    )
                    await self._ask([*owed, *replies], judge.caller, scorers, stop)
            except TruingError as error:
                failure = error
            finally:
                if judge.caller is not None:
                    await judge.caller.close()
        return stop.asked, failure or self._journal.failure

    def _owed(
        self, replies: Sequence[Reply], name: str, scorers: Mapping[str, Scorer]
    ) -> Iterator[Reply]:
        for reply in replies:
            task = reply.sample.task
            if task in scorers and reply.owes(scorers[task].name) and _can(scorers[task], reply):
                rubric = self._rubrics[task].id
                if needed(name, self._specs, self._seats, rubric, reply, self._seed):
                    yield reply

    async def _ask(
        self,
        owed: Sequence[Reply],
        caller: Caller | None,
        scorers: Mapping[str, Scorer],
        stop: Stop,
    ) -> None:
        at = {id(reply.response): reply for reply in owed}

        def asks() -> Iterator[Ask]:
            for reply in owed:
                if stop.asked or self._journal.failure:
                    return
                yield Ask(reply.sample, reply.epoch, reply.response)

        def finished(outcome: Finished) -> None:
            self._record(at[id(outcome.response)], outcome.judgement)

        if caller is not None:
            await measure(
                asks(),
                caller,
                scorers.__getitem__,
                Settings(),
                finished,
                concurrency=caller.gate.most,
                paid=lambda _: True,
            )
            return
        for ask in asks():  # nothing is called: one after the other
            assert ask.answered is not None
            verdict = await verdict_on(scorers[ask.sample.task], ask.sample, ask.answered)
            self._record(at[id(ask.answered)], verdict)
            await asyncio.sleep(0)  # so that Ctrl-C is heard

    def _record(self, reply: Reply, verdict: Judgement) -> None:
        reply.verdicts[verdict.scorer] = verdict
        if reply.canary is not None:
            self._canary_file.append(canary_line(reply.canary, verdict))
        else:
            self._journal.append(
                JudgementLine(epoch=reply.epoch, sample=reply.sample.id, judgement=verdict)
            )

    def _derive(self, *, complete: bool) -> None:
        """Append what panels and cascades say of every reply that their members have judged.

        A cascade waits until all is judged: what it decides without its model comes first, and is
        no fair part of the replies.
        """
        for spec in self._specs:
            if not complete and isinstance(spec, Cascade):
                continue
            if not all(name in self._seats for name in members(spec)):
                continue
            for reply in (*self._known, *self._replies):
                if self._journal.failure:
                    return
                task, rubric = self._tasks[reply.sample.task], self._rubrics[reply.sample.task]
                for verdict in derive(
                    spec, self._seats, rubric.id, task.card.scorer, reply, self._seed
                ):
                    self._record(reply, verdict)
