"""Rows beside the cards of their judges: error, and each side's rate with that error taken out.

A run keeps the cards of its judges in `judge_cards/`, and its numbers are derived from those alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from truing import stats
from truing.errors import JournalError, TruingError
from truing.judges.cards import (
    Figure,
    JudgeCard,
    Signed,
    card_file_name,
    encode_card,
    find_cards,
    own_cards,
    read_card,
)
from truing.judges.labelled import OTHER
from truing.records import JUDGE_PREFIX
from truing.reports.counted import Counted
from truing.reports.profile import Estimate, Row, Summary
from truing.reports.verification import Rate, Verification, VerifiedSide
from truing.runs import RunHeader, task_of, write_atomically
from truing.scorers.refusal import ReplyLabel
from truing.scorers.rubric import Rubric, find_rubric, read_rubric

__all__ = ["keep_cards", "kept_cards", "verify"]

FEWEST = 20
"""Replies with the label, and without it, that a side of the card must have to be used alone."""
_FOLDER = "judge_cards"
_OPEN = frozenset(ReplyLabel)


def keep_cards(
    folder: Path, header: RunHeader, summary: Summary, counted: Mapping[str, Counted]
) -> None:
    """Copy into a run the cards of every judge in it, numbered by rank, in place of older ones.

    Where no card is found any more those that are there stay. Raises `JournalError` where they
    cannot be written.
    """
    scorers = {task.id: task.scorer for task in header.tasks}
    found: dict[str, list[JudgeCard]] = {}
    for row in summary.rows:
        judges = _judges_of(row, scorers[row.task], counted[row.task])
        rubric = _rubric_of(folder, row.task) if judges else None
        if rubric is None:
            continue
        for judge in judges:
            for card in find_cards(judge, rubric.content_hash()):
                if card not in found.setdefault(judge, []):
                    found[judge].append(card)
    for judge, cards in found.items():
        _keep(folder / _FOLDER, judge, cards)


def _keep(folder: Path, judge: str, cards: Sequence[JudgeCard]) -> None:
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        for file in folder.glob("*.json"):
            if _judge_in(file) == judge:
                file.unlink()
        for rank, card in enumerate(cards):
            write_atomically(folder / f"{rank:02}-{card_file_name(card)}", encode_card(card))
    except OSError as error:
        raise JournalError(f"cannot write to {folder}: {error.strerror or error}") from error


def _judge_in(file: Path) -> str | None:
    try:
        return read_card(file).judge
    except TruingError:
        return None


def _rubric_of(folder: Path, task: str) -> Rubric | None:
    """What the judges of a task were told, or None where it is not at hand."""
    try:
        found = task_of(folder, task)
        name = found.card.rubric or "reply"
        own = found.folder is not None and name.endswith(".toml")
        return read_rubric(found.folder / name) if own and found.folder else find_rubric(name)
    except TruingError:
        return None


def kept_cards(folder: Path) -> dict[str, list[JudgeCard]]:
    """Judge -> its cards in a run, the best first; one with cards of two rubrics is left out."""
    found: dict[str, list[JudgeCard]] = {}
    for card in own_cards(folder / _FOLDER):  # by file name, and so by rank
        if isinstance(card, JudgeCard):
            found.setdefault(card.judge, []).append(card)
    return {
        judge: cards
        for judge, cards in found.items()
        if len({card.rubric_hash for card in cards}) == 1
    }


def verify(
    summary: Summary,
    header: RunHeader,
    counted: Mapping[str, Counted],
    cards: Mapping[str, Sequence[JudgeCard]],
) -> Summary:
    """The summary with what the cards say beside each row; rates of the rows stay what they are."""
    scorers = {task.id: task.scorer for task in header.tasks}
    rows = []
    for row in summary.rows:
        right = counted[row.task].right
        shown = {}
        for judge in _judges_of(row, scorers[row.task], counted[row.task]):
            judged = _judged(row, None if judge == scorers[row.task] else judge)
            shown[judge] = _verification(
                cards.get(judge, ()), judged, right, row.labels, summary.model
            )
        rows.append(msgspec.structs.replace(row, cards=shown))
    return msgspec.structs.replace(summary, rows=rows)


def _judges_of(row: Row, scorer: str, counted: Counted) -> list[str]:
    """The rule of an open row, and every LLM judge, head, panel or cascade beside it."""
    open_row = bool(counted.right) and set(counted.right.values()) <= _OPEN
    judges = [name for name in row.judges if name.startswith(JUDGE_PREFIX)]
    return [scorer, *judges] if open_row else judges


def _judged(row: Row, judge: str | None) -> dict[str, Rate | None]:
    """Side -> the rate that a judge gives it; None where nothing was scored."""
    if judge is None:
        return {side: _of_estimate(estimate) for side, estimate in row.sides.items()}
    figures = row.judges[judge]
    return {
        side: None if figures.get(side) is None else _of_mapping(figures[side])
        for side in row.sides
    }


def _verification(
    cards: Sequence[JudgeCard],
    judged: Mapping[str, Rate | None],
    right: Mapping[str, str],
    labels: Mapping[str, Mapping[str, int]],
    model: str,
) -> Verification:
    if not cards:
        return Verification(reason="judge unverified: it has no card")
    card, *others = cards
    models = sorted(card.by_model)

    def sides(of: JudgeCard) -> dict[str, VerifiedSide]:
        return {
            side: _side(of, side, right[side], rate, labels.get(side, {}))
            for side, rate in judged.items()
            if side in right
        }

    return Verification(
        card=card.data.name,
        content=card.data.hash,
        labelled_by=card.data.labelled_by,
        held_out=card.held_out,
        models=models,
        other_models=model not in models,
        replies=card.overall.replies,
        kappa=_of_figure(card.overall.kappa),
        sides=sides(card),
        elsewhere={other.data.name: sides(other) for other in others},
    )


def _side(
    card: JudgeCard, side: str, label: str, judged: Rate | None, mix: Mapping[str, int]
) -> VerifiedSide:
    found = _error_on(card, side, label, mix)
    if found is None:
        return VerifiedSide(
            right=label,
            sensitivity=None,
            specificity=None,
            judged=judged,
            corrected=None,
            reason=f"judge unverified: people gave no label {label} in the card's data",
        )
    error, where = found
    corrected, reason = None, "nothing was judged"
    if judged is not None:
        given = stats.Interval(judged.estimate, judged.low, judged.high)
        result = stats.rogan_gladen(given, error)
        reason = result.reason
        if not reason:
            corrected = Rate(**result.interval._asdict())
    return VerifiedSide(
        right=label,
        sensitivity=_rate(error.sensitivity),
        specificity=_rate(error.specificity),
        measured_on=where,
        labels=error.passed + error.failed,
        judged=judged,
        corrected=corrected,
        reason=reason,
    )


def _error_on(
    card: JudgeCard, side: str, label: str, mix: Mapping[str, int]
) -> tuple[stats.JudgeError, str] | None:
    """How often the judge finds a label here, and keeps from giving it to the others here.

    How often another label is taken for this one differs from label to label (a partial reply is,
    a whole one hardly), so the others are weighed by `mix`, the row's own counts of them. Those
    counts are a judge's too, so the interval reaches to that of the mix in the card's data, which
    alone holds where the card tells nothing of the others here. Each figure is of this side of
    the card's data where that tells enough, else of all. None where people gave the label to
    nothing.
    """
    parts = [part for part in (card.by_side.get(side), card.overall) if part is not None]

    def said_of(true: str) -> tuple[Figure, bool] | None:
        """Share of the replies with a label that are called `label`, and whether on this side."""
        for part in parts:
            verdicts = part.said.get(true, {})
            own = next(iter(verdicts.values()), None)
            enough = own is not None and own.units >= (1 if part is card.overall else FEWEST)
            if own is not None and enough:
                never = Figure(estimate=0.0, low=0.0, high=_never(own.units), units=own.units)
                return verdicts.get(label, never), part is not card.overall
        return None

    finds = said_of(label)
    whole = card.overall.errors.get(label)
    if finds is None or whole is None:
        return None
    others = {OTHER: sum(mix.values())} if OTHER in card.labels else dict(mix)
    taken = {true: said_of(true) for true, count in others.items() if true != label and count}
    told = [(others[true], found) for true, found in taken.items() if found is not None]
    where = [finds[1], *(here for _, (_, here) in told)]
    specificity, failed = _interval(whole.specificity), whole.specificity.units
    if told:
        own = _weighed([(count, figure) for count, (figure, _) in told])
        low, high = min(own.low, specificity.low), max(own.high, specificity.high)
        specificity = stats.Interval(own.estimate, low, high)
        failed = sum(figure.units for _, (figure, _) in told)
    found = stats.JudgeError(_interval(finds[0]), specificity, finds[0].units, failed)
    return found, side if told and all(where) else ""


def _weighed(parts: Sequence[tuple[int, Figure]]) -> stats.Interval:
    """Share not taken for the label, of labels weighed by counts; distances joined (MOVER)."""
    total = sum(count for count, _ in parts)
    kept = [(count / total, _interval(figure)) for count, figure in parts]
    taken = sum(weight * own.estimate for weight, own in kept)
    below = math.hypot(*(weight * (own.estimate - own.low) for weight, own in kept))
    above = math.hypot(*(weight * (own.high - own.estimate) for weight, own in kept))
    return stats.Interval(1 - taken, max(0.0, 1 - taken - above), min(1.0, 1 - taken + below))


def _never(units: int) -> float:
    return stats.wilson_interval(0.0, units).high


def _interval(figure: Figure) -> stats.Interval:
    rate = _of_figure(figure)
    return stats.UNKNOWN if rate is None else stats.Interval(rate.estimate, rate.low, rate.high)


def _of_estimate(estimate: Estimate) -> Rate | None:
    return _rate((estimate.estimate, estimate.low, estimate.high))


def _of_figure(figure: Figure | Signed) -> Rate | None:
    return _rate((figure.estimate, figure.low, figure.high))


def _of_mapping(figure: Mapping[str, float]) -> Rate | None:
    return _rate(figure[name] for name in ("estimate", "low", "high"))


def _rate(values: Iterable[float | None]) -> Rate | None:
    estimate, low, high = values
    if estimate is None or low is None or high is None:
        return None
    return Rate(estimate=estimate, low=low, high=high)
