"""The judges of a command line together: who sees which replies, and what follows from them.

Every judge judges for itself, its own verdicts in the journal; a panel's and a cascade's are
derived from those that are there. A judge that is named in several places sees a reply once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from truing.errors import UsageError
from truing.judges.cascade import cascade_name, cascade_verdict, is_audited, is_decided
from truing.judges.panel import panel_name, panel_verdict
from truing.judges.replies import Reply
from truing.judges.specs import HEAD_PREFIX, Cascade, JudgeSpec, Panel, judge_name, members
from truing.records import Judgement

__all__ = ["Seat", "check_self", "derive", "needed", "seats_in_order"]


class Seat(NamedTuple):
    """A judge that was opened."""

    name: str
    """As it is called in names of verdicts."""
    threshold: float = 1.0
    """Of a head: the probability from which its label is taken without a model."""


def seats_in_order(specs: Sequence[JudgeSpec]) -> list[str]:
    """Every judge of the specs once, heads first: what they say decides what a model must see."""
    names = dict.fromkeys(name for spec in specs for name in members(spec))
    return sorted(names, key=lambda name: not name.startswith(HEAD_PREFIX))


def check_self(subject: str, specs: Sequence[JudgeSpec]) -> None:
    """Refuse a model as the only judge of itself, alone or in a cascade. Raises `UsageError`."""
    names = {name for spec in specs for name in members(spec)}
    own_cascade = any(isinstance(spec, Cascade) and spec.model == subject for spec in specs)
    if names == {subject} or own_cascade:
        raise UsageError(
            f"--judge: {subject} would be the only judge of its own answers: "
            "name another model, alone or beside it"
        )


def needed(
    name: str,
    specs: Sequence[JudgeSpec],
    seats: Mapping[str, Seat],
    rubric: str,
    reply: Reply,
    seed: int,
) -> bool:
    """Whether a judge must see a reply: the model of a cascade only where it is not decided.

    The random slice that is audited is added to that. Known answers are seen by every judge.
    """
    for spec in specs:
        if name not in members(spec):
            continue
        if not isinstance(spec, Cascade) or name == spec.head or reply.canary is not None:
            return True
        head = seats[spec.head]
        given = reply.verdicts.get(judge_name(rubric, head.name))
        if given is None:
            continue  # the head cannot judge it, so that no cascade comes about
        decided = is_decided(reply.rule, given, _threshold(spec, head))
        if not decided or is_audited(seed, reply.sample.id, reply.epoch, spec.audit):
            return True
    return False


def derive(
    spec: JudgeSpec, seats: Mapping[str, Seat], rubric: str, rule: str, reply: Reply, seed: int
) -> Iterator[Judgement]:
    """The verdict of a panel or a cascade that follows now; nothing while somebody is to judge.

    `rule` is the name of the task's own scorer. A single judge's verdict is its own.
    """
    found = None
    if isinstance(spec, Panel):
        who = {seats[name].name: judge_name(rubric, seats[name].name) for name in spec.members}
        name = panel_name(rubric, list(who))
        found = panel_verdict(name, who, reply.verdicts, reply.sample, reply.response)
    elif isinstance(spec, Cascade):
        head, model = seats[spec.head], seats[spec.model]
        drawn = is_audited(seed, reply.sample.id, reply.epoch, spec.audit)
        found = cascade_verdict(
            cascade_name(rubric, rule, head.name, spec.threshold, model.name),
            reply.response,
            rule=reply.rule,
            head=reply.verdicts.get(judge_name(rubric, head.name)),
            model=reply.verdicts.get(judge_name(rubric, model.name)),
            threshold=_threshold(spec, head),
            audited=spec.audit if drawn and reply.canary is None else None,
        )
    if found is not None and found != reply.verdicts.get(found.scorer):
        yield found


def _threshold(spec: Cascade, head: Seat) -> float:
    return head.threshold if spec.threshold is None else spec.threshold
