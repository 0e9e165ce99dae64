"""A model that does not give up easily, keeps the server busy and pays for nothing twice."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable

import msgspec

from truing.calls.breaker import Breaker
from truing.calls.budget import Budget
from truing.calls.cache import AnswerCache
from truing.calls.gate import LARGEST, Gate, Verdict
from truing.calls.pace import Limits, Pace, SaysLimits, answer_tokens, rough_tokens
from truing.calls.prices import Price
from truing.calls.retry import pause_seconds, tries_left
from truing.models.model import Model
from truing.records import Attempt, Capabilities, Fault, FaultKind, Request, Response

__all__ = ["PATIENCE_SECONDS", "Caller"]

PATIENCE_SECONDS = 300.0
_BUSY = {FaultKind.RATE_LIMIT, FaultKind.OVERLOADED}


class Caller:
    """Wraps a model, whose `respond` is one attempt, into one whose `respond` is a whole call.

    `most` caps the calls in flight. A model whose capabilities name a concurrency keeps to it;
    for the others the best is found out. `price` turns tokens into dollars where the model does
    not say what an answer cost. `keep` says which answers are worth caching.
    """

    def __init__(
        self,
        model: Model,
        *,
        most: int | None = None,
        limits: Limits | None = None,
        cache: AnswerCache | None = None,
        keep: Callable[[Response], bool] = lambda _: True,
        address: str | None = None,
        price: Price | None = None,
        budget: Budget | None = None,
        patience_seconds: float = PATIENCE_SECONDS,
        seed: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._model = model
        self.name = model.name
        own = model.capabilities.concurrency
        self.gate = Gate(most=most or own or LARGEST, fixed=own is not None, clock=clock)
        self._pace = Pace(limits or Limits(), clock=clock)
        self._breaker = Breaker(patience_seconds=patience_seconds, clock=clock)
        self._cache = cache
        self._keep = keep
        self._address = address
        self._price = price
        self._budget = budget if budget is not None and budget.bounded else None
        self._jitter = random.Random(seed)  # noqa: S311 - spreads retries, guards nothing
        self._says_limits = model if isinstance(model, SaysLimits) else None

    @property
    def capabilities(self) -> Capabilities:
        """The model's own, which it may learn while it is called."""
        return self._model.capabilities

    async def respond(self, request: Request) -> Response:
        """The answer, after as many attempts as the kinds of fault deserve.

        Raises what makes every call fail: `ModelError`.
        """
        key = None
        if self._cache is not None:
            key = self._cache.key(self.name, self._address, request)
            if key is not None and (kept := self._cache.get(key)) is not None:
                return kept
        response = await (self._within_budget(request) if self._budget else self._call(request))
        if (
            key is not None
            and self._cache is not None
            and response.fault is None
            and self._keep(response)
        ):
            self._cache.put(key, response)
        return response

    async def close(self) -> None:
        """Close the model and what is kept of its answers."""
        await self._model.close()
        if self._cache is not None:
            self._cache.close()

    async def _within_budget(self, request: Request) -> Response:
        assert self._budget is not None
        tokens = rough_tokens(request)
        usd = 0.0
        if self._price is not None:
            answer = answer_tokens(request)
            usd = self._price.of(tokens - answer, answer)
        await self._budget.reserve(usd, tokens)
        used_usd: float | None = 0.0
        used_tokens: int | None = 0
        try:
            response = await self._call(request)
            if response.settled or response.prompt_tokens is not None:
                counted = (response.prompt_tokens, response.completion_tokens)
                used_tokens = None if None in counted else sum(n or 0 for n in counted)
                used_usd = response.cost_usd if self._price is not None else 0.0
        finally:
            self._budget.settle(usd, tokens, used_usd=used_usd, used_tokens=used_tokens)
        return response

    async def _call(self, request: Request) -> Response:
        attempts: list[Attempt] = []
        started = time.perf_counter()
        while True:
            response, seconds = await self._attempt(request)
            attempts += response.attempts
            fault = response.fault
            kind, detail = (fault.kind, fault.detail) if fault else (None, "")
            attempts.append(Attempt(seconds=seconds, fault=kind, detail=detail))
            if fault is None:
                self._breaker.succeeded()
                break
            if held := self._breaker.failed(fault):
                self.gate.hold(held)
            if not tries_left(attempts, fault.kind, outage=self._breaker.open):
                break
            pause = pause_seconds(fault, attempts, self._jitter)
            if fault.wait_seconds is not None:
                self.gate.hold(pause)
            if self._budget is not None:
                self._budget.check_time()
            await asyncio.sleep(pause)
        cost = response.cost_usd
        if cost is None and self._price is not None:
            cost = self._price.cost(response)
        return msgspec.structs.replace(
            response,
            attempts=tuple(attempts),
            latency_seconds=time.perf_counter() - started,
            cost_usd=cost,
        )

    async def _attempt(self, request: Request) -> tuple[Response, float]:
        entered = await self.gate.enter()
        verdict = Verdict.OTHER
        try:
            if not self._pace.unlimited:
                await self._pace.wait(request)
            began = time.perf_counter()
            response = await self._model.respond(request)
            seconds = time.perf_counter() - began
            verdict = _verdict(response.fault)
            if not self._pace.unlimited:
                self._pace.answered(request, response)
        finally:
            self.gate.leave(entered, verdict)
        if self._says_limits is not None and (seconds_to_hold := self._says_limits.take_limits()):
            self.gate.hold(seconds_to_hold)
        return response, seconds


def _verdict(fault: Fault | None) -> Verdict:
    if fault is None:
        return Verdict.GOOD
    return Verdict.BUSY if fault.kind in _BUSY else Verdict.OTHER
