"""How a panel's members agree, and what a cascade decided by which stage, from their verdicts."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from truing import stats
from truing.judges.cascade import read_stage
from truing.judges.panel import SPLIT
from truing.judges.specs import parts_of
from truing.records import Outcome
from truing.reports.answers import Answer

__all__ = ["cascade_figures", "known_figure", "panel_figures", "partial_judges"]

DRAWS = 1000


def partial_judges(judges: Sequence[str]) -> dict[str, list[str]]:
    """Models of cascades -> the cascades; such a model may have seen but a part of the replies."""
    found: dict[str, list[str]] = defaultdict(list)
    for judge in judges:
        parts = parts_of(judge)
        if parts.kind == "cascade":
            found[parts.members[-1]].append(judge)
    return dict(found)


def panel_figures(panel: str, answers: Sequence[Answer]) -> dict[str, Any]:
    """Share of splits, and Light's kappa: the mean of Cohen's kappas over pairs of members.

    Of each pair the replies that both scored; pairs in which one of them gave a single label are
    left out, and with none left it is unknown. The interval is a percentile bootstrap over seeds;
    where all agree on everything, its lower bound is that of Wilson's for agreement over seeds.
    Source: Light 1971, Psychological Bulletin 76(5).
    """
    members = parts_of(panel).members
    split = [answer.judged[panel].label == SPLIT for answer in answers]
    figures = {"split": known_figure(_rate(split, answers), len(answers))}
    figures["kappa_among_members"] = known_figure(_light(members, answers), len(answers))
    return figures


def _light(members: Sequence[str], answers: Sequence[Answer]) -> stats.Interval:
    labels = sorted(
        {answer.judged[m].label for answer in answers for m in members if m in answer.judged}
    )
    at = {label: i for i, label in enumerate(labels)}
    pairs = list(combinations(members, 2))
    shape = (len(pairs), len(labels), len(labels))
    tables: dict[str, Any] = defaultdict(lambda: np.zeros(shape, dtype=int))
    for answer in answers:
        for place, (one, other) in enumerate(pairs):
            a, b = answer.judged.get(one), answer.judged.get(other)
            if a is not None and b is not None and Outcome.UNSCORED not in (a.outcome, b.outcome):
                tables[answer.cluster][place, at[a.label], at[b.label]] += 1
    if not tables:
        return stats.UNKNOWN
    every = np.array(list(tables.values()))
    estimate = _mean_kappa(every.sum(0))
    if estimate == 1:
        shares = [table.sum(0) / table.sum() for table in every.sum(0) if table.sum()]
        chance = sum(float(share @ share) for share in shares) / len(shares)
        least = stats.wilson_interval(1.0, len(every)).low
        return stats.Interval(1.0, (least - chance) / (1 - chance), 1.0)
    rng = np.random.default_rng(0)
    drawn = (
        _mean_kappa(every[rng.integers(len(every), size=len(every))].sum(0)) for _ in range(DRAWS)
    )
    found = [kappa for kappa in drawn if not math.isnan(kappa)]
    if math.isnan(estimate) or not found:
        return stats.UNKNOWN
    low, high = np.quantile(found, [0.025, 0.975])
    return stats.Interval(estimate, float(low), float(high))


def _mean_kappa(tables: Any) -> float:
    kappas = [
        stats.cohen_kappa(table)
        for table in tables
        if min((table.sum(0) > 0).sum(), (table.sum(1) > 0).sum()) > 1
    ]
    return sum(kappas) / len(kappas) if kappas else math.nan


def cascade_figures(cascade: str, answers: Sequence[Answer]) -> dict[str, Any]:
    """What rule and head decided, what went to the model, and what the audit slice says.

    `calls_saved` is the share of replies that the model was not asked about. `audit_disagreed` is
    of the audited ones: the model gave another label than was decided. `corrected_SIDE` is the
    rate that the model would give to all, from what it saw: all of what went to it, and the
    audited slice of the rest, each with the probability with which it was seen (PPI++).
    """
    model = parts_of(cascade).members[-1]
    stages = [(answer, read_stage(answer.judged[cascade].reason)) for answer in answers]
    staged = [(answer, stage) for answer, stage in stages if stage is not None]
    own = [answer for answer, _ in staged]
    escalated = [stage.escalated for _, stage in staged]
    saved = [not stage.escalated and stage.audited is None for _, stage in staged]
    audited = [answer for answer, stage in staged if stage.audited is not None]
    differs = [
        model in answer.judged and answer.judged[model].label != answer.judged[cascade].label
        for answer in audited
    ]
    figures = {
        "decided_by_rule_and_head": known_figure(
            _rate([not one for one in escalated], own), len(own)
        ),
        "decided_by_model": known_figure(_rate(escalated, own), len(own)),
        "calls_saved": known_figure(_rate(saved, own), len(own)),
        "audit_disagreed": known_figure(_rate(differs, audited), len(audited)),
    }
    for side in sorted({answer.side for answer in own}):
        rows = [
            (answer, 1.0 if stage.escalated else stage.audited)
            for answer, stage in staged
            if answer.side == side and answer.judged[cascade].outcome is not Outcome.UNSCORED
        ]
        found = _corrected(cascade, model, rows)
        figures[f"corrected_{side}"] = known_figure(found, len(rows))
    return figures


def _corrected(
    cascade: str, model: str, rows: Sequence[tuple[Answer, float | None]]
) -> stats.Interval:
    human, chance = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    for place, (answer, probability) in enumerate(rows):
        said = answer.judged.get(model)
        seen = probability is not None and said is not None
        if seen and said is not None and said.outcome is not Outcome.UNSCORED:
            human[place], chance[place] = said.outcome is Outcome.TRUSTWORTHY, probability
    judged = [answer.judged[cascade].outcome is Outcome.TRUSTWORTHY for answer, _ in rows]
    clusters = [answer.cluster for answer, _ in rows]
    if not rows:
        return stats.UNKNOWN
    scores = np.array(judged, dtype=float)
    return stats.ppi_rate(human, scores, clusters, probability=chance).interval


def _rate(hits: Sequence[bool], answers: Sequence[Answer]) -> stats.Interval:
    return stats.rate_interval(hits, [answer.cluster for answer in answers])


def known_figure(interval: stats.Interval, units: int) -> dict[str, Any] | None:
    """An estimate as `summary.json` has it; None where it is unknown."""
    if math.isnan(interval.estimate):
        return None
    return {
        "estimate": interval.estimate,
        "low": interval.low,
        "high": interval.high,
        "units": units,
    }
