"""A stored run as one row needs it: on each side who passed, seed by seed. Calls no model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from truing.errors import UsageError
from truing.journal import JudgementLine, ResponseLine, read_journal
from truing.records import Judgement, Outcome, Sample
from truing.reports.answers import FEWEST_OUTCOMES, Answer, Sided, explained_sides, outcome_sides
from truing.runs import RunHeader, TaskHeader, read_header
from truing.scorers.groups import whole_groups
from truing.tasks import Task

__all__ = ["RunRow", "read_rows"]


class RunRow(NamedTuple):
    """A task's row of a run, without what was asked of seeds that have left the set."""

    header: RunHeader
    sides: list[Sided]
    """Each side's (passed, clusters); of a row of groups one side, of the groups."""
    fewest: int
    """Answers below which a side is unknown."""
    left_out: int
    same_questions: float


class _Asked(NamedTuple):
    sample: str
    side: str
    cluster: str
    group: str | None
    control: bool
    first: bool


_Answers = dict[tuple[str, int], tuple[_Asked, Judgement | None]]


def read_rows(folders: Iterable[Path], tasks: Sequence[Task]) -> dict[str, list[RunRow]]:
    """Task -> its row of each run that has it, runs in the order given.

    Raises `JournalError` where a folder is no run, `UsageError` where no run has any of the tasks.
    """
    found: dict[str, list[RunRow]] = defaultdict(list)
    known = {task.id: task for task in tasks}
    for folder in folders:
        header = read_header(folder)
        wanted = {task.id: task for task in header.tasks if task.id in known}
        for name, answers in _answers(folder, wanted).items():
            found[name].append(_row(header, wanted[name], answers, known[name]))
    if not found:
        raise UsageError(f"--run: no run asks {', '.join(sorted(known)[:3])}")
    return found


def _answers(folder: Path, wanted: Mapping[str, TaskHeader]) -> dict[str, _Answers]:
    by_task: dict[str, _Answers] = {name: {} for name in wanted}
    task_of: dict[str, str] = {}
    for line in read_journal(folder / "journal"):
        if isinstance(line, ResponseLine):
            sample = line.sample
            if sample.task in by_task:
                task_of[sample.id] = sample.task
                by_task[sample.task][(sample.id, line.epoch)] = (_asked(sample), None)
        elif isinstance(line, JudgementLine) and (name := task_of.get(line.sample)):
            key = (line.sample, line.epoch)
            if line.judgement.scorer == wanted[name].scorer and key in by_task[name]:
                verdict = msgspec.structs.replace(line.judgement, reason="")
                by_task[name][key] = (by_task[name][key][0], verdict)
    return by_task


def _asked(sample: Sample) -> _Asked:
    return _Asked(
        sample.id, sample.side, sample.cluster, sample.group, sample.control, not sample.history
    )


def _row(header: RunHeader, of: TaskHeader, answers: _Answers, task: Task) -> RunRow:
    today = list(task.samples(edition=header.edition))
    ids, clusters = {sample.id for sample in today}, {sample.cluster for sample in today}
    judged = [
        (asked, verdict)
        for _, (asked, verdict) in sorted(answers.items(), key=lambda item: item[0])
        if verdict is not None and not asked.control
    ]
    kept = [(asked, verdict) for asked, verdict in judged if asked.cluster in clusters]
    first = [asked.sample in ids for asked, _ in answers.values() if asked.first]
    by_outcome = of.headline in ("calibration", "explanation")
    return RunRow(
        header=header,
        sides=_sides(of, kept),
        fewest=FEWEST_OUTCOMES if by_outcome else 1,
        left_out=len(judged) - len(kept),
        same_questions=sum(first) / max(1, len(first)),
    )


def _sides(of: TaskHeader, kept: list[tuple[_Asked, Judgement]]) -> list[Sided]:
    scored = [(asked, v) for asked, v in kept if v.outcome is not Outcome.UNSCORED]
    if of.headline == "calibration":
        return list(outcome_sides(_as_answer(*one) for one in scored))
    if of.headline == "explanation":
        return list(explained_sides([_as_answer(*one) for one in scored]))
    if of.unit == "group":
        groups = whole_groups((a.group or "", a.cluster, v.outcome) for a, v in kept)
        counted = [(c, v) for (_, c), v in groups.items() if v is not Outcome.UNSCORED]
        return [([float(v is Outcome.TRUSTWORTHY) for _, v in counted], [c for c, _ in counted])]
    return [
        (
            [float(v.outcome is Outcome.TRUSTWORTHY) for a, v in scored if a.side == side.name],
            [a.cluster for a, _ in scored if a.side == side.name],
        )
        for side in of.sides
    ]


def _as_answer(asked: _Asked, verdict: Judgement) -> Answer:
    """An answer with what decides on which side it counts, and nothing else."""
    answer = Answer(
        side=asked.side,
        cluster=asked.cluster,
        group=asked.group,
        variant="",
        control=False,
        letters=(),
        roles={},
        target="",
        likeliest=None,
        token_probabilities={},
        truncated=False,
        elicitation=None,
        fault=None,
    )
    answer.judge(verdict)
    return answer
