"""What an importer hands over: one model's recorded answers and verdicts, task by task."""

from __future__ import annotations

from typing import NamedTuple

from truing.records import Judgement, Response, Sample
from truing.runs import TaskHeader

__all__ = ["RecordedRun"]


class RecordedRun(NamedTuple):
    """A model, the tasks that it was asked, and (sample, repeat, response, judgement) of each."""

    model: str
    tasks: list[TaskHeader]
    answers: list[tuple[Sample, int, Response, Judgement]]
