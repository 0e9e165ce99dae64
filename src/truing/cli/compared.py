"""A comparison as a person reads it on a terminal."""

from __future__ import annotations

from typing import Literal

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from truing.comparison.comparing import Comparison, Difference, RowComparison
from truing.reports.text import rate, visible
from truing.stats import Word

__all__ = ["print_comparison", "shortened"]

_STYLES = {Word.BETTER: "green", Word.WORSE: "red", Word.EQUIVALENT: "", Word.UNDECIDED: "dim"}
_SHOWN = 60
_NAME = 28


def print_comparison(result: Comparison, console: Console) -> None:
    """The table, what was left out of it, and what would decide the undecided."""
    for letter, model, name in (("a", result.model_a, result.a), ("b", result.model_b, result.b)):
        console.print(
            Text.assemble((f"{letter}  ", "dim"), _line(model), (f"  {_line(name)}", "dim"))
        )
    for field, (x, y) in result.settings.items():
        told = f"asked differently: {field} is {shortened(x)} in a and {shortened(y)} in b"
        console.print(Text(_line(told), "yellow"))
    for letter in result.base_models:
        console.print(Text(f"{letter} is a base model: asked to continue a transcript", "yellow"))
    console.print()
    if result.rows:
        console.print(_table(result))
        console.print()
    for line, style in _notes(result):
        console.print(Text(line, style))


def shortened(value: object) -> str:
    """A setting's value, cut where it is long."""
    text = str(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def _line(text: str) -> str:
    """Untrusted text on one line."""
    return visible(" ".join(text.split()))


def _table(result: Comparison) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    heads: tuple[tuple[str, Literal["left", "right"]], ...] = (
        ("", "left"),
        ("a", "right"),
        ("b", "right"),
        ("a - b", "right"),
        ("all at once", "left"),
        ("p", "right"),
        ("pairs", "right"),
        ("", "left"),
    )
    for head, justify in heads:
        table.add_column(head, justify=justify, header_style="dim", no_wrap=bool(head))
    for row in result.rows:
        name = _line(row.task)
        if len(name) > _NAME:
            name = name.replace("/", "/\n  ", 1)
        _add(table, name, row.whole, _word(row.whole))
        for side, of in row.sides.items():
            _add(table, f"  {_line(side).replace('_', ' ')}", of, _word(of), "dim")
        for share, of in row.beside.items():
            _add(table, f"  ({_line(share)})", of, _word(of), "dim")
    return table


def _word(of: Difference) -> str:
    if of.verdict is Word.EQUIVALENT and of.different:
        return f"equivalent, {'above' if of.difference > 0 else 'below'} 0"
    return of.verdict.value


def _add(table: Table, name: str, of: Difference, word: str, plain: str = "") -> None:
    low, high = of.simultaneous
    cells = (
        name,
        rate(of.a),
        rate(of.b),
        _signed(of.difference),
        f"[{_signed(low)}, {_signed(high)}]",
        _p(of.adjusted_p),
        f"{of.pairs:,}",
        word,
    )
    style = _STYLES[of.verdict] or plain
    table.add_row(*(Text(cell, style) for cell in cells))


def _signed(value: float) -> str:
    return f"{'+' if round(value, 2) >= 0 else '-'}{rate(abs(value))}"


def _p(value: float) -> str:
    return "<.001" if value < 0.001 else f"{value:.3f}".removeprefix("0")


def _notes(result: Comparison) -> list[tuple[str, str]]:
    notes = [(_opposed(row), "yellow") for row in result.rows if row.opposed]
    for row in result.rows:
        left = msgspec.to_builtins(row.left_out)
        if told := ", ".join(f"{n:,} {name.replace('_', ' ')}" for name, n in left.items() if n):
            notes.append((f"left out of {_line(row.task)}: {told}", "dim"))
        if row.paired_by == "seed" or row.by_outcome:
            notes.append((_how(row), "dim"))
    notes += [
        (f"not compared: {_line(task.task)}: {_line(task.why)}", "yellow")
        for task in result.not_compared
    ]
    if not result.rows:
        return notes
    margin = rate(result.margin)
    notes.append((_summary(result), ""))
    if undecided := [row for row in result.rows if row.whole.verdict is Word.UNDECIDED]:
        told = "; ".join(
            f"{_line(row.task)} {rate(row.whole.detectable)} with {row.whole.clusters:,} clusters, "
            f"{margin} needs {row.whole.clusters_needed:,}"
            for row in undecided
        )
        notes.append((f"Undecided: the difference that would be found (power .8): {told}.", "dim"))
    return notes


def _summary(result: Comparison) -> str:
    counts = ", ".join(f"{number} {word}" for word, number in result.verdicts.items())
    tests = ", ".join(dict.fromkeys(row.whole.test for row in result.rows))
    return (
        f"a against b: {counts}. By pairs ({tests}); interval ({result.level:.0%}), p (Holm) and "
        "words hold for all rows at once, those of sides for all sides at once; equivalent: within "
        f"{rate(result.margin)}."
    )


def _opposed(row: RowComparison) -> str:
    moved = [
        f"{name.replace('_', ' ')} {'better' if of.difference > 0 else 'worse'}"
        for name, of in row.sides.items()
        if of.different
    ]
    return _line(f"opposite sides of {row.task}: {', '.join(moved)}: the mean hides it")


def _how(row: RowComparison) -> str:
    why = []
    if row.paired_by == "seed":
        why.append("later questions follow earlier answers, so by seed, not by question")
    if row.by_outcome:
        why.append("its sides follow the answers, each model's own")
    return f"{_line(row.task)}: {'; '.join(why)}"
