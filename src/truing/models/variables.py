"""`${NAME}` in a template: filled from the environment, and taken out of whatever is shown.

Knows text and how servers write it back (as it is, percent-encoded, escaped as JSON or HTML), not
where it goes.
"""

from __future__ import annotations

import html
import os
import re
from urllib.parse import quote

from truing.errors import UsageError

__all__ = ["VARIABLE", "Variables"]

VARIABLE = re.compile(r"\$\{(\w+)\}")
SHORTEST_IN_ANSWERS = 8
"""Shorter values ("3", "eu") are no keys, and taking them out would punch holes in answers."""
_GONE = "[key]"


class Variables:
    """The variables that one template names."""

    def __init__(self) -> None:
        self._values: set[str] = set()
        self._patterns: dict[int, re.Pattern[str] | None] = {}
        self._in_bytes: re.Pattern[bytes] | None = None

    def filled(self, text: str, *, in_address: bool = False) -> str:
        """The text with its variables' values, percent-encoded for an address.

        A value is never filled again. Raises `UsageError` where one is not set, without its value.
        """

        def value(match: re.Match[str]) -> str:
            found = os.environ.get(match[1], "").strip()
            if not found:
                raise UsageError(f"the template names ${{{match[1]}}}, which is not set")
            if not _is_text(found):
                raise UsageError(f"the variable {match[1]}, which the template names, is not UTF-8")
            self._values.add(found)
            self._patterns.clear()
            self._in_bytes = None
            return quote(found, safe="") if in_address else found

        return VARIABLE.sub(value, text)

    def redacted(self, text: str, *, shortest: int = 1) -> str:
        """The text without the values of at least so many characters, however they are written."""
        if shortest not in self._patterns:
            self._patterns[shortest] = _pattern(self._values, shortest)
        pattern = self._patterns[shortest]
        return pattern.sub(_GONE, text) if pattern else text

    def redacted_answer(self, text: str) -> str:
        """What a model said, without what could be a key."""
        return self.redacted(text, shortest=SHORTEST_IN_ANSWERS)

    def redacted_bytes(self, data: bytes) -> bytes:
        """A body in UTF-8 without the values."""
        if self._in_bytes is None:
            pattern = _pattern(self._values, 1)
            if pattern is None:
                return data
            self._in_bytes = re.compile(pattern.pattern.encode())
        return self._in_bytes.sub(_GONE.encode(), data)


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _pattern(values: set[str], shortest: int) -> re.Pattern[str] | None:
    """Matches every value in any mix of the ways to write it, the longest first."""
    long = sorted((v for v in values if len(v) >= shortest), key=lambda v: (-len(v), v))
    return re.compile("|".join("".join(map(_ways, value)) for value in long)) if long else None


def _ways(sign: str) -> str:
    """One sign as it is, percent-encoded, or escaped as in JSON or HTML."""
    percent = "".join(f"%(?:25)?{byte:02x}" for byte in sign.encode())
    units = sign.encode("utf-16-be").hex()
    escaped = "".join(rf"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
    ways = {re.escape(sign), f"(?i:{percent})", f"(?i:{escaped})", f"&#0*{ord(sign)};"}
    ways.add(f"(?i:&#x0*{ord(sign):x};)")
    if sign in "\"'&<>":
        ways.add(re.escape(html.escape(sign)))
    if sign in '"\\/':
        ways.add(re.escape(f"\\{sign}"))
    if sign.isspace():
        ways |= {r"\s", r"\\[nrt]", r"\+"}
    # Longer ways first: a backslash alone would leave the second one of an escaped pair.
    return f"(?:{'|'.join(sorted(ways, key=lambda way: (-len(way), way)))})"
