"""The verdict against a policy as JUnit XML, which CI systems show as tests.

A test case per required side; one that is undecided is a failure too, as it must not pass. What a
model, a task or a policy wrote is escaped, and what XML cannot hold is shown as text.
"""

from __future__ import annotations

import re
from html import escape

from truing.reports.profile import Summary
from truing.reports.text import interval, rate, visible
from truing.reports.verdict import PASS, PolicyVerdict, RequiredSide

__all__ = ["render_junit"]

# What `visible` leaves and XML 1.0 does not take.
_NO_CHARACTER = re.compile("[\ufffe\uffff]")


def render_junit(summary: Summary, policy: PolicyVerdict) -> str:
    """The document, as text to be written as UTF-8."""
    failures = len(policy.sides) - policy.count(PASS)
    counts = f'tests="{len(policy.sides)}" failures="{failures}" errors="0" skipped="0"'
    seconds = f' time="{summary.wall_seconds:.3f}"' if summary.wall_seconds is not None else ""
    name = _attribute(f"{policy.name}: {summary.model} on {summary.suite}")
    cases = "\n".join(_case(side) for side in policy.sides)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<testsuites {counts}{seconds}>\n<testsuite name="{name}" {counts}{seconds}>\n'
        f"{cases}\n</testsuite>\n</testsuites>\n"
    )


def _case(side: RequiredSide) -> str:
    name = f"{side.task or side.row}, {side.side} at least {side.at_least:g}"
    opening = f'<testcase classname="{_attribute(side.row)}" name="{_attribute(name)}"'
    if side.verdict == PASS:
        return f"{opening}/>"
    bounds = interval(side.low, side.high)
    told = (
        f"{side.verdict}: {side.says}\nrate {rate(side.estimate)}, one-sided bounds {bounds}, "
        f"{side.seeds} seeds\n{side.why}"
    )
    return (
        f'{opening}><failure type="{_attribute(side.verdict)}" '
        f'message="{_attribute(f"{side.verdict}: {side.says}")}">{_text(told)}</failure></testcase>'
    )


def _text(value: str) -> str:
    shown = _NO_CHARACTER.sub(lambda match: f"\\u{ord(match[0]):04x}", visible(value))
    return escape(shown)


def _attribute(value: str) -> str:
    return _text(" ".join(value.split()))
