"""From a response to a judgement. Here is the table of scorers; `scorer.py` says what one is.

Other packages add theirs through the entry point group `truing.scorers` (object: a function
without arguments that returns a `Scorer`; name: the scorer's name with its version).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from truing.errors import UnknownName

if TYPE_CHECKING:
    from truing.scorers.scorer import Scorer

__all__ = ["find_scorer", "scorer_names"]


def _choice() -> Scorer:
    from truing.scorers.choice import ChoiceScorer

    return ChoiceScorer()


def _refusal() -> Scorer:
    from truing.scorers.reply import RefusalScorer

    return RefusalScorer()


def _confidence() -> Scorer:
    from truing.scorers.confidence import ConfidenceScorer

    return ConfidenceScorer()


def _number() -> Scorer:
    from truing.scorers.number import NumberScorer

    return NumberScorer()


def _span() -> Scorer:
    from truing.scorers.span import SpanScorer

    return SpanScorer()


def _explanation() -> Scorer:
    from truing.scorers.explanation import ExplanationScorer

    return ExplanationScorer()


def _verbatim_run() -> Scorer:
    from truing.scorers.overlap import VerbatimRun

    return VerbatimRun()


_SCORERS: dict[str, Callable[[], Scorer]] = {
    "choice@1": _choice,
    "confidence@1": _confidence,
    "explanation@1": _explanation,
    "number@1": _number,
    "refusal_rule@1": _refusal,
    "span@1": _span,
    "verbatim_run@1": _verbatim_run,
}


@cache
def _table() -> dict[str, Callable[[], Scorer]]:
    return {
        **{entry.name: entry.load() for entry in entry_points(group="truing.scorers")},
        **_SCORERS,
    }


def scorer_names() -> list[str]:
    """Every scorer there is, with its version, sorted."""
    return sorted(_table())


@cache
def find_scorer(name: str) -> Scorer:
    """A scorer by name and version. Raises `UnknownName`."""
    table = _table()
    if name not in table:
        raise UnknownName("scorer", name, sorted(table))
    return table[name]()
