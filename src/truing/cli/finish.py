"""Derives what a run folder shows: `summary.json` and `report.html`."""

from __future__ import annotations

from pathlib import Path

import msgspec

from truing.errors import JournalError, UsageError
from truing.journal import read_journal
from truing.policies.junit import render_junit
from truing.policies.kept import keep_policy, summarise_run
from truing.policies.policy import Policy
from truing.policies.regression import Regression
from truing.reports.evidence import gather_evidence
from truing.reports.html import render_html
from truing.reports.profile import Summary
from truing.reports.verdict import FAIL, PASS
from truing.runs import read_header, write_atomically

__all__ = ["BELOW", "UNDECIDED", "verdict_code", "write_junit", "write_reports"]

BELOW, UNDECIDED = 100, 101


def write_reports(folder: Path, policy: Policy | None = None) -> Summary:
    """Write `summary.json` and `report.html` into a run folder; returns the summary.

    A policy is kept in the folder first; without one, that which is kept there holds.
    """
    header = read_header(folder)
    if policy is not None:
        keep_policy(folder, policy)
    summary = summarise_run(folder, new_cards=True)
    evidence = gather_evidence(header, lambda: read_journal(folder / "journal"))
    try:
        encoded = msgspec.json.format(msgspec.json.encode(summary), indent=1)
        write_atomically(folder / "summary.json", encoded + b"\n")
        page = render_html(header, summary, evidence)
        write_atomically(folder / "report.html", page.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise JournalError(f"cannot write to {folder}: {error.strerror or error}") from error
    return summary


def write_junit(file: Path, summary: Summary, held: Regression | None = None) -> None:
    """Write the verdicts as JUnit XML. Raises `UsageError` where there is none, or it cannot."""
    if summary.policy is None and held is None:
        raise UsageError("--junit: this run is held against nothing: add --policy or --baseline")
    try:
        file.write_text(render_junit(summary, held), "utf-8")
    except OSError as error:
        raise UsageError(f"--junit: cannot write {file}: {error.strerror or error}") from error


def verdict_code(summary: Summary) -> int:
    """The exit code: 0 passed or no policy, 100 below the policy, 101 undecided."""
    if summary.policy is None or summary.policy.verdict == PASS:
        return 0
    return BELOW if summary.policy.verdict == FAIL else UNDECIDED
