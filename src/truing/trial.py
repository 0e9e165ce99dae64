"""Measures a model on tasks without a run folder: nothing is written and nothing can be resumed.

For scripted models and checks of tasks; a real model's answers belong into a run.
"""

from __future__ import annotations

from collections.abc import Sequence

from truing.engine import Ask, Finished, measure
from truing.journal import JudgementLine, Line, ResponseLine
from truing.models.model import Model
from truing.records import Settings
from truing.reports.profile import Summary, summarise
from truing.runs import header_for
from truing.scorers import find_scorer
from truing.tasks import Task

__all__ = ["measure_in_memory"]


async def measure_in_memory(
    model: Model,
    tasks: Sequence[Task],
    *,
    seeds: int | None = None,
    edition: int = 0,
    settings: Settings | None = None,
) -> tuple[Summary, list[Line]]:
    """The profile of a model, and the lines that a journal would hold."""
    settings = settings or Settings()
    header = header_for(
        list(tasks),
        run_id="in memory",
        model=model.name,
        address=None,
        suite="trial",
        settings=settings,
        edition=edition,
        seeds_per_task=seeds,
        created_at=0.0,
        deterministic=model.capabilities.deterministic,
        oracle=model.capabilities.sees_reference,
        base_model=not model.capabilities.chat,
    )
    lines: list[Line] = []

    def finished(outcome: Finished) -> None:
        sample, epoch = outcome.ask.sample, outcome.ask.epoch
        lines.append(ResponseLine(epoch=epoch, sample=sample, response=outcome.response, at=0.0))
        lines.append(JudgementLine(epoch=epoch, sample=sample.id, judgement=outcome.judgement))

    asks = (
        Ask(sample, epoch)
        for task in tasks
        for sample in task.samples(edition=edition, limit=seeds)
        for epoch in range(settings.epochs)
    )
    scorers = {task.id: find_scorer(task.card.scorer) for task in tasks}
    by_id = {task.id: task for task in tasks}

    def follow(outcome: Finished) -> Ask | None:
        if not outcome.response.settled:
            return None
        sample = outcome.ask.sample
        later = by_id[sample.task].follow(sample, outcome.judgement.label, edition=edition)
        return None if later is None else Ask(later, outcome.ask.epoch)

    await measure(
        asks, model, scorers.__getitem__, settings, finished, concurrency=8, follow=follow
    )
    return summarise(header, lines), lines
