"""Crossings: training prompts that are, or nearly are, questions of the measured part.

Four kinds, the plainest first: the same sample, the same seed, the same text but for a few words
(word trigrams), and the same things said in another form (the rare words of a prompt, whatever
their order). Choices are compared without their options' letters and order.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import msgspec

from truing.records import Message, Role, Sample
from truing.similarity import near_duplicates
from truing.tasks.parts import Part, part_of

__all__ = ["Asked", "Crossing", "asked_of", "find_crossings"]

ALIKE = 0.5
"""Jaccard index of word trigrams."""
SAME_WORDS = 0.7
"""Cosine of the prompts' words, rare words counting most."""
_ENDINGS = re.compile(r"(?:ing|ed|es|s|ly)\Z")
_SHORTEST_STEM = 4


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt, as far as a crossing can be seen by it."""

    name: str
    task: str
    cluster: str
    text: str
    sample: str | None = None


class Crossing(msgspec.Struct, frozen=True, kw_only=True):
    """A training prompt and the measured one that it is too near to."""

    kind: str
    """`sample`, `seed`, `text` or `words`."""
    record: str
    measured: str
    task: str
    likeness: float


def asked_of(name: str, sample: Sample) -> Asked:
    """What a sample asks."""
    return Asked(
        name=name,
        task=sample.task,
        cluster=sample.cluster,
        text=said(sample.messages),
        sample=sample.id,
    )


def said(messages: Sequence[Message]) -> str:
    """The words of a conversation that a crossing would show in, without options' letters."""
    text = "\n".join(m.full_text for m in messages if m.role is not Role.SYSTEM)
    return re.sub(r"(?m)^[A-J]\) ", "", text)


def find_crossings(training: Sequence[Asked], measured: Sequence[Asked]) -> list[Crossing]:
    """Every training prompt that crosses, with the plainest kind and the nearest measured prompt.

    `measured` is whatever is to be kept clean; samples of clusters that fall in `align` are not
    part of it and are passed over.
    """
    kept_clean = [m for m in measured if part_of(m.task, m.cluster) is Part.MEASURE]
    found: dict[str, Crossing] = {}

    def cross(kind: str, one: Asked, other: Asked, likeness: float) -> None:
        there = found.get(one.name)
        if there is None or (there.kind == kind and likeness > there.likeness):
            found[one.name] = Crossing(
                kind=kind, record=one.name, measured=other.name, task=one.task, likeness=likeness
            )

    samples = {m.sample: m for m in kept_clean if m.sample}
    seeds = {(m.task, m.cluster): m for m in kept_clean}
    for one in training:
        if one.sample in samples:
            cross("sample", one, samples[one.sample], 1.0)
        elif (one.task, one.cluster) in seeds:
            cross("seed", one, seeds[(one.task, one.cluster)], 1.0)
    texts = [m.text for m in kept_clean]
    own = [one.text for one in training]
    for i, j, likeness in near_duplicates(own, threshold=ALIKE, against=texts):
        cross("text", training[i], kept_clean[j], likeness)
    for i, j, likeness in _same_words(own, texts):
        cross("words", training[i], kept_clean[j], likeness)
    return sorted(found.values(), key=lambda c: (c.task, c.kind, c.record))


def _same_words(ours: Sequence[str], theirs: Sequence[str]) -> Iterable[tuple[int, int, float]]:
    """Pairs whose words are the same, by the cosine of their inverse document frequencies."""
    one, other = [_stems(text) for text in ours], [_stems(text) for text in theirs]
    held = Counter(word for words in [*one, *other] for word in words)
    total = len(one) + len(other)
    worth = {word: math.log((total + 1) / (count + 0.5)) for word, count in held.items()}
    length = [math.sqrt(sum(worth[word] ** 2 for word in words)) for words in other]
    holders: dict[str, list[int]] = defaultdict(list)
    for place, words in enumerate(other):
        for word in words:
            holders[word].append(place)
    for i, words in enumerate(one):
        own_length = math.sqrt(sum(worth[word] ** 2 for word in words))
        shared: dict[int, float] = defaultdict(float)
        for word in words:
            for place in holders.get(word, ()):
                shared[place] += worth[word] ** 2
        for j, together in shared.items():
            size = own_length * length[j]
            if size and together / size >= SAME_WORDS:
                yield i, j, together / size


def _stems(text: str) -> frozenset[str]:
    """Words without their endings, so that another form of a word is the same word."""
    stems = set()
    for word in re.findall(r"\w+", text.casefold()):
        stem = _ENDINGS.sub("", word)
        stems.add(stem if len(stem) >= _SHORTEST_STEM else word)
    return frozenset(stems)
