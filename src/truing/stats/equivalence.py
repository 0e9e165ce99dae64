"""Better, worse, equivalent or undecided: words for paired differences of many rows at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from truing.stats.intervals import Interval
from truing.stats.multiplicity import holm, sidak_level
from truing.stats.paired import PairedDifference

__all__ = ["Comparison", "Word", "compare_rows", "word"]


class Word(StrEnum):
    """What a difference a - b comes to."""

    BETTER = "better"
    """Above 0, and not shown to be within the margin."""
    WORSE = "worse"
    """Below 0, and not shown to be within the margin."""
    EQUIVALENT = "equivalent"
    """Within the margin, whether or not it is 0."""
    UNDECIDED = "undecided"
    """Neither a difference nor its smallness is shown."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One row of a comparison: its own interval and test, and what holds over all rows.

    `simultaneous` is the interval that holds for all rows at once, `adjusted` Holm's p.
    `different` says that it is not 0: a row may be equivalent and different.
    """

    found: PairedDifference
    simultaneous: Interval
    adjusted: float
    word: Word
    different: bool


def word(difference: Interval, close: Interval, *, margin: float) -> tuple[Word, bool]:
    """The word for a difference, and whether it is shown not to be 0.

    `difference` is the interval with coverage 1 - alpha, in which 0 is looked for; `close` the one
    with 1 - 2 alpha, looked for within the margin: two one-sided tests at alpha each (Schuirmann
    1987, Journal of Pharmacokinetics and Biopharmaceutics 15). `margin` is a difference of rates,
    above 0; ValueError otherwise. A difference that is both small and not 0 is equivalent.
    """
    if not margin > 0:
        raise ValueError(f"a margin of {margin}: the largest difference that does not matter, > 0")
    different = difference.low > 0 or difference.high < 0
    if -margin < close.low and close.high < margin:
        return Word.EQUIVALENT, different
    if different:
        return (Word.BETTER if difference.low > 0 else Word.WORSE), True
    return Word.UNDECIDED, False


def compare_rows(
    found: Sequence[PairedDifference],
    interval_at: Callable[[int, float], Interval],
    *,
    margin: float,
    alpha: float = 0.05,
) -> list[Comparison]:
    """Each row's difference a - b with a word that holds for all rows at once.

    `found` has each row's difference and p, `interval_at(row, level)` its interval at any level.
    Better and worse want both Holm's p at or below `alpha` and a simultaneous interval (Šidák)
    without 0: with the same model twice, a table says either with probability alpha at most.
    Equivalence is tested at Šidák's share of alpha for each row. Rows without pairs are undecided
    and do not count as rows.
    """
    known = [i for i, one in enumerate(found) if one.pairs]
    adjusted = dict(zip(known, holm([found[i].p for i in known]), strict=True))
    level = sidak_level(1 - alpha, len(known))
    compared = []
    for i, one in enumerate(found):
        wide = interval_at(i, level)
        p = adjusted.get(i, 1.0)
        # Without a test that agrees, no interval says that it differs.
        shown = wide if p <= alpha else Interval(wide.estimate, min(0, wide.low), max(0, wide.high))
        said, different = word(shown, interval_at(i, max(0.0, 2 * level - 1)), margin=margin)
        compared.append(Comparison(one, wide, p, said, different))
    return compared
