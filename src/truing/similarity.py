"""Near-duplicate texts: which pairs say nearly the same, and which texts hang together by them.

Two texts are near-duplicates where the Jaccard index of their word trigrams is at least a half
(Broder 1997, "On the resemblance and containment of documents"), after the trigrams that many
texts share (a template's own words) have been taken out.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

__all__ = ["near_duplicates", "shingles", "similarity_groups"]

THRESHOLD = 0.5
_WORDS = 3
_COMMON_SHARE = 0.2
_FEWEST_FOR_COMMON = 20

Shingles = frozenset[tuple[str, ...]]


def shingles(text: str) -> Shingles:
    """The word trigrams of a text, case folded; of a shorter text all its words together."""
    words = re.findall(r"\w+", text.casefold())
    runs = [tuple(words[i : i + _WORDS]) for i in range(len(words) - _WORDS + 1)]
    return frozenset(runs or [tuple(words)])


def near_duplicates(
    texts: Sequence[str], *, threshold: float = THRESHOLD, against: Sequence[str] | None = None
) -> Iterator[tuple[int, int, float]]:
    """Pairs (i, j, similarity) of near-duplicates, i < j, each once.

    With `against`, pairs of a text here and a text there. What a fifth of the texts share counts
    as their common form and is left out, where there are 20 texts or more.
    """
    ours, theirs = _distinct(texts), _distinct(against or ())
    holders: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for place, runs in enumerate(theirs if against is not None else ours):
        for run in runs:
            holders[run].append(place)
    others = ours if against is None else theirs
    for place, runs in enumerate(ours):
        shared: Counter[int] = Counter()
        for run in runs:
            shared.update(holders.get(run, ()))
        for other in sorted(shared):
            if against is None and other <= place:
                continue
            alike = shared[other] / (len(runs) + len(others[other]) - shared[other])
            if alike >= threshold:
                yield place, other, alike


def similarity_groups(texts: Sequence[str], *, threshold: float = THRESHOLD) -> list[int]:
    """For each text the number of its group: texts that chains of near-duplicates connect."""
    parents = list(range(len(texts)))

    def root(place: int) -> int:
        while parents[place] != place:
            parents[place] = parents[parents[place]]
            place = parents[place]
        return place

    for one, other, _ in near_duplicates(texts, threshold=threshold):
        first, second = sorted((root(one), root(other)))
        parents[second] = first
    return [root(place) for place in range(len(texts))]


def _distinct(texts: Sequence[str]) -> list[Shingles]:
    """Each text's trigrams without those of the common form."""
    all_runs = [shingles(text) for text in texts]
    if len(texts) < _FEWEST_FOR_COMMON:
        return all_runs
    held = Counter(run for runs in all_runs for run in runs)
    common = {run for run, count in held.items() if count >= _COMMON_SHARE * len(texts)}
    return [runs - common for runs in all_runs]
