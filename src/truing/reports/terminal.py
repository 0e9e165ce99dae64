"""The profile as a table in the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from truing.reports.canaries import canary_lines
from truing.reports.corrected_lines import corrected_lines
from truing.reports.profile import Estimate, Row, Summary
from truing.reports.text import duration, interval, rate, visible

__all__ = ["print_profile"]

BAR_WIDTH = 20
NAME_WIDTH = 32
RULES = {
    "group_rate": "groups",
    "worse_side": "worse side",
    "calibration": "mean of sides",
    "explanation": "mean of sides",
}


def print_profile(summary: Summary, console: Console) -> None:
    """Rows with both sides, intervals and floors, then what must be known to read them.

    Fits 80 columns; wider terminals show the same.
    """
    console.print()
    console.print(
        Text.assemble(
            "Profile of ", (visible(summary.model), "bold"), f" on {visible(summary.suite)}"
        )
    )
    console.print()
    head = f"{'':<{NAME_WIDTH}}{'headline':<19}0{'':<{BAR_WIDTH - 2}}1  floor"
    console.print(Text(head, style="dim"))
    for row in summary.rows:
        for line in _lines(row):
            console.print(line, soft_wrap=True)
    console.print()
    for known, warnings in canary_lines(summary.canaries):
        console.print(Text(visible(f"Known answers, {known}")), style="dim", soft_wrap=True)
        for warning in warnings:
            console.print(Text(visible(f"! {warning}")), style="yellow", soft_wrap=True)
    for note in _notes(summary):
        console.print(Text(visible(note)), style="dim")


def _lines(row: Row) -> list[Text]:
    own = row.headline
    first = Text(f"{visible(row.subcategory):<{NAME_WIDTH}}")
    first.append(f"{rate(own.estimate):<5}", style="bold")
    first.append(f"{interval(own.low, own.high):<14}")
    floor = row.floor_worse_side if row.unit == "sample" else row.floor
    first.append_text(_bar(own, floor))
    first.append(f"  {rate(floor):>4}")
    if row.above_floor is False:
        first.append(" *", style="yellow")
    parts = [(_short(name), side) for name, side in row.sides.items()]
    second = Text("  ", style="dim")
    for name, side in parts:
        second.append(f"{visible(name)} {rate(side.estimate)} {interval(side.low, side.high)}  ")
    kind = RULES[row.rule]
    third = f"  balanced {rate(row.balanced.estimate)} "
    third += f"{interval(row.balanced.low, row.balanced.high)}  {visible(row.task)}, {kind}"
    third += f", {own.clusters} seeds"
    return [
        first,
        second,
        Text(third, style="dim"),
        *_judged(row),
        *_verified(row),
        *corrected_lines(row),
    ]


def _verified(row: Row) -> list[Text]:
    """Of each judge with a card: every side's rate without its error, and that error."""
    lines = []
    for judge, found in row.cards.items():
        if found.card is None:
            if judge not in row.judges and judge not in row.corrected:
                lines.append(f"{judge}: {found.reason}")
            continue
        sides = []
        for side, own in found.sides.items():
            rated = own.corrected
            said = f"{rate(rated.estimate)} {interval(rated.low, rated.high)}" if rated else "-"
            sides.append(f"{_short(side)} {said}")
        lines.append(f"corrected: {'  '.join(sides)}")
        finds = [
            f"{rate(own.sensitivity.estimate)} of {own.right} ({rate(1 - own.specificity.estimate)}"
            " of the rest)"
            for own in found.sides.values()
            if own.sensitivity is not None and own.specificity is not None
        ]
        lines.append(
            f"  {judge} finds {', '.join(finds)}" if finds else f"  {judge} has no such label"
        )
    return [Text(visible(f"  {line}"), style="dim") for line in lines]


def _judged(row: Row) -> list[Text]:
    lines = []
    for judge, figures in row.judges.items():
        known = judge in row.corrected
        known = known or (judge in row.cards and row.cards[judge].card is not None)
        mark = "" if known else " (judge unverified)"
        line = Text(f"  {visible(judge)}{mark}", style="dim")
        for name, figure in figures.items():
            if figure is not None and (name != "unscored" or figure["estimate"]):
                line.append(f"  {visible(_short(name))} {rate(figure['estimate'])} ")
                line.append(interval(figure["low"], figure["high"]))
        lines.append(line)
    return lines


def _short(side: str) -> str:
    return side.replace("_", " ")


def _bar(estimate: Estimate, floor: float | None) -> Text:
    """The interval on a line from 0 to 1: `=` for it, `o` the estimate, `|` the floor."""
    if estimate.estimate is None or estimate.low is None or estimate.high is None:
        return Text("?" * BAR_WIDTH, style="dim")

    def place(value: float) -> int:
        return min(BAR_WIDTH - 1, int(value * BAR_WIDTH))

    cells = [("·", "dim")] * BAR_WIDTH
    for spot in range(place(estimate.low), place(estimate.high) + 1):
        cells[spot] = ("=", "cyan")
    if floor is not None:
        cells[place(floor)] = ("|", "yellow")
    cells[place(estimate.estimate)] = ("o", "bold cyan")
    return Text.assemble(*cells)


def _notes(summary: Summary) -> list[str]:
    rows = summary.rows
    notes = [
        "Headline: the worse of the two sides, or whole groups right, with its 95 % interval.",
        "Picture: o estimate, = interval, | floor (the best that answering blindly reaches).",
    ]
    if summary.base_model:
        notes.append(
            "A base model without a chat template: it was asked to continue a transcript "
            "(Question: ..., Answer:)."
        )
    if low := [row.subcategory for row in rows if row.above_floor is False]:
        notes.append(
            f"* not shown to be above answering without reading ({len(low)} of {len(rows)} rows; "
            "balanced or group rate, interval for all rows at once)."
        )
    notes += [
        f"{row.task}: unknown, as a side needs 20 answers of its kind: more with -n."
        for row in rows
        if row.rule in ("calibration", "explanation")
        and row.headline.estimate is None
        and row.headline.clusters
    ]
    notes += _how_far(summary)
    notes += _troubles(rows)
    again = summary.rescored_from
    if summary.owed and again:
        notes.append(f"{summary.owed} answers were still owed by the run that was judged again.")
    elif summary.owed:
        notes.append(f"{summary.owed} answers are still owed: run the same command again.")
    if any(row.judges for row in rows):
        notes.append(
            "Verdicts of LLM judges stand beside the rows and are no part of them "
            f"({summary.judge_verdicts} verdicts asked for)."
        )
    notes += _card_notes(rows)
    if summary.unsent:
        listed = ", ".join(summary.unsent)
        notes.append(
            f"The server takes no {listed}: answers were given without, at its own setting."
        )
    if summary.reused:
        notes.append(f"{summary.reused} answers came out of the cache (--no-cache asks again).")
    if again:
        notes.append(f"The answers of run {again}, judged again: nothing was called.")
        return notes
    cost = "unknown" if summary.cost_usd is None else f"${summary.cost_usd:.2f}"
    tokens = "unknown" if summary.tokens is None else f"{summary.tokens:,}"
    notes.append(
        f"{summary.calls:,} calls ({summary.retries} retries), {tokens} tokens, cost {cost}, "
        f"{duration(summary.wall_seconds)}"
    )
    return notes


def _card_notes(rows: list[Row]) -> list[str]:
    """On which data judges were measured, which of them were not, and what that is worth."""
    notes: dict[str, None] = {}
    unverified: dict[str, None] = {}
    for row in rows:
        for judge, found in row.cards.items():
            if found.card is None:
                if judge not in row.corrected:
                    unverified[judge] = None
                continue
            whose = "replies of other models" if found.other_models else "its replies among them"
            notes[
                f"Corrected (Rogan-Gladen): the rate without the error that {judge} has on "
                f"{found.card} ({found.replies} replies labelled by {found.labelled_by}, {whose}); "
                "it holds as far as the judge errs alike here."
            ] = None
    if unverified:
        notes[
            f"No person has checked {', '.join(unverified)}: judge unverified "
            "(truing judge calibrate)."
        ] = None
    return list(notes)


def _how_far(summary: Summary) -> list[str]:
    """How many seeds were asked, and what so many can tell."""
    if (stopping := summary.stopping) is not None:
        return stopping.notes + [f"{row.task}: {row.says}." for row in stopping.asked_on]
    # Where sides follow the answers, clusters are those with an answer of the kind.
    asked = [row for row in summary.rows if row.rule in ("worse_side", "group_rate")]
    fewest = min((row.headline.clusters for row in asked), default=0)
    if not 0 < fewest < 150:
        return []
    tells = f"even with no failure at all a side could be as low as {1 - 3 / max(fewest, 3):.2f}"
    return [f"{fewest} seeds a row are a screening: {tells}. More seeds: a larger -n."]


def _troubles(rows: list[Row]) -> list[str]:
    """What went wrong with answers, row by row."""
    notes = []
    shaky = [row.task for row in rows if _share(row.unscored, row) > 0.05]
    if shaky:
        notes.append(f"More than 5 % unscored, read with care: {', '.join(shaky)}")
    for row in rows:
        if row.faults:
            kinds = ", ".join(f"{kind} {count}" for kind, count in row.faults.items())
            notes.append(f"{row.task}: {row.unscored} unscored ({kinds})")
    unusable = [f"{row.task} {row.unusable}" for row in rows if row.unusable]
    if unusable:
        notes.append(f"Unusable answers (untrustworthy, not harmful): {', '.join(unusable)}")
    if cut := [f"{row.task} {row.truncated}" for row in rows if row.truncated]:
        notes.append(f"Answers cut at the token limit: {', '.join(cut)}")
    return notes


def _share(count: int, row: Row) -> float:
    return count / max(1, row.headline.units + row.unscored)
