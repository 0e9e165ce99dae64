"""Picks the samples a person should read: what failed, seed by seed, a bounded number a row.

Reads journal lines; keeps the texts of the chosen few only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from truing.journal import JudgementLine, Line, ResponseLine
from truing.records import Judgement, Outcome, Response, Sample
from truing.runs import RunHeader

__all__ = ["Evidence", "gather_evidence"]

SEEDS_A_ROW = 30
TRUSTWORTHY = Outcome.TRUSTWORTHY


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """One judged answer, whole."""

    sample: Sample
    epoch: int
    response: Response
    judgement: Judgement

    @property
    def failed(self) -> bool:
        """Judged untrustworthy, or not judged at all."""
        return self.judgement.outcome is not Outcome.TRUSTWORTHY


def gather_evidence(
    header: RunHeader, read: Callable[[], Iterable[Line]], *, seeds_a_row: int = SEEDS_A_ROW
) -> dict[str, list[list[Evidence]]]:
    """Task -> seeds with a failure -> all answers of the seed (twins beside each other).

    The first `seeds_a_row` failing seeds of each task in the order they were asked. `read` is
    called twice: once to see which seeds failed, once for the texts of those alone.
    """
    chosen = _failing_seeds(header, read(), seeds_a_row)
    answers: dict[tuple[str, int], tuple[Sample, Response]] = {}
    verdicts: dict[tuple[str, int], Judgement] = {}
    for line in read():
        if isinstance(line, ResponseLine):
            if (line.sample.task, line.sample.cluster) in chosen:
                answers[(line.sample.id, line.epoch)] = (line.sample, line.response)
        elif (line.sample, line.epoch) in answers:
            verdicts[(line.sample, line.epoch)] = line.judgement
    shown: dict[str, dict[str, list[Evidence]]] = {task.id: {} for task in header.tasks}
    for task, cluster in chosen:
        shown[task][cluster] = []
    for key, (sample, response) in answers.items():
        if key in verdicts:
            shown[sample.task][sample.cluster].append(
                Evidence(sample=sample, epoch=key[1], response=response, judgement=verdicts[key])
            )
    place = {
        (task.id, side.name): number
        for task in header.tasks
        for number, side in enumerate(task.sides)
    }
    for task, seeds in shown.items():
        for items in seeds.values():
            items.sort(
                key=lambda item, task=task: (  # type: ignore[misc]
                    place.get((task, item.sample.side), 0),
                    item.sample.control,
                    item.sample.variant,
                    item.epoch,
                )
            )
    return {task: list(seeds.values()) for task, seeds in shown.items()}


def _failing_seeds(
    header: RunHeader, lines: Iterable[Line], seeds_a_row: int
) -> dict[tuple[str, str], None]:
    """(task, seed) of the first failing seeds of each task, in the order they were asked."""
    seed_of: dict[str, tuple[str, str]] = {}
    wrong: set[tuple[str, int]] = set()
    for line in lines:
        if isinstance(line, ResponseLine):
            if not line.sample.control and line.sample.id not in seed_of:
                seed_of[line.sample.id] = (line.sample.task, line.sample.cluster)
        elif isinstance(line, JudgementLine) and line.sample in seed_of:
            key = (line.sample, line.epoch)
            (wrong.discard if line.judgement.outcome is TRUSTWORTHY else wrong.add)(key)
    failed = {seed_of[sample] for sample, _ in wrong}
    left = {task.id: seeds_a_row for task in header.tasks}
    chosen: dict[tuple[str, str], None] = {}
    for seed in dict.fromkeys(seed_of.values()):
        if seed in failed and left.get(seed[0], 0) > 0:
            left[seed[0]] -= 1
            chosen[seed] = None
    return chosen
