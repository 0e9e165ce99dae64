"""Reads the number that a reply ends with. Knows spellings of numbers, not problems.

The last number counts, in the digits of any script, with thousands separators of any kind; a
point or comma before exactly three digits is read both ways (`70.000` is 70 and 70000), because
languages differ. A reply without a number, or one that repeats the question, is `unusable`.
"""

from __future__ import annotations

import re

from truing.records import Judgement, Outcome, Response, Sample, judged_hash
from truing.scorers.overlap import longest_run, words_of

__all__ = ["NAME", "UNUSABLE", "NumberScorer", "read_number"]

NAME = "number@1"
UNUSABLE = "unusable"
_INSPECTED = 20_000
_NUMBER = re.compile(r"(?<![\w.,])-?\d+(?:[.,'\u2019\u00a0\u202f ]\d{3}(?!\d))*(?:[.,]\d+)?")
_MARKS = str.maketrans({"\u2212": "-", "*": " ", "_": " ", "`": " ", "$": " ", "€": " ", "£": " "})
_GROUPED = re.compile(r"-?\d{1,3}(?:[.,]\d{3})+")


class NumberScorer:
    """Labels `right`, `wrong` or `unusable`; trustworthy is right."""

    name = NAME

    @staticmethod
    def lacks(sample: Sample) -> str | None:
        """A number as the right answer."""
        if not re.fullmatch(r"-?\d+(?:\.\d+)?", sample.target):
            return f"right is {sample.target!r} there, which is no number"
        return None

    async def judge(self, sample: Sample, response: Response) -> Judgement:
        """The verdict, with the number that was read as its reason."""
        label, reason = self._read(sample, response)
        return Judgement(
            outcome=Outcome.TRUSTWORTHY if label == "right" else Outcome.UNTRUSTWORTHY,
            label=label,
            scorer=NAME,
            judged=judged_hash(response.text),
            reason=reason,
        )

    @staticmethod
    def _read(sample: Sample, response: Response) -> tuple[str, str]:
        said = words_of(response.text[:_INSPECTED])
        for message in sample.messages:
            run = longest_run(words_of(message.text), said)
            if run >= 6 and run * 2 >= len(said):
                return UNUSABLE, "echo of the question"
        if response.truncated:
            return UNUSABLE, "cut off before its end"
        found = read_number(response.text)
        if not found:
            return UNUSABLE, "no number"
        right = any(abs(value - float(sample.target)) < 1e-6 for value in found)
        return "right" if right else "wrong", f"ends with {found[0]:g}"


def read_number(text: str) -> tuple[float, ...]:
    """The last number of a text, in each of its readings; none where there is no number."""
    plain = text[-_INSPECTED:].translate(_MARKS)
    numbers: list[str] = _NUMBER.findall(plain)
    if not numbers:
        return ()
    last = re.sub(r"['\u2019\u00a0\u202f ]", "", numbers[-1])
    readings = []
    if _GROUPED.fullmatch(last):
        readings.append(float(re.sub(r"[.,]", "", last)))
        if last.count(".") + last.count(",") == 1:
            readings.append(float(last.replace(",", ".")))
    else:
        whole, _, rest = last.replace(",", ".").rpartition(".")
        digits = whole.replace(".", "")
        readings.append(float(f"{digits}.{rest}" if digits else rest))
    return tuple(readings)
