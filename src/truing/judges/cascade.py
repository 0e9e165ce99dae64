"""A cascade's verdict: the rule's and the head's where they agree and are sure, else a model's.

A random slice of what was decided without the model goes to the model all the same, so that a run
says how often it would have said something else. The slice is a hash of the run's seed, the sample
and the epoch: the same on every resume, and nothing that a reply says can move it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import msgspec

from truing.judges.specs import judge_name
from truing.records import Judgement, Outcome, Response, content_hash, judged_hash

__all__ = [
    "Stage",
    "cascade_name",
    "cascade_verdict",
    "is_audited",
    "is_decided",
    "read_stage",
    "stage_part",
]

_DECIDED, _AUDITED, _ESCALATED = "decided", "decided and audited", "escalated"
_STAGE = re.compile(r"(decided(?: and audited \(([\d.]+)\))?|escalated): ")
_DRAWN = 16**13


class Stage(NamedTuple):
    """By which stage a cascade's verdict came about.

    `audited` is the probability with which a decided one was drawn for the model to see, None
    where it was not.
    """

    escalated: bool
    audited: float | None = None


def cascade_name(rubric: str, rule: str, head: str, threshold: float | None, model: str) -> str:
    """The scorer's name of a cascade: another threshold than the head's own is part of it."""
    sure = "" if threshold is None else f">={_short(threshold)}"
    return judge_name(rubric, f"cascade({rule}+{head}{sure}+{model})")


def is_decided(rule: Judgement | None, head: Judgement | None, threshold: float) -> bool:
    """Whether no model is needed: both give the same label, and the head's probability suffices."""
    if rule is None or head is None:
        return False
    scored = Outcome.UNSCORED not in (rule.outcome, head.outcome)
    return scored and rule.label == head.label and (head.probability or 0.0) >= threshold


def is_audited(seed: int, sample: str, epoch: int, share: float) -> bool:
    """Whether a reply belongs to the random slice that is audited."""
    drawn = int(content_hash(["cascade audit", seed, sample, epoch])[:13], 16)
    return drawn < share * _DRAWN


def cascade_verdict(
    name: str,
    response: Response,
    *,
    rule: Judgement | None,
    head: Judgement | None,
    model: Judgement | None,
    threshold: float,
    audited: float | None,
) -> Judgement | None:
    """The cascade's verdict on a reply; None until whoever must see it has.

    `audited` is the share audited where this reply is in the slice. What the model says of an
    audited reply stands in the reason and changes nothing. The reason begins with the stage, for
    `read_stage`.
    """
    if rule is None or head is None:
        return None
    sure = "-" if head.probability is None else _short(round(head.probability, 3))
    first = f"{rule.scorer} says {rule.label}, the head {head.label} ({sure})"
    if is_decided(rule, head, threshold):
        stage = _DECIDED
        if audited is not None and model is not None and model.outcome is not Outcome.UNSCORED:
            stage = f"{_AUDITED} ({_short(audited)})"
            first += f"; the model says {model.label}"
        return Judgement(
            outcome=head.outcome,
            label=head.label,
            scorer=name,
            judged=judged_hash(response.text),
            reason=f"{stage}: {first}",
        )
    if model is None:
        return None
    return msgspec.structs.replace(
        model,
        scorer=name,
        reason=f"{_ESCALATED}: {first}; the model says {model.label}: {model.reason}",
        tokens=None,
        cost_usd=None,
        cached=False,
    )


def read_stage(reason: str) -> Stage | None:
    """The stage in a cascade's reason, or None where it says none."""
    match = _STAGE.match(reason)
    if match is None:
        return None
    return Stage(match[1] == _ESCALATED, float(match[2]) if match[2] else None)


def stage_part(reason: str) -> str:
    """The beginning of a cascade's reason that `read_stage` reads; empty of any other."""
    match = _STAGE.match(reason)
    return match[0] if match else ""


def _short(value: float) -> str:
    return f"{value:.6g}".removeprefix("0")
