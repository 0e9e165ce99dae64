"""A row's rates as people would give them: corrected for rule and judge by people's labels.

Labels count where they are of the plan's order up to the first answer that nobody has seen; the
chance of each is known there, so the rates are those of all answers whatever was labelled first.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from truing import stats
from truing.judges.plan import Labelling, Stratum, read_labelling
from truing.judges.sampling import Key, probability_trustworthy
from truing.labels import DISPUTED, UNSURE
from truing.records import Outcome
from truing.reports.answers import Answer

__all__ = ["CorrectedRate", "Correction", "LabelCounts", "correct_row", "read_labelling"]

_NO_VERDICT = 0.5
"""A judge's score of an answer that it left unscored."""


class CorrectedRate(msgspec.Struct, frozen=True, kw_only=True):
    """A rate as people would give it, `None` where it is unknown and `reason` says why."""

    estimate: float | None
    low: float | None
    high: float | None
    labels: int
    power: float | None
    """The weight of the scorer's verdicts, 0 (labels alone) to 1."""
    alone: tuple[float, float] | None
    """The interval that the labels give without the scorer."""
    method: str
    reason: str = ""


class Correction(msgspec.Struct, frozen=True, kw_only=True):
    """A row corrected by way of one scorer. Every scorer estimates the same rates."""

    sides: dict[str, CorrectedRate]
    balanced: CorrectedRate
    worse_side: CorrectedRate | None
    """None where the row's headline is not the worse side."""


class LabelCounts(msgspec.Struct, frozen=True, kw_only=True):
    """The labels behind a row, and what keeps others from counting."""

    labels: int
    unsure: int
    """Seen by people who could not say: left out, as if they were like the others."""
    disputed: int
    """People differ and nobody has adjudicated: left out until then."""
    outside: int
    """Labelled beyond the first answer of the order that nobody has seen: they count later."""
    labellers: int
    late: int
    """Answers that the plan does not hold: `truing judge queue` takes them in."""
    weighted: bool
    """Answers had unlike chances of being labelled."""
    first: str
    """The scorer whose correction stands first: chosen before there was a label."""


class _Side:
    """A side's answers and what people say of them."""

    def __init__(
        self,
        answers: Mapping[Key, Answer],
        texts: Mapping[Key, str],
        labelling: Labelling,
        stratum: Stratum,
    ) -> None:
        planned = stratum.size()
        self.late = sum(key not in planned for key in answers)
        held = {key: own for key, own in labelling.held(stratum, texts).items() if key in answers}
        # What is scored no longer (asked again, and failed) is no gap in the order.
        gone = [key for key in planned if key not in answers]
        drawn = labelling.drawn(stratum, [*held, *gone])
        self.labelled = {
            key: own.label for key, own in held.items() if key in drawn.chances and own.known
        }
        inside = [own.label for key, own in held.items() if key in drawn.chances]
        self.unsure, self.disputed = inside.count(UNSURE), inside.count(DISPUTED)
        self.outside = sum(own.known and key not in drawn.chances for key, own in held.items())
        self.labellers = {name for own in held.values() for name in own.by}
        self.weighted = stratum.typical is not None and not drawn.whole
        self.chances = drawn.chances
        self.answers = answers

    def judged(self, scorer: str | None) -> stats.Judged:
        """The side as the statistics take it; `None` is the rule."""
        keys = list(self.answers)
        human = np.full(len(keys), np.nan)
        chance = np.full(len(keys), np.nan)
        for place, key in enumerate(keys):
            if (label := self.labelled.get(key)) is not None:
                human[place] = label == self.answers[key].target
                chance[place] = self.chances[key]
        scores = np.array([_score(own, scorer) for own in self.answers.values()], dtype=float)
        clusters = [own.cluster for own in self.answers.values()]
        return stats.Judged(human, scores, clusters, chance if self.weighted else None)


def _score(answer: Answer, scorer: str | None) -> float:
    """What a scorer says of an answer, in [0, 1]: its probability, or its verdict."""
    if scorer is None:
        return float(answer.outcome is Outcome.TRUSTWORTHY)
    given = answer.judged.get(scorer)
    if given is None or given.outcome is Outcome.UNSCORED:
        return _NO_VERDICT
    if given.probability is None:
        return float(given.outcome is Outcome.TRUSTWORTHY)
    return probability_trustworthy(scorer, given) or 0.0


def correct_row(
    task: str,
    sides: Sequence[str],
    answers: Mapping[Key, Answer],
    texts: Mapping[Key, str],
    labelling: Labelling,
    *,
    scorer: str,
    worse_side: bool,
) -> tuple[dict[str, Correction], LabelCounts | None]:
    """Scorer -> the row as people would rate it, and the labels behind it; nothing without any.

    `answers` are those that the row counts, by sample and epoch, `texts` the hash of each one's
    text, `scorer` the rule's name. First the scorer that the plan names, then the others.
    """
    found: dict[str, _Side] = {}
    for name in sides:
        own = {key: answer for key, answer in sorted(answers.items()) if answer.side == name}
        stratum = labelling.stratum(task, name)
        if stratum is None:
            return {}, None
        found[name] = _Side(own, texts, labelling, stratum)
    every = list(found.values())
    if not any(side.labellers for side in every):
        return {}, None
    judges = sorted({judge for answer in answers.values() for judge in answer.judged})
    first = labelling.plan.judge
    scorers: list[str | None] = [None, *judges]
    scorers.sort(key=lambda judge: judge != first)
    counts = LabelCounts(
        labels=sum(len(side.labelled) for side in every),
        unsure=sum(side.unsure for side in every),
        disputed=sum(side.disputed for side in every),
        outside=sum(side.outside for side in every),
        labellers=len(set().union(*(side.labellers for side in every))),
        late=sum(side.late for side in every),
        weighted=any(side.weighted for side in every),
        first=scorers[0] or scorer,
    )
    corrections = {
        judge or scorer: _correction(found, judge, late=counts.late, worse_side=worse_side)
        for judge in scorers
    }
    return corrections, counts


def _correction(
    sides: Mapping[str, _Side], scorer: str | None, *, late: int, worse_side: bool
) -> Correction:
    judged = {name: side.judged(scorer) for name, side in sides.items()}
    if late:
        reason = f"{late} answers came after the plan of labels: truing judge queue takes them in"
        unknown = stats.Corrected(stats.UNKNOWN, "PPI++", 0, reason=reason)
        rates = dict.fromkeys(judged, unknown)
        both = unknown
    else:
        rates = {name: stats.ppi_balanced([side]) for name, side in judged.items()}
        both = stats.ppi_balanced(list(judged.values()))
    worst = stats.worse_of([own.interval for own in rates.values()])
    missing = next((own.reason for own in rates.values() if own.reason), "")
    powers = [own.power for own in rates.values()]
    return Correction(
        sides={name: _rate(own) for name, own in rates.items()},
        balanced=_rate(both),
        worse_side=_rate(
            stats.Corrected(
                worst,
                both.method,
                sum(own.labels for own in rates.values()),
                sum(powers) / len(powers),
                stats.worse_of([own.alone for own in rates.values()]),
                missing,
            )
        )
        if worse_side
        else None,
    )


def _rate(own: stats.Corrected) -> CorrectedRate:
    known = not math.isnan(own.interval.estimate)
    alone = own.alone
    return CorrectedRate(
        estimate=own.interval.estimate if known else None,
        low=own.interval.low if known else None,
        high=own.interval.high if known else None,
        labels=own.labels,
        power=own.power if known and not math.isnan(own.power) else None,
        alone=(alone.low, alone.high) if known and not math.isnan(alone.estimate) else None,
        method=own.method,
        reason=own.reason,
    )
