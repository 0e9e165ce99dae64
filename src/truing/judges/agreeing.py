"""Agreement of two raters, and differences of shares, where replies to one question depend."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt

from truing import stats
from truing.quantiles import student_quantile

__all__ = ["clustered_kappa", "share_difference"]

_NOTHING = 1e-9
"""A standard error below this is rounding of values that are all alike."""


def clustered_kappa(
    first: Sequence[str],
    second: Sequence[str],
    clusters: Sequence[Hashable],
    *,
    level: float = 0.95,
) -> stats.Interval:
    """Cohen's kappa of two raters' labels; its interval takes each cluster as one draw.

    The influence of each pair on kappa is summed by cluster; Student's t on clusters - 1. With a
    pair a cluster this is the interval of Fleiss, Cohen & Everitt but for C/(C - 1) and the
    quantile. Where the two agree on everything the lower bound is that of Wilson's interval for
    agreement over clusters. Unknown (NaN, [-1, 1]) where one of them gave a single label, and
    below two clusters. Raises ValueError where the lengths differ.
    """
    if not len(first) == len(second) == len(clusters):
        raise ValueError("one label of each rater and one cluster are wanted for every pair")
    unknown = stats.Interval(math.nan, -1.0, 1.0)
    names = sorted({*first, *second})
    at = {name: i for i, name in enumerate(names)}
    ours = np.array([at[name] for name in first], dtype=np.int64)
    theirs = np.array([at[name] for name in second], dtype=np.int64)
    if min(len({*first}), len({*second})) < 2 or len({*clusters}) < 2:
        return unknown
    table = np.zeros((len(names), len(names)))
    np.add.at(table, (ours, theirs), 1 / len(ours))
    rows, columns = table.sum(1), table.sum(0)
    agreed, chance = float(np.trace(table)), float(rows @ columns)
    kappa = (agreed - chance) / (1 - chance)
    count = len({*clusters})
    if agreed > 1 - _NOTHING:
        least = stats.wilson_interval(1.0, count, level=level).low
        return stats.Interval(1.0, max(-1.0, (least - chance) / (1 - chance)), 1.0)
    own = (ours == theirs) - agreed
    expected = columns[ours] + rows[theirs] - 2 * chance
    influence = own / (1 - chance) - (1 - agreed) / (1 - chance) ** 2 * expected
    half = _half(influence / len(ours), clusters, level)
    return stats.Interval(kappa, max(-1.0, kappa - half), min(1.0, kappa + half))


def share_difference(
    more: tuple[npt.NDArray[np.float64], Sequence[Hashable]],
    less: tuple[npt.NDArray[np.float64], Sequence[Hashable]],
    *,
    level: float = 0.95,
) -> stats.Interval:
    """Difference of two means of values in [0, 1] whose clusters may be shared.

    Each part is (values, clusters). Where all values of both parts are alike the interval is as
    wide as the rule of three allows. Unknown (NaN, [-1, 1]) where a part is empty or there are
    fewer than two clusters.
    """
    parts, names = (more, less), [*more[1], *less[1]]
    count = len({*names})
    if any(values.size == 0 for values, _ in parts) or count < 2:
        return stats.Interval(math.nan, -1.0, 1.0)
    difference = float(more[0].mean() - less[0].mean())
    influence = np.concatenate(
        [
            sign * (values - values.mean()) / values.size
            for sign, (values, _) in zip((1, -1), parts, strict=True)
        ]
    )
    half = _half(influence, names, level)
    if half < _NOTHING:
        half = min(1.0, 3 / count)
    return stats.Interval(difference, max(-1.0, difference - half), min(1.0, difference + half))


def _half(influence: npt.NDArray[np.float64], clusters: Sequence[Hashable], level: float) -> float:
    """Half the width: the influence summed by cluster, with Student's t on clusters - 1."""
    at = {name: i for i, name in enumerate(dict.fromkeys(clusters))}
    sums = np.zeros(len(at))
    np.add.at(sums, [at[name] for name in clusters], influence)
    count = len(at)
    error = math.sqrt(count / (count - 1) * float(sums @ sums))
    return student_quantile(count - 1, 1 - (1 - level) / 2) * error
