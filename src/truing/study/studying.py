"""From what was measured of several models to one study of them."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from truing import stats
from truing.comparison.comparing import LEVEL
from truing.comparison.measured import Key, MeasuredSet, MeasuredTask
from truing.comparison.pairing import differences_of
from truing.errors import UsageError
from truing.stats import Floats
from truing.study.answered import Answered, answered, resampled, scores_by_side, united
from truing.study.cells import Cell, cell, missing
from truing.study.claims import RowClaim, claims, unpaired_claim
from truing.study.dimensions import Dimensions, dimensions
from truing.study.ranks import Ranking, pairs_of, ranking, shown
from truing.tasks.seeds import draw_bytes

__all__ = ["Different", "NotCompared", "Study", "StudyModel", "StudyRow", "Uncompared", "study"]

_DRAWS = 2000
_SHOWN = 60


class StudyModel(msgspec.Struct, frozen=True, kw_only=True):
    """A column: `model` is its name in the study, `sources` the paths it was read from."""

    model: str
    sources: list[str]
    base_model: bool
    """It cannot chat: it was asked to continue a transcript."""


class Uncompared(msgspec.Struct, frozen=True, kw_only=True):
    """Questions of a row that enter no rank and no claim."""

    not_all: int
    """Not asked of all models that have the row."""
    another_question: int
    """The same name, and another text or another right answer."""
    unscored: int
    """Asked of all, and not scored in one of them."""


class StudyRow(msgspec.Struct, frozen=True, kw_only=True):
    """One task."""

    task: str
    scorer: str
    unit: str
    cells: list[Cell]
    """One a model, in the study's order."""
    questions: int
    """Answered by all models that have the row (answers of the fewest, where seeds are shared);
    ranks and claims are of these."""
    left_out: Uncompared
    ranks: Ranking | None
    """Of the models that have the row."""
    not_ranked: str | None


class NotCompared(msgspec.Struct, frozen=True, kw_only=True):
    """A task that is not in the study, and why."""

    task: str
    why: str


class Different(msgspec.Struct, frozen=True, kw_only=True):
    """A model that was asked otherwise than the first."""

    model: str
    settings: dict[str, tuple[Any, Any]]
    """Field -> (the first model's, this one's)."""


class Study(msgspec.Struct, frozen=True, kw_only=True):
    """`truing study --json`."""

    models: list[StudyModel]
    rows: list[StudyRow]
    overall: Ranking | None
    """Ranks by the mean of the rows that all models have; rows count alike."""
    overall_rows: list[str]
    order: list[str] | None
    """From the least to the most, as it was given."""
    claims: list[RowClaim]
    """Whether the later in the order are the better, a row each."""
    dimensions: Dimensions
    not_compared: list[NotCompared]
    settings: list[Different]
    """Where models were asked otherwise and it was allowed."""
    margin: float
    level: float
    seed: int


def study(
    sets: Sequence[MeasuredSet],
    *,
    order: Sequence[str] | None = None,
    margin: float = 0.0,
    despite_settings: bool = False,
    seed: int = 0,
) -> Study:
    """All models on all rows.

    Sets of one model with other tasks are one column. Rows whose models have other scorers, units
    or elicitations are left out with the difference named. `order` names models from the least to
    the most; `margin` is what a later model may be below an earlier one.

    Raises `UsageError` for settings that differ, an order that cannot be read, and where no row
    is left.
    """
    columns = _columns(sets)
    ordered = None if order is None else _ordered(order, columns)
    if ordered is not None:
        columns.sort(key=lambda one: [*ordered, one[0]].index(one[0]))
    models = [label for label, _ in columns]
    settings = _differing(columns)
    if settings and not despite_settings:
        raise UsageError(_told(settings[0], models[0]))
    rows, not_compared = _gathered(columns)
    if not rows:
        first = not_compared[0] if not_compared else None
        raise UsageError(f"no row to study{f'; {first.task}: {first.why}' if first else ''}")
    known = sum(missing(task) is None for row in rows for task in row.tasks)
    shared = stats.sidak_level(LEVEL, known)
    compared = [row for row in rows if row.scores is not None]
    draws = _draws(compared, seed)
    whole = [row for row in compared if len(row.places) == len(models)]
    studied = _rows(rows, models, draws, shared)
    return Study(
        models=[
            StudyModel(
                model=label,
                sources=[one.name for one in own],
                base_model=any(one.base_model for one in own),
            )
            for label, own in columns
        ],
        rows=studied,
        overall=_overall(whole, models, draws),
        overall_rows=[row.task for row in whole] if len(whole) > 1 and len(models) > 1 else [],
        order=ordered,
        claims=[] if ordered is None else _claims(rows, studied, ordered, margin, seed),
        dimensions=_dimensions(rows, whole, draws, len(models), seed),
        not_compared=not_compared,
        settings=settings,
        margin=margin,
        level=LEVEL,
        seed=seed,
    )


_Columns = list[tuple[str, list[MeasuredSet]]]


class _Row(msgspec.Struct):
    task: str
    tasks: list[MeasuredTask | None]
    places: list[int] = []
    """Models that have the row."""
    scores: Answered | None = None
    questions: int = 0
    left_out: Uncompared = Uncompared(not_all=0, another_question=0, unscored=0)
    why: str | None = None


def _columns(sets: Sequence[MeasuredSet]) -> _Columns:
    """Sets by model; a model whose sets share a task, or were asked otherwise, is several."""
    found: list[list[MeasuredSet]] = []
    for one in sets:
        for own in found:
            alike = own[0].model == one.model and own[0].settings == one.settings
            if alike and not any(one.tasks.keys() & other.tasks.keys() for other in own):
                own.append(one)
                break
        else:
            found.append([one])
    labels = [own[0].model for own in found]
    for name in (lambda one: Path(one.name).name, lambda one: one.name):
        if len(set(labels)) < len(labels):
            models = [own[0].model for own in found]
            labels = [
                model if models.count(model) == 1 else f"{model} ({name(own[0])})"
                for model, own in zip(models, found, strict=True)
            ]
    if twice := [label for label in labels if labels.count(label) > 1]:
        raise UsageError(f"{twice[0]} was given twice: the same answers are no second model")
    return list(zip(labels, found, strict=True))


def _differing(columns: _Columns) -> list[Different]:
    first = _joined(columns[0][1])
    found = []
    for label, own in columns[1:]:
        if differing := differences_of(first, _joined(own)):
            found.append(Different(model=label, settings=differing))
    return found


def _joined(sets: Sequence[MeasuredSet]) -> MeasuredSet:
    tasks = {name: task for one in sets for name, task in one.tasks.items()}
    return msgspec.structs.replace(sets[0], tasks=tasks)


def _told(different: Different, first: str) -> str:
    def short(value: object) -> str:
        text = str(value)
        return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."

    told = "; ".join(
        f"{name}: {short(x)} and {short(y)}" for name, (x, y) in different.settings.items()
    )
    return (
        f"{first} and {different.model} were asked differently ({told}): a difference would be of "
        "the settings as much as of the models. --despite-settings studies them all the same"
    )


def _ordered(order: Sequence[str], columns: _Columns) -> list[str]:
    """The labels meant: a label, or a path as it was given; or the last part of either."""
    found = []
    for name in order:
        meant = [
            label
            for label, own in columns
            if name in (label, label.rpartition("/")[2])
            or any(name in (one.name, Path(one.name).name) for one in own)
        ]
        if len(meant) != 1:
            known = ", ".join(label for label, _ in columns)
            which = "no model" if not meant else "several models"
            raise UsageError(f"--order {name}: {which} of that name, there are {known}")
        found += meant
    if len(set(found)) < len(found) or len(found) < 2:
        raise UsageError("--order wants two models or more, each once, from the least to the most")
    return found


def _gathered(columns: _Columns) -> tuple[list[_Row], list[NotCompared]]:
    by_model = [_joined(own).tasks for _, own in columns]
    labels = [label for label, _ in columns]
    rows, not_compared = [], []
    for name in dict.fromkeys(task for tasks in by_model for task in tasks):
        row = _Row(name, [tasks.get(name) for tasks in by_model])
        row.places = [i for i, task in enumerate(row.tasks) if missing(task) is None]
        if not row.places:
            not_compared.append(NotCompared(task=name, why="no model has a rate on it"))
        elif why := _unlike([(labels[i], _of(row, i)) for i in row.places]):
            not_compared.append(NotCompared(task=name, why=why))
        else:
            _compare(row)
            rows.append(row)
    return rows, not_compared


def _of(row: _Row, place: int) -> MeasuredTask:
    task = row.tasks[place]
    assert task is not None
    return task


def _unlike(tasks: Sequence[tuple[str, MeasuredTask]]) -> str:
    """In what models differ on a row, with the models of each kind; empty where they do not."""
    for label, task in tasks:
        if "+" in (task.elicitation or ""):
            return f"{label} mixes elicitations: {task.elicitation}"
    kinds: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for label, task in tasks:
        for name, kind in (
            ("scorer", task.scorer),
            ("elicitation", task.elicitation or "unknown"),
            ("unit", task.unit),
            ("sides", ", ".join(task.sides)),
        ):
            kinds[name][kind].append(label)
    for name, own in kinds.items():
        if len(own) > 1:
            told = "; ".join(f"{kind} ({', '.join(models)})" for kind, models in own.items())
            return f"not the same {name}: {told}"
    return ""


def _compare(row: _Row) -> None:
    """What all models that have the row answered, or why there is nothing to compare."""
    tasks = [_of(row, i) for i in row.places]
    if len(tasks) < 2:
        row.why = "one model has it"
        return
    by_seed = any(task.by_seed for task in tasks)
    keys, row.left_out = (_same_seeds if by_seed else _same_questions)(tasks)
    row.questions = min(len(own) for own in keys)
    if not row.questions:
        row.why = f"no {'seed' if by_seed else 'question'} that all models answered"
        return
    for task, own in zip(tasks, keys, strict=True):
        for side, scores in scores_by_side(task, own).items():
            if len(scores) < task.fewest:
                fewest = "no answer" if task.fewest == 1 else f"fewer than {task.fewest} answers"
                row.why = f"side {side!r} has {fewest} among what all models answered"
                return
    row.scores = answered(tasks, keys)


def _same_questions(tasks: Sequence[MeasuredTask]) -> tuple[list[list[Key]], Uncompared]:
    every = dict.fromkeys(key for task in tasks for key in task.answers)
    everywhere = [key for key in every if all(key in task.answers for task in tasks)]
    alike = [key for key in everywhere if len({task.answers[key].asked for task in tasks}) == 1]
    scored = [k for k in alike if all(task.answers[k].score is not None for task in tasks)]
    left_out = Uncompared(
        not_all=len(every) - len(everywhere),
        another_question=len(everywhere) - len(alike),
        unscored=len(alike) - len(scored),
    )
    return [scored] * len(tasks), left_out


def _same_seeds(tasks: Sequence[MeasuredTask]) -> tuple[list[list[Key]], Uncompared]:
    asked = [{one.cluster for one in task.answers.values()} for task in tasks]
    known = [
        {one.cluster for one in task.answers.values() if one.score is not None} for task in tasks
    ]
    asked_all, kept = set.intersection(*asked), set.intersection(*known)
    keys = [
        [k for k, one in task.answers.items() if one.cluster in kept and one.score is not None]
        for task in tasks
    ]
    total = sum(len(task.answers) for task in tasks)
    inside = sum(one.cluster in asked_all for task in tasks for one in task.answers.values())
    return keys, Uncompared(
        not_all=total - inside, another_question=0, unscored=inside - sum(map(len, keys))
    )


def _draws(rows: Sequence[_Row], seed: int) -> dict[str, Floats]:
    """The models' rates on other clusters, by row: (draws, models that have it)."""
    if not rows:
        return {}
    found = resampled([_scores(row) for row in rows], draws=_DRAWS, rng=_rng(seed, "draws"))
    return {row.task: draws for row, draws in zip(rows, found, strict=True)}


def _rng(seed: int, what: str) -> np.random.Generator:
    return np.random.default_rng(int.from_bytes(draw_bytes("study", seed, what)[:8]))


def _scores(row: _Row) -> Answered:
    assert row.scores is not None
    return row.scores


def _rows(
    rows: Sequence[_Row], models: Sequence[str], draws: dict[str, Floats], shared: float
) -> list[StudyRow]:
    pairs = {
        row.task: pairs_of(row.scores.rates, row.scores.influence) for row in rows if row.scores
    }
    everywhere = iter(shown(list(itertools.chain(*pairs.values())), alpha=1 - LEVEL))
    found = []
    for row in rows:
        ranks = None
        if row.scores is not None:
            own = pairs[row.task]
            ranks = ranking(
                [models[i] for i in row.places],
                row.scores.rates,
                own,
                list(itertools.islice(everywhere, len(own))),
                draws[row.task],
                level=LEVEL,
            )
        first = _of(row, row.places[0])
        found.append(
            StudyRow(
                task=row.task,
                scorer=first.scorer,
                unit=first.unit,
                cells=[
                    cell(model, task, level=LEVEL, shared=shared)
                    for model, task in zip(models, row.tasks, strict=True)
                ],
                questions=row.questions,
                left_out=row.left_out,
                ranks=ranks,
                not_ranked=row.why,
            )
        )
    return found


def _overall(
    whole: Sequence[_Row], models: Sequence[str], draws: dict[str, Floats]
) -> Ranking | None:
    if len(models) < 2 or len(whole) < 2:
        return None
    rates, influence = united([_scores(row) for row in whole])
    pairs = pairs_of(rates, influence)
    mean = np.mean([draws[row.task] for row in whole], axis=0)
    return ranking(models, rates, pairs, shown(pairs, alpha=1 - LEVEL), mean, level=LEVEL)


def _claims(
    rows: Sequence[_Row],
    studied: Sequence[StudyRow],
    order: Sequence[str],
    margin: float,
    seed: int,
) -> list[RowClaim]:
    """One a row that two models of the order have, in the order of rows."""
    paired, unpaired = [], {}
    for row, of in zip(rows, studied, strict=True):
        cells = {one.model: one for one in of.cells if one.missing is None}
        steps = [(float(step), model) for step, model in enumerate(order) if model in cells]
        if len(steps) < 2:
            continue
        models = [model for _, model in steps]
        if row.scores is None:
            own = [cells[model] for model in models]
            unpaired[row.task] = unpaired_claim(row.task, models, own, margin=margin)
        else:
            held = list(cells)
            values = row.scores.values[[held.index(model) for model in models]]
            paired.append((row.task, models, [step for step, _ in steps], values))
    found = {one.task: one for one in claims(paired, margin=margin, level=LEVEL, seed=seed)}
    found |= unpaired
    return [found[row.task] for row in rows if row.task in found]


def _dimensions(
    rows: Sequence[_Row], whole: Sequence[_Row], draws: dict[str, Floats], models: int, seed: int
) -> Dimensions:
    names = [row.task for row in whole]
    left_out = {row.task: row.why or "a model lacks it" for row in rows if row.task not in names}
    rates = np.array([_scores(row).rates for row in whole]).reshape(len(whole), models)
    others = np.array([draws[row.task] for row in whole]).reshape(len(whole), _DRAWS, models)
    return dimensions(
        names,
        rates,
        others.transpose(1, 0, 2),
        models=models,
        left_out=left_out,
        level=LEVEL,
        rng=_rng(seed, "dimensions"),
    )
