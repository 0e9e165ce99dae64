"""Which answers people label first, such that whatever they label is a sample with known chances.

Every answer has a permanent random number u in (0, 1) and a size w; they are labelled in the order
of u / w. Whatever stretch from the start is labelled, its answers had the chance min(1, c w) each,
with c the first ratio that was not labelled: given c, whether an answer is inside depends on its
own u alone. So people may stop anywhere and go on later, and weighted means stay unbiased.

Sources: Ohlsson 1998, "Sequential Poisson Sampling", Journal of Official Statistics 14(2); the
chances given the first ratio left out: Duffield, Lund & Thorup 2007, "Priority sampling", Journal
of the ACM 54(6).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from truing.records import JUDGE_PREFIX, Judgement, Outcome, canonical_json

__all__ = [
    "FLOOR",
    "WORTH",
    "Drawn",
    "draw_prefix",
    "opinions",
    "order_by_ratio",
    "probability_trustworthy",
    "size_of",
    "typical",
    "uncertainty",
]

FLOOR = 0.4
"""Share of a size that is the same for all, so that no weight 1/chance is huge."""
HARD_VERDICT = 0.9
"""What a verdict without a probability is taken to be worth, where its error is not known."""
_EVEN = 0.5
WORTH = 0.8
"""Share of the variance that must be left, at most, for sizes to be unlike."""

Key = tuple[str, int]
"""Sample and epoch."""


def probability_trustworthy(scorer: str, verdict: Judgement) -> float | None:
    """How likely a person would pass the answer, by one verdict; None where it is unscored.

    The probability that a head states for its label is taken as it is; a verdict without one is
    worth .9.
    """
    if verdict.outcome is Outcome.UNSCORED:
        return None
    sure = _stated(scorer, verdict)
    sure = HARD_VERDICT if sure is None else min(1.0, max(0.0, sure))
    return sure if verdict.outcome is Outcome.TRUSTWORTHY else 1.0 - sure


def opinions(verdicts: Mapping[str, Judgement]) -> tuple[float, ...]:
    """`probability_trustworthy` of every scorer that says something.

    A bare verdict is left out where it says what a stated probability says: it adds nothing known.
    """
    said = {
        name: (p, _stated(name, verdict) is not None)
        for name, verdict in verdicts.items()
        if (p := probability_trustworthy(name, verdict)) is not None
    }
    known = {p >= _EVEN for p, stated in said.values() if stated}
    return tuple(p for p, stated in said.values() if stated or (p >= _EVEN) not in known)


def _stated(scorer: str, verdict: Judgement) -> float | None:
    """A judge's probability of its label; a rule's `probability` means something else."""
    return verdict.probability if scorer.startswith(JUDGE_PREFIX) else None


def uncertainty(probabilities: Iterable[float]) -> float:
    """sqrt(p (1 - p)) of the mean of what rule and judges say: 0 (all sure and alike) to .5.

    It is what the answer adds to the standard error of a corrected rate, so labels drawn in
    proportion to it give the narrowest one. With nothing said p is .5.
    """
    said = list(probabilities)
    p = fmean(said) if said else 0.5
    return math.sqrt(p * (1 - p))


def typical(scores: Sequence[float]) -> float | None:
    """The mean score, by which sizes are made; None where unlike sizes are not worth it.

    That is where by the scorers' own word the labels' variance would not fall to `WORTH` of what
    labels at random give: sizes made of what is hardly known would widen more than narrow.
    """
    mean = fmean(scores) if scores else 0.0
    if mean <= 0:
        return None
    squares = fmean(score * score for score in scores)
    drawn = fmean(score * score / size_of(score, mean) for score in scores)
    return mean if drawn <= WORTH * squares else None


def size_of(score: float, mean: float | None) -> float:
    """An answer's size w: `FLOOR` for all, the rest in proportion to its score (mean 1).

    1 where there is no mean (`typical`): the labels are a simple random part then.
    """
    return 1.0 if mean is None else FLOOR + (1 - FLOOR) * score / mean


def permanent_number(seed: int, run: str, key: Key) -> float:
    """The answer's u in (0, 1): a hash, so that it is the same wherever it is computed."""
    digest = hashlib.sha256(canonical_json([seed, run, *key])).digest()
    return (int.from_bytes(digest[:8]) + 0.5) / 2**64


def order_by_ratio(size: Mapping[Key, float], *, seed: int, run: str) -> list[tuple[Key, float]]:
    """Every answer with its ratio u / w, the one to be labelled first at the start."""
    ratios = [(key, permanent_number(seed, run, key) / own) for key, own in size.items()]
    return sorted(ratios, key=lambda one: (one[1], one[0]))


@dataclass(frozen=True, slots=True)
class Drawn:
    """The stretch of an order that people have seen, and the chance that each of it had."""

    chances: dict[Key, float]
    """In the order drawn."""
    whole: bool
    """Everything is in it: all chances are 1."""


def draw_prefix(
    order: Sequence[tuple[Key, float]], size: Mapping[Key, float], seen: Container[Key]
) -> Drawn:
    """The answers from the start of an order up to the first that nobody has seen.

    What was seen after it is no part of the sample: nobody knows why it was looked at.
    """
    count = next((n for n, (key, _) in enumerate(order) if key not in seen), len(order))
    if count == len(order):
        return Drawn({key: 1.0 for key, _ in order}, whole=True)
    first_left_out = order[count][1]
    inside = (key for key, _ in order[:count])
    return Drawn({key: min(1.0, first_left_out * size[key]) for key in inside}, whole=False)
