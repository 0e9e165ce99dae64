"""A run and the runs that were made of it again, as one result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from truing.comparison.measured import MeasuredSet, MeasuredTask
from truing.comparison.of_runs import measured_run
from truing.reproducing.arms import Arm, Arms
from truing.reproducing.components import LEVEL
from truing.reproducing.deciding import Seeds
from truing.reproducing.rows import Levels, RowReproduced, Source, Word, reproduce_row
from truing.reproducing.tables import epochs_of, judged_levels, renamed
from truing.runs import Done, RunHeader, read_header
from truing.tasks import Task
from truing.tasks.perturbed import MARK, reworded

__all__ = ["MadeAgain", "Reproduced", "reproduce"]


class MadeAgain(msgspec.Struct, frozen=True, kw_only=True):
    """A run that was made again."""

    name: str
    source: Source
    folder: str
    model: str
    planned: int
    answers: int


class Reproduced(msgspec.Struct, frozen=True, kw_only=True):
    """`reproduce.json`."""

    run: str
    model: str
    level: float
    rows: list[RowReproduced]
    arms: list[MadeAgain]
    not_varied: dict[str, str]
    verdicts: dict[str, int]
    changed_since: list[str]
    """What is not as it was when the run was made."""
    findings: list[str]
    """Where the run itself does not add up."""


def reproduce(
    run: Path,
    header: RunHeader,
    tasks: Sequence[Task],
    arms: Arms,
    folders: Mapping[str, Path],
    *,
    seeds: int | None,
    changed: Sequence[str] = (),
    findings: Sequence[str] = (),
) -> Reproduced:
    """What a run and its arms say together. Raises `JournalError`.

    `folders`: arm -> its run; an arm without one is left out. `seeds`: seeds a task that the arms
    asked.
    """
    own = measured_run(run)
    made = [arm for arm in arms.arms if arm.name in folders]
    sets = {arm.name: measured_run(folders[arm.name]) for arm in made}
    wanted_judges = Source.JUDGE not in arms.not_varied
    judged = judged_levels(run, own.tasks) if wanted_judges else {}
    rows = []
    for task in tasks:
        row = own.tasks[task.id]
        levels = _levels(header, task, row, made, sets, judged.get(task.id, {}), arms)
        not_varied = {
            source.value: why for source, why in {**arms.not_varied, **arms.by_row[task.id]}.items()
        }
        if wanted_judges and task.id not in judged:
            not_varied[Source.JUDGE.value] = "no judge's verdicts are in the run"
        available = min(task.seed_count, header.seeds_per_task or task.seed_count)
        asked = min(available, seeds or available)
        rows.append(
            reproduce_row(row, levels, not_varied, seeds=Seeds(asked, available, task.seed_count))
        )
    return Reproduced(
        run=header.id,
        model=header.model,
        level=LEVEL,
        rows=rows,
        arms=[_made(arm, folders[arm.name]) for arm in made],
        not_varied={source.value: why for source, why in arms.not_varied.items()},
        verdicts={word.value: sum(row.whole.verdict is word for row in rows) for word in Word},
        changed_since=list(changed),
        findings=list(findings),
    )


def _made(arm: Arm, folder: Path) -> MadeAgain:
    header = read_header(folder)
    return MadeAgain(
        name=arm.name,
        source=arm.source,
        folder=str(folder),
        model=header.model,
        planned=header.planned,
        answers=Done(folder).judged_count,
    )


def _levels(
    header: RunHeader,
    task: Task,
    own: MeasuredTask,
    made: Sequence[Arm],
    sets: Mapping[str, MeasuredSet],
    judged: Mapping[str, MeasuredTask],
    arms: Arms,
) -> list[Levels]:
    """The levels of every source that was varied on a row, in the order of sources."""
    others: dict[Source, list[tuple[str, MeasuredTask]]] = {source: [] for source in Source}
    for arm in made:
        name = task.id if arm.form is None else f"{task.id}{MARK}{arm.form}"
        there = sets[arm.name].tasks.get(name)
        if there is None:
            continue
        if arm.source is Source.EPOCH:
            # The arm's first epoch is the run's own once more.
            first, *later = epochs_of(there) or [there]
            if Source.AGAIN not in arms.not_varied:
                others[Source.AGAIN].append((arm.name, first))
            others[Source.EPOCH] += [(f"epoch {k}", one) for k, one in enumerate(later, 1)]
        elif arm.form is not None:
            names = _names(task, arm.form, header)
            others[Source.FORM].append((arm.form, renamed(there, task.id, names)))
        else:
            others[arm.source].append((arm.name, there))
    others[Source.JUDGE] = list(judged.items())
    found = [
        Levels(source, own, levels, called=source is not Source.JUDGE)
        for source, levels in others.items()
        if levels
    ]
    if header.settings.epochs > 1 and Source.EPOCH not in arms.not_varied:
        first, *later = epochs_of(own) or [own]
        named = [(f"epoch {k}", one) for k, one in enumerate(later, 1)]
        averaged = header.settings.epochs
        found.append(Levels(Source.EPOCH, first, named, averaged=averaged, called=False))
    order = list(Source)
    return sorted(found, key=lambda one: order.index(one.source))


def _names(task: Task, form: str, header: RunHeader) -> dict[str, str]:
    """Sample in the other form -> sample."""
    samples = task.samples(edition=header.edition, limit=header.seeds_per_task)
    return {reworded(one, form).id: one.id for one in samples if not one.control}
