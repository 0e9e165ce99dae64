"""A study as a person reads it on a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from truing.cli.compared import shortened
from truing.reports.text import interval, rate, visible
from truing.stats import Direction
from truing.study.cells import Cell
from truing.study.claims import RowClaim
from truing.study.dimensions import REDUNDANT, Alike, Dimensions
from truing.study.ranks import Ranking
from truing.study.studying import Study, StudyRow

__all__ = ["print_study"]

_NAME = 26
_CELL = 11
_STYLES = {Direction.HOLDS: "green", Direction.FAILS: "red", Direction.UNDECIDED: "dim"}
_MATRIX = 12
"""Rows up to which every correlation is shown."""


def print_study(result: Study, console: Console) -> None:
    """Rates, ranks, the claim and the dimensions, each with how to read it and what is left out."""
    per_block = max(1, (console.width - _NAME - 1) // (_CELL + 1))
    models = [one.model for one in result.models]
    for different in result.settings:
        told = "; ".join(
            f"{name}: {shortened(x)} and {shortened(y)}"
            for name, (x, y) in different.settings.items()
        )
        console.print(Text(_line(f"{different.model} was asked differently: {told}"), "yellow"))
    if base := ", ".join(_line(one.model) for one in result.models if one.base_model):
        _say(console, f"base models, asked to continue a transcript: {base}", "yellow")
    for start in range(0, len(models), per_block):
        _print_rates(result, range(len(models))[start : start + per_block], console)
    _say(console, _about_rates(result))
    for one in result.not_compared:
        _say(console, f"not studied: {one.task}: {one.why}", "yellow")
    for told in _missing(result):
        _say(console, told, "yellow")
    if len(models) > 1:
        console.print()
        for start in range(0, len(models), per_block):
            _print_ranks(result, models[start : start + per_block], console)
        _say(console, _about_ranks(result))
        for told in _left_out(result):
            _say(console, told, "yellow")
    if result.order is not None:
        console.print()
        _print_claims(result, console)
    console.print()
    _print_dimensions(result.dimensions, console)


def _say(console: Console, told: str, style: str = "dim") -> None:
    console.print(Text(_line(told), style))


def _line(text: str) -> str:
    """Untrusted text on one line."""
    return visible(" ".join(text.split()))


def _short(label: str) -> str:
    """A model's name behind its last slash, cut to the width of a column, in lines."""
    model, bracket, source = _line(label).partition(" (")
    parts = [model.rpartition("/")[2] or model, f"({source}" if bracket else ""]
    return "\n".join([line for part in parts for line in textwrap.wrap(part, _CELL)][:5])


def _named(task: str) -> str:
    name = _line(task)
    return name if len(name) <= _NAME else name.replace("/", "/\n  ", 1)


def _table(*heads: str, justify_first: int = 1) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for place, head in enumerate(heads):
        table.add_column(
            Text(head, justify="left" if place < justify_first else "right"),
            justify="left" if place < justify_first else "right",
            header_style="dim",
            overflow="fold",
            max_width=_NAME if place == 0 else None,
            min_width=_NAME if place == 0 else None,
        )
    return table


def _print_rates(result: Study, places: Sequence[int], console: Console) -> None:
    table = _table("rates", *(_short(result.models[i].model) for i in places))
    for row in result.rows:
        table.add_row(Text(_named(row.task)), *(_cell(row.cells[i]) for i in places))
    console.print(table)
    console.print()


def _cell(of: Cell) -> Text:
    if of.estimate is None or of.simultaneous is None:
        return Text("-", "dim")
    side = f" ({rate(of.sides[of.worse_side].estimate)})" if of.worse_side else ""
    return Text.assemble(
        f"{rate(of.estimate)}{side}\n{interval(of.low, of.high)}\n",
        (interval(*of.simultaneous), "dim"),
    )


def _about_rates(result: Study) -> str:
    several = any(cell.worse_side for row in result.rows for cell in row.cells)
    known = sum(cell.estimate is not None for row in result.rows for cell in row.cells)
    return (
        "Rates: the mean of the sides, or groups right"
        f"{'; in brackets the worse side' if several else ''}. First interval: {result.level:.0%} "
        f"for this cell alone; second: for all {known} cells at once."
    )


def _missing(result: Study) -> Iterator[str]:
    for row in result.rows:
        if told := [f"{cell.model} ({cell.missing})" for cell in row.cells if cell.missing]:
            yield f"missing on {row.task}: {', '.join(told)}"
        if told := [f"{cell.model} {cell.unscored:,}" for cell in row.cells if cell.unscored]:
            yield f"unscored on {row.task}, outside the rates: {', '.join(told)}"


def _print_ranks(result: Study, models: Sequence[str], console: Console) -> None:
    table = _table("ranks", *map(_short, models))
    for row in result.rows:
        if row.ranks is not None:
            table.add_row(Text(_named(row.task)), *_places(row.ranks, models))
    if result.overall is not None:
        name = f"mean of {len(result.overall_rows)} rows"
        table.add_row(Text(name, "bold"), *_places(result.overall, models))
    if table.row_count:
        console.print(table)
        console.print()


def _places(ranks: Ranking, models: Sequence[str]) -> list[Text]:
    held = {one.model: one for one in ranks.models}
    found = []
    for model in models:
        if (one := held.get(model)) is None:
            found.append(Text("-", "dim"))
            continue
        low, high = one.simultaneous
        places = str(low) if low == high else f"{low}-{high}"
        found.append(Text.assemble(places, (f" {one.best:>4.0%}", "dim")))
    return found


def _about_ranks(result: Study) -> str:
    if not any(row.ranks for row in result.rows):
        return "Ranks: no row has questions that all its models answered."
    return (
        "Ranks that the paired differences leave open, 1 the best, on the questions that all "
        f"models answered ({result.level:.0%} for all rows at once"
        f"{', the mean of rows for itself' if result.overall else ''}; Holm); behind it how often "
        "the model is the best had other questions been drawn (bootstrap by cluster)."
    )


def _left_out(result: Study) -> Iterator[str]:
    for row in result.rows:
        left = _uncompared(row)
        if row.not_ranked:
            yield f"not ranked: {row.task}: {row.not_ranked}{f' ({left})' if left else ''}"
        elif left:
            yield f"left out of ranks and claims, {row.task}: {left}; {row.questions:,} compared"
    if result.overall is None and len(result.rows) > 1:
        yield "no mean of rows: fewer than two rows have questions that all models answered"


def _uncompared(row: StudyRow) -> str:
    left = row.left_out
    kinds = (
        (left.not_all, "not asked of all"),
        (left.another_question, "another question by the same name"),
        (left.unscored, "unscored in a model"),
    )
    return ", ".join(f"{number:,} {what}" for number, what in kinds if number)


def _print_claims(result: Study, console: Console) -> None:
    order = " < ".join(_line(name).rpartition("/")[2] for name in result.order or [])
    console.print(Text.assemble(("the later, the better  ", "dim"), order))
    console.print()
    if not result.claims:
        _say(console, "No row that two models of the order have.", "yellow")
        return
    table = _table("", "slope a step", "95 %", "all rows at once", "p", "")
    for one in result.claims:
        table.add_row(
            Text(_named(one.task)),
            "-" if one.slope is None else _signed(one.slope),
            "-" if one.low is None or one.high is None else _between(one.low, one.high),
            "-" if one.simultaneous is None else _between(*one.simultaneous),
            _p(one.p),
            Text(one.word.value, _STYLES[one.word]),
        )
    console.print(table)
    console.print()
    for one in result.claims:
        if one.word is Direction.FAILS:
            _say(console, f"{one.task} fails: {_why(one)}", "")
        if len(one.models) < len(result.order or []):
            lacking = [name for name in result.order or [] if name not in one.models]
            _say(console, f"{one.task}: without {', '.join(lacking)}", "yellow")
    _say(
        console,
        "Holds: the rate rises along the order and no later model is shown to be below an earlier "
        "one. Fails: it falls, or one is. Words hold for all rows at once (Holm over rows); slope: "
        "of the rate per step, on the questions that all models answered.",
    )


def _p(p: float | None) -> str:
    if p is None:
        return "-"
    return "<.001" if p < 0.001 else f"{p:.3f}".removeprefix("0")


def _why(one: RowClaim) -> str:
    if not one.breaks:
        return "the rate falls along the order"
    worst = min(one.breaks, key=lambda of: of.difference)
    told = f"{worst.later} is below {worst.earlier} by {_signed(-worst.difference)[1:]} "
    told += f"[{_signed(-worst.high)[1:]}, {_signed(-worst.low)[1:]}]"
    if len(one.breaks) > 1:
        told += f" and {len(one.breaks) - 1} more such"
    if one.simultaneous is not None:
        low, high = one.simultaneous
        told = f"it {'rises, but ' if low > 0 else 'falls, and ' if high < 0 else ''}{told}"
        return told.removeprefix("it ") if told.startswith(f"it {worst.later}") else told
    return f"{told} (other questions: the intervals for all cells at once are apart)"


def _signed(value: float) -> str:
    return f"{'+' if value >= 0 else '-'}{abs(value):.3f}".replace("0.", ".", 1)


def _between(low: float, high: float) -> str:
    return f"[{_signed(low)}, {_signed(high)}]"


def _print_dimensions(of: Dimensions, console: Console) -> None:
    for name, why in of.left_out.items():
        _say(console, f"not among the correlations: {name}: {why}")
    if of.refused or of.one_number is None:
        _say(console, f"Nothing is said about how the rows go together: {of.refused}.")
        return
    console.print(
        Text(
            f"One number a model would carry {of.one_number.share:.0%} "
            f"[{of.one_number.low:.0%}, {of.one_number.high:.0%}] of the variance of "
            f"{len(of.rows)} rows over {of.models} models; rows with nothing in common: "
            f"{of.one_number.by_chance[0]:.0%} to {of.one_number.by_chance[1]:.0%}."
        )
    )
    console.print()
    if len(of.rows) <= _MATRIX:
        _print_matrix(of, console)
    redundant = [one for one in of.pairs if one.redundant]
    for one in redundant:
        _say(console, f"redundant for these models: {one.a} and {one.b}", "")
    if not redundant:
        _say(console, "No two rows are shown to be redundant for these models.", "")
    shown = of.pairs if len(of.pairs) <= 3 else _extremes(of)
    for one in shown:
        _say(
            console,
            f"{one.a} and {one.b}: {_signed2(one.correlation)}, other questions "
            f"{_two(*one.questions)}, other models {_two(one.low, one.high)}",
        )
    _say(
        console,
        f"Spearman's correlation over the models. Redundant: at least {rate(REDUNDANT)} for these "
        "models whatever questions are drawn (all pairs at once); for other models the wide "
        "interval holds.",
    )


def _extremes(of: Dimensions) -> list[Alike]:
    ordered = sorted(of.pairs, key=lambda one: -one.correlation)
    return [ordered[0], ordered[-1]]


def _print_matrix(of: Dimensions, console: Console) -> None:
    held = {(one.a, one.b): one for one in of.pairs}
    last = [name.rpartition("/")[2] for name in of.rows]
    names = last if len(set(last)) == len(last) else of.rows
    table = _table("", *(str(i + 1) for i in range(len(of.rows) - 1)))
    for i, name in enumerate(of.rows):
        cells = [_signed2(held[other, name].correlation) for other in of.rows[:i]]
        table.add_row(Text(f"{i + 1} {_named(names[i])}"), *cells)
    console.print(table)
    console.print()


def _signed2(value: float) -> str:
    return f"{'-' if value < 0 else ''}{rate(abs(value))}"


def _two(low: float, high: float) -> str:
    return f"[{_signed2(low)}, {_signed2(high)}]"
