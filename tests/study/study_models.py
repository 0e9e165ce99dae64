"""Models made of rates or of single scores, without files."""

from __future__ import annotations

from truing.comparison.measured import Key, MeasuredSet, MeasuredTask, Scored


def task_of(name, scores, *, side="all", clusters=None, **changes):
    """A row of one side; `scores` by question, None where unscored."""
    answers = {
        Key(f"q{i}", 0): Scored(
            score, clusters[i] if clusters else f"{name}-{i}", side, f"asked {i}"
        )
        for i, score in enumerate(scores)
    }
    fields = {
        "task": name,
        "scorer": "labels",
        "elicitation": None,
        "unit": "sample",
        "answers": answers,
        "sides": (side,),
    }
    return MeasuredTask(**(fields | changes))


def model_of(name, tasks, **settings):
    return MeasuredSet(
        name=f"runs/{name}", model=name, settings=settings, tasks={one.task: one for one in tasks}
    )


def drawn(rng, rates, questions, *, spread=0.0):
    """Models with these rates, shape (models, rows); a question is as hard for all of them."""
    by_model = [[] for _ in rates]
    for row in range(len(rates[0])):
        hard = rng.uniform(-spread, spread, size=questions)
        for tasks, own in zip(by_model, rates, strict=True):
            right = rng.random(questions) < own[row] + hard
            tasks.append(task_of(f"row{row}", right.astype(float).tolist()))
    return [model_of(f"m{i}", tasks) for i, tasks in enumerate(by_model)]
