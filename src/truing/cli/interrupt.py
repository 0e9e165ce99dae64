"""Ctrl-C once: finish what is in flight. Twice: stop now."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

__all__ = ["Stop", "stop_on_interrupt"]


class Stop:
    """Whether a person has asked to stop."""

    def __init__(self) -> None:
        self.asked = False


@contextmanager
def stop_on_interrupt(console: Console) -> Iterator[Stop]:
    """Within: the first Ctrl-C sets `asked`, the second cancels the running task.

    The cancellation ends here and is not passed on.
    """
    loop = asyncio.get_running_loop()
    work = asyncio.current_task()
    assert work is not None
    stop = Stop()

    def interrupt() -> None:
        if stop.asked:
            work.cancel()
        stop.asked = True
        console.print("stopping: finishing what is in flight (Ctrl-C again to stop now)")

    loop.add_signal_handler(signal.SIGINT, interrupt)
    try:
        yield stop
    except asyncio.CancelledError:
        if not stop.asked:
            raise
        work.uncancel()
    finally:
        loop.remove_signal_handler(signal.SIGINT)
