"""Judges the stored answers of a run again, and says what that changes.

Reads a run's header and journal, line by line, and keeps two verdicts of each answer and no text;
knows no model, and of a task only what the header says.
"""

from __future__ import annotations

import asyncio
import math
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from truing import stats
from truing.errors import UnknownName, UsageError
from truing.journal import JudgementLine, Line, ResponseLine, TornLines, read_journal
from truing.records import JUDGE_PREFIX, RECORDED_LABEL, Judgement, Outcome
from truing.runs import RunHeader, TaskHeader
from truing.scorers import find_scorer
from truing.scorers.groups import whole_groups
from truing.scorers.scorer import Particular, Scorer, verdict_on

__all__ = [
    "Change",
    "Difference",
    "JudgedAgain",
    "Part",
    "Rate",
    "Rescored",
    "RescoredRow",
    "choose_scorers",
    "compare_verdicts",
    "judge_again",
    "rescored_header",
]

ANSWERS_A_BREATH = 64
"""So often a Ctrl-C is noticed."""


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """The share of units that are trustworthy. `None` is unknown, never 0."""

    estimate: float | None
    low: float | None
    high: float | None
    units: int
    clusters: int
    unscored: int


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Now minus recorded, over the units that are scored in both."""

    difference: float
    low: float
    high: float
    test: str
    p: float
    p_holm: float
    """Adjusted for every test of the run."""
    pairs: int


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A row or one side of it."""

    recorded: Rate
    now: Rate
    difference: Difference | None


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """So many verdicts went from one label to another."""

    recorded: str
    now: str
    count: int


class RescoredRow(msgspec.Struct, frozen=True, kw_only=True):
    """One task. `whole` counts its units: samples, of all sides together, or groups."""

    task: str
    subcategory: str
    unit: str
    scorer_recorded: str
    scorer_now: str
    whole: Part
    sides: dict[str, Part]
    """By side, in samples; empty where the sides follow the outcome, or there is only one."""
    answers: int
    changed: int
    """Verdicts that are not what they were, those of control arms included."""
    changes: list[Change]
    first_verdicts: int
    """Answers that had no verdict in the run."""


class Rescored(msgspec.Struct, frozen=True, kw_only=True):
    """What judging a run again changes."""

    run: str
    model: str
    rows: list[RescoredRow]
    changed: int
    torn_lines: int
    out: str | None = None
    """The folder with the new verdicts."""


class _Verdict(NamedTuple):
    outcome: Outcome
    label: str
    probability: float | None
    value: float | None


@dataclass(slots=True)
class _Answer:
    side: str
    cluster: str
    group: str | None
    control: bool
    now: _Verdict
    recorded: _Verdict | None = None


class JudgedAgain:
    """Task -> its answers with both verdicts."""

    def __init__(self, header: RunHeader) -> None:
        self.answers: dict[str, dict[tuple[str, int], _Answer]] = {
            task.id: {} for task in header.tasks
        }
        self.torn = TornLines()
        self._scorer_of = {task.id: task.scorer for task in header.tasks}
        self._task_of: dict[str, str] = {}
        self._alike: dict[_Verdict, _Verdict] = {}

    def task_of(self, sample: str) -> str | None:
        """The task of a sample that was judged again."""
        return self._task_of.get(sample)

    def add_answer(self, line: ResponseLine, judgement: Judgement) -> None:
        """An answer and its new verdict; the last answer to a sample and epoch holds."""
        sample, task = line.sample, sys.intern(line.sample.task)
        self._task_of[sample.id] = task
        self.answers[task][(sample.id, line.epoch)] = _Answer(
            side=sys.intern(sample.side),
            cluster=sys.intern(sample.cluster),
            group=sample.group if sample.group is None else sys.intern(sample.group),
            control=sample.control,
            now=self._shared(judgement),
        )

    def add_recorded(self, line: JudgementLine) -> None:
        """A verdict of the run itself, where it is by the scorer that its header names."""
        task = self._task_of.get(line.sample)
        answer = None if task is None else self.answers[task].get((line.sample, line.epoch))
        if answer is not None and line.judgement.scorer == self._scorer_of[task or ""]:
            answer.recorded = self._shared(line.judgement)

    def _shared(self, given: Judgement) -> _Verdict:
        verdict = _Verdict(given.outcome, str(given.label), given.probability, given.value)
        return self._alike.setdefault(verdict, verdict)


def choose_scorers(folder: Path, header: RunHeader, name: str | None) -> dict[str, Scorer]:
    """Task -> the scorer that judges it again: its own, or the named one where that can.

    A task with labels that came with its answers is left out and keeps them, unless the named
    scorer can judge it. Raises `UsageError` where the named one can judge no task, or nothing
    would be judged.
    """
    reads = _readable(folder, header, find_scorer(name)) if name else {}
    named = {task for task, why in reads.items() if why is None}
    if name and not named:
        unread, why = next(iter(reads.items()), ("its journal", "there are no answers"))
        raise UsageError(f"--scorer: {name} can judge no row of {folder}: in {unread}, {why}")
    chosen: dict[str, Scorer] = {}
    for task in header.tasks:
        if task.id in named and name:
            chosen[task.id] = find_scorer(name)
        elif task.scorer != RECORDED_LABEL:
            chosen[task.id] = _own_scorer(task)
    if not chosen:
        raise UsageError(
            f"{folder}: its labels came with its answers, no scorer gave them: "
            "name the one that should judge with --scorer NAME"
        )
    return chosen


def _own_scorer(task: TaskHeader) -> Scorer:
    try:
        return find_scorer(task.scorer)
    except UnknownName as error:
        raise UsageError(
            f"{task.id} was judged by {task.scorer}, which is not here: install what brings it, "
            "or name another with --scorer NAME"
        ) from error


def _readable(folder: Path, header: RunHeader, scorer: Scorer) -> dict[str, str | None]:
    """Task with answers -> what keeps the scorer from judging it, or None."""
    known = {task.id for task in header.tasks}
    found: dict[str, str | None] = {}
    for line in read_journal(folder / "journal"):
        if isinstance(line, ResponseLine) and line.sample.task in known:
            why = scorer.lacks(line.sample) if isinstance(scorer, Particular) else None
            found[line.sample.task] = found.get(line.sample.task) or why
    return found


async def judge_again(
    folder: Path,
    header: RunHeader,
    scorers: Mapping[str, Scorer],
    append: Callable[..., None] = lambda *_: None,
) -> JudgedAgain:
    """Judge every answer of the tasks in `scorers`.

    `append` gets the lines of the new journal: every answer as it is, each with its new verdict,
    and the verdicts that stay (LLM judges', those of other tasks).
    """
    found = JudgedAgain(header)
    for number, line in enumerate(read_journal(folder / "journal", found.torn)):
        if number % ANSWERS_A_BREATH == 0:
            await asyncio.sleep(0)
        if isinstance(line, JudgementLine):
            by_rule = not line.judgement.scorer.startswith(JUDGE_PREFIX)
            if by_rule and found.task_of(line.sample) is not None:
                found.add_recorded(line)
            else:
                append(line)
            continue
        scorer = scorers.get(line.sample.task)
        if scorer is None:
            append(line)
            continue
        judgement = await verdict_on(scorer, line.sample, line.response)
        found.add_answer(line, judgement)
        append(line, _verdict_line(line, judgement))
    return found


def _verdict_line(line: ResponseLine, judgement: Judgement) -> Line:
    return JudgementLine(epoch=line.epoch, sample=line.sample.id, judgement=judgement)


def rescored_header(
    header: RunHeader, scorers: Mapping[str, Scorer], *, run_id: str, created_at: float
) -> RunHeader:
    """The header of a run of the same answers, judged by `scorers` (task -> scorer)."""
    return msgspec.structs.replace(
        header,
        truing=metadata.version("truing"),
        id=run_id,
        tasks=[
            msgspec.structs.replace(task, scorer=scorers[task.id].name)
            if task.id in scorers
            else task
            for task in header.tasks
        ],
        created_at=created_at,
        rescored_from=header.id,
    )


def compare_verdicts(
    header: RunHeader, scorers: Mapping[str, Scorer], found: JudgedAgain, *, seed: int
) -> Rescored:
    """Rates, paired tests and changed labels of every task judged again. `seed`: sign flips."""
    rows = [
        _row(task, scorers[task.id].name, list(found.answers[task.id].values()), seed, number)
        for number, task in enumerate(header.tasks)
        if task.id in scorers
    ]
    return Rescored(
        run=header.id,
        model=header.model,
        rows=_adjusted(rows),
        changed=sum(row.changed for row in rows),
        torn_lines=found.torn.count,
    )


class _Unit(NamedTuple):
    """Its cluster, and whether it passed, before and now; None where it is unscored."""

    cluster: str
    recorded: bool | None
    now: bool | None


def _row(
    task: TaskHeader, scorer: str, answers: list[_Answer], seed: int, number: int
) -> RescoredRow:
    main = [answer for answer in answers if not answer.control]
    names = [side.name for side in task.sides]
    by_side = {name: [answer for answer in main if answer.side == name] for name in names}
    if len(names) < 2 or not all(by_side.values()):
        by_side = {}
    whole = _groups(main) if task.unit == "group" else list(map(_unit, main))
    units = [whole, *([_unit(answer) for answer in own] for own in by_side.values())]
    first, *others = (
        _part(own, np.random.default_rng([seed, number, place])) for place, own in enumerate(units)
    )
    changes = Counter(
        _named(answer.recorded, answer.now)
        for answer in answers
        if answer.recorded is not None and answer.recorded != answer.now
    )
    return RescoredRow(
        task=task.id,
        subcategory=task.subcategory,
        unit=task.unit,
        scorer_recorded=task.scorer,
        scorer_now=scorer,
        whole=first,
        sides=dict(zip(by_side, others, strict=True)),
        answers=len(answers),
        changed=changes.total(),
        changes=[
            Change(recorded=recorded, now=now, count=count)
            for (recorded, now), count in sorted(
                changes.items(), key=lambda change: (-change[1], change[0])
            )
        ],
        first_verdicts=sum(answer.recorded is None for answer in answers),
    )


def _named(recorded: _Verdict, now: _Verdict) -> tuple[str, str]:
    """Both labels, with what else sets them apart where they are the same."""
    if recorded.label != now.label:
        return recorded.label, now.label
    if recorded.outcome is not now.outcome:
        return f"{recorded.label} ({recorded.outcome})", f"{now.label} ({now.outcome})"
    return recorded.label, f"{now.label}, another value"


def _passed(outcome: Outcome | None) -> bool | None:
    if outcome is None or outcome is Outcome.UNSCORED:
        return None
    return outcome is Outcome.TRUSTWORTHY


def _unit(answer: _Answer) -> _Unit:
    recorded = None if answer.recorded is None else answer.recorded.outcome
    return _Unit(answer.cluster, _passed(recorded), _passed(answer.now.outcome))


def _groups(answers: list[_Answer]) -> list[_Unit]:
    """Groups as wholes, in the order of their names; one that owes a member does not count."""
    recorded = whole_groups(
        (answer.group, answer.cluster, answer.recorded.outcome)
        for answer in answers
        if answer.group is not None and answer.recorded is not None
    )
    now = whole_groups(
        (answer.group, answer.cluster, answer.now.outcome)
        for answer in answers
        if answer.group is not None
    )
    return [
        _Unit(key[1], _passed(recorded.get(key)), _passed(now.get(key)))
        for key in sorted(recorded.keys() | now.keys())
    ]


def _part(units: list[_Unit], rng: np.random.Generator) -> Part:
    both = [unit for unit in units if unit.recorded is not None and unit.now is not None]
    clusters = [unit.cluster for unit in both]
    result = stats.paired_difference(
        np.array([unit.now for unit in both], dtype=bool),
        np.array([unit.recorded for unit in both], dtype=bool),
        # With one unit a cluster the exact test is the same question without a draw.
        clusters if len(set(clusters)) < len(clusters) else None,
        rng=rng,
    )
    return Part(
        recorded=_rate((unit.cluster, unit.recorded) for unit in units),
        now=_rate((unit.cluster, unit.now) for unit in units),
        difference=Difference(
            difference=result.difference,
            low=result.low,
            high=result.high,
            test=result.test,
            p=result.p,
            p_holm=result.p,
            pairs=result.pairs,
        )
        if both
        else None,
    )


def _rate(units: Iterable[tuple[str, bool | None]]) -> Rate:
    given = list(units)
    scored = [(cluster, passed) for cluster, passed in given if passed is not None]
    clusters = [cluster for cluster, _ in scored]
    found = stats.rate_interval([passed for _, passed in scored], clusters)
    known = not math.isnan(found.estimate)
    return Rate(
        estimate=found.estimate if known else None,
        low=found.low if known else None,
        high=found.high if known else None,
        units=len(scored),
        clusters=len(set(clusters)),
        unscored=len(given) - len(scored),
    )


def _adjusted(rows: list[RescoredRow]) -> list[RescoredRow]:
    """The rows with p values that hold all at once."""
    parts = [part for row in rows for part in (row.whole, *row.sides.values())]
    p_values = iter(stats.holm([part.difference.p for part in parts if part.difference]))

    def adjusted(part: Part) -> Part:
        if part.difference is None:
            return part
        difference = msgspec.structs.replace(part.difference, p_holm=next(p_values))
        return msgspec.structs.replace(part, difference=difference)

    return [
        msgspec.structs.replace(
            row,
            whole=adjusted(row.whole),
            sides={name: adjusted(side) for name, side in row.sides.items()},
        )
        for row in rows
    ]
