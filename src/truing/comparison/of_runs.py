"""A run folder as scores by question. Groups are scored as wholes, as the row's rate is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from truing.comparison.measured import Key, MeasuredSet, MeasuredTask, Scored
from truing.journal import JudgementLine, ResponseLine, read_journal
from truing.records import Elicitation, Judgement, Outcome
from truing.reports.answers import FEWEST_OUTCOMES
from truing.runs import RunHeader, TaskHeader, read_header
from truing.scorers.explanation import CHANGED, KEPT
from truing.scorers.groups import all_members

__all__ = ["measured_run", "settings_of"]

_SCORE = {Outcome.TRUSTWORTHY: 1.0, Outcome.UNTRUSTWORTHY: 0.0, Outcome.UNSCORED: None}
_UNLIKE = ("temperature", "system", "max_tokens", "thinking_tokens", "parameters")
"""Settings that change what is measured: a seed draws anew, more epochs ask more."""


class _Asked(msgspec.Struct):
    task: str
    cluster: str
    side: str
    group: str | None
    follows: bool
    """The question was made of earlier answers: another model is asked another one."""
    judgement: Judgement | None = None


def measured_run(folder: Path) -> MeasuredSet:
    """The scores of a run; controls are left out, as they are from its rows.

    Raises `JournalError` where the folder is no run.
    """
    header = read_header(folder)
    scorers = {task.id: task.scorer for task in header.tasks}
    asked: dict[Key, _Asked] = {}
    modes: dict[str, set[Elicitation]] = defaultdict(set)
    unsent: set[str] = set()
    for line in read_journal(folder / "journal"):
        if isinstance(line, ResponseLine):
            sample = line.sample
            if sample.control or sample.task not in scorers:
                continue
            asked[Key(sample.id, line.epoch)] = _Asked(
                sample.task, sample.cluster, sample.side, sample.group, bool(sample.history)
            )
            if line.response.fault is None:
                modes[sample.task].add(line.response.elicitation)
                unsent.update(line.response.unsent)
        elif isinstance(line, JudgementLine):
            one = asked.get(Key(line.sample, line.epoch))
            if one is not None and line.judgement.scorer == scorers[one.task]:
                one.judgement = msgspec.structs.replace(line.judgement, reason="")
    by_task: dict[str, dict[Key, _Asked]] = defaultdict(dict)
    for key, one in asked.items():
        by_task[one.task][key] = one
    return MeasuredSet(
        name=str(folder),
        model=header.model,
        settings=settings_of(header, unsent),
        tasks={task.id: _measured(task, by_task[task.id], modes[task.id]) for task in header.tasks},
        base_model=header.base_model,
    )


def _measured(task: TaskHeader, asked: dict[Key, _Asked], modes: set[Elicitation]) -> MeasuredTask:
    by_outcome = task.headline in ("calibration", "explanation")
    return MeasuredTask(
        task=task.id,
        scorer=task.scorer,
        elicitation="+".join(sorted(modes)) or None,
        unit=task.unit,
        answers=_groups(asked) if task.unit == "group" else _samples(task, asked),
        sides=tuple(side.name for side in task.sides) if task.unit == "sample" else ("groups",),
        by_outcome=by_outcome,
        by_seed=any(one.follows for one in asked.values()),
        fewest=FEWEST_OUTCOMES if by_outcome else 1,
        share="share right" if task.headline == "calibration" else "",
    )


def _samples(task: TaskHeader, asked: dict[Key, _Asked]) -> dict[Key, Scored]:
    return {
        key: Scored(_score(one), one.cluster, one.side, key.sample, _placed(task, one.judgement))
        for key, one in asked.items()
    }


def _placed(task: TaskHeader, given: Judgement | None) -> tuple[tuple[str, float], ...]:
    """As the row counts it (`reports.answers`): unusable is 0 on both sides."""
    if task.headline not in ("calibration", "explanation"):
        return ()
    if given is None or given.outcome is Outcome.UNSCORED:
        return ()
    good, first, second = given.outcome is Outcome.TRUSTWORTHY, *[s.name for s in task.sides[:2]]
    if task.headline == "calibration":
        if given.probability is None:
            return (first, 0.0), (second, 0.0)
        return ((first, given.probability) if good else (second, 1.0 - given.probability),)
    on = [(first, KEPT), (second, CHANGED)]
    return tuple((side, float(good)) for side, other in on if given.label not in other)


def _groups(asked: dict[Key, _Asked]) -> dict[Key, Scored]:
    """Each group of an epoch, right where all its members are; what it asks is its members.

    A group that still owes a member is not there yet.
    """
    members: dict[tuple[str, int], dict[str, _Asked]] = defaultdict(dict)
    for key, one in asked.items():
        members[(one.group or key.sample, key.epoch)][key.sample] = one
    size = max((len(own) for own in members.values()), default=0)
    found = {}
    for (group, epoch), own in members.items():
        if len(own) < size:
            continue
        outcome = all_members(
            Outcome.UNSCORED if one.judgement is None else one.judgement.outcome
            for one in own.values()
        )
        cluster = next(iter(own.values())).cluster
        found[Key(group, epoch)] = Scored(_SCORE[outcome], cluster, "groups", "+".join(sorted(own)))
    return found


def _score(one: _Asked) -> float | None:
    return None if one.judgement is None else _SCORE[one.judgement.outcome]


def settings_of(header: RunHeader, unsent: Iterable[str] = ()) -> dict[str, Any]:
    """What was asked for, and `not sent` where the server rejects it."""
    return {
        name: "not sent" if name in unsent else getattr(header.settings, name) for name in _UNLIKE
    }
