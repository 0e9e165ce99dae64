"""From people's labels and a judge's verdicts to the judge's card. Asks no judge itself."""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence

import msgspec
import numpy as np

import truing
from truing import stats
from truing.errors import TaskError
from truing.judges.agreeing import clustered_kappa, share_difference
from truing.judges.cards import (
    LEVEL,
    DataSource,
    Figure,
    JudgeCard,
    LabelError,
    Pairwise,
    PairwiseCard,
    Part,
    People,
    Repeat,
    Signed,
)
from truing.judges.labelled import OTHER, Labelled
from truing.scorers.rubric import Rubric

__all__ = ["UNSCORED", "Pair", "build_card", "build_pairwise_card"]

UNSCORED = "unscored"
_DIGITS = 6
_THIRDS = 3

Verdicts = Sequence[str | None]


def build_card(
    replies: Sequence[Labelled],
    verdicts: Verdicts,
    *,
    judge: str,
    rubric: Rubric,
    data: DataSource,
    again: Sequence[Verdicts] = (),
    held_out: str = "",
) -> JudgeCard:
    """The card of a judge whose `verdicts` on the `replies` these are; None is unscored.

    `again` holds the verdicts of further times. Where people were asked for some labels only
    (`other` is one of theirs), a verdict that is none of those counts as `other`. Rates leave the
    unscored out; intervals take the replies to one question together.

    Raises `TaskError` where the lengths differ, or nothing was scored at all.
    """
    times = [_folded(replies, given) for given in (verdicts, *again)]
    first = times[0]
    if all(verdict is None for verdict in first):
        raise TaskError(f"{judge}: not one of {len(replies)} verdicts could be read")
    given = {reply.label for reply in replies}

    def apart(name: Callable[[Labelled], str], *, said: bool = False) -> dict[str, Part]:
        parts: dict[str, list[int]] = defaultdict(list)
        for i, reply in enumerate(replies):
            if name(reply):
                parts[name(reply)].append(i)
        return {
            key: _part([replies[i] for i in own], [first[i] for i in own], said=said)
            for key, own in sorted(parts.items())
        }

    return JudgeCard(
        truing=truing.__version__,
        judge=judge,
        rubric=rubric.id,
        rubric_hash=rubric.content_hash(),
        labels=[label for label in (*rubric.labels, OTHER) if label in given],
        data=data,
        held_out=held_out,
        overall=_part(replies, first, said=True),
        by_row=apart(lambda reply: reply.row),
        by_model=apart(lambda reply: reply.model),
        by_side=apart(lambda reply: reply.side, said=True),
        length=_length(replies, first),
        repeat=_repeat(replies, times) if again else None,
        people=_people(replies),
    )


def _folded(replies: Sequence[Labelled], verdicts: Verdicts) -> list[str | None]:
    if len(replies) != len(verdicts):
        raise TaskError(f"{len(verdicts)} verdicts for {len(replies)} replies: expected one each")
    given = {reply.label for reply in replies}
    if OTHER not in given:
        return list(verdicts)
    return [verdict if verdict is None or verdict in given else OTHER for verdict in verdicts]


def _part(replies: Sequence[Labelled], verdicts: Verdicts, *, said: bool) -> Part:
    confusion: dict[str, Counter[str]] = defaultdict(Counter)
    for reply, verdict in zip(replies, verdicts, strict=True):
        confusion[reply.label][verdict or UNSCORED] += 1
    scored = [(r, v) for r, v in zip(replies, verdicts, strict=True) if v is not None]
    human, judge = [r.label for r, _ in scored], [v for _, v in scored]
    clusters = [r.cluster for r, _ in scored]
    errors = {}
    for label in sorted(confusion):
        found = stats.judge_error(
            [one == label for one in human],
            [one == label for one in judge],
            clusters,
            level=LEVEL,
        )
        errors[label] = LabelError(
            sensitivity=_figure(found.sensitivity, found.passed),
            specificity=_figure(found.specificity, found.failed),
        )
    return Part(
        replies=len(replies),
        clusters=len({reply.cluster for reply in replies}),
        confusion={
            label: dict(sorted(counts.items())) for label, counts in sorted(confusion.items())
        },
        accuracy=_rate([a == b for a, b in zip(human, judge, strict=True)], clusters),
        kappa=_signed(clustered_kappa(human, judge, clusters, level=LEVEL), len(scored)),
        errors=errors,
        unscored=_rate([v is None for v in verdicts], [r.cluster for r in replies]),
        said={label: _said(label, scored) for label in sorted(confusion)} if said else {},
    )


def _said(label: str, scored: Sequence[tuple[Labelled, str]]) -> dict[str, Figure]:
    """Each verdict's share of the replies that people gave one label."""
    own = [(reply.cluster, verdict) for reply, verdict in scored if reply.label == label]
    clusters = [cluster for cluster, _ in own]
    return {
        verdict: _rate([given == verdict for _, given in own], clusters)
        for verdict in sorted({verdict for _, verdict in scored})
    }


def _length(replies: Sequence[Labelled], verdicts: Verdicts) -> Signed:
    """Errors among the longest third minus the shortest, thirds taken within each label.

    Refusals are short and other replies long: within a label, length is what differs.
    """
    by_label: dict[str, list[int]] = defaultdict(list)
    for i, (reply, verdict) in enumerate(zip(replies, verdicts, strict=True)):
        if verdict is not None and reply.response:
            by_label[reply.label].append(i)
    ends: tuple[list[int], list[int]] = ([], [])
    for own in by_label.values():
        own.sort(key=lambda i: (len(replies[i].response), i))
        third = len(own) // _THIRDS
        ends[0].extend(own[len(own) - third :])
        ends[1].extend(own[:third])
    longest, shortest = (
        (
            np.array([float(verdicts[i] != replies[i].label) for i in end]),
            [replies[i].cluster for i in end],
        )
        for end in ends
    )
    return _signed(share_difference(longest, shortest, level=LEVEL), len(ends[0]) + len(ends[1]))


def _repeat(replies: Sequence[Labelled], times: Sequence[Verdicts]) -> Repeat:
    every = list(zip(replies, zip(*times, strict=True), strict=True))
    scored = [(r.cluster, [v for v in own if v is not None]) for r, own in every]
    scored = [(cluster, own) for cluster, own in scored if len(own) == len(times)]
    pairs = [(a, b, cluster) for cluster, own in scored for a, b in itertools.combinations(own, 2)]
    kappa = clustered_kappa(
        [a for a, _, _ in pairs], [b for _, b, _ in pairs], [c for _, _, c in pairs], level=LEVEL
    )
    return Repeat(
        times=len(times),
        same=_rate([len(set(own)) == 1 for _, own in scored], [cluster for cluster, _ in scored]),
        kappa=_signed(kappa, len(scored)),
    )


def _people(replies: Sequence[Labelled]) -> People | None:
    """Two people's agreement; of one person's labels, theirs with the settled ones."""
    both = [(r.first or r.label, r.second, r.cluster) for r in replies if r.second]
    if not both:
        return None
    one, two, clusters = ([pair[i] for pair in both] for i in range(3))
    return People(
        same=_rate([a == b for a, b in zip(one, two, strict=True)], clusters),
        kappa=_signed(clustered_kappa(one, two, clusters, level=LEVEL), len(both)),
    )


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """Two replies, which of them people prefer, and which wins in either order shown.

    `1` and `2` name the replies themselves, not the places; None is unscored.
    """

    gold: str
    forward: str | None
    """The winner where reply 1 is shown first."""
    backward: str | None
    """The winner where reply 2 is shown first."""
    row: str = ""
    cluster: str = ""


def build_pairwise_card(
    pairs: Sequence[Pair], *, judge: str, rubric: str, data: DataSource
) -> PairwiseCard:
    """The card of a judge that saw every pair in both orders. Raises `TaskError` with nothing."""
    if not any(pair.forward or pair.backward for pair in pairs):
        raise TaskError(f"{judge}: not one verdict on {len(pairs)} pairs could be read")
    rows: dict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        if pair.row:
            rows[pair.row].append(pair)
    return PairwiseCard(
        truing=truing.__version__,
        judge=judge,
        rubric=rubric,
        data=data,
        overall=_pairwise(pairs),
        by_row={name: _pairwise(own) for name, own in sorted(rows.items())},
    )


def _pairwise(pairs: Sequence[Pair]) -> Pairwise:
    orders = ("1", "2")  # the reply shown first
    given = [
        (pair, pair.forward if first == "1" else pair.backward, first)
        for pair in pairs
        for first in orders
    ]
    scored = [(pair, winner, first) for pair, winner, first in given if winner is not None]
    both = [p for p in pairs if p.forward is not None and p.backward is not None]

    def of(values: Sequence[bool], own: Sequence[Pair]) -> Figure:
        return _rate(values, [pair.cluster for pair in own])

    return Pairwise(
        pairs=len(pairs),
        right=of([winner == p.gold for p, winner, _ in scored], [p for p, _, _ in scored]),
        right_by_order=[
            of(
                [winner == p.gold for p, winner, first in scored if first == order],
                [p for p, _, first in scored if first == order],
            )
            for order in orders
        ],
        right_in_both=of([p.forward == p.backward == p.gold for p in both], both),
        consistent=of([p.forward == p.backward for p in both], both),
        first_shown=of([winner == first for _, winner, first in scored], [p for p, _, _ in scored]),
        unscored=of([winner is None for _, winner, _ in given], [p for p, _, _ in given]),
    )


def _rate(values: Sequence[bool], clusters: Sequence[str]) -> Figure:
    return _figure(stats.rate_interval(values, clusters, level=LEVEL), len(values))


def _figure(interval: stats.Interval, units: int) -> Figure:
    return Figure(units=units, **_rounded(interval))


def _signed(interval: stats.Interval, units: int) -> Signed:
    return Signed(units=units, **_rounded(interval))


def _rounded(interval: stats.Interval) -> Mapping[str, float | None]:
    known = not math.isnan(interval.estimate)
    return {
        name: round(value, _DIGITS) + 0.0 if known else None
        for name, value in interval._asdict().items()
    }
