"""Heads: small trained judges that need no key. What a file of one holds, and how it judges.

A head is a linear model on the features of `features`, with or without the embeddings of `minilm`,
its probabilities calibrated on predictions for answers that it was not fitted to. Its file is JSON
and holds numbers: weights, what it was fitted on, and how often it was wrong there. Fitting is the
business of `fitting`; judging needs numpy alone.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import math
import re
from collections.abc import Sequence
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from truing.errors import TaskError, UnknownName, UsageError
from truing.judges.features import DENSE, FEATURES, read_features
from truing.records import (
    JUDGE_PREFIX,
    Judgement,
    Outcome,
    Response,
    Role,
    Sample,
    content_hash,
    judged_hash,
)
from truing.scorers.rubric import Rubric, find_rubric

__all__ = [
    "HEAD_FORMAT",
    "Head",
    "HeadFile",
    "HeadJudge",
    "Source",
    "encode_head",
    "find_head",
    "head_names",
    "load_head",
    "pack",
]

HEAD_FORMAT = 1
HEAD_PREFIX = "head/"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_WORDS = re.compile(r"\w")
_MOST_BITS = 20
_EMPTY = frozenset({"unusable", "harmless"})
"""What a reply without a word is, by the rubrics that are shipped."""
_LONGEST_FILE = 64_000_000

Floats = npt.NDArray[np.float64]


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where labels came from: never their words, but who made them and a hash of what was read."""

    name: str
    rows: int
    sha256: str
    labelled_by: str = ""
    licence: str = ""
    attribution: str = ""


class HeadFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A head as its file holds it. `weights` are float16 in base64, shape (labels, features)."""

    truing_head: int
    name: str
    version: str
    """Of a shipped head a number; empty in one of your own, whose version is its hash."""
    rubric: str
    labels: tuple[str, ...]
    features: str
    bits: int
    embedding: Literal["minilm"] | None = None
    weights: str
    scale: float
    """What the weights are multiplied by."""
    intercept: tuple[float, ...]
    slope: float
    """Calibration: the scores are multiplied by it, and `offset` is added."""
    offset: tuple[float, ...]
    lean: tuple[float, ...]
    """Added to the calibrated log-probabilities before the likeliest label is taken: where right
    answers are rare, the likeliest label alone would agree less with people."""
    threshold: float
    """From this probability of its label on it was right on 19 of 20 answers that it had not
    seen; above 1 where it never was. A cascade takes its label from there without asking."""
    seed: int = 0
    command: str = ""
    sources: tuple[Source, ...] = ()
    held_out: dict[str, Any] = {}
    """How often it was wrong on answers, and models, that it was not fitted to."""
    hash: str = ""
    """Hash of everything else."""

    def content_hash(self) -> str:
        """Hash of everything but the hash."""
        return content_hash(msgspec.structs.replace(self, hash=""))


class Head:
    """A head, loaded and checked: from prompts and replies to probabilities of labels."""

    def __init__(self, file: HeadFile, rubric: Rubric) -> None:
        self.file = file
        self.rubric = rubric
        self.id = f"{HEAD_PREFIX}{file.name}@{file.version or file.hash[:8]}"

    @cached_property
    def _weights(self) -> Floats:
        return _unpack(self.file) * self.file.scale

    def probabilities(
        self,
        prompts: Sequence[str],
        replies: Sequence[str],
        *,
        truncated: Sequence[bool] = (),
        offline: bool = False,
    ) -> Floats:
        """Calibrated probabilities of the labels, shape (replies, labels); rows sum to 1.

        Raises `MissingExtra` where the head reads embeddings whose weights cannot be had.
        """
        cut = truncated or [False] * len(replies)
        scores = self._scores(prompts, replies, cut, offline=offline)
        return softmax(scores * self.file.slope + np.array(self.file.offset))

    def choose(self, probabilities: Floats) -> npt.NDArray[np.int64]:
        """The place of each row's label, shape (replies,)."""
        leaning = np.log(np.maximum(probabilities, 1e-12)) + np.array(self.file.lean)
        return np.asarray(np.argmax(leaning, axis=1), np.int64)

    def _scores(
        self,
        prompts: Sequence[str],
        replies: Sequence[str],
        truncated: Sequence[bool],
        *,
        offline: bool,
    ) -> Floats:
        file, weights = self.file, self._weights
        table, width = 1 << file.bits, len(DENSE)
        scores = np.tile(np.array(file.intercept), (len(replies), 1))
        for row, (prompt, reply, cut) in enumerate(zip(prompts, replies, truncated, strict=True)):
            found = read_features(prompt, reply, bits=file.bits, truncated=cut)
            scores[row] += weights[:, found.places] @ found.values
            scores[row] += weights[:, table : table + width] @ found.dense
        if file.embedding is not None and replies:
            from truing.judges.minilm import embed_pairs

            scores += embed_pairs(prompts, replies, offline=offline) @ weights[:, table + width :].T
        return scores


class HeadJudge:
    """A head as a scorer of open replies."""

    def __init__(
        self, head: Head | str, rubric: Rubric | None = None, *, offline: bool = False
    ) -> None:
        self.head: Head = find_head(head).head if isinstance(head, str) else head
        self._offline = offline
        self.rubric = self.head.rubric
        if rubric is not None and rubric.id != self.rubric.id:
            raise UsageError(
                f"--judge: {self.head.id} gives the labels of rubric {self.rubric.id}, and "
                f"these rows are judged by {rubric.id}: name a head of that rubric, or a model"
            )
        self.name = f"{JUDGE_PREFIX}{self.rubric.id}:{self.head.id}"
        self.threshold = self.head.file.threshold

    def lacks(self, sample: Sample) -> str | None:
        """A right label that is one of the head's."""
        labels = self.head.file.labels
        if sample.target in labels:
            return None
        return f"right is {sample.target!r} there, and {self.head.id} says {' or '.join(labels)}"

    async def judge(self, sample: Sample, response: Response) -> Judgement:
        """The likeliest label, with the probability that it is right.

        Raises `UsageError` where the sample's right label is none that the head gives.
        """
        if lack := self.lacks(sample):
            raise UsageError(f"{self.name} cannot judge {sample.task}: {lack}")
        labels = self.head.file.labels
        if response.stop_reason == "filter" and "refused" in labels:
            return self._verdict(sample, response, "refused", "blocked by the provider's filter")
        empty = next((label for label in labels if label in _EMPTY), None)
        if empty is not None and not _WORDS.search(response.text):
            return self._verdict(sample, response, empty, "nothing to judge: no word in it")
        asked = [message.text for message in sample.messages if message.role is Role.USER]
        prompt = asked[-1] if asked else ""
        # Embedding a text takes long enough to keep other calls waiting.
        found = await asyncio.to_thread(
            self.head.probabilities,
            [prompt],
            [response.text],
            truncated=[response.truncated],
            offline=self._offline,
        )
        place = int(self.head.choose(found)[0])
        shown = ", ".join(
            f"{label} {share:.2f}" for label, share in zip(labels, found[0], strict=True)
        )
        return self._verdict(sample, response, labels[place], shown, float(found[0, place]))

    def _verdict(
        self,
        sample: Sample,
        response: Response,
        label: str,
        reason: str,
        probability: float | None = None,
    ) -> Judgement:
        return Judgement(
            outcome=Outcome.TRUSTWORTHY if label == sample.target else Outcome.UNTRUSTWORTHY,
            label=label,
            scorer=self.name,
            judged=judged_hash(response.text),
            probability=probability,
            reason=reason,
        )


def softmax(scores: Floats) -> Floats:
    """Shares that sum to 1 in every row."""
    raised = np.exp(scores - scores.max(1, keepdims=True))
    shares: Floats = raised / raised.sum(1, keepdims=True)
    return shares


def head_names() -> list[str]:
    """Every head that is shipped, sorted."""
    folder = files("truing.judges").joinpath("heads")
    return sorted(
        file.name.removesuffix(".json") for file in folder.iterdir() if file.name.endswith(".json")
    )


def find_head(name: str, *, offline: bool = False) -> HeadJudge:
    """A shipped head by name (`refusal`, `head/refusal`), or one of your own by its file.

    With `offline` the weights of embeddings are not fetched where they are not here. Raises
    `UnknownName`, or `UsageError` where a file is not a head.
    """
    bare = name.removeprefix(HEAD_PREFIX)
    if bare.endswith(".json"):
        return load_head(Path(bare), offline=offline)
    if bare not in head_names():
        raise UnknownName("head", bare, head_names())
    text = files("truing.judges").joinpath("heads", f"{bare}.json").read_bytes()
    return HeadJudge(_checked(text, f"{bare}.json"), offline=offline)


def load_head(path: Path, *, offline: bool = False) -> HeadJudge:
    """A head from its file. Raises `UsageError`, with the file and what is wrong, where it is none.

    Nothing in the file is run: it is JSON, and its weights are numbers.
    """
    try:
        if path.stat().st_size > _LONGEST_FILE:
            raise UsageError(f"{path}: not a head: larger than {_LONGEST_FILE:,} bytes")
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from error
    return HeadJudge(_checked(data, str(path)), offline=offline)


def _checked(data: bytes, where: str) -> Head:
    try:
        file = msgspec.json.decode(data, type=HeadFile)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise UsageError(f"{where}: not a head of `truing judge fit`: {error}") from error
    if problem := _problem(file):
        raise UsageError(f"{where}: not a head: {problem}")
    name, _, version = file.rubric.partition("@")
    try:
        rubric = find_rubric(name)
    except (UnknownName, TaskError) as error:
        raise UsageError(f"{where}: judges by a rubric that is not here: {error}") from error
    if str(rubric.version) != version or not set(file.labels) <= set(rubric.labels):
        raise UsageError(
            f"{where}: was fitted to {file.rubric} ({', '.join(file.labels)}), and here is "
            f"{rubric.id} ({', '.join(rubric.labels)}): fit it again"
        )
    return Head(file, rubric)


def _problem(file: HeadFile) -> str | None:
    """What is wrong with a head's fields, or None."""
    if file.truing_head != HEAD_FORMAT:
        return f"expected format {HEAD_FORMAT}, found {file.truing_head}"
    if not _NAME.fullmatch(file.name):
        return f"its name {file.name!r} is not of small letters, digits, - and _"
    if file.features != FEATURES:
        return f"fitted on features {file.features!r}, and this version reads {FEATURES!r}"
    if not 8 <= file.bits <= _MOST_BITS:
        return f"bits is {file.bits}, expected 8 to {_MOST_BITS}"
    labels = len(file.labels)
    if labels < 2 or len(set(file.labels)) != labels:
        return "expected two or more labels, each once"
    numbers = (*file.intercept, *file.offset, *file.lean, file.slope, file.scale, file.threshold)
    if {len(file.intercept), len(file.offset), len(file.lean)} != {labels}:
        return f"expected {labels} numbers in intercept, offset and lean"
    if not all(map(math.isfinite, numbers)) or file.slope <= 0 or file.scale <= 0:
        return "a number is not finite, or slope or scale is not above 0"
    if file.hash != file.content_hash():
        return f"its content is not what was written (hash {file.hash!r}): fetch or fit it again"
    try:
        weights = _unpack(file)
    except ValueError as error:
        return str(error)
    return None if bool(np.isfinite(weights).all()) else "a weight is not finite"


def _width(file: HeadFile) -> int:
    from truing.judges.minilm import PAIR_DIMENSIONS

    return (1 << file.bits) + len(DENSE) + (PAIR_DIMENSIONS if file.embedding else 0)


def encode_head(file: HeadFile) -> bytes:
    """The head as a file."""
    return msgspec.json.format(msgspec.json.encode(file), indent=1) + b"\n"


def pack(weights: Floats) -> tuple[str, float]:
    """Weights as a file holds them: float16 in base64, and what to multiply them by."""
    scale = float(np.abs(weights).max()) or 1.0
    return base64.b64encode((weights / scale).astype("<f2").tobytes()).decode(), scale


def _unpack(file: HeadFile) -> Floats:
    """The weights before scaling; ValueError where they are not of the shape that is needed."""
    try:
        data = base64.b64decode(file.weights, validate=True)
    except binascii.Error as error:
        raise ValueError(f"the weights are not base64: {error}") from error
    shape = (len(file.labels), _width(file))
    if len(data) != 2 * shape[0] * shape[1]:
        raise ValueError(f"expected {shape[0]} x {shape[1]} weights, found {len(data) // 2}")
    return np.frombuffer(data, "<f2").reshape(shape).astype(np.float64)
