"""Picks the samples a person should read: what failed, seed by seed, a bounded number a row.

Reads journal lines; keeps the texts of the chosen few only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import msgspec

from truing.journal import JudgementLine, Line, ResponseLine
from truing.records import Judgement, Outcome, Response, Sample
from truing.runs import RunHeader

__all__ = ["Evidence", "gather_evidence"]

SEEDS_A_ROW = 30


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
    header: RunHeader, lines: Iterable[Line], *, seeds_a_row: int = SEEDS_A_ROW
) -> dict[str, list[list[Evidence]]]:
    """Task -> seeds with a failure -> all answers of the seed (twins beside each other).

    The first `seeds_a_row` failing seeds of each task in the order they were asked.
    """
    chosen: dict[str, dict[str, list[tuple[str, int]]]] = {task.id: {} for task in header.tasks}
    answers: dict[tuple[str, int], tuple[Sample, Response]] = {}
    verdicts: dict[tuple[str, int], Judgement] = {}
    open_seeds: dict[tuple[str, str], list[tuple[str, int]]] = defaultdict(list)
    failed: set[tuple[str, str]] = set()
    cluster_of: dict[tuple[str, int], tuple[str, str]] = {}
    full: set[str] = set()
    for line in lines:
        if isinstance(line, ResponseLine):
            if line.sample.task not in chosen or line.sample.task in full:
                continue
            key = (line.sample.id, line.epoch)
            seed = (line.sample.task, line.sample.cluster)
            if key not in answers:
                open_seeds[seed].append(key)
            answers[key] = (line.sample, line.response)
            cluster_of[key] = seed
        elif isinstance(line, JudgementLine) and (line.sample, line.epoch) in answers:
            key = (line.sample, line.epoch)
            verdicts[key] = line.judgement
            if line.judgement.outcome is not Outcome.TRUSTWORTHY:
                failed.add(cluster_of[key])
            task = cluster_of[key][0]
            if sum(name == task for name, _ in failed) > seeds_a_row + 8:
                full.add(task)
    for seed in open_seeds:
        if seed in failed and len(chosen[seed[0]]) < seeds_a_row:
            chosen[seed[0]][seed[1]] = open_seeds[seed]
    return {
        task: [
            [
                Evidence(
                    sample=answers[key][0],
                    epoch=key[1],
                    response=answers[key][1],
                    judgement=verdicts[key],
                )
                for key in keys
                if key in verdicts
            ]
            for keys in seeds.values()
        ]
        for task, seeds in chosen.items()
    }
