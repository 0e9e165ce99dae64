"""The open replies of a run as judges see them: with the rule's verdict and each judge's own."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from truing.journal import Line, ResponseLine
from truing.judges.canaries import Canary
from truing.records import JUDGE_PREFIX, FaultKind, Judgement, Response, Sample, judged_hash

__all__ = ["Reply", "read_replies"]

_FAULTS = frozenset(FaultKind)


@dataclass(slots=True, eq=False)
class Reply:
    """One reply under judgement, or a known answer put in its place."""

    sample: Sample
    epoch: int
    response: Response
    rule: Judgement | None = None
    verdicts: dict[str, Judgement] = field(default_factory=dict)
    """Scorer's name -> the last verdict on this text."""
    canary: Canary | None = None

    def owes(self, scorer: str) -> bool:
        """Whether a judge has still to see it: a call that failed is owed again."""
        given = self.verdicts.get(scorer)
        return given is None or given.label in _FAULTS


def read_replies(lines: Iterable[Line], tasks: Collection[str]) -> list[Reply]:
    """Replies of these tasks, in the order they came, with the verdicts that are there."""
    replies: dict[tuple[str, int], Reply] = {}
    for line in lines:
        if isinstance(line, ResponseLine):
            if line.sample.task in tasks and line.response.fault is None:
                key = (line.sample.id, line.epoch)
                replies[key] = Reply(line.sample, line.epoch, line.response)
            continue
        reply, given = replies.get((line.sample, line.epoch)), line.judgement
        if reply is None or given.judged != judged_hash(reply.response.text):
            continue
        if given.scorer.startswith(JUDGE_PREFIX):
            reply.verdicts[given.scorer] = given
        else:
            reply.rule = given
    return list(replies.values())
