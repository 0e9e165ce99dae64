"""Which seed is asked next where rows are asked until they are decided."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from rich.console import Console

from truing.cli.go import print_foresight
from truing.cli.options import RunOptions
from truing.engine import Ask, Finished
from truing.errors import UsageError
from truing.policies.policy import Policy
from truing.policies.stopping import RowToStop, foresee_stopping, plan_stopping
from truing.records import Sample
from truing.reports.stopping import Lane, Member, RowTest, next_lane
from truing.reports.text import visible
from truing.reports.verdict import UNDECIDED
from truing.runs import Done, RunHeader, TaskHeader, UntilDecided
from truing.tasks import Task

__all__ = ["Drawing", "check_stopping", "plan_rows"]


def check_stopping(options: RunOptions, policy: Policy | None) -> None:
    """Refuse what `--until-decided` does not go with. Raises `UsageError`."""
    if options.until_decided is None:
        return
    if policy is None:
        raise UsageError(
            "--until-decided: it is a policy that decides: add --policy NAME or FILE "
            "(truing list policies)"
        )
    if options.baseline is not None:
        raise UsageError(
            "--baseline: its test holds for a number of seeds that is fixed before: leave out "
            "--until-decided"
        )


def plan_rows(
    options: RunOptions,
    policy: Policy | None,
    tasks: list[Task],
    seeds: int | None,
    console: Console,
) -> tuple[UntilDecided | None, dict[str, list[tuple[str, float]] | str]]:
    """When the rows of a run are decided; what it cannot prove is said before anything is asked."""
    print_foresight(
        policy,
        tasks,
        None if options.until_decided else seeds,
        console,
        of_set=options.until_decided == "set",
    )
    if options.until_decided is None or policy is None:
        return None, {}
    beyond = options.until_decided == "beyond"
    rows = [
        RowToStop(
            task=task.id,
            subcategory=task.card.subcategory,
            sides=[side.name for side in task.card.sides],
            seeds=task.seed_count,
            groups=task.card.unit == "group",
            by_outcome=task.card.by_outcome,
        )
        for task in tasks
    ]
    for line in foresee_stopping(policy, rows) if beyond else ():
        console.print(
            visible(f"policy {policy.name} cannot pass: {line}"), markup=False, soft_wrap=True
        )
    return plan_stopping(policy, rows, beyond=beyond)


AHEAD = 8
"""Clusters of a row in flight, or half of those that it counts, before it waits for them."""


@dataclass(slots=True)
class _Row:
    task: Task
    lane: Lane
    ahead: Iterator[list[Sample]]
    """The samples of its clusters, in the drawn order; of one asked as planned, one by one."""
    draw_size: Callable[[list[Sample]], int]
    test: RowTest | None
    next: list[Sample] = field(default_factory=list)
    asked: int = 0
    """Clusters counted when nothing was in flight, and those asked since."""

    @property
    def decided(self) -> bool:
        return self.test is not None and self.test.verdict != UNDECIDED

    @property
    def waits(self) -> bool:
        """Whether so much is in flight that it may well decide the row: more could be in vain."""
        if self.test is None:
            return False
        counted = len(self.test.counted)
        return self.asked - counted >= max(AHEAD, counted // 2)


class Drawing:
    """Asks row by row, cluster by cluster; what it decides it decides of the drawn order alone.

    What the journal holds is fed before anything is asked, so that a run that was stopped goes on
    as if it had not been.
    """

    def __init__(
        self,
        header: RunHeader,
        tasks: list[Task],
        done: Done,
        later: Callable[[Sample, str], Sample | None],
    ) -> None:
        self._header, self._done, self._later = header, done, later
        self._rows = [
            self._row(task, task_header)
            for task, task_header in zip(tasks, header.tasks, strict=True)
        ]
        self._tests = {row.task.id: row.test for row in self._rows if row.test is not None}
        self._planned = sum(row.lane.planned for row in self._rows if row.test is not None)
        self._made = len(done) - self._present_as_planned()
        """Answers of rows that can be decided."""
        self._left = 0

    def decided(self, task: str) -> bool:
        """Whether a row needs no more answers."""
        return task in self._tests and self._tests[task].verdict != UNDECIDED

    def asks(self) -> Iterator[Ask]:
        """What is owed now, with nothing in flight; with the answers there may be more later."""
        self._left = self._planned - self._made
        for one in self._rows:
            one.asked = len(one.test.counted) if one.test is not None else 0
        while (row := self._next_row()) is not None:
            samples = row.next
            self._left -= row.lane.take() if row.test is not None else 0
            row.next, row.lane.size = [], 0
            epochs = range(self._header.settings.epochs)
            asked = False
            for sample, epoch in itertools.product(samples, epochs):
                ask = self._fed(row, sample, epoch)
                # An earlier cluster may have come meanwhile, and decided the row.
                if ask is not None and not row.decided:
                    yield ask
                    asked = True
            row.asked += asked
            if row.test is not None:
                row.test.advance()

    def count(self, outcome: Finished) -> None:
        """Take a finished ask into its row's test."""
        sample = outcome.ask.sample
        test = self._tests.get(sample.task)
        if test is not None:
            given = outcome.judgement
            member = Member(sample.side, sample.control, sample.group, given.outcome, given.label)
            test.add(sample.cluster, (sample.id, outcome.ask.epoch), member)
            test.advance()
            self._made += outcome.ask.answered is None

    def _row(self, task: Task, header: TaskHeader) -> _Row:
        edition, epochs = self._header.edition, self._header.settings.epochs
        lane = Lane(epochs * header.samples)
        rule, draw = self._header.until_decided, header.draw
        if rule is None or draw is None:
            one_by_one = (
                [sample]
                for sample in task.samples(edition=edition, limit=self._header.seeds_per_task)
            )
            return _Row(task, lane, one_by_one, lambda _: epochs, None)
        places = task.clusters(edition=edition)
        ahead = (
            list(task.cluster_samples(places[cluster], edition=edition))
            for cluster in draw.clusters
        )
        return _Row(
            task,
            lane,
            ahead,
            lambda samples: epochs * draw.size_of(samples[0].cluster).answers,
            RowTest(draw, rule, epochs),
        )

    def _next_row(self) -> _Row | None:
        for row in self._rows:
            if row.decided:
                row.next, row.lane.size = [], 0
            elif not row.next and (samples := next(row.ahead, None)):
                row.next, row.lane.size = samples, row.draw_size(samples)
                row.lane.missing = max(0, row.lane.size - self._present(samples))
        waiting = any(row.next and row.waits for row in self._rows)
        lanes = (row.lane for row in self._rows if not row.waits)
        # What is left is known once no row waits for its own part of it.
        lane = next_lane(lanes, -1 if waiting else self._left)
        return next((row for row in self._rows if row.lane is lane), None)

    def _fed(self, row: _Row, sample: Sample, epoch: int) -> Ask | None:
        """Feed what is judged of a seed's rounds; the first question that is not, if any."""
        for asked in self._rounds(sample, epoch):
            verdict = self._done.verdict(asked.id, epoch)
            if verdict is None:
                return Ask(asked, epoch, self._done.answer(asked.id, epoch))
            if row.test is not None:
                label, outcome = verdict
                member = Member(asked.side, asked.control, asked.group, outcome, label)
                row.test.add(asked.cluster, (asked.id, epoch), member)
        return None

    def _rounds(self, first: Sample, epoch: int) -> Iterator[Sample]:
        """The rounds of a seed up to the first that is not judged."""
        sample: Sample | None = first
        while sample is not None:
            yield sample
            label = self._done.label(sample.id, epoch)
            sample = None if label is None else self._later(sample, label)

    def _present(self, samples: Iterable[Sample]) -> int:
        """How many answers of these seeds the journal holds."""
        if not len(self._done):
            return 0
        return sum(
            self._done.label(asked.id, epoch) is not None
            or self._done.answer(asked.id, epoch) is not None
            for sample in samples
            for epoch in range(self._header.settings.epochs)
            for asked in self._rounds(sample, epoch)
        )

    def _present_as_planned(self) -> int:
        """Answers that the journal holds of rows that are asked as planned."""
        if not len(self._done):
            return 0
        return sum(
            self._present(
                row.task.samples(edition=self._header.edition, limit=self._header.seeds_per_task)
            )
            for row in self._rows
            if row.test is None
        )
