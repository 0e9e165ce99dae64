"""Requests and tokens a minute: what the user allows, and what the server says is left."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import NamedTuple, Protocol, runtime_checkable

from truing.models.model import answer_room
from truing.records import Request, Response

__all__ = ["Limits", "Pace", "SaysLimits", "answer_tokens", "rough_tokens"]

_BYTES_A_TOKEN = 3
_LEAST_ANSWER = 16


@runtime_checkable
class SaysLimits(Protocol):
    """A model whose server speaks of its limits in every answer."""

    def take_limits(self) -> float | None:
        """Seconds to hold all calls, by what was said since this was last asked, or None."""
        ...


class Limits(NamedTuple):
    """What the user allows a minute; None is no limit."""

    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None


class _Bucket:
    """A token bucket (leaky-bucket pacing): a second's worth may come at once."""

    def __init__(self, per_minute: float, now: float) -> None:
        self._rate = per_minute / 60.0
        self._most = max(1.0, self._rate)
        self._filled = self._most
        self._at = now

    def take(self, amount: float, now: float) -> float:
        """Take an amount, on credit where needed; returns seconds to wait first."""
        self._filled = min(self._most, self._filled + (now - self._at) * self._rate)
        self._at = now
        self._filled -= amount
        return max(0.0, -self._filled / self._rate)

    def give(self, amount: float) -> None:
        """Correct an earlier estimate (a negative amount takes more)."""
        self._filled += amount


class Pace:
    """Keeps calls to the user's limits. Without any it costs nothing."""

    def __init__(self, limits: Limits, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        now = clock()
        self._requests = (
            _Bucket(limits.requests_per_minute, now) if limits.requests_per_minute else None
        )
        self._tokens = _Bucket(limits.tokens_per_minute, now) if limits.tokens_per_minute else None
        self.unlimited = self._requests is None and self._tokens is None

    async def wait(self, request: Request) -> None:
        """Wait until this request may be sent."""
        now = self._clock()
        seconds = self._requests.take(1, now) if self._requests else 0.0
        if self._tokens:
            seconds = max(seconds, self._tokens.take(rough_tokens(request), now))
        if seconds > 0:
            await asyncio.sleep(seconds)

    def answered(self, request: Request, response: Response) -> None:
        """Put what was really used in the place of the estimate."""
        if self._tokens and response.prompt_tokens is not None:
            used = response.prompt_tokens + (response.completion_tokens or 0)
            self._tokens.give(rough_tokens(request) - used)


def answer_tokens(request: Request) -> int:
    """Tokens that an answer may take at most; no protocol allows fewer than 16."""
    return max(_LEAST_ANSWER, answer_room(request)) + (request.thinking_tokens or 0)


def rough_tokens(request: Request) -> int:
    """Tokens that a request may use at most, at three bytes a token."""
    # Bytes, not characters: a sign of other scripts is a token or more.
    size = sum(len(m.text.encode("utf-8", "replace")) + 16 for m in request.messages)
    read = size // _BYTES_A_TOKEN
    return read + answer_tokens(request)
