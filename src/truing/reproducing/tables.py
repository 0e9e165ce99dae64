"""Levels of a row laid beside each other: the scores of the same questions, cluster by cluster.

A level is one `MeasuredTask`: the run as stored, a run made again, an epoch, a judge's verdicts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np

from truing import stats
from truing.comparison.measured import Key, MeasuredTask, Scored
from truing.journal import JudgementLine, ResponseLine, read_journal
from truing.records import JUDGE_PREFIX, Outcome
from truing.stats import Floats, Interval

__all__ = [
    "cluster_table",
    "epochs_of",
    "flip_rate",
    "judged_levels",
    "only_side",
    "own_interval",
    "renamed",
]


def own_interval(task: MeasuredTask, *, level: float = 0.95) -> tuple[Interval, int, int]:
    """The rate of a row (mean of its sides, or groups right), its clusters and what it counts."""
    sides = [_counted(task, list(task.answers), side) for side in task.sides]
    if any(values.size < task.fewest for values, _ in sides):
        return stats.UNKNOWN, 0, 0
    clusters = {cluster for _, names in sides for cluster in names}
    units = sum(values.size for values, _ in sides)
    return stats.balanced_interval(sides, level=level), len(clusters), units


def cluster_table(levels: Sequence[MeasuredTask]) -> Floats:
    """Each cluster's share in the rate at each level; the mean of a column is the level's rate.

    Shape (clusters, levels). Over the questions scored at every level; where later questions follow
    earlier answers, over the clusters. A side that nothing is left of gives shape (0, levels).
    Influence values: rate + C/S sum over sides of sum (s - mean)/n, C clusters, S sides.
    """
    if any(level.by_seed for level in levels):
        common = set.intersection(*({one.cluster for one in _known(lv).values()} for lv in levels))
        kept = [[key for key, one in _known(lv).items() if one.cluster in common] for lv in levels]
    else:
        kept = [_common(levels)] * len(levels)
    clusters = {
        cluster: place
        for place, cluster in enumerate(
            dict.fromkeys(levels[0].answers[key].cluster for key in kept[0])
        )
    }
    table = np.zeros((len(clusters), len(levels)))
    for place, (task, keys) in enumerate(zip(levels, kept, strict=True)):
        for side in task.sides:
            values, names = _counted(task, keys, side)
            if values.size < task.fewest:
                return np.zeros((0, len(levels)))
            mean, share = values.mean(), len(clusters) / (values.size * len(task.sides))
            np.add.at(table[:, place], [clusters[c] for c in names], share * (values - mean))
            table[:, place] += mean / len(task.sides)
    return table


def flip_rate(
    levels: Sequence[MeasuredTask], *, level: float = 0.95
) -> tuple[Interval, list[float]]:
    """Share of answers whose verdict is not the first level's, over the others, and at each.

    Over the answers scored at every level, by cluster.
    """
    keys = _common(levels)
    first = np.array([levels[0].answers[key].score for key in keys], np.float64)
    moved = np.array(
        [[other.answers[key].score for key in keys] for other in levels[1:]], np.float64
    ).reshape(len(levels) - 1, len(keys))
    moved = (moved != first).astype(np.float64)
    if not keys:
        return stats.UNKNOWN, [float("nan")] * len(moved)
    clusters = [levels[0].answers[key].cluster for key in keys]
    found = stats.rate_interval(moved.mean(axis=0), clusters, level=level)
    return found, [float(one.mean()) for one in moved]


def only_side(task: MeasuredTask, side: str) -> MeasuredTask:
    """One side of a row, as a row of its own."""
    if task.by_outcome:
        return msgspec.structs.replace(task, sides=(side,))
    kept = {key: one for key, one in task.answers.items() if one.side == side}
    return msgspec.structs.replace(task, sides=(side,), answers=kept)


def epochs_of(task: MeasuredTask) -> list[MeasuredTask]:
    """Each epoch as if it were the only one."""
    found: dict[int, dict[Key, Scored]] = {}
    for key, one in task.answers.items():
        found.setdefault(key.epoch, {})[Key(key.sample, 0)] = one
    return [msgspec.structs.replace(task, answers=answers) for _, answers in sorted(found.items())]


def renamed(task: MeasuredTask, name: str, names: Mapping[str, str]) -> MeasuredTask:
    """A task in another form under the name and the samples of its own form.

    `names`: sample in the other form -> sample. What is in no map keeps its name (groups do).
    """

    def asked(one: Scored) -> Scored:
        members = sorted(names.get(sample, sample) for sample in one.asked.split("+"))
        return one._replace(asked="+".join(members))

    answers = {
        Key(names.get(key.sample, key.sample), key.epoch): asked(one)
        for key, one in task.answers.items()
    }
    return msgspec.structs.replace(task, task=name, answers=answers)


def judged_levels(
    folder: Path, tasks: Mapping[str, MeasuredTask]
) -> dict[str, dict[str, MeasuredTask]]:
    """Task -> LLM judge -> the row by its verdicts, of those in the journal; nothing is called.

    Only rows that are counted by sample, with sides that do not follow the answers.
    """
    task_of: dict[str, str] = {}
    verdicts: dict[tuple[str, str], dict[Key, float | None]] = {}
    for line in read_journal(folder / "journal"):
        if isinstance(line, ResponseLine):
            task_of[line.sample.id] = line.sample.task
        elif isinstance(line, JudgementLine) and line.judgement.scorer.startswith(JUDGE_PREFIX):
            of, key = task_of.get(line.sample, ""), Key(line.sample, line.epoch)
            outcome = line.judgement.outcome
            if of in tasks and key in tasks[of].answers:
                score = (
                    None if outcome is Outcome.UNSCORED else float(outcome is Outcome.TRUSTWORTHY)
                )
                verdicts.setdefault((of, line.judgement.scorer), {})[key] = score
    found: dict[str, dict[str, MeasuredTask]] = {}
    for (name, judge), scores in sorted(verdicts.items()):
        task = tasks[name]
        if task.unit == "sample" and not task.by_outcome:
            answers = {key: task.answers[key]._replace(score=own) for key, own in scores.items()}
            found.setdefault(name, {})[judge] = msgspec.structs.replace(task, answers=answers)
    return found


def _known(task: MeasuredTask) -> dict[Key, Scored]:
    return {key: one for key, one in task.answers.items() if one.score is not None}


def _common(levels: Sequence[MeasuredTask]) -> list[Key]:
    """Answers scored at every level, in the first one's order."""
    others = [_known(level) for level in levels[1:]]
    return [key for key in _known(levels[0]) if all(key in other for other in others)]


def _counted(task: MeasuredTask, keys: Sequence[Key], side: str) -> tuple[Floats, list[str]]:
    """The scores that count on a side, with their clusters."""
    found: list[tuple[float, str]] = []
    for key in keys:
        one = task.answers[key]
        if task.by_outcome:
            found += [(value, one.cluster) for name, value in one.placed if name == side]
        elif one.side == side and one.score is not None:
            found.append((one.score, one.cluster))
    return np.array([value for value, _ in found], np.float64), [cluster for _, cluster in found]
