"""When a row is decided, from its answers alone: what stops a run, and what its report says of it.

Answers come in any order; clusters are fed to the tests in the drawn one, each once it is whole, so
that quick answers do not count before slow ones. What is unscored counts as failed where a row
could pass and as passed where it could fail: no verdict depends on it. A row counts the clusters up
to its decision; what was in flight by then is in the journal, and in no rate.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from truing import stats
from truing.records import Outcome
from truing.reports.counted import GROUPS
from truing.reports.verdict import FAIL, PASS, UNDECIDED
from truing.runs import Draw, RunHeader, TaskHeader, UntilDecided
from truing.scorers.groups import all_members

__all__ = [
    "Lane",
    "Member",
    "RowTest",
    "Stopping",
    "StoppingRow",
    "next_lane",
    "owed_by_plan",
    "stopping_of",
]

_ENOUGH = 1 - 1e-9
"""Of an e value, so that the last digits of one that is just enough are not held against it."""


class Member(NamedTuple):
    """A judged answer, as its cluster needs it."""

    side: str
    control: bool
    group: str | None
    outcome: Outcome
    label: str


class _Fed(NamedTuple):
    """A cluster on one part: its mean without and with what is unscored, its share in size."""

    least: float
    most: float
    share: float


class _Bet:
    """One requirement: its rate is bet above on the least, below on the most it may be."""

    def __init__(self, clusters: int, part: str, at_least: float) -> None:
        self.part = part
        self._least = stats.ThresholdTest(clusters, at_least)
        self._most = stats.ThresholdTest(clusters, at_least)
        self.above = self.below = 1.0

    def add(self, fed: _Fed) -> None:
        self._least.add(fed.least, fed.share)
        self._most.add(fed.most, fed.share)
        drawn = self._least.seen == self._least.clusters and self._least.below != float("inf")
        self.above = max(self.above, float("inf") if drawn else self._least.above)
        self.below = max(self.below, self._most.below)


class RowTest:
    """The sequential test of one row. `verdict` is pass, fail or undecided, and stays.

    Pass: every requirement is reached, each at alpha. Fail: one is not, at alpha divided by the
    number of requirements of the policy. Before the policy's fewest seeds, or with more unscored
    than it allows, nothing passes; with more unusable than it allows nothing is decided.
    """

    def __init__(self, draw: Draw, rule: UntilDecided, epochs: int) -> None:
        self.draw, self.rule, self.epochs = draw, rule, epochs
        self.population = stats.BEYOND if rule.beyond else len(draw.clusters)
        self.verdict = UNDECIDED
        self.counted: set[str] = set()
        """Clusters that the row counts: the first ones drawn, up to its decision."""
        self.fed: dict[str, list[_Fed]] = {}
        self._bets = [_Bet(self.population, part, least) for part, least in draw.required]
        sizes = [draw.size, *draw.others.values()]
        self._largest = {side: max(s.sides[side] for s in sizes) for side in draw.size.sides}
        self._seeds_at_most = max(size.seeds for size in sizes)
        self._waiting: dict[str, dict[tuple[str, int], Member]] = {}
        self._seeds = 0
        self._scale: Counter[str] = Counter()

    @property
    def next_cluster(self) -> str | None:
        """The first cluster that is not fed; None with all fed."""
        place = len(self.counted)
        return self.draw.clusters[place] if place < len(self.draw.clusters) else None

    def add(self, cluster: str, key: tuple[str, int], member: Member) -> None:
        """Take a judged answer of a cluster that is not fed; a later one of its key replaces it."""
        self._waiting.setdefault(cluster, {})[key] = member

    def advance(self) -> str:
        """Feed the clusters that are whole, in order, until the row is decided; the verdict."""
        while self.verdict == UNDECIDED and (cluster := self.next_cluster) is not None:
            size, members = self.draw.size_of(cluster), self._waiting.get(cluster, {})
            if len(members) < size.answers * self.epochs:
                break
            del self._waiting[cluster]
            self.counted.add(cluster)
            self._seeds += size.seeds
            self._feed(list(members.values()))
        return self.verdict

    def _feed(self, members: Sequence[Member]) -> None:
        main = [member for member in members if not member.control]
        parts = {
            side: _means([m.outcome for m in main if m.side == side], self.epochs * most)
            for side, most in self._largest.items()
        }
        groups: dict[str, list[Outcome]] = {}
        for member in main:
            if member.group is not None:
                groups.setdefault(member.group, []).append(member.outcome)
        if groups:
            parts[GROUPS] = _means(list(map(all_members, groups.values())), self._seeds_at_most)
        for part, fed in parts.items():
            self.fed.setdefault(part, []).append(fed)
        for bet in self._bets:
            bet.add(parts[bet.part])
        self._scale["all"] += len(main)
        self._scale["unscored"] += sum(m.outcome is Outcome.UNSCORED for m in main)
        self._scale["unusable"] += sum(m.label == "unusable" for m in main)
        self._decide()

    def _decide(self) -> None:
        rule, seen = self.rule, self._scale["all"]
        if rule.most_unusable is not None and self._scale["unusable"] > rule.most_unusable * seen:
            return
        if any(bet.below >= _ENOUGH * rule.requirements / rule.alpha for bet in self._bets):
            self.verdict = FAIL
        elif (
            all(bet.above >= _ENOUGH / rule.alpha for bet in self._bets)
            and self._seeds >= rule.fewest_seeds
            and self._scale["unscored"] <= rule.most_unscored * seen
        ):
            self.verdict = PASS

    def rates(self) -> dict[str, stats.AnytimeRate]:
        """Side (and `groups`) -> bounds of its rate that hold although the row could stop."""
        found = {}
        for part, fed in self.fed.items():
            required = [at_least for name, at_least in self.draw.required if name == part]
            found[part] = stats.AnytimeRate(self.population, thresholds=required)
            for one in fed:
                found[part].add(*one)
        return found


def _means(outcomes: Sequence[Outcome], largest: int) -> _Fed:
    if not outcomes:
        return _Fed(0.0, 0.0, 0.0)
    passed = sum(outcome is Outcome.TRUSTWORTHY for outcome in outcomes)
    unscored = sum(outcome is Outcome.UNSCORED for outcome in outcomes)
    size = len(outcomes)
    return _Fed(passed / size, (passed + unscored) / size, min(1.0, size / largest))


@dataclass(slots=True)
class Lane:
    """How far a row is asked; `size` and `missing` are its next cluster's, 0 where none is left."""

    planned: int
    size: int = 0
    missing: int = 0
    asked: int = 0
    """Answers of the clusters that were taken."""

    def take(self) -> int:
        """Take the next cluster: how many calls it needs."""
        self.asked += self.size
        return self.missing


def next_lane(lanes: Iterable[Lane], left: int) -> Lane | None:
    """Which row is asked next, of those that are not decided.

    Each its own plan first, evenly; then the others' calls that are `left` of the whole plan.
    """
    there = [lane for lane in lanes if lane.size]
    own = [lane for lane in there if lane.asked + lane.size <= lane.planned]
    able = own or [lane for lane in there if lane.missing <= left]
    return min(able, key=lambda lane: lane.asked / max(1, lane.planned), default=None)


class _Replayed(NamedTuple):
    lane: Lane
    ahead: list[tuple[int, int]]
    """(size, missing) of the clusters that are not taken, the next one last."""


def owed_by_plan(
    header: RunHeader, tests: Mapping[str, RowTest], judged: Mapping[str, Mapping[str, int]]
) -> dict[str, int]:
    """Task -> answers that it owes, were no more rows decided.

    `judged` counts the judged answers of every task by cluster. Decided rows owe nothing.
    """
    epochs = header.settings.epochs
    left = header.planned - sum(sum(counts.values()) for counts in judged.values())
    owed = {}
    rows: dict[str, _Replayed] = {}
    for task in header.tasks:
        test, counts = tests.get(task.id), judged[task.id]
        owed[task.id] = 0 if test else epochs * task.samples - sum(counts.values())
        left -= owed[task.id]
        if test and test.verdict == UNDECIDED and header.rescored_from is None:
            ahead = []
            for cluster in reversed(test.draw.clusters):
                size = epochs * test.draw.size_of(cluster).answers
                ahead.append((size, max(0, size - counts.get(cluster, 0))))
            rows[task.id] = _Replayed(Lane(epochs * task.samples), ahead)
            _step(rows[task.id])
    while (lane := next_lane((row.lane for row in rows.values()), left)) is not None:
        task_id = next(name for name, row in rows.items() if row.lane is lane)
        missing = lane.take()
        owed[task_id] += missing
        left -= missing
        _step(rows[task_id])
    return owed


def _step(row: _Replayed) -> None:
    row.lane.size, row.lane.missing = row.ahead.pop() if row.ahead else (0, 0)


_HOLD = (
    "Sides and headlines of these rows have intervals that hold whenever a row stopped, wider than "
    "those of a fixed number of seeds; figures beside them do not."
)


class StoppingRow(msgspec.Struct, frozen=True, kw_only=True):
    """How far a row was asked, and why no further."""

    task: str
    verdict: str
    """pass, fail or undecided by its test; none where it has none."""
    seeds: int
    """Counted by the row."""
    seeds_there: int | None
    answers: int
    planned: int
    """Answers that the plan had for it."""
    in_flight: int
    """Answers that came after it was decided: paid for, in no rate."""
    says: str


class Stopping(msgspec.Struct, frozen=True, kw_only=True):
    """`stopping` in `summary.json`: what deciding row by row saved."""

    alpha: float
    beyond: bool
    """Decided of questions like these, else of those that the set has."""
    planned: int
    """Answers of the plan: `-n` seeds of every row."""
    answers: int
    """Answers that were asked for."""
    rows: list[StoppingRow]

    @property
    def notes(self) -> list[str]:
        """What a reader of the rows must know, a sentence each."""
        words = Counter(row.verdict for row in self.rows)
        ends = f"{words[PASS]} rows pass, {words[FAIL]} fail, {words[UNDECIDED]} are undecided"
        saved = max(0.0, 1 - self.answers / self.planned) if self.planned else 0.0
        of = "questions like these" if self.beyond else "the seeds that the set has"
        used = f"{self.answers:,} of the {self.planned:,} planned answers"
        notes = [
            f"Asked until decided, of {of}: {used}, {saved:.0%} saved; {ends}.",
            _HOLD,
        ]
        if late := sum(row.in_flight for row in self.rows):
            notes.append(f"{late} answers came after their row was decided: they are in no rate.")
        return notes

    @property
    def asked_on(self) -> list[StoppingRow]:
        """Rows that were not decided."""
        return [row for row in self.rows if row.verdict not in (PASS, FAIL)]


def stopping_of(
    header: RunHeader,
    tests: Mapping[str, RowTest],
    judged: Mapping[str, Mapping[str, int]],
    seeds: Mapping[str, int],
    owed: Mapping[str, int],
) -> Stopping | None:
    """What is to be said of a run that was asked until it was decided; None of any other.

    `judged` as for `owed_by_plan`; `seeds` that each row counts.
    """
    rule = header.until_decided
    if rule is None:
        return None
    rows = []
    for task in header.tasks:
        test, counts = tests.get(task.id), judged[task.id]
        decided = test is not None and test.verdict != UNDECIDED
        late = sum(n for name, n in counts.items() if test and name not in test.counted)
        rows.append(
            StoppingRow(
                task=task.id,
                verdict="none" if test is None else test.verdict,
                seeds=seeds[task.id],
                seeds_there=task.seeds,
                answers=sum(counts.values()),
                planned=header.settings.epochs * task.samples,
                in_flight=late if decided else 0,
                says=_says(task, test, seeds[task.id], owed[task.id]),
            )
        )
    return Stopping(
        alpha=rule.alpha,
        beyond=rule.beyond,
        planned=header.planned,
        answers=sum(row.answers for row in rows),
        rows=rows,
    )


def _says(task: TaskHeader, test: RowTest | None, seeds: int, owed: int) -> str:
    if test is None:
        return f"asked as planned: {task.drawn_not}"
    there = f"{seeds} of {task.seeds} seeds"
    if test.verdict != UNDECIDED:
        return f"{'passes' if test.verdict == PASS else 'fails'} after {there}"
    if owed:
        return f"not decided yet after {there}"
    if test.next_cluster is None:
        return f"undecided with all {seeds} seeds asked"
    return f"undecided after {there}: the calls of the plan are used"
