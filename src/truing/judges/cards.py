"""The card of a judge: how often it agrees with people, on which data. Where cards are kept.

A card holds counts, rates and names, and no text of the data. Cards that ship lie beside this
module, a user's own in the user's data folder, and a run keeps those of its judges.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import msgspec
from platformdirs import user_data_path

from truing.errors import TaskError, UsageError
from truing.records import content_hash

__all__ = [
    "AnyCard",
    "DataSource",
    "Figure",
    "JudgeCard",
    "LabelError",
    "Pairwise",
    "PairwiseCard",
    "Part",
    "People",
    "Repeat",
    "Signed",
    "card_file_name",
    "encode_card",
    "find_card",
    "find_cards",
    "in_order",
    "own_cards",
    "own_folder",
    "read_card",
    "shipped_cards",
]

LEVEL = 0.95
_Bounded = Annotated[float, msgspec.Meta(ge=-1, le=1)]
_Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
_Count = Annotated[int, msgspec.Meta(ge=0)]


class _Shape(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Figure(_Shape, frozen=True):
    """A share with its 95 % interval; all but `units` are None where it is unknown."""

    estimate: _Share | None
    low: _Share | None
    high: _Share | None
    units: _Count


class Signed(_Shape, frozen=True):
    """A figure in [-1, 1]: kappa, or a difference of shares."""

    estimate: _Bounded | None
    low: _Bounded | None
    high: _Bounded | None
    units: _Count


class LabelError(_Shape, frozen=True):
    """One label against all others: found where people gave it, not said where they did not."""

    sensitivity: Figure
    specificity: Figure


class Part(_Shape, frozen=True):
    """What is known of a judge on some replies. All but `unscored` is of the scored ones."""

    replies: _Count
    clusters: _Count
    confusion: dict[str, dict[str, int]]
    """Label that people gave -> the judge's verdict (or `unscored`) -> replies."""
    accuracy: Figure
    kappa: Signed
    errors: dict[str, LabelError]
    unscored: Figure
    said: dict[str, dict[str, Figure]] = {}
    """Label that people gave -> verdict -> its share; of the whole and of sides alone."""

    @property
    def labels(self) -> dict[str, int]:
        """Label that people gave -> replies."""
        return {label: sum(verdicts.values()) for label, verdicts in self.confusion.items()}


class DataSource(_Shape, frozen=True):
    """Labelled data: what they are, and a hash of every prompt, reply and label."""

    name: str
    hash: str
    licence: str = ""
    note: str = ""
    labelled_by: str = "people"


class Repeat(_Shape, frozen=True):
    """Test-retest: the same replies, asked about again with another seed."""

    times: _Count
    same: Figure
    """Replies on which all verdicts are the same."""
    kappa: Signed
    """Over all pairs of times."""


class People(_Shape, frozen=True):
    """Two people's labels of the same replies: the ceiling for any judge."""

    same: Figure
    kappa: Signed


class JudgeCard(_Shape, frozen=True, kw_only=True, tag_field="kind", tag="labels"):
    """A judge that gives each reply one label, against people's labels."""

    v: int = 1
    truing: str
    judge: str
    """The name that its verdicts bear in a journal, e.g. `refusal_rule@1`."""
    rubric: str
    rubric_hash: str
    """Of the rubric's whole text: the labels mean what it says."""
    labels: list[str]
    """Those that people gave or could give; `other` where they were asked for some only."""
    data: DataSource
    held_out: str = ""
    """What of the data a fitted judge had not seen; empty where it was fitted to none of them."""
    level: float = LEVEL
    overall: Part
    by_row: dict[str, Part] = {}
    by_model: dict[str, Part] = {}
    by_side: dict[str, Part] = {}
    length: Signed
    """Share of errors in the longest third of replies minus that in the shortest, within labels."""
    repeat: Repeat | None = None
    people: People | None = None


class Pairwise(_Shape, frozen=True):
    """Pairs of replies that a judge saw in both orders."""

    pairs: _Count
    right: Figure
    """Verdicts for the reply that people prefer, over both orders."""
    right_by_order: list[Figure]
    right_in_both: Figure
    """Of pairs with both verdicts."""
    consistent: Figure
    """The same reply wins in both orders, of pairs with both verdicts."""
    first_shown: Figure
    """Verdicts for the reply that is shown first: .5 without a preference for a place."""
    unscored: Figure


class PairwiseCard(_Shape, frozen=True, kw_only=True, tag_field="kind", tag="pairwise"):
    """A judge that says which of two replies is better, against people's preference."""

    v: int = 1
    truing: str
    judge: str
    rubric: str
    """How it was asked, where that has a name."""
    data: DataSource
    level: float = LEVEL
    overall: Pairwise
    by_row: dict[str, Pairwise] = {}


AnyCard = JudgeCard | PairwiseCard
_DECODER: msgspec.json.Decoder[AnyCard] = msgspec.json.Decoder(AnyCard)


def card_file_name(card: AnyCard) -> str:
    """A file name of the judge, and a hash of judge, rubric and data."""
    rubric = card.rubric_hash if isinstance(card, JudgeCard) else card.rubric
    return f"{_stem(card.judge)}.{content_hash([card.judge, rubric, card.data.hash])[:8]}.json"


def _stem(judge: str) -> str:
    """How the file names of a judge's cards begin; other judges' may begin so as well."""
    return re.sub(r"[^A-Za-z0-9@._]+", "-", judge).strip("-.")[:60]


def encode_card(card: AnyCard) -> bytes:
    """The card as a file."""
    return msgspec.json.format(msgspec.json.encode(card), indent=1) + b"\n"


def read_card(file: Path) -> AnyCard:
    """A card from a file. Raises `UsageError` where there is none, `TaskError` if malformed."""
    try:
        return _DECODER.decode(file.read_bytes())
    except FileNotFoundError as error:
        raise UsageError(f"{file}: no such card") from error
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise TaskError(f"{file}: not a judge card: {error}") from error


def shipped_cards(judge: str | None = None) -> list[AnyCard]:
    """The cards that come with truing, or a judge's own of them, by file name."""
    folder = files("truing.judges").joinpath("cards")
    if not folder.is_dir():
        return []
    stem = "" if judge is None else f"{_stem(judge)}."
    found = sorted(
        (file for file in folder.iterdir() if file.name.startswith(stem)),
        key=lambda file: file.name,
    )
    cards = [_DECODER.decode(file.read_bytes()) for file in found if file.name.endswith(".json")]
    return [card for card in cards if judge in (None, card.judge)]


def own_folder() -> Path:
    """Where `truing judge calibrate` keeps cards."""
    return user_data_path("truing") / "judge_cards"


def own_cards(folder: Path | None = None) -> list[AnyCard]:
    """The readable cards of a folder (the user's own), by file name; what is none is left out."""
    found = []
    for file in sorted((folder or own_folder()).glob("*.json")):
        try:
            found.append(read_card(file))
        except (TaskError, UsageError):
            continue
    return found


def find_cards(judge: str, rubric_hash: str, folder: Path | None = None) -> list[JudgeCard]:
    """Every card of a judge under a rubric, the best first: the user's own before those that ship.

    The name with its version and the rubric's text must be the same. People's labels come before
    others, then more labels told apart, then more replies. Of one data set the own card alone.
    """
    kept: tuple[Sequence[AnyCard], ...] = (own_cards(folder), shipped_cards(judge))
    found: dict[str, JudgeCard] = {}
    for cards in kept:
        fitting = [
            card
            for card in cards
            if isinstance(card, JudgeCard)
            and card.judge == judge
            and card.rubric_hash == rubric_hash
        ]
        for card in in_order(fitting):
            found.setdefault(card.data.hash, card)
    return list(found.values())


def in_order(cards: Iterable[JudgeCard]) -> list[JudgeCard]:
    """Cards of one judge, the one that tells most first."""
    return sorted(
        cards,
        key=lambda card: (
            card.data.labelled_by != "people",
            -len(card.labels),
            -card.overall.replies,
            card.data.hash,
        ),
    )


def find_card(judge: str, rubric_hash: str, folder: Path | None = None) -> JudgeCard | None:
    """The first of `find_cards`, or None."""
    return next(iter(find_cards(judge, rubric_hash, folder)), None)
