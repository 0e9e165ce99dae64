"""What is taken from another tool's log."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import msgspec

from truing.errors import UsageError

__all__ = ["ForeignAnswer", "ForeignLog", "chosen_metric", "read_json", "score_of"]

_LETTERS = {"C": 1.0, "I": 0.0, "P": 0.5, "N": 0.0}
"""inspect-ai's correct, incorrect, partly correct, no answer."""
_LARGEST = 1 << 30


class ForeignAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One answer. `score` is in [0, 1], or None where the tool did not score it."""

    sample: str
    """The tool's own id of the sample; the hash of what was asked where it has none that stays."""
    epoch: int
    cluster: str
    asked: str
    """Hash of what was asked and what is right: two answers of one id are paired only if alike."""
    score: float | None


class ForeignLog(msgspec.Struct, frozen=True, kw_only=True):
    """One model on one task, as another tool measured it."""

    tool: str
    model: str
    task: str
    scorer: str
    settings: dict[str, Any]
    """What the model was asked with: two logs that differ here are not compared silently."""
    answers: list[ForeignAnswer]


def score_of(value: Any, where: str) -> float | None:
    """A score in [0, 1] of what a tool writes: a number, a truth value, C, I, P or N.

    None, NaN and nothing are unscored. Raises `UsageError` for anything else: a score on another
    scale is not a rate, and leaving it out would hide it.
    """
    if value is None or value == "":
        return None
    known = _LETTERS.get(value) if isinstance(value, str) else None
    if known is not None:
        return known
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.inf
    if math.isnan(number):
        return None
    if not 0 <= number <= 1:
        shown = str(value)
        raise UsageError(
            f"{where}: expected a score in [0, 1], a truth value, C, I, P or N, found "
            f"{shown if len(shown) <= 40 else shown[:37] + '...'}; name another with --metric"
        )
    return number


def chosen_metric(known: list[str], metric: str | None, file: Path) -> str:
    """Which score to compare. `metric` may list several: the first that the file has.

    Raises `UsageError` where it names none of them, or nothing and there are several.
    """
    if metric is not None:
        for name in metric.split(","):
            if name.strip() in known:
                return name.strip()
        raise UsageError(f"--metric {metric}: {file} has {', '.join(known) or 'no scores'}")
    if len(known) != 1:
        told = f"has several scores, name one with --metric: {', '.join(known)}"
        raise UsageError(f"{file} {told if known else 'has no scores'}")
    return known[0]


def read_json(file: Path) -> Any:
    """A whole JSON document. Raises `UsageError` where it cannot be read."""
    try:
        if file.stat().st_size > _LARGEST:
            raise UsageError(f"{file}: {file.stat().st_size} bytes are too many to read at once")
        return json.loads(file.read_text("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{file}: not JSON that can be read: {error}") from error
