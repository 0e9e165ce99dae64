"""How far the rows of a study say the same of its models."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import msgspec
import numpy as np

from truing.quantiles import normal_quantile
from truing.stats import Floats, sidak_level
from truing.study.ranks import mean_ranks

__all__ = [
    "FEWEST_MODELS",
    "REDUNDANT",
    "Alike",
    "Dimensions",
    "OneNumber",
    "dimensions",
    "spearman_interval",
]

FEWEST_MODELS = 5
REDUNDANT = 0.8
_PERMUTED = 2000


class Alike(msgspec.Struct, frozen=True, kw_only=True):
    """Two rows: Spearman's correlation of their rates over the models."""

    a: str
    b: str
    correlation: float
    low: float
    high: float
    """For other models like these (Bonett & Wright)."""
    questions: tuple[float, float]
    """For these models, had other questions been drawn (bootstrap by cluster)."""
    redundant: bool
    """For these models: at least .8 had other questions been drawn, for all pairs at once."""


class OneNumber(msgspec.Struct, frozen=True, kw_only=True):
    """What the best single number per model would carry of the rows' variance over models."""

    share: float
    """Of the standardised rows: the first principal component."""
    low: float
    high: float
    """Had other questions been drawn."""
    by_chance: tuple[float, float]
    """The middle 95 % where the rows have nothing in common: each row's models permuted."""


class Dimensions(msgspec.Struct, frozen=True, kw_only=True):
    """Correlations of rows over models; `refused` says why nothing is said."""

    rows: list[str]
    """Those that all models have, and on which they differ."""
    models: int
    pairs: list[Alike]
    one_number: OneNumber | None
    left_out: dict[str, str]
    """Row -> why it is not among them."""
    refused: str | None


def dimensions(
    rows: Sequence[str],
    rates: Floats,
    draws: Floats,
    *,
    models: int,
    left_out: dict[str, str],
    level: float,
    rng: np.random.Generator,
) -> Dimensions:
    """Of `rates`, shape (rows, models), and `draws` of them on other clusters, (draws, rows, ...).

    Refused with fewer than five models: with four, one order in 24 is the same by chance, and no
    interval leaves anything out. Refused with fewer than two rows.
    """
    flat = [name for name, own in zip(rows, rates, strict=True) if np.ptp(own) < 1e-12]
    left_out = left_out | dict.fromkeys(flat, "all models alike")
    kept = [place for place, name in enumerate(rows) if name not in flat]
    refused = None
    if models < FEWEST_MODELS:
        refused = (
            f"{models} {'model' if models == 1 else 'models'}: a correlation over fewer than "
            f"{FEWEST_MODELS} could be anything"
        )
    elif len(kept) < 2:
        refused = "fewer than two rows that all models have and differ on"
    if refused:
        return Dimensions(
            rows=[rows[place] for place in kept],
            models=models,
            pairs=[],
            one_number=None,
            left_out=left_out,
            refused=refused,
        )
    names, own, others = [rows[place] for place in kept], rates[kept], draws[:, kept]
    return Dimensions(
        rows=names,
        models=models,
        pairs=_pairs(names, mean_ranks(own), mean_ranks(others), level),
        one_number=_one_number(own, others, level, rng),
        left_out=left_out,
        refused=None,
    )


def _pairs(names: Sequence[str], ranks: Floats, ranked: Floats, level: float) -> list[Alike]:
    places = list(itertools.combinations(range(len(names)), 2))
    tail = (1 - sidak_level(level, len(places))) / 2
    found = []
    for a, b in places:
        correlation = float(_correlations(ranks[a], ranks[b]))
        others = _correlations(ranked[:, a], ranked[:, b])
        low, high = np.quantile(others, [(1 - level) / 2, (1 + level) / 2])
        # With fewer draws than the tail asks for it is the smallest of them.
        least = float(np.quantile(others, tail, method="lower"))
        across = spearman_interval(correlation, ranks.shape[1], level=level)
        found.append(
            Alike(
                a=names[a],
                b=names[b],
                correlation=correlation,
                low=across[0],
                high=across[1],
                questions=(float(low), float(high)),
                redundant=least >= REDUNDANT,
            )
        )
    return found


def spearman_interval(correlation: float, models: int, *, level: float) -> tuple[float, float]:
    """Interval of Spearman's correlation over at least five models drawn independently.

    Fisher's z with variance (1 + r^2/2)/(n - 3). A correlation of 1 (or -1) is taken as the one
    next to it, two neighbours swapped, for the other bound. Source: Bonett & Wright 2000,
    Psychometrika 65(1).
    """
    next_to_one = 1 - 12 / (models * (models**2 - 1))
    inside = max(-next_to_one, min(next_to_one, correlation))
    half = normal_quantile((1 + level) / 2) * math.sqrt((1 + inside**2 / 2) / (models - 3))
    z = math.atanh(inside)
    low = -1.0 if correlation < -next_to_one else math.tanh(z - half)
    high = 1.0 if correlation > next_to_one else math.tanh(z + half)
    return low, high


def _correlations(a: Floats, b: Floats) -> Floats:
    """Pearson's over the last axis; 0 where one of them does not vary."""
    a, b = (x - x.mean(axis=-1, keepdims=True) for x in (a, b))
    scale = np.sqrt((a**2).sum(axis=-1) * (b**2).sum(axis=-1))
    product = (a * b).sum(axis=-1)
    found = np.divide(product, scale, out=np.zeros_like(product), where=scale > 0)
    return np.asarray(np.clip(found, -1, 1))


def _one_number(rates: Floats, draws: Floats, level: float, rng: np.random.Generator) -> OneNumber:
    tails = [(1 - level) / 2, (1 + level) / 2]
    low, high = np.quantile(_shares(draws), tails)
    shuffled = rng.permuted(np.broadcast_to(rates, (_PERMUTED, *rates.shape)), axis=-1)
    least, most = np.quantile(_shares(shuffled), tails)
    return OneNumber(
        share=float(_shares(rates[None])[0]),
        low=float(low),
        high=float(high),
        by_chance=(float(least), float(most)),
    )


def _shares(rates: Floats) -> Floats:
    """Share of the first principal component, of shape (..., rows, models) standardised by row."""
    centred = rates - rates.mean(axis=-1, keepdims=True)
    scale = np.sqrt((centred**2).sum(axis=-1, keepdims=True))
    unit = np.divide(centred, scale, out=np.zeros_like(centred), where=scale > 0)
    squares = np.linalg.svd(unit, compute_uv=False) ** 2
    return np.asarray(squares[..., 0] / squares.sum(axis=-1))
