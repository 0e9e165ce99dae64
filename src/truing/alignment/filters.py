"""What is no fit training data, and why. Each filter says its reason; nothing is dropped unsaid."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from truing.alignment.answers import JudgedAnswer, Prompt
from truing.alignment.records import Record
from truing.similarity import shingles

__all__ = [
    "Bounds",
    "Dropped",
    "check_answers",
    "contradicted",
    "doubtful_labels",
    "drop_answers",
    "drop_records",
]

_SHORT_WORDS = 8
"""A reply of no more words says the same thing whatever it was said to."""

Dropped = list[tuple[str, str]]
"""(reason, what) of everything that was left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What an answer and a pair may look like."""

    least_probability: float = 0.7
    """Below this the scorer itself is not sure."""
    most_words: int = 400
    most_length_ratio: float = 4.0
    """A pair whose one text is so many times as long as the other teaches length first."""
    alike: float = 0.9
    """Jaccard index of word trigrams from which two texts of a pair are the same."""


def drop_answers(prompts: Iterable[Prompt], bounds: Bounds) -> Dropped:
    """Take out, in place, the answers that no record may be made of."""
    dropped: Dropped = []
    for prompt in prompts:
        kept: list[JudgedAnswer] = []
        seen: set[tuple[str, bool]] = set()
        for answer in prompt.answers:
            reason = _unfit(answer, prompt, bounds)
            if not reason and (_words(answer.text), answer.good) in seen:
                reason = "the same answer twice"
            if reason:
                dropped.append((reason, answer.text))
            else:
                seen.add((_words(answer.text), answer.good))
                kept.append(answer)
        prompt.answers = kept
    return dropped


def _unfit(answer: JudgedAnswer, prompt: Prompt, bounds: Bounds) -> str:
    if not answer.bound:
        return "the verdict is about another text"
    sure = answer.probability
    if sure is not None and sure < bounds.least_probability:
        return "the scorer is not sure of it"
    if not answer.good:
        return ""
    if answer.truncated:
        return "a good answer that is cut off"
    if answer.label == "unusable" or not re.search(r"\w", answer.text):
        return "nothing is said"
    if len(answer.text.split()) > bounds.most_words:
        return "a good answer that is too long"
    if not prompt.constrained and _words(answer.text) in _words(prompt.messages[-1].text):
        return "a good answer that repeats the question"
    return ""


def contradicted(prompts: Iterable[Prompt]) -> Dropped:
    """Take out answers whose very words, to the same prompt, are labelled good and bad.

    Such a label is not about the text beside it: it belongs to another answer, or is noise.
    """
    dropped: Dropped = []
    for prompt in prompts:
        labels: dict[str, set[bool]] = defaultdict(set)
        for answer in prompt.answers:
            labels[_words(answer.text)].add(answer.good)
        kept = [answer for answer in prompt.answers if len(labels[_words(answer.text)]) == 1]
        dropped += [
            ("the same words to the same prompt are labelled good and bad", answer.text)
            for answer in prompt.answers
            if len(labels[_words(answer.text)]) > 1
        ]
        prompt.answers = kept
    return dropped


def doubtful_labels(prompts: Iterable[Prompt]) -> int:
    """Short answers whose words are labelled good after some prompts and bad after others.

    For a yes or no that may be right. For an answer that means the same after every prompt (a
    refusal, a name) it says that labels are not those of the texts beside them.
    """
    labels: dict[tuple[str, str], Counter[bool]] = defaultdict(Counter)
    for prompt in prompts:
        for answer in prompt.answers:
            short = 0 < len(answer.text.split()) <= _SHORT_WORDS
            if (
                short
                and not prompt.constrained
                and answer.run is None
                and answer.source != "reference"
            ):
                labels[(prompt.task, _words(answer.text))][answer.good] += 1
    return sum(counts.total() for counts in labels.values() if len(counts) == 2)


async def check_answers(
    prompts: Iterable[Prompt],
    judge: Callable[[Prompt, JudgedAnswer], Awaitable[str]],
    means: dict[bool, frozenset[str]],
    name: str,
) -> Dropped:
    """Take out answers whose label a second scorer contradicts.

    `judge` gives the scorer's label of an answer; `means` says which of its labels go with good
    and with bad.
    """
    dropped: Dropped = []
    for prompt in prompts:
        kept = []
        for answer in prompt.answers:
            label = await judge(prompt, answer)
            if label in means[answer.good]:
                kept.append(answer)
            else:
                given = "good" if answer.good else "bad"
                dropped.append((f"labelled {given}, and {name} says {label}", answer.text))
        prompt.answers = kept
    return dropped


def drop_records(records: Iterable[Record], bounds: Bounds) -> tuple[list[Record], Dropped]:
    """The records that may stay, and what was dropped: twins of others, pairs that teach form."""
    kept: list[Record] = []
    dropped: Dropped = []
    seen: set[str] = set()
    for record in records:
        reason = "the same record twice" if record.id in seen else _unfit_pair(record, bounds)
        if reason:
            dropped.append((reason, record.id))
            continue
        seen.add(record.id)
        kept.append(record)
    return kept, dropped


def _unfit_pair(record: Record, bounds: Bounds) -> str:
    one, other = record.chosen, record.rejected
    if one is None or other is None or record.constrained:
        return ""
    a, b = shingles(one.text), shingles(other.text)
    if len(a & b) / len(a | b) >= bounds.alike:
        return "both texts are nearly the same"
    sizes = sorted((len(one.text) + 1, len(other.text) + 1))
    if sizes[1] / sizes[0] > bounds.most_length_ratio:
        return "one text is many times as long as the other"
    return ""


def _words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))
