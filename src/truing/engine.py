"""The pipeline: asks, answers, verdicts. Knows no provider, file, cache or statistic.

What it needs is handed to it: what to ask (an iterator, read as places become free, so memory
does not grow with the number of samples), a model, a scorer for each task, and what to do with
each outcome. A failed sample is data like any other; only what makes every call fail stops a run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from truing.errors import BudgetSpent, TruingError
from truing.models.model import Model
from truing.records import (
    Fault,
    FaultKind,
    Judgement,
    Message,
    Request,
    Response,
    Role,
    Sample,
    Settings,
)
from truing.scorers.scorer import Scorer, verdict_on

__all__ = ["Ask", "Finished", "build_request", "measure"]


class Ask(NamedTuple):
    """A sample owed an answer, or (with `answered`) only a judgement."""

    sample: Sample
    epoch: int
    answered: Response | None = None


class Finished(NamedTuple):
    """A finished ask. `fresh` is false where the answer was there before."""

    ask: Ask
    response: Response
    judgement: Judgement
    fresh: bool


def build_request(sample: Sample, epoch: int, settings: Settings, model: Model) -> Request:
    """What the model gets to see of a sample."""
    messages = sample.messages
    if settings.system is not None:
        messages = (Message(role=Role.SYSTEM, text=settings.system), *messages)
    capabilities = model.capabilities
    return Request(
        messages=messages,
        # A reason is written freely, so nothing may hold the reply to a letter.
        choices=()
        if sample.cues
        else tuple((choice.label, choice.text) for choice in sample.choices),
        max_tokens=min(sample.max_tokens, settings.max_tokens or sample.max_tokens),
        temperature=settings.temperature,
        seed=settings.seed,
        want_logprobs=bool(capabilities.option_logprobs and sample.choices and not sample.cues),
        confidence=sample.confidence,
        tools=sample.tools,
        thinking_tokens=settings.thinking_tokens,
        parameters=settings.parameters,
        repeat=2 * epoch + sample.control,
        reference=sample.reference if capabilities.sees_reference else None,
    )


async def measure(
    asks: Iterable[Ask],
    model: Model,
    scorer_of: Callable[[str], Scorer],
    settings: Settings,
    finished: Callable[[Finished], None],
    *,
    concurrency: int,
    paid: Callable[[Ask], bool] = lambda ask: ask.answered is None,
    follow: Callable[[Finished], Ask | None] = lambda _: None,
) -> None:
    """Ask everything, judge everything, hand each outcome to `finished` as it comes.

    What `follow` makes of an outcome is asked next, in the same place.

    The first ask that is `paid` goes alone: a wrong key or address stops the run before the
    second call.
    Raises what made every call fail (`ModelError`) or what `finished` raised, after the calls in
    flight have been let go; `BudgetSpent` after they have been finished.
    """
    waiting = iter(asks)
    line = _Line(model, scorer_of, settings, finished, follow)
    for first in waiting:
        await line.serve(iter([first]))
        if paid(first):
            break
    try:
        async with asyncio.TaskGroup() as workers:
            for _ in range(concurrency):
                workers.create_task(line.serve(waiting))
    except ExceptionGroup as group:
        # One cause is reported; its fellows are the same fault met at the same time.
        raise group.exceptions[0] from None
    if line.spent is not None:
        raise line.spent


@dataclass(slots=True)
class _Line:
    """What all workers share; `spent` stops them all."""

    model: Model
    scorer_of: Callable[[str], Scorer]
    settings: Settings
    finished: Callable[[Finished], None]
    follow: Callable[[Finished], Ask | None]
    spent: BudgetSpent | None = None

    async def serve(self, source: Iterator[Ask]) -> None:
        for ask in source:
            due: Ask | None = ask
            while due is not None:
                if self.spent is not None:
                    return
                due = await self.finish(due)

    async def finish(self, ask: Ask) -> Ask | None:
        scorer = self.scorer_of(ask.sample.task)
        try:
            outcome = await _answer(ask, self.model, scorer, self.settings)
        except BudgetSpent as error:
            self.spent = error
            return None
        self.finished(outcome)
        return self.follow(outcome)


async def _answer(ask: Ask, model: Model, scorer: Scorer, settings: Settings) -> Finished:
    response = ask.answered
    if response is None:
        request = build_request(ask.sample, ask.epoch, settings, model)
        try:
            response = await model.respond(request)
        except TruingError:
            raise
        except Exception as error:  # noqa: BLE001 - a defect in an adapter is data, with its kind
            detail = f"{type(error).__name__}: {error}"
            response = Response(fault=Fault(kind=FaultKind.INTERNAL, detail=detail))
    judgement = await verdict_on(scorer, ask.sample, response)
    return Finished(ask, response, judgement, fresh=ask.answered is None)
