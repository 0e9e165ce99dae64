"""Which runs have to be made to vary a source, and why one cannot be varied. Makes none."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from truing.errors import UsageError
from truing.records import Settings
from truing.reproducing.asked import AskedTask, asked_seeds
from truing.reproducing.rows import Source
from truing.runs import RunHeader, task_of
from truing.tasks import Task
from truing.tasks.perturbed import MARK

__all__ = ["Arm", "Arms", "plan_arms", "read_sources"]

SEED_STEP = 1000
"""Between sampling seeds: engines add the number of the repeat to the seed."""


class Arm(NamedTuple):
    """A run to be made."""

    name: str
    """Of its folder."""
    source: Source
    settings: Settings
    tasks: list[Task]
    model: str | None = None
    """In the place of the run's own."""
    form: str | None = None


class Arms(NamedTuple):
    """What is varied by calls, and why the rest is not."""

    arms: list[Arm]
    not_varied: dict[Source, str]
    by_row: dict[str, dict[Source, str]]
    """Task -> source -> why not there."""


def read_sources(text: str | None) -> list[Source] | None:
    """The sources of `again,form,...`; None: those that fit. Raises `UsageError`."""
    if text is None:
        return None
    found = []
    for name in filter(None, (part.strip() for part in text.split(","))):
        if name not in set(Source):
            raise UsageError(f"--arms: expected some of {', '.join(Source)}, got {name!r}")
        found.append(Source(name))
    if not found:
        raise UsageError(f"--arms: expected some of {', '.join(Source)}, got nothing")
    return sorted(set(found), key=list(Source).index)


def plan_arms(
    folder: Path,
    header: RunHeader,
    tasks: Sequence[Task],
    sources: Collection[Source] | None,
    *,
    repeats: int,
    forms: Sequence[str],
    variants: Mapping[str, str],
    draws: bool,
) -> Arms:
    """The runs for the sources that are wanted: those given, else those that may move a rate.

    Of a run that was asked until it was decided, the seeds that it came to. `variants`: name ->
    model of each other number format. `draws`: answers are drawn, not the likeliest, so that seeds
    and epochs say something.
    """
    not_varied: dict[Source, str] = {}
    by_row: dict[str, dict[Source, str]] = {task.id: {} for task in tasks}
    arms: list[Arm] = []
    for source in Source:
        if sources is not None and source not in sources:
            not_varied[source] = "not asked for (--arms)"
        elif source in (Source.SEED, Source.EPOCH) and not draws and sources is None:
            not_varied[source] = "temperature 0: nothing is drawn"
        elif source is Source.QUANTISATION and not variants:
            not_varied[source] = "no other number format of the model is at hand"
        elif source is Source.FORM:
            arms += _form_arms(folder, header, tasks, forms, by_row)
        else:
            arms += _plain_arms(source, header, list(tasks), repeats, variants)
    if header.until_decided is not None:
        asked = asked_seeds(folder)
        arms = [arm._replace(tasks=_asked(arm.tasks, asked, header.edition)) for arm in arms]
    return Arms(arms, not_varied, by_row)


def _asked(tasks: list[Task], asked: Mapping[str, set[str]], edition: int) -> list[Task]:
    def seeds(task: Task) -> set[str]:
        return asked.get(task.id) or asked.get(task.id.partition(MARK)[0], set())

    return [AskedTask(task, seeds(task), edition=edition) for task in tasks]


def _plain_arms(
    source: Source,
    header: RunHeader,
    tasks: list[Task],
    repeats: int,
    variants: Mapping[str, str],
) -> list[Arm]:
    settings = header.settings
    times = range(1, repeats + 1)
    if source is Source.AGAIN:
        return [Arm(f"again-{k}", source, settings, tasks) for k in times]
    if source is Source.SEED:
        seeds = {k: settings.seed + SEED_STEP * k for k in times}
        return [
            Arm(f"seed-{k}", source, msgspec.structs.replace(settings, seed=seed), tasks)
            for k, seed in seeds.items()
        ]
    if source is Source.EPOCH and settings.epochs == 1:
        repeated = msgspec.structs.replace(settings, epochs=repeats + 1)
        return [Arm("epochs", source, repeated, tasks)]
    if source is Source.QUANTISATION:
        return [
            Arm(f"quantisation-{name}", source, settings, tasks, model=model)
            for name, model in variants.items()
        ]
    return []  # a run's own epochs and the verdicts of judges are there already


def _form_arms(
    folder: Path,
    header: RunHeader,
    tasks: Sequence[Task],
    forms: Sequence[str],
    by_row: dict[str, dict[Source, str]],
) -> list[Arm]:
    asked: dict[str, list[Task]] = {form: [] for form in forms}
    for task in tasks:
        try:
            for form in forms:
                asked[form].append(task_of(folder, f"{task.id}{MARK}{form}"))
        except UsageError:
            by_row[task.id][Source.FORM] = "its questions follow the answers, or are perturbed"
    return [
        Arm(form.replace("_", "-"), Source.FORM, header.settings, own, form=form)
        for form, own in asked.items()
        if own
    ]
