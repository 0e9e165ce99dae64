"""Shows how far a run is: done, rate, time left, and the estimate so far."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from truing import stats
from truing.engine import Finished
from truing.records import Outcome
from truing.reports.text import duration, interval, rate
from truing.runs import RunHeader

__all__ = ["Progress"]

LINE_SECONDS = 10.0
FRAMES_PER_SECOND = 4


class Progress:
    """A live line on a terminal; elsewhere a plain line every ten seconds."""

    def __init__(self, console: Console, header: RunHeader, *, already: int) -> None:
        self._console = console
        self._total = header.planned
        self._done = self._already = already
        self._unscored = 0
        self._started = self._spoke = time.monotonic()
        self._task = ""
        self._sides: dict[str, dict[str, tuple[list[bool], list[str]]]] = {}
        self._live: Live | None = None
        if console.is_terminal:
            self._live = Live(
                get_renderable=self._render,
                console=console,
                refresh_per_second=FRAMES_PER_SECOND,
                transient=True,
            )

    def __enter__(self) -> Progress:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _value: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if self._live:
            self._live.stop()
        else:
            self._console.print(self._line(), soft_wrap=True)

    def count(self, outcome: Finished) -> None:
        """Take a finished ask into the figures."""
        sample = outcome.ask.sample
        self._done += 1
        if outcome.judgement.outcome is Outcome.UNSCORED:
            self._unscored += 1
        elif not sample.control:
            self._task = sample.task
            sides = self._sides.setdefault(sample.task, {})
            passed, clusters = sides.setdefault(sample.side, ([], []))
            passed.append(outcome.judgement.outcome is Outcome.TRUSTWORTHY)
            clusters.append(sample.cluster)
        if self._live is None and time.monotonic() - self._spoke > LINE_SECONDS:
            self._spoke = time.monotonic()
            self._console.print(self._line(), soft_wrap=True)

    def _line(self) -> Text:
        fresh = self._done - self._already
        seconds = time.monotonic() - self._started
        speed = fresh / seconds if seconds > 0 else 0.0
        left = (self._total - self._done) / speed if speed > 0 else None
        text = f"{self._done}/{self._total} · {speed:.1f}/s · {duration(left)} left"
        if self._unscored:
            text += f" · {self._unscored} unscored"
        sides = self._sides.get(self._task, {})
        if len(sides) == 2:
            # Not a stopping rule: it is shown so that a broken run is seen early.
            so_far = stats.balanced_interval(list(sides.values()))
            text += f" · {self._task} balanced {rate(so_far.estimate)}"
            text += f" {interval(so_far.low, so_far.high)} so far"
        return Text(text)

    def _render(self) -> Table:
        grid = Table.grid(padding=(0, 1))
        grid.add_row(
            ProgressBar(total=max(1, self._total), completed=self._done, width=24), self._line()
        )
        return grid
