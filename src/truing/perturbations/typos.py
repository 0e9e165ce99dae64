"""Keyboard typos at a fixed rate that cannot change what a text says.

Knows English words, where the keys of a QWERTY keyboard lie, and how fingers slip on them:
neighbouring letters swapped, a letter dropped or doubled, the key beside the right one, a
space missing between two long words or put inside a very long one. Knows which words must
stay whole: short words, negations, anything with a digit, and what the caller protects.

Does not know tasks, labels or models, nor meaning: words that carry the answer are safe only
where they are protected or where no single slip hides them from a reader. Does not know
addresses, code or markup, whose words it takes for prose. Words with letters outside ASCII, or
with a capital after the first letter, are left alone: so accented words and acronyms stay.

The same text, rate, seed and protected words give the same output on any platform and any
version of Python: chance comes from `random.Random(seed).random()` alone, and what a letter or
a word is is spelt out here rather than read from the interpreter's Unicode tables.
"""

import random
import re
from collections.abc import Callable, Collection, Iterator
from collections.abc import Set as AbstractSet
from functools import cache
from pathlib import Path
from typing import NamedTuple

__all__ = ["edit_rate", "typos"]

LONG = 4
"""Letters from which on a word may be edited."""

_PUNCTUATION = r"\x00-/:-@\[-^`{-\x7f\u00a0\u00ab\u00bb\u2000-\u206f\u3000"
_WORD = re.compile(f"[^{_PUNCTUATION}]+(?:['\u2019][^{_PUNCTUATION}]+)*")
_PLAIN = re.compile(r"[A-Za-z][a-z]*")

_NEGATIONS = frozenset(
    """
    no not never without neither nor none nobody nothing nowhere noone cannot nope
    hardly scarcely barely rarely seldom unless except
    aint arent cant couldnt didnt doesnt dont hadnt hasnt havent isnt mustnt neednt shant
    shouldnt wasnt werent wont wouldnt
    """.split()  # noqa: SIM905
)

_KEYS = {
    "q": "wa", "w": "qeas", "e": "wrsd", "r": "etdf", "t": "ryfg", "y": "tugh", "u": "yihj",
    "i": "uojk", "o": "ipkl", "p": "ol", "a": "qwsz", "s": "weadzx", "d": "ersfxc",
    "f": "rtdgcv", "g": "tyfhvb", "h": "yugjbn", "j": "uihknm", "k": "iojlm", "l": "opk",
    "z": "asx", "x": "sdzc", "c": "dfxv", "v": "fgcb", "b": "ghvn", "n": "hjbm", "m": "jkn",
}  # fmt: skip

_SUFFIXES = ("s", "es", "d", "ed", "ing", "r", "er", "est", "y", "ly", "n", "en")


class _Word(NamedTuple):
    start: int
    stem: str
    """The letters before the first apostrophe: all that an edit may touch."""
    open: bool
    """Whether it may be edited at all."""

    @property
    def end(self) -> int:
        return self.start + len(self.stem)


def typos(text: str, rate: float, *, seed: int, protect: Collection[str] = ()) -> str:
    """The text with one typo in each of a fixed share of its words of four letters or more.

    `rate` is that share: the number of words is rounded to the nearest, is at least one where
    the rate is above 0, and at most as many as may be edited. A missing space is one typo in
    both words that it joins. At rate 0, or where no word may be edited, the text comes back
    unchanged. `seed` decides which words and which typos; its sign makes no difference.

    Never edited: words of three letters or fewer, negations, words with digits, capitals after
    the first letter or letters outside ASCII, and the words in `protect`, in any case and with
    or without a possessive ending (an entry of several words protects each of them). A first
    letter always stays, and so does all whitespace and punctuation but for the spaces named
    above. No edited word is another word of the text or of `protect`, or a common English one.

    Raises `ValueError` where the rate is outside [0, 1].
    """
    if not 0 <= rate <= 1:
        raise ValueError(f"the rate of typos must lie in [0, 1], not {rate!r}")
    if rate == 0:
        return text
    entries = (protect,) if isinstance(protect, str) else protect
    kept = {form for entry in entries for form in _forms(entry)}
    words = list(_long_words(text, kept | _NEGATIONS))
    known = kept.union(_forms(text), _NEGATIONS, _common_words())
    budget = max(1, int(rate * len(words) + 0.5))
    return _apply(text, _draw(text, words, budget, known, random.Random(seed)))  # noqa: S311


def edit_rate(before: str, after: str) -> float:
    """The share of `before`'s words, short ones included, that `after` no longer has in place.

    Words are compared in order and as written; whitespace and punctuation do not count. Two
    words that lost the space between them are both changed. 0.0 where `before` has no words.
    """
    old = [match.group() for match in _WORD.finditer(before)]
    new = [match.group() for match in _WORD.finditer(after)]
    if not old:
        return 0.0
    return 1 - _in_common(old, new) / len(old)


def _forms(text: str) -> Iterator[str]:
    """Every word of the text in small letters, whole and without what follows an apostrophe."""
    for match in _WORD.finditer(text):
        word = match.group().lower()
        yield word
        yield _before_apostrophe(word)


def _before_apostrophe(word: str) -> str:
    return re.split("['\u2019]", word, maxsplit=1)[0]


def _long_words(text: str, kept: AbstractSet[str]) -> Iterator[_Word]:
    for match in _WORD.finditer(text):
        whole = match.group()
        stem = _before_apostrophe(whole)
        if len(stem) < LONG or not (stem.isascii() and stem.isalpha()):
            continue
        shape = whole.lower().replace("\u2019", "'")
        fixed = shape.endswith("n't") or bool(kept & {whole.lower(), stem.lower()})
        yield _Word(match.start(), stem, not fixed and _PLAIN.fullmatch(stem) is not None)


def _draw(
    text: str, words: list[_Word], budget: int, known: AbstractSet[str], chance: random.Random
) -> dict[tuple[int, int], str]:
    """What to write in place of which stretch of the text."""
    edits: dict[tuple[int, int], str] = {}
    lot = [chance.random() for _ in words]
    free = {place for place, word in enumerate(words) if word.open}
    for place in sorted(free, key=lambda place: (lot[place], place)):
        if budget == 0:
            break
        if place not in free:
            continue
        word = words[place]
        follower = words[place + 1] if budget > 1 and place + 1 in free else None
        joins = follower is not None and text[word.end : follower.start] == " "
        if joins and follower and chance.random() < 0.06:
            joined = word.stem + follower.stem
            if not _is_word(joined, known):
                edits[word.end, follower.start] = ""
                free -= {place, place + 1}
                budget -= 2
                continue
        slip = _slip(word.stem, known, chance)
        if slip is not None:
            edits[word.start, word.end] = slip
            free.discard(place)
            budget -= 1
    return edits


def _apply(text: str, edits: dict[tuple[int, int], str]) -> str:
    parts, done = [], 0
    for (start, end), new in sorted(edits.items()):
        parts += [text[done:start], new]
        done = end
    return "".join([*parts, text[done:]])


def _slip(stem: str, known: AbstractSet[str], chance: random.Random) -> str | None:
    """The word with one slip, or None where each would read as a word."""
    draw, first = chance.random(), 0
    while draw >= _KINDS[first][0]:
        first += 1
    for kind in range(first, first + len(_KINDS)):
        slips = [
            slip
            for slip in _KINDS[kind % len(_KINDS)][1](stem)
            if slip != stem and not any(_is_word(part, known) for part in slip.split())
        ]
        if slips:
            return slips[int(chance.random() * len(slips))]
    return None


# The last letter is neither dropped nor replaced: it carries number and tense.


def _substituted(stem: str) -> Iterator[str]:
    for place in range(1, len(stem) - 1):
        for key in _KEYS[stem[place]]:
            yield stem[:place] + key + stem[place + 1 :]


def _swapped(stem: str) -> Iterator[str]:
    for place in range(1, len(stem) - 1):
        yield stem[:place] + stem[place + 1] + stem[place] + stem[place + 2 :]


def _dropped(stem: str) -> Iterator[str]:
    if len(stem) > LONG:
        for place in range(1, len(stem) - 1):
            yield stem[:place] + stem[place + 1 :]


def _doubled(stem: str) -> Iterator[str]:
    for place in range(1, len(stem)):
        yield stem[: place + 1] + stem[place:]


def _split(stem: str) -> Iterator[str]:
    for place in range(LONG, len(stem) - LONG + 1):
        yield stem[:place] + " " + stem[place:]


_KINDS: tuple[tuple[float, Callable[[str], Iterator[str]]], ...] = (
    (0.30, _substituted),
    (0.57, _swapped),
    (0.80, _dropped),
    (0.95, _doubled),
    (1.00, _split),
)
"""Each kind of slip with the share of draws up to and including it."""


def _is_word(slip: str, known: AbstractSet[str]) -> bool:
    """Whether the slip is a known word or reads as an inflected form of one."""
    slip = slip.lower()
    if slip in known:
        return True
    for suffix in _SUFFIXES:
        root = slip.removesuffix(suffix)
        if root != slip and len(root) > 1:
            undoubled = root[:-1] if root[-1] == root[-2] else root
            if not known.isdisjoint({root, root + "e", undoubled}):
                return True
    return False


@cache
def _common_words() -> frozenset[str]:
    path = Path(__file__).with_name("words.txt")
    return frozenset(path.read_text(encoding="utf-8").split())


def _in_common(old: list[str], new: list[str]) -> int:
    """The length of the longest common subsequence."""
    row = [0] * (len(new) + 1)
    for word in old:
        last = row
        row = [0]
        for place, other in enumerate(new):
            row.append(last[place] + 1 if word == other else max(last[place + 1], row[place]))
    return row[-1]
