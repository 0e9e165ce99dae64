"""How far two raters agree beyond chance."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from truing.quantiles import normal_quantile
from truing.stats.intervals import Interval, wilson_interval


def cohen_kappa(table: npt.NDArray[np.int64]) -> float:
    """Agreement beyond chance of two raters; shape (labels, labels), NaN where it is undefined.

    Source: Cohen 1960, Educational and Psychological Measurement 20(1).
    """
    total = float(table.sum())
    if total == 0:
        return math.nan
    agreed = float(np.trace(table)) / total
    chance = float((table.sum(0) * table.sum(1)).sum()) / total**2
    return math.nan if chance == 1 else (agreed - chance) / (1 - chance)


def kappa_interval(table: npt.NDArray[np.int64], *, level: float = 0.95) -> Interval:
    """Cohen's kappa with its large-sample interval, for independent pairs; shape (labels, labels).

    Where the two agree on everything the standard error is 0: the lower bound is then that of
    Wilson's interval for their agreement, with the margins as they are. Unknown spans [-1, 1].
    Source: Fleiss, Cohen & Everitt 1969, Psychological Bulletin 72(5).
    """
    kappa, total = cohen_kappa(table), float(table.sum())
    if math.isnan(kappa):
        return Interval(math.nan, -1.0, 1.0)
    share = table / total
    rows, columns = share.sum(1), share.sum(0)
    agreed, chance = float(np.trace(share)), float(rows @ columns)
    if agreed == 1:
        least = wilson_interval(1.0, total, level=level).low
        return Interval(1.0, (least - chance) / (1 - chance), 1.0)
    sums = rows[None, :] + columns[:, None]
    diagonal = np.diag(share)
    own = float(diagonal @ (1 - np.diag(sums) * (1 - kappa)) ** 2)
    other = (1 - kappa) ** 2 * float(np.sum(share * sums**2) - diagonal @ np.diag(sums) ** 2)
    variance = own + other - (kappa - chance * (1 - kappa)) ** 2
    error = math.sqrt(max(0.0, variance) / total) / (1 - chance)
    half = normal_quantile(1 - (1 - level) / 2) * error
    return Interval(kappa, max(-1.0, kappa - half), min(1.0, kappa + half))
