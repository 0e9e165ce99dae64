"""Which answers of two sets are to the same question, and what makes two sets incomparable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from truing.comparison.measured import Key, MeasuredSet, MeasuredTask
from truing.stats.paired_sides import Side

__all__ = ["LeftOut", "PairedTask", "differences_of", "pair_task"]


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """Questions (groups, where groups are the unit) that are not compared."""

    only_a: int
    only_b: int
    another_question: int
    """The same name, and another text or another right answer."""
    unscored: int
    """In both, and not scored in one of them."""


class PairedTask(msgspec.Struct, frozen=True, kw_only=True):
    """Two models' scores on the questions that both answered, or on the seeds."""

    task: str
    scorer: str
    unit: str
    by_seed: bool
    by_outcome: bool
    sides: dict[str, Side]
    """They count alike in the row."""
    beside: dict[str, Side]
    """Shown below the row, and no part of it."""
    left_out: LeftOut


def differences_of(a: MeasuredSet, b: MeasuredSet) -> dict[str, tuple[Any, Any]]:
    """The settings in which two sets differ: field -> (a's, b's); a task's own by its name."""
    found = _differing(a.settings, b.settings)
    common = [name for name in a.tasks if name in b.tasks]
    for name in common:
        of = "" if len(common) == 1 else f" of {name}"
        own = _differing(a.tasks[name].settings, b.tasks[name].settings)
        found |= {f"{field}{of}": values for field, values in own.items()}
    return found


def _differing(a: dict[str, Any], b: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    names = list(dict.fromkeys([*a, *b]))
    return {name: (a.get(name), b.get(name)) for name in names if a.get(name) != b.get(name)}


def pair_task(a: MeasuredTask, b: MeasuredTask) -> PairedTask | str:
    """The pairs of a task, or why there are none."""
    if why := _unlike(a, b):
        return why
    by_seed = a.by_seed or b.by_seed
    keys_a, keys_b, left_out = (_same_seeds if by_seed else _same_questions)(a, b)
    if not keys_a or not keys_b:
        of = "seed" if by_seed else "question"
        if left_out.unscored:
            return f"no {of} that was scored in both"
        renamed = ": the same names stand for other questions" if left_out.another_question else ""
        return f"no {of} in common{renamed}"
    sides = {name: _side(a, b, keys_a, keys_b, name, by_seed) for name in a.sides}
    for name, side in sides.items():
        if min(side.a.size, side.b.size) < a.fewest:
            fewest = "no answer" if a.fewest == 1 else f"fewer than {a.fewest} answers"
            return f"side {name!r} has {fewest} to compare"
    return PairedTask(
        task=a.task,
        scorer=a.scorer,
        unit=a.unit,
        by_seed=by_seed,
        by_outcome=a.by_outcome,
        sides=sides,
        beside={a.share: _aligned(a, b, keys_a)} if a.share and not by_seed else {},
        left_out=left_out,
    )


def _unlike(a: MeasuredTask, b: MeasuredTask) -> str:
    for task, of in ((a, "a"), (b, "b")):
        if not task.answers:
            return f"{of} has no answer to it"
        if "+" in (task.elicitation or ""):
            return f"{of} mixes elicitations: {task.elicitation}"
    for name, ours, theirs in (
        ("scorer", a.scorer, b.scorer),
        ("elicitation", a.elicitation, b.elicitation),
        ("unit", a.unit, b.unit),
        ("sides", ", ".join(a.sides), ", ".join(b.sides)),
    ):
        if ours != theirs:
            return f"another {name}: {ours} and {theirs}"
    return ""


_Kept = tuple[list[Key], list[Key], LeftOut]


def _same_questions(a: MeasuredTask, b: MeasuredTask) -> _Kept:
    both = [key for key in a.answers if key in b.answers]
    alike = [key for key in both if a.answers[key].asked == b.answers[key].asked]
    scored = [key for key in alike if _known(a, key) and _known(b, key)]
    left_out = LeftOut(
        only_a=len(a.answers) - len(both),
        only_b=len(b.answers) - len(both),
        another_question=len(both) - len(alike),
        unscored=len(alike) - len(scored),
    )
    return scored, scored, left_out


def _same_seeds(a: MeasuredTask, b: MeasuredTask) -> _Kept:
    """Answers of the seeds on which both were scored."""

    def seeds(task: MeasuredTask, *, scored: bool) -> set[str]:
        known = task.answers
        return {one.cluster for key, one in known.items() if not scored or _known(task, key)}

    asked = seeds(a, scored=False) & seeds(b, scored=False)
    scored = seeds(a, scored=True) & seeds(b, scored=True)
    kept_a, kept_b = (
        [key for key, one in task.answers.items() if one.cluster in scored and _known(task, key)]
        for task in (a, b)
    )
    outside = [sum(one.cluster not in asked for one in task.answers.values()) for task in (a, b)]
    inside = len(a.answers) + len(b.answers) - sum(outside) - len(kept_a) - len(kept_b)
    left_out = LeftOut(only_a=outside[0], only_b=outside[1], another_question=0, unscored=inside)
    return kept_a, kept_b, left_out


def _known(task: MeasuredTask, key: Key) -> bool:
    return task.answers[key].score is not None


def _side(
    a: MeasuredTask,
    b: MeasuredTask,
    keys_a: Sequence[Key],
    keys_b: Sequence[Key],
    name: str,
    by_seed: bool,
) -> Side:
    if not by_seed and not a.by_outcome:
        return _aligned(a, b, [key for key in keys_a if a.answers[key].side == name])
    mine, clusters_a = _own(a, keys_a, name)
    theirs, clusters_b = _own(b, keys_b, name)
    return Side(mine, clusters_a, theirs, clusters_b, aligned=False)


def _aligned(a: MeasuredTask, b: MeasuredTask, keys: Sequence[Key]) -> Side:
    clusters = [a.answers[key].cluster for key in keys]
    mine = np.array([a.answers[key].score for key in keys], np.float64)
    theirs = np.array([b.answers[key].score for key in keys], np.float64)
    return Side(mine, clusters, theirs, clusters)


def _own(task: MeasuredTask, keys: Sequence[Key], name: str) -> tuple[Any, list[str]]:
    """A model's own answers that count on a side, with their clusters."""
    found: list[tuple[float, str]] = []
    for key in keys:
        one = task.answers[key]
        placed = one.placed if task.by_outcome else ((one.side, one.score),)
        found += [(value, one.cluster) for side, value in placed if side == name]  # type: ignore[misc]
    return np.array([value for value, _ in found], np.float64), [cluster for _, cluster in found]
