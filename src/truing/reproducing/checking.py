"""Whether a run can be made again here: tasks and scorers as they were, and what else changed."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from truing.errors import TruingError, UsageError
from truing.records import RECORDED_LABEL
from truing.runs import RunHeader, TaskHeader, task_of
from truing.tasks import Task

__all__ = ["changed_since", "reopen_tasks"]


def reopen_tasks(folder: Path, header: RunHeader, only: Sequence[str] = ()) -> list[Task]:
    """The tasks of a run, as they were: the copies that it keeps, else those installed.

    Raises `UsageError`, with the difference, where one of them has changed, is judged otherwise now
    or is not here; `only` names the rows that are wanted.
    """
    known = {task.id: task for task in header.tasks}
    if unknown := [name for name in only if name not in known]:
        raise UsageError(f"--task {unknown[0]}: the run has {', '.join(known)}")
    if header.rescored_from is not None:
        raise UsageError(
            f"{folder} holds the answers of {header.rescored_from}, judged again: "
            "reproduce that run"
        )
    return [_reopen(folder, header, known[name]) for name in only or known]


def _reopen(folder: Path, header: RunHeader, was: TaskHeader) -> Task:
    others = "; --task ID reproduces other rows"
    if was.scorer == RECORDED_LABEL:
        raise UsageError(
            f"{was.id}: its labels came with its answers, so new answers have none{others}"
        )
    try:
        task = task_of(folder, was.id)
        content = task.content_hash(edition=header.edition)
    except TruingError as error:
        raise UsageError(f"{was.id} cannot be asked again: {error}{others}") from error
    if content == was.content:
        return task
    differs = [
        f"{name} was {then}, is {now}"
        for name, then, now in (
            ("scorer", was.scorer, task.card.scorer),
            ("edition", was.edition, task.card.edition),
            ("number of seeds", was.seeds, task.seed_count),
            ("content", was.content, content),
        )
        if then is not None and then != now
    ]
    texts = " (the run's own texts are not kept)" if header.own_texts else ""
    raise UsageError(
        f"{was.id} is not the task that was run: {', '.join(differs)}{texts}. Install the truing "
        f"of then ({header.truing}){others}"
    )


def changed_since(header: RunHeader, now: RunHeader) -> list[str]:
    """What may move answers and is not what it was: versions, machine, name, address, settings."""
    told = []
    version = metadata.version("truing")
    pairs = [
        ("truing", header.truing, version),
        ("the model's name", header.model, now.model),
        ("its address", header.address, now.address),
        *(
            (name, header.packages.get(name), now.packages.get(name))
            for name in sorted(header.packages.keys() | now.packages.keys())
        ),
        *(
            (name, header.machine.get(name), now.machine.get(name))
            for name in sorted(header.machine.keys() & now.machine.keys())
        ),
    ]
    for name, then, today in pairs:
        if then != today:
            told.append(f"{name} was {then or 'none'}, is {today or 'none'}")
    return told
