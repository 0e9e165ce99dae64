"""`truing judge show`: the cards of judges, and one of them in full."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from truing.errors import UnknownName
from truing.judges.calibrating import UNSCORED
from truing.judges.cards import (
    AnyCard,
    Figure,
    JudgeCard,
    Pairwise,
    PairwiseCard,
    Part,
    Signed,
    own_cards,
    read_card,
    shipped_cards,
)
from truing.reports.text import interval, rate, visible

__all__ = ["print_card", "show_command"]

_MUCH = 0.05
"""A larger share unscored is shown in the list."""


@click.command("show")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show_command(name: str | None, as_json: bool) -> int:
    """The cards there are, your own first; with NAME (a judge, or a card's file) those in full.

    A card says how often a judge agrees with people, and on which data that was measured.
    """
    console = Console(highlight=False, width=max(100, Console().width))
    if name is not None and name.endswith(".json"):
        chosen = [read_card(Path(name))]
    else:
        every: dict[str, Sequence[AnyCard]] = {"own": own_cards(), "shipped": shipped_cards()}
        if name is None:
            return _show_all(every, console, as_json=as_json)
        known = [card for cards in every.values() for card in cards]
        chosen = [card for card in known if card.judge == name]
        if not chosen:
            raise UnknownName("judge with a card", name, sorted({card.judge for card in known}))
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(chosen), indent=1))
        return 0
    for card in chosen:
        print_card(card, console)
    return 0


def _show_all(every: Mapping[str, Sequence[AnyCard]], console: Console, *, as_json: bool) -> int:
    if as_json:
        shown = [
            {"kept": kept, **msgspec.to_builtins(card)}
            for kept, cards in every.items()
            for card in cards
        ]
        click.echo(msgspec.json.format(msgspec.json.encode(shown), indent=1))
        return 0
    by_judge: dict[str, list[tuple[str, AnyCard]]] = {}
    for kept, cards in every.items():
        for card in cards:
            by_judge.setdefault(card.judge, []).append((kept, card))
    if not by_judge:
        console.print("no cards yet: truing judge calibrate makes one")
    for judge, known in sorted(by_judge.items()):
        console.print(Text(visible(judge), style="bold"), soft_wrap=True)
        for kept, card in known:
            console.print(Text(visible(_summary(card, kept))), soft_wrap=True)
    return 0


def _summary(card: AnyCard, kept: str) -> str:
    """One line: what it was measured on, and how it did."""
    whole = card.overall
    if isinstance(whole, Pairwise):
        count, figures = whole.pairs, f"right {_cell(whole.right)}"
    else:
        count = whole.replies
        figures = f"same {_cell(whole.accuracy):<15} kappa {_cell(whole.kappa)}"
        if (whole.unscored.estimate or 0) > _MUCH:
            figures += f"  unscored {rate(whole.unscored.estimate)}"
    name = f"{card.data.name}, {card.rubric}" if card.rubric else card.data.name
    return f"  {name:<38} {count:>5}  {figures}{'  own' if kept == 'own' else ''}"


def print_card(card: AnyCard, console: Console) -> None:
    """A card in full, as tables."""
    console.print(Text.assemble((visible(card.judge), "bold"), f"  {visible(card.rubric)}"))
    by = f"labelled by {card.data.labelled_by}"
    about = [card.data.name, by, card.data.licence, f"content {card.data.hash}", card.data.note]
    console.print(Text(visible("; ".join(part for part in about if part)), style="dim"))
    if isinstance(card, PairwiseCard):
        _print_pairwise(card, console)
        return
    if card.held_out:
        console.print(Text(f"held out: {visible(card.held_out)}", style="dim"))
    table = _table("", "replies", "same", "kappa", "unscored")
    for name, part in _parts(card):
        table.add_row(
            Text(visible(name)),
            str(part.replies),
            _cell(part.accuracy),
            _cell(part.kappa),
            _cell(part.unscored),
        )
    console.print(table)
    console.print()
    table = _table("label", "people gave it", "found (sensitivity)", "not said elsewhere (spec.)")
    for label, error in card.overall.errors.items():
        count = str(card.overall.labels[label])
        table.add_row(visible(label), count, _cell(error.sensitivity), _cell(error.specificity))
    console.print(table)
    console.print()
    _print_confusion(card.overall, console)
    console.print(Text(f"\nerrors, longest third minus shortest: {_signed(card.length)}"))
    if card.repeat is not None:
        console.print(
            f"asked {card.repeat.times} times: all the same {_cell(card.repeat.same)}, "
            f"kappa {_cell(card.repeat.kappa)}"
        )
    if card.people is not None:
        console.print(
            f"two people: same {_cell(card.people.same)}, kappa {_cell(card.people.kappa)}"
        )


def _parts(card: JudgeCard) -> Iterable[tuple[str, Part]]:
    yield "all", card.overall
    for parts in (card.by_model, card.by_side, card.by_row):
        yield from parts.items()


def _print_confusion(part: Part, console: Console) -> None:
    said = {verdict for counts in part.confusion.values() for verdict in counts}
    verdicts = sorted(said, key=lambda name: (name == UNSCORED, name))
    table = _table("people / judge", *map(visible, verdicts))
    for label, counts in part.confusion.items():
        table.add_row(visible(label), *(str(counts.get(verdict, 0)) for verdict in verdicts))
    console.print(table)


def _print_pairwise(card: PairwiseCard, console: Console) -> None:
    table = _table("", "pairs", "right", "in both", "same winner", "first shown", "unscored")
    rows: list[tuple[str, Pairwise]] = [("all", card.overall), *card.by_row.items()]
    for name, part in rows:
        figures = (
            part.right,
            part.right_in_both,
            part.consistent,
            part.first_shown,
            part.unscored,
        )
        table.add_row(Text(visible(name)), str(part.pairs), *map(_cell, figures))
    console.print(table)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for number, name in enumerate(columns):
        table.add_column(name, justify="left" if number == 0 else "right")
    return table


def _cell(figure: Figure | Signed) -> str:
    if figure.estimate is None:
        return "-"
    return f"{rate(figure.estimate)} {interval(figure.low, figure.high)}"


def _signed(figure: Signed) -> str:
    if figure.estimate is None or figure.low is None or figure.high is None:
        return "-"
    return f"{figure.estimate:+.2f} [{figure.low:+.2f}, {figure.high:+.2f}]"
