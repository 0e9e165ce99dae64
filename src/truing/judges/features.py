"""What a head sees of a prompt and a reply: numbers, from which no word can be read back.

Words, pairs of words and runs of characters become places in a table by a hash, so that a head's
file holds weights and no vocabulary. Beside them stand what the refusal rule found, lengths, and
how far the reply repeats the request. The same text gives the same numbers in every process.
Source: Weinberger et al. 2009, Feature Hashing for Large Scale Multitask Learning (ICML).
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from truing.scorers.refusal import ReplyLabel, read_reply

__all__ = ["DENSE", "FEATURES", "Features", "read_features"]

FEATURES = "text@1"
"""Another reading is another version: a head fitted on one is never used with another."""
READ_CHARACTERS = 3_000
OPENING_WORDS = 12
_RULE = tuple(ReplyLabel)
DENSE = (
    *(f"rule_{label}" for label in _RULE),
    "reply_words",
    "prompt_words",
    "new_words",
    "repeated_words",
    "repeated_prompt",
    "sentences",
    "questions",
    "lines",
    "capitals",
    "first_person",
)
"""The features that are not hashed, in their order."""
_WORD = re.compile(r"[^\W\d_]+|\d|[?!]")
_STOP = re.compile(r"[.!?]+(?:\s|$)")
_REASON = re.compile(r"[:\d].*")
_SELF = frozenset({"i", "me", "my", "mine", "myself", "we", "us", "our"})
_Hashes = npt.NDArray[np.uint32]
# Each kind of feature is hashed with a number of its own, so that a word of the prompt and the
# same word of the reply are two features.
_REPLY, _PAIR, _OPENING, _OPENING_PAIR, _PROMPT, _PROMPT_PAIR, _CHARACTERS, _REASONED = range(1, 9)


class Features(NamedTuple):
    """Of one text: places in the table with their values, and the dense features (`DENSE`)."""

    places: npt.NDArray[np.int64]
    values: npt.NDArray[np.float32]
    dense: npt.NDArray[np.float32]


def read_features(prompt: str, reply: str, *, bits: int, truncated: bool = False) -> Features:
    """The features of a reply to a prompt, in a table of 2**`bits` places.

    Each kind of hashed feature has length 1 in all, whatever the length of the text. Of each text
    the first 3,000 characters are read.
    """
    asked, said = _fold(prompt), _fold(reply)
    prompt_words, words = _WORD.findall(asked), _WORD.findall(said)
    own, theirs = _hash_words(words), _hash_words(prompt_words)
    reading = read_reply(prompt, reply, truncated=truncated)
    opening = own[:OPENING_WORDS]
    reason = _hash_words([_REASON.sub("", reading.reason), reading.label])
    kinds = [
        _kind(own, _REPLY),
        _kind(_joined(own), _PAIR),
        _kind(opening, _OPENING),
        _kind(_joined(opening), _OPENING_PAIR),
        _kind(theirs, _PROMPT),
        _kind(_joined(theirs), _PROMPT_PAIR),
        _kind(_runs(said), _CHARACTERS),
        _kind(reason, _REASONED),
    ]
    shift = np.uint32(32 - bits)
    places, values = [], []
    for hashes in kinds:
        found, counts = np.unique(hashes >> shift, return_counts=True)
        weight = 1 + np.log(counts)
        places.append(found)
        values.append(weight / max(1.0, float(np.linalg.norm(weight))))
    return Features(
        np.concatenate(places).astype(np.int64),
        np.concatenate(values).astype(np.float32),
        _dense(reading.label, reply, prompt_words, words),
    )


def _dense(
    label: ReplyLabel, reply: str, prompt_words: list[str], words: list[str]
) -> npt.NDArray[np.float32]:
    asked, said = set(prompt_words), set(words)
    shared = len(asked & said)
    text = reply[:READ_CHARACTERS]
    letters = sum(map(str.isalpha, text))
    return np.array(
        [
            *(float(label == known) for known in _RULE),
            np.log1p(len(words)) / 5,
            np.log1p(len(prompt_words)) / 5,
            np.log1p(len(said - asked)) / 5,
            shared / max(1, len(said)),
            shared / max(1, len(asked)),
            np.log1p(len(_STOP.findall(text))) / 3,
            np.log1p(text.count("?")),
            np.log1p(text.count("\n")) / 3,
            sum(map(str.isupper, text)) / max(1, letters),
            sum(word in _SELF for word in words) / max(1, len(words)) * 4,
        ],
        np.float32,
    )


def _fold(text: str) -> str:
    head = text[:READ_CHARACTERS].encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    folded = unicodedata.normalize("NFKC", head)[:READ_CHARACTERS].casefold()
    return folded.replace("\u2019", "'")


def _hash_words(words: list[str]) -> _Hashes:
    return np.array([zlib.crc32(word.encode()) for word in words], np.uint32)


def _joined(words: _Hashes) -> _Hashes:
    """A hash of each word with the one behind it."""
    return words[:-1] * np.uint32(0x9E3779B1) + words[1:]


def _runs(text: str) -> _Hashes:
    """A hash of each run of 4 and of 5 bytes."""
    data = np.frombuffer(text.encode(), np.uint8).astype(np.uint32)
    found, factor = [], np.uint32(0x01000193)
    for size in (4, 5):
        span = len(data) - size + 1
        if span <= 0:
            continue
        total = np.full(span, size, np.uint32)
        for place in range(size):
            total = total * factor + data[place : place + span]
        found.append(total)
    return np.concatenate(found) if found else np.zeros(0, np.uint32)


def _kind(hashes: _Hashes, kind: int) -> _Hashes:
    """The hashes mixed with the number of their kind (the last steps of MurmurHash3)."""
    mixed = hashes ^ np.uint32(kind * 0x85EBCA6B & 0xFFFFFFFF)
    mixed = (mixed ^ (mixed >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    mixed = (mixed ^ (mixed >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return mixed ^ (mixed >> np.uint32(16))
