"""Notices that nothing comes back any more, and that it stays so."""

from __future__ import annotations

import time
from collections.abc import Callable

from truing.calls.retry import RETRIES
from truing.errors import Unavailable
from truing.records import Fault

__all__ = ["Breaker"]

FAILURES = 20
"""That many failed attempts in a row, over all calls, are an outage and not bad luck."""


class Breaker:
    """Counts failures in a row; says how long to hold all calls, and when to give up."""

    def __init__(
        self, *, patience_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._patience = patience_seconds
        self._clock = clock
        self._failures = 0
        self._since = 0.0
        self._held = 0.0

    @property
    def open(self) -> bool:
        """Whether this is an outage: calls then wait without using up their tries."""
        return self._failures >= FAILURES

    def succeeded(self) -> None:
        """The server answered, if only with a refusal of this one request."""
        self._failures = 0
        self._held = 0.0

    def failed(self, fault: Fault) -> float:
        """Take a failed attempt into account; returns seconds to hold all calls (0: none).

        Raises `Unavailable` where the outage has lasted longer than the patience, or where the
        server itself asks for a wait longer than that.
        """
        if fault.wait_seconds is not None and fault.wait_seconds > self._patience:
            raise Unavailable(
                f"the server asks for a wait of {fault.wait_seconds:.0f} seconds "
                f"({fault.detail}): what was answered is kept, the same command goes on from there"
            )
        if fault.kind not in RETRIES:
            self.succeeded()
            return 0.0
        now = self._clock()
        if not self._failures:
            self._since = now
        self._failures += 1
        if not self.open:
            return 0.0
        if now - self._since > self._patience:
            raise Unavailable(
                f"nothing has come back for {now - self._since:.0f} seconds "
                f"(last: {fault.kind}, {fault.detail}): "
                "what was answered is kept, the same command goes on from there"
            )
        # One outage holds all calls for 1, 2, 4, ... seconds, not once for each that failed.
        if now >= self._held:
            outage = now - self._since
            self._held = now + min(max(1.0, outage), 30.0)
        return self._held - now
