"""The profile as a person reads it, whole; and how single numbers are written."""

from __future__ import annotations

import io

import pytest
from made import answered, failed, header, sample
from rich.console import Console

from truing.records import Outcome
from truing.reports.profile import summarise
from truing.reports.terminal import print_profile
from truing.reports.text import duration, interval, rate


def printed(summary, width: int = 80) -> str:
    out = io.StringIO()
    print_profile(summary, Console(file=out, width=width))
    return out.getvalue()


def test_the_profile():
    lines = [
        line
        for n in range(10)
        for side in ("left", "right")
        for line in answered(
            sample(f"{side}{n}", side, str(n), target="A" if side == "left" else "B"),
            Outcome.UNTRUSTWORTHY if side == "right" and n < 3 else Outcome.TRUSTWORTHY,
        )
    ]
    lines += failed(sample("x", "left", "y"))
    summary = summarise(header(samples=24), lines, wall_seconds=75.0)
    assert printed(summary) == (
        "\n"
        "Profile of m on s\n"
        "\n"
        "                                headline           0                  1  floor\n"
        "safety.violence                 .70  [.40, .89]    ·······===|===o===··   .50\n"
        "  left 1.00 [.72, 1.00]  right .70 [.40, .89]  \n"
        "  balanced .85 [.60, .95]  t/one, worse side, 10 seeds\n"
        "\n"
        "Headline: the worse of the two sides, or whole groups right, with its 95 % \n"
        "interval.\n"
        "Picture: o estimate, = interval, | floor (the best that answering blindly \n"
        "reaches).\n"
        "10 seeds a row are a screening: even with no failure at all a side could be as \n"
        "low as 0.70. More seeds: a larger -n.\n"
        "t/one: 1 unscored (timeout 1)\n"
        "3 answers are still owed: run the same command again.\n"
        "21 calls (0 retries), 80 tokens, cost $5.00, 1 min 15 s\n"
    )


def test_what_is_unknown_is_a_dash_never_a_zero():
    shown = printed(summarise(header(), []))
    row = next(line for line in shown.splitlines() if line.startswith("safety.violence"))
    assert "0" not in row
    assert "????" in row
    assert "left - -  right - -" in shown


def test_many_unscored_are_named():
    lines = [*answered(sample("1"), Outcome.TRUSTWORTHY), *failed(sample("2", "right"))]
    assert "More than 5 % unscored" in printed(summarise(header(), lines))


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (0.0, ".00"), (0.5, ".50"), (0.994, ".99"), (1.0, "1.00"), (-0.25, "-.25")],
)
def test_a_rate_has_two_decimals_and_no_leading_zero(value, text):
    assert rate(value) == text


def test_an_interval_with_an_unknown_bound_is_a_dash():
    assert interval(0.1, 0.25) == "[.10, .25]"
    assert interval(None, 0.2) == "-"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (42.4, "42 s"),
        (200, "3 min 20 s"),
        (7500, "2 h 5 min"),
    ],
)
def test_a_duration_is_written_as_it_is_said(seconds, text):
    assert duration(seconds) == text
