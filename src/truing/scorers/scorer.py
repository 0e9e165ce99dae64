"""What a scorer is. It sees a sample and a response, and knows no model, file or statistics."""

from __future__ import annotations

from typing import Protocol

from truing.records import Judgement, Outcome, Response, Sample, judged_hash

__all__ = ["Scorer", "unscored"]


class Scorer(Protocol):
    """Turns one response into one judgement."""

    @property
    def name(self) -> str:
        """Name and version, e.g. `choice@1`: another rule is another version."""
        ...

    async def judge(self, sample: Sample, response: Response) -> Judgement:
        """The verdict on a response that has no fault."""
        ...


def unscored(scorer: str, response: Response) -> Judgement:
    """The judgement of a call that failed: outside the denominator, with the kind of fault."""
    assert response.fault is not None
    return Judgement(
        outcome=Outcome.UNSCORED,
        label=response.fault.kind,
        scorer=scorer,
        judged=judged_hash(response.text),
        reason=response.fault.detail,
    )
