"""What a judge's card says of a row: the shapes that stand in `summary.json`."""

from __future__ import annotations

import msgspec

__all__ = ["Rate", "Verification", "VerifiedSide"]


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """A share with its 95 % interval."""

    estimate: float
    low: float
    high: float


class VerifiedSide(msgspec.Struct, frozen=True, kw_only=True):
    """A judge's error where a side's right label is concerned, and the rate without that error."""

    right: str
    """The label that is trustworthy on this side."""
    sensitivity: Rate | None
    """Share of what people gave that label which the judge finds."""
    specificity: Rate | None
    """Share of what people gave another label which the judge does not call it."""
    measured_on: str = ""
    """The side of the card's data, where it has this one with enough of both; else empty: all."""
    labels: int = 0
    """Replies behind both."""
    judged: Rate | None
    corrected: Rate | None
    """Rogan-Gladen, with the noise of the card; None where nothing can be said, see `reason`."""
    reason: str = ""


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """A judge's card beside a row. Without one `reason` says so: its error is unknown."""

    card: str | None = None
    """The data it was measured on; None: judge unverified."""
    content: str = ""
    labelled_by: str = ""
    held_out: str = ""
    models: list[str] = []
    """Whose replies the labels are of."""
    other_models: bool = True
    """None of them is the model of this run: the judge may err otherwise here."""
    replies: int = 0
    kappa: Rate | None = None
    sides: dict[str, VerifiedSide] = {}
    elsewhere: dict[str, dict[str, VerifiedSide]] = {}
    """Other data the judge was measured on -> the same by side: how far it errs alike."""
    reason: str = ""
