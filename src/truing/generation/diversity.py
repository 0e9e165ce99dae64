"""How various a set of texts is: four figures that a template cannot flatter all at once.

Compression ratio (Shaib et al. 2024, "Standardizing the Measurement of Text Diversity"), distinct-n
(Li et al. 2016), self-repetition (Salkar et al. 2022) and topic coverage. They grow or fall with
the size of a set, so that sets are compared at the same number of texts.
"""

from __future__ import annotations

import math
import zlib
from collections import Counter
from collections.abc import Sequence

import msgspec

from truing.generation.texts import words

__all__ = ["DIVERSITY_FIGURES", "Diversity", "diversity", "shown"]

_LONG_RUN = 4
DIVERSITY_FIGURES = {
    "compression_ratio": "compression ratio (lower is more various)",
    "distinct_2": "distinct pairs of words (higher)",
    "self_repetition": "share with a run of four words that another has (lower)",
}


class Diversity(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of a set of texts; NaN never, None where there is nothing to measure."""

    texts: int
    compression_ratio: float | None
    """Bytes before over bytes after compression, of all texts: lower is more various."""
    distinct_2: float | None
    """Different pairs of words over all pairs: higher is more various."""
    self_repetition: float | None
    """Share of texts with a run of four words that another text has too: lower is more various."""
    topics: int
    topics_covered: int
    topic_evenness: float | None
    """Entropy of the topics of what was kept over its most (1: all alike)."""


def diversity(texts: Sequence[str], kept_topics: Sequence[str], topics: int) -> Diversity:
    """The figures of `texts`, whose topics are `kept_topics`, out of `topics` asked for."""
    runs = [_runs(text, _LONG_RUN) for text in texts]
    held = Counter(run for own in runs for run in set(own))
    repeating = sum(any(held[run] > 1 for run in own) for own in runs)
    pairs = [pair for text in texts for pair in _runs(text, 2)]
    raw = "\n".join(texts).encode()
    counts = Counter(kept_topics)
    return Diversity(
        texts=len(texts),
        compression_ratio=len(raw) / len(zlib.compress(raw, 9)) if raw else None,
        distinct_2=len(set(pairs)) / len(pairs) if pairs else None,
        self_repetition=repeating / len(texts) if texts else None,
        topics=topics,
        topics_covered=len(counts),
        topic_evenness=_evenness(counts),
    )


def shown(figure: float | None) -> str:
    """A figure with two decimals; a dash where there is none."""
    return "-" if figure is None else f"{figure:.2f}"


def _runs(text: str, length: int) -> list[tuple[str, ...]]:
    said = words(text)
    return [tuple(said[i : i + length]) for i in range(len(said) - length + 1)]


def _evenness(counts: Counter[str]) -> float | None:
    if len(counts) < 2:
        return None
    total = counts.total()
    entropy = -sum(n / total * math.log(n / total) for n in counts.values())
    return entropy / math.log(len(counts))
