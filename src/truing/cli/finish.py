"""Derives what a run folder shows: `summary.json` and `report.html`."""

from __future__ import annotations

from pathlib import Path

import msgspec

from truing.errors import JournalError
from truing.journal import read_journal, seconds_spent
from truing.reports.evidence import gather_evidence
from truing.reports.html import render_html
from truing.reports.profile import Summary, summarise
from truing.runs import read_header, write_atomically

__all__ = ["derive_summary", "write_reports"]


def derive_summary(folder: Path) -> Summary:
    """Every number of a run, from its header and journal."""
    journal = folder / "journal"
    return summarise(
        read_header(folder), read_journal(journal), wall_seconds=seconds_spent(journal)
    )


def write_reports(folder: Path) -> Summary:
    """Write `summary.json` and `report.html` into a run folder; returns the summary."""
    header = read_header(folder)
    summary = derive_summary(folder)
    evidence = gather_evidence(header, lambda: read_journal(folder / "journal"))
    try:
        encoded = msgspec.json.format(msgspec.json.encode(summary), indent=1)
        write_atomically(folder / "summary.json", encoded + b"\n")
        page = render_html(header, summary, evidence)
        write_atomically(folder / "report.html", page.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise JournalError(f"cannot write to {folder}: {error.strerror or error}") from error
    return summary
