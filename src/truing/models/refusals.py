"""What an HTTP status and an error body mean: a fault with its kind, or the end of the run."""

from __future__ import annotations

import math
import re
import time
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

import msgspec

from truing.models.http import Reply
from truing.models.model import clean_text
from truing.records import Fault, FaultKind

__all__ = [
    "ErrorBody",
    "fault_of",
    "is_filter_block",
    "is_out_of_credit",
    "read_error",
    "rejected_words",
    "seconds_without_room",
]

_KINDS = {
    408: FaultKind.TIMEOUT,
    409: FaultKind.SERVER_ERROR,
    425: FaultKind.SERVER_ERROR,
    429: FaultKind.RATE_LIMIT,
    503: FaultKind.OVERLOADED,
    529: FaultKind.OVERLOADED,
}
_FILTER_CODES = {
    "content_filter",
    "content_policy_violation",
    "responsibleaipolicyviolation",
    "moderation_blocked",
    "data_inspection_failed",
}
_NO_CREDIT_CODES = {
    "insufficient_quota",
    "billing_hard_limit_reached",
    "insufficient_balance",
    "insufficient_credits",
    "billing_disabled",
}
_BLOCKED = re.compile("blocked by content filter", re.IGNORECASE)
"""Anthropic's filter, which has no code of its own, there and on Bedrock."""
_REJECTS = re.compile(
    r"support|unknown|unrecogni[sz]ed|unexpected|permitted|allowed|extra|deprecated|invalid param",
    re.IGNORECASE,
)
_LONGEST_MESSAGE = 2000
"""What is shown is cut where keys are taken out of it, and not before."""
_LONGEST_HOLD = 60.0
_RETRY_INFO = re.compile(rb'"retryDelay"\s*:\s*"(\d{1,6}(?:\.\d+)?)s"')
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


class ErrorBody(NamedTuple):
    """What a server says of an error, in whatever shape it says it."""

    message: str
    code: str
    parameter: str
    moderated: bool


def read_error(body: bytes) -> ErrorBody:
    """The message of an error body; plain text is its own message."""
    text = body[:2000].decode("utf-8", "replace")
    code = parameter = ""
    moderated = False
    try:
        error: Any = msgspec.json.decode(body)
        if isinstance(error, list) and error:
            error = error[0]
        error = error.get("error", error) if isinstance(error, dict) else error
        if isinstance(error, dict):
            text = str(error.get("message") or error.get("detail") or text)
            codes = [error.get("code"), error.get("type")]
            inner = error.get("innererror")
            if isinstance(inner, dict):
                codes.append(inner.get("code"))
            details = error.get("details")
            if isinstance(details, list):
                codes += [item.get("reason") for item in details if isinstance(item, dict)]
            known = [str(c).lower() for c in codes if c]
            code = next((c for c in known if c in _FILTER_CODES | _NO_CREDIT_CODES), "")
            code = code or next(iter(known), "")
            parameter = str(error.get("param") or "")
            metadata = error.get("metadata")
            moderated = isinstance(metadata, dict) and "flagged_input" in metadata
        elif isinstance(error, str):
            text = error
    except (msgspec.DecodeError, AttributeError, UnicodeDecodeError):
        pass
    message = clean_text(" ".join(text.split())[:_LONGEST_MESSAGE]) or "no message"
    return ErrorBody(message, code, parameter, moderated)


def is_filter_block(status: int, error: ErrorBody) -> bool:
    """Whether the provider's filter blocked the prompt: an outcome, not a failure."""
    blocked = status == 400 and _BLOCKED.search(error.message) is not None
    return blocked or error.code in _FILTER_CODES or (status == 403 and error.moderated)


def rejected_words(error: ErrorBody) -> set[str]:
    """Words of a refusal, one of which may be a setting; none where nothing is unsupported."""
    if error.parameter:
        return {error.parameter.lower()}
    if not _REJECTS.search(error.message):
        return set()
    return set(re.findall(r"[a-z_.]+", error.message.lower()))


def is_out_of_credit(status: int, error: ErrorBody) -> bool:
    """Whether the account may not be billed any further: no later call can succeed."""
    return status == 402 or error.code in _NO_CREDIT_CODES


def fault_of(reply: Reply, said: str) -> Fault:
    """The fault that a status stands for; what is not named here is this request's own."""
    status = reply.status
    kind = _KINDS.get(status)
    if kind is None:
        kind = FaultKind.SERVER_ERROR if status >= 500 else FaultKind.REFUSED_REQUEST
    if kind is FaultKind.REFUSED_REQUEST:
        return Fault(kind=kind, detail=f"{status}: {said}")
    return Fault(kind=kind, detail=f"{status}: {said}", wait_seconds=_asked_wait(reply))


def seconds_without_room(headers: list[tuple[bytes, bytes]]) -> float | None:
    """How long the rate-limit headers of an answer leave no room for another call, if they do.

    OpenAI's names (`x-ratelimit-remaining-requests`, `-reset-requests`, the same for tokens; a
    duration such as `6m0s` or `120ms`) and Anthropic's (`anthropic-ratelimit-...`; a moment).
    """
    said = {
        raw.decode("latin-1").lower(): value.decode("latin-1").strip()
        for raw, value in headers
        # The shortest of these names has 15 letters: most headers need no closer look.
        if len(raw) > 14 and b"ratelimit-" in raw.lower()
    }
    if not said:
        return None
    waits = []
    for name, left in said.items():
        if "remaining" not in name or _number(left) != 0:
            continue
        reset = said.get(name.replace("remaining", "reset"))
        if reset is not None:
            waits.append(_until(reset))
    known = [wait for wait in waits if wait is not None and wait > 0]
    return min(max(known), _LONGEST_HOLD) if known else None


def _until(reset: str) -> float | None:
    """Seconds until a reset, given as seconds, as a duration or as a moment."""
    if (seconds := _number(reset)) is not None:
        return seconds
    if parts := re.findall(r"(\d+(?:\.\d+)?)(ms|h|m|s)", reset):
        return sum(float(number) * _UNITS[unit] for number, unit in parts)
    try:
        return datetime.fromisoformat(reset).timestamp() - time.time()
    except ValueError:
        return None


def _asked_wait(reply: Reply) -> float | None:
    """Seconds of `Retry-After` (a number or a date), its more precise cousin or Google's body."""
    precise = _number(reply.header("retry-after-ms"))
    if precise is not None:
        return precise / 1000
    given = reply.header("retry-after")
    if given is None:
        said = _RETRY_INFO.search(reply.body)
        return float(said[1]) if said else None
    seconds = _number(given)
    if seconds is None:
        try:
            seconds = max(0.0, parsedate_to_datetime(given).timestamp() - time.time())
        except (ValueError, OverflowError):
            return None
    return seconds


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return number if 0 <= number < math.inf else None
