"""What LLM judges say of a row, beside the rule's figures and never part of them."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from truing import stats
from truing.judges.specs import parts_of
from truing.records import Outcome
from truing.reports.answers import Answer
from truing.reports.judge_members import (
    cascade_figures,
    known_figure,
    panel_figures,
    partial_judges,
)

__all__ = ["judge_columns"]

DRAWS = 1000


def judge_columns(answers: Sequence[Answer]) -> dict[str, dict[str, Any]]:
    """Judge's name -> its rates by side, its agreement with the rule, and what it left unscored.

    Rates are of replies that the judge scored. Agreement is Cohen's kappa over the labels of the
    replies that both scored, with a percentile bootstrap over clusters; unknown where one of the
    two gave the same label to all. No person has checked the
    judge: its error is not in these intervals. Panels and cascades have figures of their own
    beside these. A cascade's model that saw but a part of the replies has none of its own: what
    goes to it is not drawn at random.
    """
    by_judge: dict[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        if not answer.control:
            for judge in answer.judged:
                by_judge[judge].append(answer)
    partly = {
        model
        for model, cascades in partial_judges(list(by_judge)).items()
        if any(len(by_judge.get(model, ())) < len(by_judge[cascade]) for cascade in cascades)
    }
    return {
        judge: {**_figures(judge, own), **_of_members(judge, own)}
        for judge, own in sorted(by_judge.items())
        if judge not in partly
    }


def _of_members(judge: str, answers: list[Answer]) -> dict[str, Any]:
    kind = parts_of(judge).kind
    if kind == "panel":
        return panel_figures(judge, answers)
    return cascade_figures(judge, answers) if kind == "cascade" else {}


def _figures(judge: str, answers: list[Answer]) -> dict[str, Any]:
    scored = [a for a in answers if a.judged[judge].outcome is not Outcome.UNSCORED]
    sides: dict[str, tuple[list[bool], list[str]]] = defaultdict(lambda: ([], []))
    for answer in scored:
        passed, clusters = sides[answer.side]
        passed.append(answer.judged[judge].outcome is Outcome.TRUSTWORTHY)
        clusters.append(answer.cluster)
    shown: dict[str, Any] = {
        side: known_figure(stats.rate_interval(*own), len(own[0])) for side, own in sides.items()
    }
    shown["unscored"] = known_figure(
        stats.rate_interval(
            [a.judged[judge].outcome is Outcome.UNSCORED for a in answers],
            [a.cluster for a in answers],
        ),
        len(answers),
    )
    both = [a for a in scored if a.outcome is not Outcome.UNSCORED]
    shown["kappa_with_rule"] = known_figure(_agreement(judge, both), len(both))
    return shown


def _agreement(judge: str, answers: list[Answer]) -> stats.Interval:
    labels = sorted({a.label for a in answers} | {a.judged[judge].label for a in answers})
    at = {label: i for i, label in enumerate(labels)}
    tables: dict[str, Any] = defaultdict(lambda: np.zeros((len(labels), len(labels)), dtype=int))
    for answer in answers:
        tables[answer.cluster][at[answer.label], at[answer.judged[judge].label]] += 1
    every = np.array(list(tables.values()))
    if not tables or min((every.sum((0, 1)) > 0).sum(), (every.sum((0, 2)) > 0).sum()) < 2:
        return stats.UNKNOWN  # one of the two gave a single label: there is nothing to agree on
    estimate = stats.cohen_kappa(every.sum(0))
    rng = np.random.default_rng(0)
    drawn = (
        stats.cohen_kappa(every[rng.integers(len(every), size=len(every))].sum(0))
        for _ in range(DRAWS)
    )
    found = [kappa for kappa in drawn if not math.isnan(kappa)]
    if math.isnan(estimate) or not found:
        return stats.UNKNOWN
    low, high = np.quantile(found, [0.025, 0.975])
    return stats.Interval(estimate, float(low), float(high))
