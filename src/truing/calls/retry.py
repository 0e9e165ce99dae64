"""Which faults deserve another try, how many, and how long to wait before it."""

from __future__ import annotations

import random
from typing import NamedTuple

from truing.records import Attempt, Fault, FaultKind

__all__ = ["RETRIES", "Retry", "pause_seconds", "tries_left"]


class Retry(NamedTuple):
    """`tries` in all for a kind; waits double from `first_seconds` up to `longest_seconds`."""

    tries: int
    first_seconds: float
    longest_seconds: float


RETRIES: dict[FaultKind, Retry] = {
    # Being told to slow down says nothing of the question: it is asked until it gets through.
    FaultKind.RATE_LIMIT: Retry(tries=40, first_seconds=0.5, longest_seconds=60.0),
    FaultKind.OVERLOADED: Retry(tries=12, first_seconds=0.5, longest_seconds=60.0),
    FaultKind.SERVER_ERROR: Retry(tries=6, first_seconds=0.5, longest_seconds=60.0),
    FaultKind.CONNECTION: Retry(tries=6, first_seconds=0.5, longest_seconds=60.0),
    # Half an answer was paid for: fewer tries.
    FaultKind.MALFORMED: Retry(tries=4, first_seconds=0.5, longest_seconds=30.0),
    FaultKind.TIMEOUT: Retry(tries=3, first_seconds=1.0, longest_seconds=30.0),
}
"""Kinds that are not here would fail again in the same way: they are never retried."""
MOST_TRIES = 48


def tries_left(attempts: list[Attempt], kind: FaultKind, *, outage: bool = False) -> bool:
    """Whether a call whose last attempt failed with `kind` is tried again.

    An outage of the whole server uses up no call's tries.
    """
    retry = RETRIES.get(kind)
    if retry is None:
        return False
    if outage:
        return True
    if len(attempts) >= MOST_TRIES:
        return False
    return sum(attempt.fault is kind for attempt in attempts) < retry.tries


def pause_seconds(fault: Fault, attempts: list[Attempt], jitter: random.Random) -> float:
    """Seconds before the next try: what the server asked for, or doubling, spread by half.

    The spread keeps calls that failed together from coming back together
    (Brooker 2015, "Exponential Backoff and Jitter").
    """
    if fault.wait_seconds is not None:
        return fault.wait_seconds + 0.1 * jitter.random()
    retry = RETRIES[fault.kind]
    failed = sum(attempt.fault is fault.kind for attempt in attempts)
    doubled: float = retry.first_seconds * 2.0 ** min(failed - 1, 16)
    return min(doubled, retry.longest_seconds) * (0.5 + 0.5 * jitter.random())
