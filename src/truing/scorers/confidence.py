"""Reads an option and the probability that a model gives it. Says nothing about how well it fits.

Both must be there and be plain: a letter without a percentage, or several percentages, is
`unusable`, because a default confidence would be an invention.
"""

from __future__ import annotations

import re
import unicodedata

from truing.records import Choice, Judgement, Outcome, Response, Sample, judged_hash
from truing.scorers.choice import UNUSABLE, read_choice

__all__ = ["NAME", "ConfidenceScorer", "read_confidence"]

NAME = "confidence@1"
_PERCENT = re.compile(r"(?<![\d.,-])(\d{1,3}(?:[.,]\d+)?)\s*(?:%|per ?cent\b)", re.IGNORECASE)
_BARE = re.compile(r"^\W*[A-J]\W*[,;:)\s]\s*(\d{1,3})\s*\.?\s*$")


class ConfidenceScorer:
    """Right option: trustworthy. `probability` is what the model says that its answer has."""

    name = NAME

    @staticmethod
    def lacks(sample: Sample) -> str | None:
        """Options, and a question for the probability."""
        if not sample.choices:
            return "there are no options to choose from"
        return None if sample.confidence else "no probability is asked for"

    async def judge(self, sample: Sample, response: Response) -> Judgement:
        """The verdict, with the letter and the probability read as its reason."""
        choice, probability, reason = self._read(response.text, sample.choices)
        right = choice is not None and choice.label == sample.target
        return Judgement(
            outcome=Outcome.TRUSTWORTHY if right else Outcome.UNTRUSTWORTHY,
            label=choice.role if choice else UNUSABLE,
            scorer=NAME,
            judged=judged_hash(response.text),
            probability=probability,
            reason=reason,
        )

    @staticmethod
    def _read(text: str, choices: tuple[Choice, ...]) -> tuple[Choice | None, float | None, str]:
        choice, how = read_choice(text, choices)
        if choice is None:
            return None, None, how
        probability = read_confidence(text)
        if probability is None:
            return None, None, f"{how}, but no single percentage from 0 to 100"
        return choice, probability, f"{how}, {probability:.0%} sure"


def read_confidence(text: str) -> float | None:
    """The one percentage in a reply as a probability in [0, 1], or None.

    `B, 80` counts as 80 %. A number over 100, several different percentages or none: None.
    """
    plain = unicodedata.normalize("NFKC", text[:4000]).strip()
    found = {float(number.replace(",", ".")) for number in _PERCENT.findall(plain)}
    if not found and (bare := _BARE.match(plain)):
        found = {float(bare[1])}
    if len(found) != 1:
        return None
    value = found.pop()
    return value / 100 if value <= 100 else None
