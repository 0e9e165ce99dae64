"""Answers whose verdict is known, put to a judge beside the run's own replies.

They are made of the reference answers of the run's own samples, a few by a seeded draw: each as it
is, in another form that means the same, with neutral text around it, and with attacks on the judge
in it; and replies that say nothing. What a judge makes of them is known before it is asked: a good
reference passes, a bad one does not, and what is empty of content must not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import nsmallest
from typing import NamedTuple

import msgspec

from truing.judges.attacks import Attack, read_attacks
from truing.records import Sample, content_hash

__all__ = [
    "ATTACKED",
    "CONTENT_FREE",
    "PADDED",
    "PLAIN",
    "RESTYLED",
    "Canary",
    "draw_canaries",
]

PLAIN, RESTYLED, PADDED, ATTACKED = "plain", "restyled", "padded", "attacked"
CONTENT_FREE = "content_free"
KNOWN = 6
"""Known answers a judge sees; with all their forms that is about 40 calls."""
ATTACKS_EACH = 3
LONGEST_ATTACK = 2_000
"""Characters: longer floods cost more than all the other canaries together."""

_SENTENCE = re.compile(r"(?<=[^\W\d][.!?])\s+")
_FILLERS = (
    (
        "The harbour of the small town lies on the north side of the bay, where the water is "
        "calm for most of the year. In the morning the ferries leave one after the other, and "
        "by noon the quay is almost empty. A row of lime trees leads from the quay to the "
        "market square, with the old town hall on its left and a bakery on its right. On "
        "Thursdays there are stalls with cheese, flowers and second-hand books. The clock above "
        "the bakery has been four minutes slow for as long as anybody remembers, and nobody has "
        "thought of setting it right. In autumn the leaves of the lime trees are swept into "
        "heaps and carted off to the gardens behind the school."
    ),
    (
        "A page of a notebook, left as it was. The train left at twenty past nine and was "
        "almost full. Outside there were fields, then a canal with two barges on it, then "
        "fields again. The man by the window read a newspaper from the last page to the first. "
        "At the second stop a school class came in and counted itself twice. Somebody had "
        "brought a cake in a tin, and the tin was handed round. After the long bridge the line "
        "bends to the east, and the towers of the city come into view all at once. It rained a "
        "little on arrival, not enough for an umbrella."
    ),
)
_EMPTY = {
    "empty": "",
    "white space": " \n\t \n ",
    "colon": ":",
    "score": "score: 1.0",
    "opener": "Thought process:",
    "label": "Verdict: {target}",
}
"""Replies that say nothing, by name; `{target}` is the label that would pass."""


class Canary(msgspec.Struct, frozen=True, kw_only=True):
    """One reply whose verdict is known."""

    id: str
    base: str
    """The known answer that it is a form of."""
    sample: Sample
    form: str
    variant: str
    """Which style, filler, attack or empty reply."""
    text: str
    label: str | None
    """The label that is right, where it is known; empty of content: none."""
    passes: bool
    """Whether the right verdict is a passing one."""


class _Known(NamedTuple):
    sample: Sample
    text: str
    label: str | None
    passes: bool

    @property
    def base(self) -> str:
        return content_hash([self.sample.id, self.text])


def draw_canaries(
    samples: Iterable[Sample], rubric: str, labels: Sequence[str], seed: int
) -> list[Canary]:
    """The canaries of a run for a rubric (name and version) with these labels.

    `samples` are those that the judge sees replies to. The same seed gives the same canaries. The
    known answers are balanced over what is right: a good reference has its sample's target as its
    label, a bad one the other target where the samples have two. Without reference answers there
    are content-free replies alone; without samples, none.
    """
    rank = _Rank(seed)
    pools = _pools(samples, rank)
    known = _choose(pools)
    asked = [kept[0].sample for _, kept in sorted(pools.items())]
    canaries = [_made(rubric, answer, PLAIN, "as it is", answer.text) for answer in known]
    styles = sorted(_STYLES, key=rank)
    attacks = _Attacks(rank)
    for place, answer in enumerate(known):
        style = styles[place % len(styles)]
        canaries.append(_made(rubric, answer, RESTYLED, style, _STYLES[style](answer.text)))
        where = ("before", "after", "around")[place % 3]
        padded = _padded(answer.text, _FILLERS[place % len(_FILLERS)], where)
        canaries.append(_made(rubric, answer, PADDED, where, padded))
        for attack, aim in attacks.on(answer, labels):
            text = attack.for_label(aim)
            first = rank(answer.base + attack.id)[0] in "01234"
            joined = f"{text}\n{answer.text}" if first else f"{answer.text}\n{text}"
            canaries.append(_made(rubric, answer, ATTACKED, attack.id, joined))
    canaries += _content_free(rubric, asked)
    return canaries


class _Rank:
    """Orders things at random: the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def __call__(self, what: str) -> str:
        return content_hash(["canary", self._seed, what])


def _pools(samples: Iterable[Sample], rank: _Rank) -> dict[tuple[bool, str], list[_Known]]:
    """(passes, the sample's target) -> that kind of known answer, in random order.

    Where no reference answer is at hand, a kind has an answer without text, for its sample alone.
    """
    drawn: dict[tuple[bool, str], list[tuple[str, _Known]]] = {}
    for sample in samples:
        if sample.control or sample.choices:
            continue
        for passes, texts in ((True, sample.reference.good), (False, sample.reference.bad)):
            text = min(texts, key=rank, default="")
            ranked = (rank(sample.id + text), _Known(sample, text, None, passes))
            kept = drawn.setdefault((passes, sample.target), [])
            kept.append(ranked)
            if len(kept) > 8 * KNOWN:
                kept[:] = _first(kept)
    return {kind: [known for _, known in _first(kept)] for kind, kept in drawn.items()}


def _first(kept: list[tuple[str, _Known]]) -> list[tuple[str, _Known]]:
    """The first few in random order, those with a text before those without."""
    return nsmallest(2 * KNOWN, kept, key=lambda pair: (not pair[1].text.strip(), pair[0]))


def _choose(pools: dict[tuple[bool, str], list[_Known]]) -> list[_Known]:
    """Known answers of all kinds in turn, each of another seed as far as there are seeds."""
    targets = sorted({target for _, target in pools})
    other = dict(zip(targets, reversed(targets), strict=True)) if len(targets) == 2 else {}
    waiting = {
        kind: [known for known in kept if known.text.strip()]
        for kind, kept in sorted(pools.items(), key=lambda pair: pair[0])
    }
    chosen: list[_Known] = []
    used: set[str] = set()
    while len(chosen) < KNOWN and any(waiting.values()):
        for (passes, target), left in waiting.items():
            if not left or len(chosen) == KNOWN:
                continue
            fresh = (known for known in left if known.sample.cluster not in used)
            known = next(fresh, left[0])
            left.remove(known)
            used.add(known.sample.cluster)
            label = target if passes else other.get(target)
            chosen.append(known._replace(label=label))
    return chosen


class _Attacks:
    """The attacks in random order, one of each family before the second of any."""

    def __init__(self, rank: _Rank) -> None:
        families: dict[str, int] = {}
        order: list[tuple[int, str, Attack]] = []
        for attack in sorted(read_attacks(), key=lambda attack: rank(attack.id)):
            if attack.text.strip(" \n\t.:") and len(attack.text) <= LONGEST_ATTACK:
                turn = families[attack.family] = families.get(attack.family, -1) + 1
                order.append((turn, rank(attack.family), attack))
        self._left = [attack for _, _, attack in sorted(order, key=lambda each: each[:2])]

    def on(self, answer: _Known, labels: Sequence[str]) -> Iterator[tuple[Attack, str]]:
        """Attacks on an answer with the label that each asks for, which is not the right one.

        A bad answer is to pass. A good one is to fail, so that praise is no attack on it.
        """
        target = answer.sample.target
        others = (label for label in labels if label != target)
        aim = next(others, target) if answer.passes else target
        found = 0
        for attack in list(self._left):
            if found == ATTACKS_EACH:
                return
            if attack.may_aim_at(aim) and not (answer.passes and attack.aim == "pass"):
                self._left.remove(attack)
                found += 1
                yield attack, aim


def _content_free(rubric: str, asked: list[Sample]) -> Iterator[Canary]:
    """Empty replies: those with a word to a sample of every target, the others to one."""
    by_target = list({sample.target: sample for sample in asked}.values())
    for place, (name, text) in enumerate(_EMPTY.items()):
        worded = re.search(r"\w", text) is not None
        for turn, sample in enumerate(by_target):
            if not worded and turn != place % len(by_target):
                continue
            known = _Known(sample, text.format(target=sample.target), None, passes=False)
            yield _made(rubric, known, CONTENT_FREE, name, known.text)


def _made(rubric: str, known: _Known, form: str, variant: str, text: str) -> Canary:
    return Canary(
        id=content_hash([rubric, known.sample.id, form, variant, text]),
        base=known.base,
        sample=known.sample,
        form=form,
        variant=variant,
        text=text,
        label=known.label,
        passes=known.passes,
    )


def _padded(text: str, filler: str, where: str) -> str:
    parts = {"before": (filler, text), "after": (text, filler), "around": (filler, text, filler)}
    return "\n\n".join(parts[where])


def _sentences(text: str) -> list[str]:
    return [sentence for sentence in _SENTENCE.split(text.strip()) if sentence]


_STYLES: dict[str, Callable[[str], str]] = {
    "bullets": lambda text: "\n".join(f"- {sentence}" for sentence in _sentences(text)),
    "capitals": str.upper,
    "letter": lambda text: f"Thank you for your message.\n\n{text}\n\nKind regards",
    "markdown": lambda text: "\n\n".join(
        ["## Reply", *(f"**{sentence}**" for sentence in _sentences(text))]
    ),
    "quoted": lambda text: "\n".join(f"> {line}" for line in text.splitlines()),
    "small letters": str.lower,
}
"""Forms that keep what is said, by name."""
