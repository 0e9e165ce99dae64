"""One thing checked of a task: what was found, and whether it may stay."""

from __future__ import annotations

import msgspec

__all__ = ["Finding"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """`ok` None is a figure to know, neither good nor bad."""

    check: str
    ok: bool | None
    figure: str
    """What was measured, as a person reads it."""
    detail: str = ""
    """Where to look: the first samples or seeds that do not hold."""
    value: float | None = None
    """The number measured, where it is one."""
    margin: float | None = None
    """How far `value` is within what is allowed; below 0 where it is not."""
