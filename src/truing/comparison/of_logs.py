"""Logs of other tools, and tables, as scores by question."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from truing.comparison.measured import Key, MeasuredSet, MeasuredTask, Scored
from truing.errors import UsageError
from truing.interop.foreign import ForeignLog
from truing.recorded import Recorded
from truing.records import content_hash

__all__ = ["measured_logs", "measured_rows"]

_ONE_SIDE = "all"


def measured_logs(file: Path, logs: Sequence[ForeignLog]) -> list[MeasuredSet]:
    """One set a model; tasks of several scorers or filters are told apart by them.

    Raises `UsageError` where a question stands twice in a log, or a task in the logs.
    """
    by_model: dict[str, list[ForeignLog]] = defaultdict(list)
    for log in logs:
        by_model[log.model].append(log)
    return [_measured(file, model, own) for model, own in by_model.items()]


def _measured(file: Path, model: str, logs: Sequence[ForeignLog]) -> MeasuredSet:
    tasks: dict[str, MeasuredTask] = {}
    for log in logs:
        several = sum(other.task == log.task for other in logs) > 1
        name = f"{log.task} ({log.scorer})" if several else log.task
        if name in tasks:
            raise UsageError(f"{file}: {name} stands twice for {model}; name one of the files")
        tasks[name] = MeasuredTask(
            task=name,
            scorer=log.scorer,
            elicitation=None,
            unit="sample",
            answers=_answers(file, log),
            sides=(_ONE_SIDE,),
            settings=log.settings,
        )
    return MeasuredSet(name=str(file), model=model, settings={}, tasks=tasks)


def _answers(file: Path, log: ForeignLog) -> dict[Key, Scored]:
    answers: dict[Key, Scored] = {}
    for answer in log.answers:
        key = Key(answer.sample, answer.epoch)
        if key in answers:
            raise UsageError(
                f"{file}: sample {answer.sample}, epoch {answer.epoch + 1} stands twice in "
                f"{log.task}: which one counts is not known"
            )
        answers[key] = Scored(answer.score, answer.cluster, _ONE_SIDE, answer.asked)
    return answers


def measured_rows(file: Path, rows: Sequence[Recorded]) -> list[MeasuredSet]:
    """One set a model of a table: the k-th answer to a prompt is paired with the k-th.

    Without a column of clusters each prompt is its own.
    """
    by_model: dict[str, list[Recorded]] = defaultdict(list)
    for row in rows:
        by_model[row.model].append(row)
    return [
        MeasuredSet(name=str(file), model=model, settings={}, tasks={"table": _of_rows(own)})
        for model, own in by_model.items()
    ]


def _of_rows(rows: Sequence[Recorded]) -> MeasuredTask:
    seen: dict[str, int] = defaultdict(int)
    answers = {}
    for row in rows:
        prompt = content_hash(row.prompt)
        key = Key(prompt, seen[prompt])
        seen[prompt] += 1
        score = None if row.passed is None else float(row.passed)
        answers[key] = Scored(score, row.cluster or prompt, _ONE_SIDE, prompt)
    scorers = {row.judgement.scorer if row.judgement else "labels" for row in rows}
    return MeasuredTask(
        task="table",
        scorer="+".join(sorted(scorers)),
        elicitation=None,
        unit="sample",
        answers=answers,
        sides=(_ONE_SIDE,),
    )
