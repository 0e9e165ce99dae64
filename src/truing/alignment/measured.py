"""The measured part of sets: what training data must stay away from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from truing.errors import TaskError, UsageError
from truing.journal import ResponseLine, read_journal
from truing.records import Sample
from truing.runs import RunHeader, task_of
from truing.tasks import Task
from truing.tasks.parts import Part, part_of

__all__ = ["measured_of_task", "measured_samples"]


def measured_of_task(task: Task, *, edition: int = 0) -> Iterator[Sample]:
    """Samples of a task's measured clusters, all of its seeds."""
    for sample in task.samples(edition=edition):
        if part_of(sample.task, sample.cluster) is Part.MEASURE:
            yield sample


def measured_samples(run: Path, header: RunHeader) -> Iterator[Sample]:
    """Samples of the measured part of every row of a run, asked in it or not.

    Of a row whose task is not at hand those that the run asked.
    """
    absent = set()
    for row in header.tasks:
        try:
            yield from measured_of_task(task_of(run, row.id, whole=True), edition=header.edition)
        except (TaskError, UsageError):
            absent.add(row.id)
    if not absent:
        return
    for line in read_journal(run / "journal"):
        if isinstance(line, ResponseLine) and line.sample.task in absent:
            sample = line.sample
            if part_of(sample.task, sample.cluster) is Part.MEASURE:
                yield sample
