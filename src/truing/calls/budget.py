"""What a run may cost, in dollars, tokens and time. Stops it before the bound, not after."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

from truing.errors import BudgetSpent

__all__ = ["Budget"]


class Budget:
    """Bounds on a run, and what it has spent. One budget may serve a model and its judges.

    A call is let through only if what was spent, what the calls in flight may use at most and
    what this one may use at most fit the bounds together; where it does not fit, it waits for
    calls in flight to turn out smaller, and with none in flight the run ends.
    """

    def __init__(
        self,
        *,
        most_usd: float | None = None,
        most_tokens: int | None = None,
        most_seconds: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most_usd = most_usd
        self._most_tokens = most_tokens
        self._most_seconds = most_seconds
        self._clock = clock
        self._deadline = None if most_seconds is None else clock() + most_seconds
        self.usd = 0.0
        self.tokens = 0
        self._held_usd = 0.0
        self._held_tokens = 0
        self._flying = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def bounded(self) -> bool:
        """Whether there is any bound."""
        return (self._most_usd, self._most_tokens, self._deadline) != (None, None, None)

    @property
    def bounds_cost(self) -> bool:
        """Whether dollars are bounded, so that prices must be known."""
        return self._most_usd is not None

    async def reserve(self, usd: float, tokens: int) -> None:
        """Set aside what a call may use at most. Raises `BudgetSpent` where it cannot fit."""
        while (reason := self._reason(usd, tokens)) is not None:
            if not self._flying or self._late():
                self._wake()
                raise BudgetSpent(self._stopped_by(reason))
            place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(place)
            await place
        self._held_usd += usd
        self._held_tokens += tokens
        self._flying += 1
        self._wake()

    def check_time(self) -> None:
        """Raises `BudgetSpent` where the time is over: no use in waiting for another try."""
        if self._late():
            raise BudgetSpent(self._stopped_by(f"--max-time ({self._most_seconds:g} seconds)"))

    def settle(
        self, usd: float, tokens: int, *, used_usd: float | None, used_tokens: int | None
    ) -> None:
        """Put what a call used in the place of what was set aside for it.

        `None`: not known; then what was set aside counts as used.
        """
        self._held_usd -= usd
        self._held_tokens -= tokens
        self._flying -= 1
        self.spend(usd if used_usd is None else used_usd, used_tokens or 0)
        if used_tokens is None:
            self.tokens += tokens
        self._wake()

    def spend(self, usd: float, tokens: int) -> None:
        """Count what was spent, here or in an earlier sitting."""
        self.usd += usd
        self.tokens += tokens

    @staticmethod
    def _stopped_by(reason: str) -> str:
        return f"stopped by {reason}: the same command with more goes on"

    def _late(self) -> bool:
        return self._deadline is not None and self._clock() >= self._deadline

    def _reason(self, usd: float, tokens: int) -> str | None:
        if self._late():
            return f"--max-time ({self._most_seconds:g} seconds)"
        if self._most_usd is not None and self.usd + self._held_usd + usd > self._most_usd:
            return (
                f"--max-cost {self._most_usd:g} USD ({self.usd:.4f} spent, "
                f"the next call may cost {usd:.4f})"
            )
        used = self.tokens + self._held_tokens
        if self._most_tokens is not None and used + tokens > self._most_tokens:
            return (
                f"--max-tokens-total {self._most_tokens} ({self.tokens} used, "
                f"the next call may use {tokens})"
            )
        return None

    def _wake(self) -> None:
        """Let the one that waits longest look again; it wakes the next where it fits."""
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                return
