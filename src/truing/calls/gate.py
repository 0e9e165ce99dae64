"""How many calls are in flight: found out while calling, from what comes back.

The gate climbs on goodput (answers a second) and prefers the smaller of two equal settings. It
starts like TCP (doubling in each round of answers while that pays), closes in on the best setting
by halving the interval between one that paid and one that did not, rests there, and looks again
from time to time. When the server says that it is busy, or answers take twice as long as before,
it goes down by a factor, and comes back up where going down brought less and not more: some
servers refuse a share of calls whatever their load.

It counts in whole rounds, one answer for each call in flight: where calls come back together, any
other number would be off by a part of a burst.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable
from enum import Enum

__all__ = ["Gate", "Verdict"]

START = 32
LARGEST = 1024
_PAYS = 0.3
"""A step up pays if goodput rises by this share of the step's own."""
_PAYS_TO_DOUBLE = 0.5
"""The same for doubling, where much is at stake: calls in flight too many are slow to drain."""
_BUSY_SHARE = 0.02
_FEWEST_BUSY = 3
_MOST_TOLERATED = 0.2
"""A server that refuses more than this is busy, whatever going down brought."""
_SLOWER = 2.0
_LESS = 0.8
_SAME = 0.97
_FIRST_LOOK_SECONDS = 1.0
_LONGEST_LOOK_SECONDS = 120.0
_SHORTEST_WINDOW = 24


class Verdict(Enum):
    """What a call's end says of the load."""

    GOOD = "good"
    BUSY = "busy"
    OTHER = "other"
    """A fault that says nothing of the load."""


class _Phase(Enum):
    GROW = "grow"
    SEARCH = "search"
    DOWN = "down"
    REST = "rest"
    LOOK = "look"


class Gate:
    """Lets calls in, at most `limit` at a time; `fixed` keeps the limit where it starts."""

    def __init__(
        self,
        *,
        most: int = LARGEST,
        fixed: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = max(1, most)
        self._fixed = fixed
        self._clock = clock
        self._limit = float(self._most if fixed else min(START, self._most))
        self._flying = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._closed_until = 0.0
        self._opener: asyncio.TimerHandle | None = None
        self._typical = 0.0
        self._best = (self._limit, 0.0)
        self._low, self._high = 1.0, float(self._most)
        self._before = (self._limit, 0.0)
        self._busy_before = 0.0
        self._usual_seconds = float("inf")
        self._tolerated = 0.0
        self._look_seconds = _FIRST_LOOK_SECONDS
        self._look_at = 0.0
        self._look_down = True
        self._move(self._limit, _Phase.GROW)

    @property
    def limit(self) -> int:
        """Calls that may be in flight now."""
        return max(1, int(self._limit))

    @property
    def most(self) -> int:
        """Calls that may ever be in flight."""
        return self._most

    async def enter(self) -> float:
        """Wait for a place; returns the time of entry, to be given to `leave`."""
        if self._waiting or self._flying >= self.limit or self._clock() < self._closed_until:
            place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(place)
            self._admit()
            try:
                await place
            except asyncio.CancelledError:
                if place.done() and not place.cancelled():
                    self._flying -= 1
                    self._admit()
                raise
        else:
            self._flying += 1
        return self._clock()

    def leave(self, entered: float, verdict: Verdict) -> None:
        """Give the place back, and learn from how the call went."""
        seconds = self._clock() - entered
        if verdict is Verdict.GOOD:
            self._typical += (seconds - self._typical) * (0.1 if self._typical else 1.0)
        elif verdict is Verdict.BUSY and not self._fixed and seconds < self._typical:
            # A refusal is quick: at once the next would be refused too, a thousand times a second.
            rest = self._typical - seconds
            asyncio.get_running_loop().call_later(rest, self._release, entered, verdict)
            return
        self._release(entered, verdict)

    def _release(self, entered: float, verdict: Verdict) -> None:
        if not self._fixed:
            self._learn(self._clock() - entered, verdict)
        self._flying -= 1
        self._admit()

    def hold(self, seconds: float) -> None:
        """Let nobody in for a while: the server asked for it."""
        self._closed_until = max(self._closed_until, self._clock() + seconds)

    def _admit(self) -> None:
        now = self._clock()
        if now < self._closed_until:
            if self._waiting and self._opener is None:
                loop = asyncio.get_running_loop()
                self._opener = loop.call_later(self._closed_until - now, self._reopen)
            return
        while self._waiting and self._flying < self.limit:
            place = self._waiting.popleft()
            if not place.done():
                self._flying += 1
                place.set_result(None)

    def _reopen(self) -> None:
        self._opener = None
        self._admit()

    # What is learned.

    def _new_window(self, *, warm: bool) -> None:
        """Count from now on; where not yet `warm`, after a round."""
        self._warming = 0 if warm else self.limit
        self._since = self._clock()
        self._calls = self._good = self._busy = 0
        self._seconds = 0.0
        self._pressed = False

    def _move(self, limit: float, phase: _Phase) -> None:
        self._limit = min(max(1.0, limit), float(self._most))
        self._phase = phase
        self._again = False
        self._new_window(warm=phase is _Phase.GROW)

    def _learn(self, seconds: float, verdict: Verdict) -> None:
        self._pressed = self._pressed or bool(self._waiting) or self._flying >= self.limit
        if self._warming > 0 or not self._pressed:
            # The first round under a new limit still met the load of the old one, and only a full
            # gate says what its limit is worth.
            self._warming -= 1
            if self._warming <= 0:
                self._new_window(warm=True)
            return
        self._calls += 1
        self._good += verdict is Verdict.GOOD
        self._busy += verdict is Verdict.BUSY
        self._seconds += seconds
        rounds = math.ceil(_SHORTEST_WINDOW / self.limit) * (2 if self._again else 1)
        elapsed = self._clock() - self._since
        if self._calls >= rounds * self.limit and elapsed > 0:
            self._judge(
                goodput=self._good / elapsed,
                busy=self._busy / self._calls if self._busy >= _FEWEST_BUSY else 0.0,
                seconds=self._seconds / self._calls,
            )

    def _judge(self, *, goodput: float, busy: float, seconds: float) -> None:
        """Decide the next limit at the end of a window."""
        crowded = busy > self._tolerated + _BUSY_SHARE
        if self._phase is _Phase.GROW:
            self._grow(goodput, crowded=crowded, busy=busy)
        elif self._phase is _Phase.SEARCH:
            self._search(goodput, crowded=crowded)
        elif self._phase is _Phase.DOWN:
            self._down(goodput, crowded=crowded, busy=busy)
        elif self._phase is _Phase.LOOK:
            self._look(goodput, crowded=crowded)
        else:
            self._rest(goodput, crowded=crowded, busy=busy, seconds=seconds)

    def _pays(self, goodput: float, share: float = _PAYS) -> bool:
        limit, rate = self._best
        return goodput >= rate * (1 + share * (self._limit / limit - 1))

    def _grow(self, goodput: float, *, crowded: bool, busy: float) -> None:
        if self._best[1] > 0 and not self._pays(goodput, _PAYS_TO_DOUBLE):
            if goodput < _LESS * self._best[1]:
                # More in flight brought less: the best may lie below what paid.
                self._settle()
                self._move(_LESS * self._best[0], _Phase.LOOK)
            elif not (self._again or crowded):
                # A round that opens many connections is a slow one: two more decide.
                self._again = True
                self._new_window(warm=True)
            else:
                self._low, self._high = self._best[0], self._limit
                self._halve()
        elif crowded:
            self._step_down(goodput, busy)
        else:
            self._best = (self._limit, goodput)
            if self.limit >= self._most:
                self._settle()
            else:
                # What only paid at the second look is near its end, and connections cost.
                self._move((1.5 if self._again else 2) * self._limit, _Phase.GROW)

    def _search(self, goodput: float, *, crowded: bool) -> None:
        if self._pays(goodput) and not crowded:
            self._best = (self._limit, goodput)
            self._low = self._limit
        else:
            self._high = self._limit
        self._halve()

    def _halve(self) -> None:
        if self._high - self._low <= max(1.0, 0.12 * self._low):
            self._settle()
        else:
            self._move((self._low + self._high) / 2, _Phase.SEARCH)

    def _settle(self) -> None:
        self._usual_seconds = float("inf")
        self._look_at = self._clock() + self._look_seconds
        self._move(self._best[0], _Phase.REST)

    def _step_down(self, goodput: float, busy: float) -> None:
        self._before = (self._limit, goodput)
        self._busy_before = busy
        self._move(self._limit * min(0.8, max(0.5, 1 - busy)), _Phase.DOWN)

    def _down(self, goodput: float, *, crowded: bool, busy: float) -> None:
        limit, rate = self._before
        lost = 1 - goodput / rate if rate > 0 else 0.0
        if lost > 0.5 * (1 - self._limit / limit):
            # Less came back: what was refused was refused whatever the load.
            self._tolerated = min(
                _MOST_TOLERATED, 2 * max(self._tolerated, busy, self._busy_before)
            )
            self._best = self._before
            self._move(limit, _Phase.GROW if limit < self._most else _Phase.REST)
        elif crowded and self.limit > 1:
            self._step_down(goodput, busy)
        else:
            self._best = (self._limit, goodput)
            self._low, self._high = self._limit, limit
            self._halve()

    def _rest(self, goodput: float, *, crowded: bool, busy: float, seconds: float) -> None:
        limit, rate = self._best
        worse = seconds > _SLOWER * self._usual_seconds or goodput < _LESS * rate
        if (crowded or worse) and self.limit > 1:
            self._step_down(goodput, busy)
            return
        self._usual_seconds = min(self._usual_seconds, seconds)
        self._best = (limit, 0.5 * rate + 0.5 * goodput)
        if self._clock() < self._look_at:
            self._new_window(warm=True)
        elif self._look_down and self.limit > 1:
            self._move(_LESS * limit, _Phase.LOOK)
        elif self.limit < self._most:
            self._move(1.25 * limit + 1, _Phase.LOOK)
        else:
            self._look_down = True
            self._new_window(warm=True)

    def _look(self, goodput: float, *, crowded: bool) -> None:
        limit, rate = self._best
        down = self._limit < limit
        if down and goodput >= _SAME * rate:
            # As much comes back with fewer in flight: those were only waiting at the server.
            self._best = (self._limit, goodput)
            self._move(max(1.0, _LESS * self._limit), _Phase.LOOK)
        elif not down and self._pays(goodput, _PAYS_TO_DOUBLE) and not crowded:
            self._best = (self._limit, goodput)
            self._look_seconds = _FIRST_LOOK_SECONDS
            self._move(2 * self._limit, _Phase.GROW)
        else:
            self._look_down = not down
            self._look_seconds = min(2 * self._look_seconds, _LONGEST_LOOK_SECONDS)
            self._settle()
