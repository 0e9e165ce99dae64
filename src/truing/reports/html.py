"""The profile and the failing samples as one self-contained page.

Everything that a model, a task or a user wrote goes through the template's escaping and the
filter for control characters; the page carries a policy that forbids scripts and requests.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from truing import taxonomy
from truing.reports.columns import TITLES
from truing.reports.evidence import Evidence
from truing.reports.profile import Estimate, Row, Summary
from truing.reports.text import duration, interval, rate, visible
from truing.runs import RunHeader

__all__ = ["render_html"]

SHOWN_CHARACTERS = 4000


def render_html(
    header: RunHeader, summary: Summary, evidence: dict[str, list[list[Evidence]]]
) -> str:
    """The page, as text."""
    environment = Environment(
        loader=PackageLoader("truing.reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters |= {"rate": rate, "duration": duration, "cut": _cut}
    environment.globals |= {"interval": interval, "bar": _bar, "titles": TITLES}
    page = environment.get_template("report.html.jinja")
    names = taxonomy.subcategories()
    return page.render(
        header=header,
        summary=summary,
        evidence=evidence,
        tasks={task.id: task for task in header.tasks},
        names={row.subcategory: _name(row, names) for row in summary.rows},
        made=datetime.fromtimestamp(header.created_at, UTC).strftime("%Y-%m-%d %H:%M UTC"),
        fewest=min((row.headline.clusters for row in summary.rows), default=0),
    )


def _name(row: Row, names: dict[str, taxonomy.SubCategory]) -> str:
    known = names.get(row.subcategory)
    return known.name if known else row.subcategory


def _shown(value: Any) -> Any:
    """Control characters become visible before the template escapes the text."""
    return visible(value) if type(value) is str else value


def _cut(text: str) -> str:
    if len(text) <= SHOWN_CHARACTERS:
        return text
    return f"{text[:SHOWN_CHARACTERS]} [... {len(text) - SHOWN_CHARACTERS} more characters]"


def _bar(estimate: Estimate, floor: float | None) -> dict[str, Any] | None:
    """Places on a line from 0 to 100 for the picture of an interval; None where it is unknown."""
    if estimate.estimate is None or estimate.low is None or estimate.high is None:
        return None
    wide = estimate.simultaneous or (estimate.low, estimate.high)
    return {
        "at": round(100 * estimate.estimate, 2),
        "low": round(100 * estimate.low, 2),
        "width": round(100 * (estimate.high - estimate.low), 2),
        "wide_low": round(100 * wide[0], 2),
        "wide_width": round(100 * (wide[1] - wide[0]), 2),
        "floor": None if floor is None else round(100 * floor, 2),
    }
