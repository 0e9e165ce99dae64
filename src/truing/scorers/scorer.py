"""What a scorer is. It sees a sample and a response, and knows no model, file or statistics."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from truing.errors import TruingError
from truing.records import Judgement, Outcome, Response, Sample, judged_hash

__all__ = ["Particular", "Scorer", "unscored", "verdict_on"]


class Scorer(Protocol):
    """Turns one response into one judgement."""

    @property
    def name(self) -> str:
        """Name and version, e.g. `choice@1`: another rule is another version."""
        ...

    async def judge(self, sample: Sample, response: Response) -> Judgement:
        """The verdict on a response that has no fault."""
        ...


@runtime_checkable
class Particular(Protocol):
    """A scorer that knows which samples it can judge; others are taken to judge any."""

    def lacks(self, sample: Sample) -> str | None:
        """What keeps it from judging answers to this sample, or None."""
        ...


async def verdict_on(scorer: Scorer, sample: Sample, response: Response) -> Judgement:
    """The scorer's verdict; unscored where the call failed or the scorer breaks.

    Raises what the scorer says no answer to this sample can have (`TruingError`).
    """
    if response.fault is not None:
        return unscored(scorer.name, response)
    try:
        return await scorer.judge(sample, response)
    except TruingError:
        raise
    except Exception as error:  # noqa: BLE001 - a defect in a scorer is no verdict on the model
        return Judgement(
            outcome=Outcome.UNSCORED,
            label="scorer_error",
            scorer=scorer.name,
            judged=judged_hash(response.text),
            reason=f"{type(error).__name__}: {error}",
        )


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
