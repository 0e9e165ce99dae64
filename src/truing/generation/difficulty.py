"""Which items tell models apart: those that all models at hand pass are marked easy."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import msgspec

from truing.journal import JudgementLine, ResponseLine
from truing.models.model import Model
from truing.records import Outcome
from truing.tasks import Task
from truing.trial import measure_in_memory

__all__ = ["Difficulty", "screened"]


class Difficulty(msgspec.Struct, frozen=True, kw_only=True):
    """What the models at hand made of each seed."""

    models: list[str]
    easy: list[str]
    """Every model passes every sample of the seed."""
    hard: list[str]
    """Some model fails some sample."""
    unknown: list[str]
    """Something could not be scored: neither easy nor hard."""
    pass_rates: dict[str, float]
    """Share of scored samples that a model passes."""


async def screened(task: Task, models: Sequence[Model]) -> Difficulty:
    """Ask every model every sample of the set."""
    outcomes: dict[str, list[Outcome]] = defaultdict(list)
    rates = {}
    for model in models:
        _, lines = await measure_in_memory(model, [task])
        seeds = {line.sample.id: _seed_of(line) for line in lines if isinstance(line, ResponseLine)}
        said = [line for line in lines if isinstance(line, JudgementLine)]
        for line in said:
            outcomes[seeds[line.sample]].append(line.judgement.outcome)
        scored = [line for line in said if line.judgement.outcome is not Outcome.UNSCORED]
        passed = sum(line.judgement.outcome is Outcome.TRUSTWORTHY for line in scored)
        if scored:
            rates[model.name] = passed / len(scored)
    easy, hard, unknown = [], [], []
    for seed, own in outcomes.items():
        if Outcome.UNTRUSTWORTHY in own:
            hard.append(seed)
        elif Outcome.UNSCORED in own:
            unknown.append(seed)
        else:
            easy.append(seed)
    return Difficulty(
        models=[model.name for model in models],
        easy=sorted(easy),
        hard=sorted(hard),
        unknown=sorted(unknown),
        pass_rates=rates,
    )


def _seed_of(line: ResponseLine) -> str:
    # Without clusters of their own, a sample's cluster is its seed.
    return line.sample.cluster
