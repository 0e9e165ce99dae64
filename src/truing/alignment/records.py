"""A record of training data: one prompt, the judged texts, and all that justifies it."""

from __future__ import annotations

import msgspec

from truing.alignment.answers import JudgedAnswer, Prompt
from truing.records import Message, content_hash

__all__ = ["Record", "make_records"]


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one line of an export was made of. `chosen` or `rejected` may be absent, not both."""

    id: str
    messages: tuple[Message, ...]
    chosen: JudgedAnswer | None
    rejected: JudgedAnswer | None
    task: str
    subcategory: str
    side: str
    cluster: str
    licence: str
    severity: str
    sample: str | None = None
    constrained: bool = False

    @property
    def texts(self) -> list[JudgedAnswer]:
        """The judged texts that there are, chosen first."""
        return [answer for answer in (self.chosen, self.rejected) if answer is not None]


def make_records(prompt: Prompt, *, pairs: bool, all_pairs: bool = False) -> list[Record]:
    """The records of a prompt.

    With `pairs`, a good answer against a bad one: every combination, or as many as can be made
    with each answer used once (the least-used sort first: same source before others, so that a
    model's own good answer stands against its own bad one). Without, each answer alone.
    """
    good, bad = prompt.of(good=True), prompt.of(good=False)
    if not pairs:
        return [
            _record(prompt, answer if answer.good else None, None if answer.good else answer)
            for answer in prompt.answers
        ]
    if all_pairs:
        return [_record(prompt, one, other) for one in good for other in bad]
    records = []
    left = list(bad)
    for one in sorted(good, key=lambda answer: all(answer.source != b.source for b in bad)):
        if not left:
            break
        other = min(left, key=lambda b: (b.source != one.source, abs(len(b.text) - len(one.text))))
        left.remove(other)
        records.append(_record(prompt, one, other))
    return records


def _record(prompt: Prompt, chosen: JudgedAnswer | None, rejected: JudgedAnswer | None) -> Record:
    texts = [None if answer is None else answer.text for answer in (chosen, rejected)]
    return Record(
        id=content_hash([prompt.key, texts]),
        messages=prompt.messages,
        chosen=chosen,
        rejected=rejected,
        task=prompt.task,
        subcategory=prompt.subcategory,
        side=prompt.side,
        cluster=prompt.cluster,
        licence=prompt.licence,
        severity=prompt.severity,
        sample=prompt.sample,
        constrained=prompt.constrained,
    )
