"""Reads which option an answer chose. Knows options and their roles, not what the task is about.

A constrained answer is one letter. Free text is read strictly: a letter in the place where an
answer stands, or one option's text and no other's. Whatever leaves doubt is `unusable`, never a
guess, and the share read is reported, because a lenient reader decides a weak model's score.
"""

from __future__ import annotations

import re
import unicodedata

from truing.records import Choice, Judgement, Outcome, Response, Sample, judged_hash

__all__ = ["NAME", "UNUSABLE", "ChoiceScorer", "read_choice"]

NAME = "choice@1"
UNUSABLE = "unusable"
_INSPECTED = 4000

_MARK = re.compile(r"[*_`#>]+")
_LEADING = re.compile(
    r"\s*(?:(?:option|choice|answer)\s*:?\s*)?[(\[]?([A-J])(?:[)\].:,;]|\s*$|\s*\n|\s+[-–—]\s)"  # noqa: RUF001
)
_STATED = re.compile(
    r"(?i:answer|option|choice)(?i:\s+(?:is|would be|should be))?\s*:?\s*[(\[]?([A-J])\b(?!['’])"  # noqa: RUF001
)
_CLOSING = re.compile(r"(?:^|\n)\s*[(\[]?([A-J])[)\].]*\s*$")


class ChoiceScorer:
    """Right option chosen: trustworthy; another, or none: untrustworthy.

    The label is the role of the chosen option (`right`, `wrong`, `abstain`...), or `unusable`.
    """

    name = NAME

    @staticmethod
    def lacks(sample: Sample) -> str | None:
        """Options; a row of stated probabilities needs those read too."""
        if not sample.choices:
            return "there are no options to choose from"
        return "its row needs the stated probability as well" if sample.confidence else None

    async def judge(self, sample: Sample, response: Response) -> Judgement:
        """The verdict, with the letter that was read as its reason."""
        choice, reason = read_choice(response.text, sample.choices)
        right = choice is not None and choice.label == sample.target
        return Judgement(
            outcome=Outcome.TRUSTWORTHY if right else Outcome.UNTRUSTWORTHY,
            label=choice.role if choice else UNUSABLE,
            scorer=NAME,
            judged=judged_hash(response.text),
            reason=reason,
        )


def read_choice(text: str, choices: tuple[Choice, ...]) -> tuple[Choice | None, str]:
    """The option that a reply chose, or None, and how it was read.

    In order: the reply opens with a letter; it says "the answer is X", naming one letter only;
    it ends with a letter alone on a line; it holds exactly one option's text.
    """
    by_letter = {choice.label: choice for choice in choices}
    head = _MARK.sub("", unicodedata.normalize("NFKC", text[:_INSPECTED])).strip()
    if not head:
        return None, "empty reply"
    if (match := _LEADING.match(head)) and match[1] in by_letter:
        return by_letter[match[1]], f"opens with {match[1]}"
    stated = set(_STATED.findall(head)) & by_letter.keys()
    if len(stated) > 1:
        return None, f"states several options: {', '.join(sorted(stated))}"
    if len(stated) == 1:
        letter = stated.pop()
        return by_letter[letter], f"states {letter}"
    if (match := _CLOSING.search(head)) and match[1] in by_letter:
        return by_letter[match[1]], f"ends with {match[1]}"
    plain = _plain(head)
    held = [choice for choice in choices if _holds(plain, _plain(choice.text))]
    # An option whose text is part of another's ("the box" in "the blue box") is not counted
    # beside the longer one.
    held = [
        choice
        for choice in held
        if not any(
            other is not choice and _holds(_plain(other.text), _plain(choice.text))
            for other in held
        )
    ]
    if len(held) == 1:
        return held[0], f"holds the text of {held[0].label}"
    return None, "names several options" if held else "names no option"


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[^\w\s]", " ", text.casefold()).split())


def _holds(text: str, part: str) -> bool:
    return bool(part) and f" {part} " in f" {text} "
