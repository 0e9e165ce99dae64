"""What moved a run's rates, as a person reads it on a terminal."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.text import Text

from truing.reports.text import interval, rate, visible
from truing.reproducing.reproduced import Reproduced
from truing.reproducing.rows import Part, RowReproduced, Share, Word

__all__ = ["print_reproduced"]

_STYLES = {Word.REPRODUCIBLE: "green", Word.NOT: "red", Word.UNDECIDED: "dim"}
_SAID = {Word.NOT: "not reproducible"}
_WIDTHS = (12, 16, 4, 14, 17, 0)


def print_reproduced(result: Reproduced, out: Path, console: Console) -> None:
    """A block for each row, then what was not varied, and what is not as it was."""

    def say(text: str, style: str = "") -> None:
        console.print(Text(visible(text), style), soft_wrap=True)

    say(f"Run {result.run} of {result.model}, made again\n")
    for row in result.rows:
        _print_row(row, console)
    for line, style in _notes(result):
        say("\n".join(textwrap.wrap(line, 88)), style)
    say(f"\nfigures {out / 'reproduce.json'}\nruns    {out}")


def _print_row(row: RowReproduced, console: Console) -> None:
    whole = row.whole

    def say(text: str, style: str = "") -> None:
        console.print(Text(visible(text), style), soft_wrap=True)

    head = f"{row.task}  {rate(whole.rate)} {interval(whole.low, whole.high)}  "
    console.print(
        Text.assemble((visible(head), "bold"), (_said(whole), _STYLES[whole.verdict])),
        soft_wrap=True,
    )
    if whole.sources:
        say(_line("", "sd 95 %", "of", "verdicts flip", "farthest move", ""), "dim")
        if whole.items_sd is not None:
            part = "" if whole.items_share is None else f"{whole.items_share:.0%}"
            say(_line("items", _points(whole.items_sd), part, "", "", ""))
    for share in whole.sources:
        say(_share(share))
    if told := _why(whole):
        say(f"  {told}", "dim")
    for name, side in row.sides.items():
        if side.verdict is not whole.verdict and side.verdict is not Word.UNDECIDED:
            line = f"  {name.replace('_', ' ')}: {rate(side.rate)} {_said(side)}, {_why(side)}"
            say(line, _STYLES[side.verdict])
    if whole.decides:
        say(f"  would decide it: {whole.decides}", "dim")
    say("")


def _said(part: Part) -> str:
    return _SAID.get(part.verdict, part.verdict.value)


def _why(part: Part) -> str:
    if part.farthest is None or part.reach is None:
        return ""
    return f"moves reach {rate(part.farthest)}, the interval of the rate {rate(part.reach)}"


def _share(share: Share) -> str:
    farthest = max(share.moves, key=lambda move: abs(move.move))
    return _line(
        share.source.value,
        f"{_points(share.sd)} [{_points(share.sd_low)}, {_points(share.sd_high)}]",
        f"{share.share:.0%}",
        f"{rate(share.flip_rate)} {interval(share.flip_low, share.flip_high)}",
        f"{_signed(farthest.move)} [{_signed(farthest.low)}, {_signed(farthest.high)}]",
        re.sub(r"^(?:form_|quantisation-|judge:[^:]*:)", "", farthest.level),
    )


def _line(*cells: str) -> str:
    shown = (f"{cell:<{width}}" for cell, width in zip(cells, _WIDTHS, strict=True))
    return f"  {' '.join(shown)}".rstrip()


def _points(sd: float) -> str:
    """In points: hundredths of a rate."""
    return f"{100 * sd:.1f}"


def _signed(value: float) -> str:
    return f"{'+' if round(value, 2) >= 0 else '-'}{rate(abs(value))}"


def _notes(result: Reproduced) -> Iterator[tuple[str, str]]:
    counts = ", ".join(
        f"{number} {_SAID.get(Word(word), word)}" for word, number in result.verdicts.items()
    )
    told = (
        f"{counts}. sd: of the row's rate, in points, with its 95 % interval for these levels; "
        "of: its share of the variance of the rate; reproducible: every move's 95 % interval lies "
        "within the reach of the row's own; not: one lies beyond it, by the interval for all moves."
    )
    yield told, ""
    for source, why in result.not_varied.items():
        yield f"not varied: {source}: {why}", "dim"
    by_row: dict[tuple[str, str], list[str]] = {}
    for row in result.rows:
        for source, why in row.not_varied.items():
            if source not in result.not_varied:
                by_row.setdefault((source, why), []).append(row.task)
    for (source, why), tasks in by_row.items():
        on = "any row" if len(tasks) == len(result.rows) else ", ".join(tasks)
        yield f"not varied on {on}: {source}: {why}", "dim"
    for arm in result.arms:
        if arm.answers < arm.planned:
            yield f"{arm.name} owes {arm.planned - arm.answers:,} of {arm.planned:,} answers", "dim"
    for told in result.changed_since:
        yield f"not as it was: {told}", "yellow"
    for told in result.findings:
        yield f"the run itself does not add up: {told} (truing audit)", "yellow"
