"""The verdict against a policy and a baseline as JUnit XML, which CI systems show as tests.

A test case per required side; one that is undecided is a failure too, as it must not pass. What a
model, a task or a policy wrote is escaped, and what XML cannot hold is shown as text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from truing.policies.regression import HeldSide, Regression
from truing.reports.profile import Summary
from truing.reports.text import interval, rate, visible
from truing.reports.verdict import PASS, RequiredSide

__all__ = ["render_junit"]

# What `visible` leaves and XML 1.0 does not take.
_NO_CHARACTER = re.compile("[\ufffe\uffff]")


def render_junit(summary: Summary, held: Regression | None = None) -> str:
    """The document, as text to be written as UTF-8: a suite for the policy, one for the baseline.

    Of a run with neither it has no suite.
    """
    of = f"{summary.model} on {summary.suite}"
    suites = []
    if summary.policy is not None:
        name = f"{summary.policy.name}: {of}"
        suites.append((name, [_required(side) for side in summary.policy.sides]))
    if held is not None:
        name = f"no worse than {held.baseline} by {held.no_worse_than:g}: {of}"
        suites.append((name, [_held(side, held) for side in held.sides]))
    seconds = f' time="{summary.wall_seconds:.3f}"' if summary.wall_seconds is not None else ""
    written = "\n".join(
        f'<testsuite name="{_attribute(name)}" {_counts(cases)}{seconds}>\n'
        + "".join(f"{case.xml()}\n" for case in cases)
        + "</testsuite>"
        for name, cases in suites
    )
    every = [case for _, cases in suites for case in cases]
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<testsuites {_counts(every)}{seconds}>\n{written}\n</testsuites>\n"
    )


class _Case(NamedTuple):
    row: str
    name: str
    verdict: str
    says: str
    more: list[str]

    def xml(self) -> str:
        opening = f'<testcase classname="{_attribute(self.row)}" name="{_attribute(self.name)}"'
        if self.verdict == PASS:
            return f"{opening}/>"
        told = f"{self.verdict}: {self.says}"
        text = _text("\n".join([told, *self.more]))
        return (
            f'{opening}><failure type="{_attribute(self.verdict)}" '
            f'message="{_attribute(told)}">{text}</failure></testcase>'
        )


def _counts(cases: Sequence[_Case]) -> str:
    failures = sum(case.verdict != PASS for case in cases)
    return f'tests="{len(cases)}" failures="{failures}" errors="0" skipped="0"'


def _required(side: RequiredSide) -> _Case:
    bounds = interval(side.low, side.high)
    return _Case(
        row=side.row,
        name=f"{side.task or side.row}, {side.side} at least {side.at_least:g}",
        verdict=side.verdict,
        says=side.says,
        more=[
            f"rate {rate(side.estimate)}, one-sided bounds {bounds}, {side.seeds} seeds",
            side.why,
        ],
    )


def _held(side: HeldSide, held: Regression) -> _Case:
    return _Case(
        row=side.task,
        name=f"{side.task}, {side.side} no worse than the baseline by {held.no_worse_than:g}",
        verdict=side.verdict,
        says=side.says,
        more=[f"rate {rate(side.now)}, in the baseline {rate(side.before)}, {side.clusters} seeds"],
    )


def _text(value: str) -> str:
    shown = _NO_CHARACTER.sub(lambda match: f"\\u{ord(match[0]):04x}", visible(value))
    return escape(shown)


def _attribute(value: str) -> str:
    return _text(" ".join(value.split()))
