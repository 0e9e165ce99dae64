"""Whether chosen and rejected can be told apart by form alone: length, or the opening words.

Where they can, a trainer learns the form. Measured as the area under the ROC curve of a score that
sees nothing else, over all records together: .5 is no leak, 1 a perfect one. Openings are scored
out of fold by cluster, so that no text is judged by itself.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter, defaultdict
from collections.abc import Sequence

import msgspec
import numpy as np

from truing.alignment.records import Record

__all__ = ["StyleLeak", "balance_length", "style_leak"]

_FOLDS = 5
_OPENING_WORDS = 3
_DRAWS = 500


class StyleLeak(msgspec.Struct, frozen=True, kw_only=True):
    """AUC of telling chosen from rejected by form, with 95 % intervals over clusters."""

    texts: int
    length: float | None
    length_interval: tuple[float, float] | None
    opening: float | None
    opening_interval: tuple[float, float] | None


def style_leak(records: Sequence[Record], *, seed: int = 0) -> StyleLeak:
    """The leak of a set of records; unknown where it has texts of one kind only."""
    texts = [
        (answer.text, answer is record.chosen, record.cluster)
        for record in records
        if not record.constrained
        for answer in record.texts
    ]
    good = np.array([chosen for _, chosen, _ in texts], dtype=bool)
    if good.size == 0 or good.all() or not good.any():
        return StyleLeak(
            texts=len(texts),
            length=None,
            length_interval=None,
            opening=None,
            opening_interval=None,
        )
    clusters = [cluster for _, _, cluster in texts]
    length = np.array([float(len(text)) for text, _, _ in texts])
    opening = _openings([text for text, _, _ in texts], good, clusters)
    rng = np.random.default_rng(seed)
    by_length, length_interval = _auc_interval(length, good, clusters, rng)
    by_opening, opening_interval = _auc_interval(opening, good, clusters, rng)
    return StyleLeak(
        texts=len(texts),
        # Shorter may be the better as well as longer: either gives it away.
        length=max(by_length, 1 - by_length),
        length_interval=_turned(by_length, length_interval),
        opening=by_opening,
        opening_interval=opening_interval,
    )


def balance_length(records: Sequence[Record], *, most: float = 0.6) -> tuple[list[Record], int]:
    """Leave out pairs, the most lopsided first, until length tells no more than `most`.

    Pairs are compared within themselves: `most` is the share of pairs in which the chosen text is
    the longer (or the shorter) one. At most half of the pairs go: what cannot be balanced stays,
    and its leak is shown. Returns what stays and how many went.
    """
    pairs = [r for r in records if r.chosen and r.rejected and not r.constrained]
    longer = [r for r in pairs if len(_texts(r)[0]) > len(_texts(r)[1])]
    shorter = [r for r in pairs if len(_texts(r)[0]) < len(_texts(r)[1])]
    more, less = (longer, shorter) if len(longer) >= len(shorter) else (shorter, longer)
    # So many that what is left of `more` is `most` of what is left in all.
    too_many = (len(more) - most * (len(more) + len(less))) / (1 - most)
    gone = min(max(0, math.ceil(too_many - 1e-9)), len(pairs) // 2)
    ordered = sorted(more, key=lambda r: (-_ratio(r), r.id))
    out = {id(record) for record in ordered[:gone]}
    return [record for record in records if id(record) not in out], len(out)


def _texts(record: Record) -> tuple[str, str]:
    assert record.chosen is not None
    assert record.rejected is not None
    return record.chosen.text, record.rejected.text


def _ratio(record: Record) -> float:
    one, other = _texts(record)
    return abs(math.log((len(one) + 1) / (len(other) + 1)))


def _openings(texts: list[str], good: np.ndarray, clusters: list[str]) -> np.ndarray:
    """For each text how often texts that begin alike are chosen, in the other folds."""
    folds = np.array([_fold(cluster) for cluster in clusters])
    begin = [_opening(text) for text in texts]
    scores = np.zeros(len(texts))
    for fold in range(_FOLDS):
        counts: dict[str, Counter[bool]] = defaultdict(Counter)
        for place in np.flatnonzero(folds != fold):
            for depth in range(1, len(begin[place]) + 1):
                counts[" ".join(begin[place][:depth])][bool(good[place])] += 1
        rate = float(good[folds != fold].mean()) if (folds != fold).any() else 0.5
        for place in np.flatnonzero(folds == fold):
            score = rate
            for depth in range(1, len(begin[place]) + 1):
                seen = counts.get(" ".join(begin[place][:depth]))
                if seen:
                    # The longer the opening that is known, the more it says; one seen once, little.
                    total = seen[True] + seen[False]
                    score = (seen[True] + 2 * score) / (total + 2)
            scores[place] = score
    return scores


def _fold(cluster: str) -> int:
    return hashlib.sha256(cluster.encode("utf-8", "surrogatepass")).digest()[1] % _FOLDS


def _opening(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())[:_OPENING_WORDS]


def _auc(scores: np.ndarray, good: np.ndarray) -> float:
    """Mann-Whitney's U over its most; ties count half."""
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    # The mean rank of equal scores.
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    positive = int(good.sum())
    negative = len(good) - positive
    if not positive or not negative:
        return math.nan
    return float((ranks[good].sum() - positive * (positive + 1) / 2) / (positive * negative))


def _auc_interval(
    scores: np.ndarray, good: np.ndarray, clusters: list[str], rng: np.random.Generator
) -> tuple[float, tuple[float, float]]:
    """AUC and its percentile bootstrap interval over clusters."""
    at: dict[str, list[int]] = defaultdict(list)
    for place, cluster in enumerate(clusters):
        at[cluster].append(place)
    members = [np.array(places) for places in at.values()]
    drawn = []
    for _ in range(_DRAWS):
        places = np.concatenate([members[i] for i in rng.integers(len(members), size=len(members))])
        drawn.append(_auc(scores[places], good[places]))
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return _auc(scores, good), (float(low), float(high))


def _turned(value: float, interval: tuple[float, float]) -> tuple[float, float]:
    return interval if value >= 0.5 else (1 - interval[1], 1 - interval[0])
