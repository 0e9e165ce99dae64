"""Writes the figures of docs/studies.md: the survey's recorded answers, two models asked here.

truing import survey-recorded -o recorded
python docs/studies.py recorded

truing run -m embedded/smollm2-135m -s survey8 -n 20 --max-tokens 48 -o live/smollm2-135m
truing run -m embedded/gemma3-270m -s survey8 -n 20 --max-tokens 48 -o live/gemma3-270m
python docs/studies.py --live live/smollm2-135m live/gemma3-270m
"""

from __future__ import annotations

import io
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec
from rich.console import Console

from truing.cli.compared import print_comparison
from truing.cli.studied import print_study
from truing.comparison.comparing import compare
from truing.comparison.of_runs import measured_run
from truing.importers.survey_recorded import MODELS
from truing.journal import ResponseLine, read_journal
from truing.reports.text import interval, rate
from truing.study.claims import RowClaim
from truing.study.studying import Study, StudyRow, study

PAGE = Path(__file__).with_suffix(".md")


def figures(folder: Path) -> dict[str, str]:
    """Marker -> what stands between it and its end."""
    result = study([measured_run(folder / model) for model in MODELS], order=list(MODELS))
    return {
        "study": _printed(lambda console: print_study(result, console)),
        "rows": _rows(result, _constant(folder / MODELS[0])),
    }


def live_figures(folders: list[Path]) -> dict[str, str]:
    """The same of two runs that were made here: the study, and the comparison by pairs."""
    a, b = (
        msgspec.structs.replace(measured_run(folder), name=f"live/{folder.name}")
        for folder in folders
    )
    both, pairs = study([a, b]), compare(a, b)
    return {
        "live study": _printed(lambda console: print_study(both, console)),
        "live comparison": _printed(lambda console: print_comparison(pairs, console)),
    }


def _printed(show: Callable[[Console], None]) -> str:
    told = io.StringIO()
    show(Console(width=100, highlight=False, file=told))
    lines = [line.rstrip() for line in told.getvalue().strip("\n").splitlines()]
    return "\n".join(["```", *lines, "```"])


def _rows(result: Study, constant: dict[str, float]) -> str:
    claims = {one.task: one for one in result.claims}
    found = [
        "| study | the claim | by | best and worst model | a constant answer |",
        "|---|---|---|---|---|",
    ]
    for row in result.rows:
        blind = rate(constant[row.task]) if row.task in constant else "-"
        name, claim = row.task.partition("/")[2], claims[row.task]
        found.append(f"| {name} | **{claim.word}** | {_by(claim)} | {_ends(row)} | {blind} |")
    return "\n".join(found)


def _by(claim: RowClaim) -> str:
    told = []
    if claim.simultaneous is not None and claim.slope is not None:
        low, high = claim.simultaneous
        told.append(f"{claim.slope:+.3f} a step [{low:+.3f}, {high:+.3f}]")
    if claim.breaks:
        worst = min(claim.breaks, key=lambda one: one.difference)
        later, earlier = (name.rpartition("/")[2] for name in (worst.later, worst.earlier))
        told.append(
            f"{later} below {earlier} by {-worst.difference:.3f} "
            f"[{-worst.high:.3f}, {-worst.low:.3f}]"
        )
    return "; ".join(told).replace("0.", ".")


def _ends(row: StudyRow) -> str:
    known = sorted((c.estimate, c.model, c.simultaneous) for c in row.cells if c.estimate)
    return ", ".join(
        f"{model.rpartition('/')[2]} {rate(estimate)} {interval(*(wide or (None, None)))}"
        for estimate, model, wide in (known[-1], known[0])
    )


def _constant(folder: Path) -> dict[str, float]:
    """What always giving the same option reaches, of the tasks that have options."""
    golds: dict[str, Counter[str]] = {}
    for line in read_journal(folder / "journal"):
        if isinstance(line, ResponseLine) and line.sample.choices:
            golds.setdefault(line.sample.task, Counter())[str(line.sample.target)] += 1
    return {task: max(own.values()) / own.total() for task, own in golds.items()}


def written(page: str, parts: dict[str, str]) -> str:
    """The page with its figures put in. ValueError where a marker is not there."""
    for name, text in parts.items():
        start, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        before, found, rest = page.partition(start)
        _, closed, after = rest.partition(end)
        if not found or not closed:
            raise ValueError(f"no marker <!-- {name} --> with its end on the page")
        page = f"{before}{start}{text}\n{end}{after}"
    return page


if __name__ == "__main__":
    given = sys.argv[1:]
    found = (
        live_figures(list(map(Path, given[1:])))
        if given[0] == "--live"
        else figures(Path(given[0]))
    )
    PAGE.write_text(written(PAGE.read_text("utf-8"), found), "utf-8")
