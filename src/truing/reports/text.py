"""Numbers and untrusted text as a person reads them."""

from __future__ import annotations

import re

__all__ = ["duration", "interval", "rate", "visible"]

# Control characters, and those that reorder or hide what is shown (bidi, zero width).
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)


def visible(text: str) -> str:
    r"""The text with control and reordering characters shown as \xNN or \uNNNN."""
    return _UNSAFE.sub(lambda m: m[0].encode("unicode_escape", "surrogatepass").decode(), text)


def rate(value: float | None) -> str:
    """A rate to two decimals without the leading zero; a dash where it is unknown."""
    if value is None:
        return "-"
    return f"{value:.2f}" if abs(value) >= 0.995 else f"{value:.2f}".replace("0.", ".", 1)


def interval(low: float | None, high: float | None) -> str:
    """`[.41, .67]`, or a dash."""
    return "-" if low is None or high is None else f"[{rate(low)}, {rate(high)}]"


def duration(seconds: float | None) -> str:
    """`42 s`, `3 min 20 s`, `2 h 5 min`."""
    if seconds is None:
        return "-"
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
