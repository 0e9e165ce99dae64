"""A measured set of one side, made of its scores."""

from __future__ import annotations

from truing.comparison.measured import Key, MeasuredSet, MeasuredTask, Scored

__all__ = ["measured"]


def measured(scores, task="t/one", side="all"):
    """A set of one side with a seed for each score."""
    answers = {
        Key(str(number), 0): Scored(float(score), str(number), side, str(number))
        for number, score in enumerate(scores)
    }
    made = MeasuredTask(
        task=task, scorer="s@1", elicitation=None, unit="sample", sides=(side,), answers=answers
    )
    return MeasuredSet(name="x", model="m", settings={}, tasks={task: made})
