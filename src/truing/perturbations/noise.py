"""Slips of spelling and layout that a careful reader reads over."""

from __future__ import annotations

import re

from truing.perturbations.perturbation import Asked, Perturbation
from truing.perturbations.typos import typos

__all__ = ["NOISE"]


def _typos(asked: Asked) -> str:
    seed = asked.draw.getrandbits(48)
    return typos(asked.body, asked.rate, seed=seed, protect=asked.protected)


def _capitals(asked: Asked) -> str:
    return "".join(
        sign.upper() if asked.draw.random() < asked.rate else sign for sign in asked.body
    )


def _spaces(asked: Asked) -> str:
    """Two or three spaces in a share of the places where one stood, at least in one."""
    words = asked.body.split(" ")
    places = range(1, len(words))
    widened = set(
        asked.draw.sample(places, min(len(places), max(1, round(asked.rate * len(places)))))
    )
    parts = [
        " " * (2 + int(asked.draw.random() * 2)) + word if place in widened else f" {word}"
        for place, word in enumerate(words)
    ]
    return "".join(parts)[1:]


def _no_punctuation(asked: Asked) -> str:
    """Small letters and no sign that ends or parts a sentence; numbers keep theirs."""
    return re.sub(r"(?<!\d)[.,;:!?](?!\d)|[.,;:!?](?=\s|$)", "", asked.body).lower()


NOISE = {
    "typos": Perturbation(
        "noise", "keyboard slips in a share of the longer words", _typos, rate=0.05
    ),
    "capitals": Perturbation("noise", "a share of the letters in capitals", _capitals, rate=0.3),
    "spaces": Perturbation("noise", "doubled and tripled spaces", _spaces, rate=0.2),
    "no_punctuation": Perturbation("noise", "small letters, no punctuation", _no_punctuation),
}
