"""Reads the log-probability of each option's letter from a chat completion."""

from __future__ import annotations

import math
from typing import Any

__all__ = ["option_logprobs"]


def option_logprobs(logprobs: Any, letters: list[str]) -> dict[str, float] | None:
    """Letter -> natural logarithm of its probability as the first token.

    `logprobs` is the protocol's own object. None unless every letter is listed with a finite
    value: a column over part of the options would be a guess.
    """
    listed: dict[str, float] = {}
    try:
        first = logprobs["content"][0]
        for entry in (first, *(first.get("top_logprobs") or ())):
            letter, value = str(entry["token"]).strip(), float(entry["logprob"])
            listed[letter] = max(value, listed.get(letter, -math.inf))
    except (LookupError, TypeError, ValueError, AttributeError):
        return None
    if not letters or not all(math.isfinite(listed.get(letter, math.nan)) for letter in letters):
        return None
    return {letter: listed[letter] for letter in letters}
