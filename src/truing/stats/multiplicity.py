"""Many rows at once: levels of intervals, adjusted p values, discoveries from e-values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def sidak_level(level: float, intervals: int) -> float:
    """Level of each of several intervals so that all hold at once with probability `level`.

    Exact for independent intervals (rows have seeds of their own), conservative for positively
    dependent ones. Source: Šidák 1967, JASA 62(318).
    """
    return float(level ** (1 / max(1, intervals)))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p values, in the order given: those at or below alpha hold all at once.

    Source: Holm 1979, Scandinavian Journal of Statistics 6(2).
    """
    adjusted = [1.0] * len(p_values)
    running = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = running
    return adjusted


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjusted p values, in the order given: of those at or below q, a share of q is false.

    On average, and for independent or positively dependent rows: for exploration; gates take
    `holm`. Source: Benjamini & Hochberg 1995, JRSS B 57(1).
    """
    values = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    scaled = values[order] * values.size / np.arange(1, values.size + 1)
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(1.0, np.minimum.accumulate(scaled[::-1])[::-1])
    return [float(value) for value in adjusted]


def e_benjamini_hochberg(e_values: Sequence[float], *, q: float = 0.05) -> list[bool]:
    """Which rows are discoveries, from e values: of them a share of `q` is false on average.

    The k largest, for the largest k whose smallest e value is at least m/(q k). Holds whatever the
    dependence between rows and whenever each stopped. Source: Wang & Ramdas 2022, JRSS B 84(3).
    """
    values = np.asarray(e_values, dtype=np.float64)
    largest = np.sort(values)[::-1]
    enough = largest * np.arange(1, values.size + 1) >= values.size / q
    if not enough.any():
        return [False] * values.size
    least = largest[int(np.flatnonzero(enough)[-1])]
    return [bool(value >= least) for value in values]
