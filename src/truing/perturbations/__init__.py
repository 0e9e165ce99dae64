"""Ways to ask the same question otherwise: noise, encodings and attacks that keep its right answer.

A perturbation changes the words around or the spelling of what is asked and never what is asked,
so gold, sides and reference answers stay. It is fixed before any model runs: sample, edition and
name decide it alone. `NAME` or `NAME:RATE`, e.g. `typos:0.05`, `role_play`.
"""

from __future__ import annotations

import math

from truing.errors import UnknownName, UsageError
from truing.perturbations.attacks import ATTACKS
from truing.perturbations.encodings import ENCODINGS
from truing.perturbations.noise import NOISE
from truing.perturbations.perturbation import Perturbation

__all__ = ["PERTURBATIONS", "find_perturbation"]

PERTURBATIONS: dict[str, Perturbation] = {**NOISE, **ENCODINGS, **ATTACKS}


def find_perturbation(spec: str) -> tuple[Perturbation, float | None]:
    """The perturbation that `NAME` or `NAME:RATE` names, and its rate where it has one.

    Raises `UnknownName`, or `UsageError` where the rate is missing its place in (0, 1].
    """
    name, colon, given = spec.partition(":")
    if name not in PERTURBATIONS:
        raise UnknownName("perturbation", name, sorted(PERTURBATIONS))
    found = PERTURBATIONS[name]
    if found.rate is None:
        if colon:
            raise UsageError(f"--with {spec}: {name} has no rate, give it as {name}")
        return found, None
    try:
        rate = float(given) if colon else found.rate
    except ValueError:
        rate = math.nan
    if not 0 < rate <= 1:
        raise UsageError(f"--with {spec}: expected a rate above 0 and at most 1, got {given!r}")
    return found, rate
