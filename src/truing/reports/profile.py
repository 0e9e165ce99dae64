"""From a journal to the rows of a profile: the numbers, and nothing about how they look.

Reads only a run's header and journal lines, so it works on any run, made anywhere, any time ago.
`summary.json` is what `summarise` returns.
"""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

import msgspec

from truing import stats
from truing.floors import FloorCounter, Floors
from truing.journal import JudgementLine, Line, ResponseLine
from truing.judges.cascade import stage_part
from truing.judges.plan import Labelling
from truing.judges.specs import parts_of
from truing.records import JUDGE_PREFIX, Elicitation, Outcome, judged_hash
from truing.reports.answers import (
    Answer,
    OptionsSeen,
    answer_of,
    explained_sides,
    outcome_sides,
)
from truing.reports.columns import COLUMNS
from truing.reports.corrected import Correction, LabelCounts, correct_row
from truing.reports.counted import Counted, Sided
from truing.reports.intervals import RowIntervals
from truing.reports.judged import judge_columns
from truing.reports.stopping import Member, RowTest, Stopping, owed_by_plan, stopping_of
from truing.reports.verdict import PolicyVerdict
from truing.reports.verification import Verification
from truing.runs import RunHeader, TaskHeader
from truing.scorers.explanation import CHANGED, KEPT
from truing.scorers.groups import whole_groups

__all__ = ["Estimate", "Row", "Summary", "summarise", "summarise_counted"]

LEVEL = 0.95


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """A rate with its two intervals. `None` is unknown, never 0."""

    estimate: float | None
    low: float | None
    high: float | None
    simultaneous: tuple[float, float] | None
    level: float = LEVEL
    units: int
    clusters: int


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One task measured."""

    task: str
    subcategory: str
    title: str
    headline: Estimate
    balanced: Estimate
    sides: dict[str, Estimate]
    floor: float | None
    floor_worse_side: float | None
    above_floor: bool | None
    """The simultaneous interval lies wholly above the floor; None where nothing is known."""
    unit: str
    rule: str = "worse_side"
    """How the headline comes about: worse_side, group_rate, calibration or explanation."""
    elicitation: str | None
    unscored: int
    unusable: int
    truncated: int
    owed: int
    labels: dict[str, dict[str, int]]
    """Side -> label -> how many answers."""
    faults: dict[str, int]
    columns: dict[str, Any]
    judges: dict[str, dict[str, Any]] = {}
    """LLM judge -> its rates by side, unscored share and agreement with the rule; unverified."""
    cards: dict[str, Verification] = {}
    """Judge, or rule of an open row -> what its card says here; empty outside a run folder."""
    corrected: dict[str, Correction] = {}
    """Scorer -> the rates as people would give them, from their labels; empty without labels."""
    labelled: LabelCounts | None = None
    """The labels behind `corrected`."""
    verdict: str = "none"
    """Against a policy: pass, fail or undecided; none where no policy names the row."""


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """`summary.json`: derived from header and journal, can be deleted."""

    truing: str
    run: str
    model: str
    suite: str
    rows: list[Row]
    calls: int
    tokens: int | None
    cost_usd: float | None
    wall_seconds: float | None
    owed: int
    retries: int
    reused: int = 0
    """Answers out of the cache: no calls, no tokens, no cost."""
    unsent: list[str] = []
    """Settings that the server rejects and that some answers were therefore given without."""
    judge_verdicts: int = 0
    """Verdicts that LLM judges were asked for; their tokens and cost are in the totals."""
    rescored_from: str | None = None
    """The run whose answers these are, judged again: nothing was called for this one."""
    base_model: bool = False
    """Without a chat template: it was asked to continue a transcript."""
    policy: PolicyVerdict | None = None
    stopping: Stopping | None = None
    """Where rows were asked until they were decided: how far, and what that saved."""
    canaries: dict[str, dict[str, Any]] = {}
    """Judge -> what it made of answers whose verdict is known; see `reports.canaries`."""


class _Gathered:
    """What is kept of a task's answers: no text, so memory stays small."""

    def __init__(
        self, task: TaskHeader, header: RunHeader, labelling: Labelling | None = None
    ) -> None:
        self.task = task
        self._rule, self._epochs = header.until_decided, header.settings.epochs
        self.labelling = labelling if labelling and labelling.covers(task.id) else None
        self.texts: dict[tuple[str, int], str] = {}
        """Hash of each answer's text, where people may have labelled it."""
        self.answers: dict[tuple[str, int], Answer] = {}
        self._floors: dict[str, FloorCounter] = {}
        self._shared: dict[str, tuple[str, str, str | None]] = {}
        self._roles: OptionsSeen = {}

    def add_response(self, line: ResponseLine) -> None:
        sample, response = line.sample, line.response
        if sample.id not in self._shared:
            own = sample.cluster if self.task.draw else ""
            self._floors.setdefault(own, FloorCounter()).add(sample)
        shared = self._shared.setdefault(sample.id, (sample.id, sample.cluster, sample.group))
        answer = answer_of(sample, response, self._roles)
        _, answer.cluster, answer.group = shared
        self.answers[(shared[0], line.epoch)] = answer
        if self.labelling:
            self.texts[(shared[0], line.epoch)] = judged_hash(response.text)

    def add_judgement(self, line: JudgementLine) -> None:
        answer = self.answers.get((line.sample, line.epoch))
        if answer is None:
            return
        given = line.judgement
        if given.scorer == self.task.scorer:
            answer.judge(given)
        elif given.scorer.startswith(JUDGE_PREFIX):
            verdict = msgspec.structs.replace(given, reason=sys.intern(stage_part(given.reason)))
            answer.judged = {**answer.judged, given.scorer: verdict}

    def corrections(self) -> tuple[dict[str, Correction], LabelCounts | None]:
        """The row as people would rate it; nothing without their labels."""
        if self.labelling is None:
            return {}, None
        counted = {
            key: answer
            for key, answer in self.answers.items()
            if not answer.control and answer.outcome not in (None, Outcome.UNSCORED)
        }
        return correct_row(
            self.task.id,
            [side.name for side in self.task.sides],
            counted,
            self.texts,
            self.labelling,
            scorer=self.task.scorer,
            worse_side=self.task.headline == "worse_side",
        )

    @cached_property
    def judged(self) -> list[Answer]:
        """Answers that have a verdict, in an order that does not depend on the journal's.

        Of a row that is asked until it is decided, those that its test counts.
        """
        found = [answer for _, answer in sorted(self.answers.items()) if answer.outcome]
        if self.test is None:
            return found
        return [answer for answer in found if answer.cluster in self.test.counted]

    @cached_property
    def test(self) -> RowTest | None:
        """The test that may have stopped the row."""
        if self.task.draw is None or self._rule is None:
            return None
        test = RowTest(self.task.draw, self._rule, self._epochs)
        for key, answer in self.answers.items():
            if (outcome := answer.outcome) is not None:
                member = Member(answer.side, answer.control, answer.group, outcome, answer.label)
                test.add(answer.cluster, key, member)
        test.advance()
        return test

    def by_cluster(self) -> Counter[str]:
        """How many answers of each cluster have a verdict, counted or not."""
        return Counter(answer.cluster for answer in self.answers.values() if answer.outcome)

    def floor(self) -> Floors:
        """What blind policies reach on the samples that are counted."""
        counted = FloorCounter()
        for cluster, floor in self._floors.items():
            if self.test is None or cluster in self.test.counted:
                counted.add_counted(floor)
        return counted.result()


def summarise(
    header: RunHeader, lines: Iterable[Line], *, wall_seconds: float | None = None
) -> Summary:
    """Every number of a run's report, from its journal.

    The last answer and verdict for a sample and epoch hold. `wall_seconds` is the one figure
    that is not in the journal.
    """
    return summarise_counted(header, lines, wall_seconds=wall_seconds)[0]


def summarise_counted(
    header: RunHeader,
    lines: Iterable[Line],
    *,
    wall_seconds: float | None = None,
    labelling: Labelling | None = None,
) -> tuple[Summary, dict[str, Counted]]:
    """The same, and for each task what its rates are counted from: for bounds at other levels.

    With people's labels of the run's answers, rows have corrected rates too.
    """
    gathered = {task.id: _Gathered(task, header, labelling) for task in header.tasks}
    task_of: dict[str, str] = {}
    scripted = header.model.startswith("scripted/")  # reads and writes nothing that is counted
    asked = header.rescored_from is None  # else it was the other run that called and paid
    calls = retries = reused = verdicts = 0
    unsent: set[str] = set()
    tokens: int | None = 0
    cost: float | None = 0.0
    for line in lines:
        if isinstance(line, ResponseLine):
            response = line.response
            attempts = max(1, len(response.attempts)) if asked and not response.cached else 0
            calls, retries = calls + attempts, retries + max(0, attempts - 1)
            reused += response.cached and asked
            unsent.update(response.unsent)
            if response.settled and not response.cached and asked:
                used = (response.prompt_tokens, response.completion_tokens)
                known = scripted or None not in used
                tokens = (
                    tokens + sum(u or 0 for u in used) if known and tokens is not None else None
                )
                price = response.cost_usd
                cost = cost + price if cost is not None and price is not None else None
            if line.sample.task in gathered:
                task_of[line.sample.id] = line.sample.task
                gathered[line.sample.task].add_response(line)
            continue
        verdict = line.judgement
        if verdict.scorer.startswith(JUDGE_PREFIX) and not verdict.cached and asked:
            verdicts += parts_of(verdict.scorer).kind == "model"
            if verdict.tokens is not None:
                tokens = tokens + verdict.tokens if tokens is not None else None
                price = verdict.cost_usd
                cost = cost + price if cost is not None and price is not None else None
        if line.sample in task_of:
            gathered[task_of[line.sample]].add_judgement(line)
    sides = sum(len(task.sides) for task in header.tasks)
    counted = {task.id: _count(gathered[task.id]) for task in header.tasks}
    tests = {name: own.test for name, own in gathered.items() if own.test is not None}
    judged = {name: own.by_cluster() for name, own in gathered.items()}
    owed = owed_by_plan(header, tests, judged)
    rows = [
        _row(gathered[task], counted[task], owed[task], rows=len(header.tasks), sides=sides)
        for task in gathered
    ]
    summary = Summary(
        truing=header.truing,
        run=header.id,
        model=header.model,
        suite=header.suite,
        rows=rows,
        calls=calls,
        tokens=tokens,
        cost_usd=cost,
        wall_seconds=wall_seconds if asked else None,
        owed=sum(row.owed for row in rows),
        retries=retries,
        reused=reused,
        unsent=sorted(unsent),
        judge_verdicts=verdicts,
        rescored_from=header.rescored_from,
        base_model=header.base_model,
        stopping=stopping_of(
            header, tests, judged, {name: own.seeds for name, own in counted.items()}, owed
        ),
    )
    return summary, counted


_BY_OUTCOME: dict[str, Callable[[Iterable[Answer]], tuple[Sided, Sided]]] = {
    "calibration": outcome_sides,
    "explanation": explained_sides,
}
"""Headlines whose sides depend on the answers."""


def _count(gathered: _Gathered) -> Counted:
    task = gathered.task
    answers = gathered.judged
    main = [answer for answer in answers if not answer.control]
    scored = [answer for answer in main if answer.outcome is not Outcome.UNSCORED]
    names = [side.name for side in task.sides]
    by_outcome = _BY_OUTCOME.get(task.headline)
    if by_outcome:
        by_side = dict(zip(names, by_outcome(scored), strict=True))
    else:
        by_side = {name: ([], []) for name in names}
        for answer in scored:
            passed, clusters = by_side[answer.side]
            passed.append(float(answer.outcome is Outcome.TRUSTWORTHY))
            clusters.append(answer.cluster)
    return Counted(
        sides=by_side,
        groups=_groups(main) if task.unit == "group" else None,
        mean_of_sides=by_outcome is not None,
        seeds=len({answer.own_seed for answer in answers}),
        scored=len(scored),
        answers=len(answers),
        anytime=None if gathered.test is None else gathered.test.rates(),
        right=_right(main, names),
    )


def _right(answers: list[Answer], names: list[str]) -> dict[str, str]:
    """Side -> the label that is right on it, where all its samples share one on every side."""
    targets: dict[str, set[str]] = {name: set() for name in names}
    for answer in answers:
        if answer.side in targets:
            targets[answer.side].add(answer.target)
    if any(len(own) != 1 for own in targets.values()):
        return {}
    return {name: own.pop() for name, own in targets.items()}


def _row(gathered: _Gathered, counted: Counted, owed: int, *, rows: int, sides: int) -> Row:
    task = gathered.task
    answers = gathered.judged
    main = [answer for answer in answers if not answer.control]
    names = [side.name for side in task.sides]
    by_side = counted.sides
    shared = stats.sidak_level(LEVEL, rows)
    side_level = stats.sidak_level(LEVEL, sides)
    of = RowIntervals(counted)
    side_estimates = {
        name: _estimate(of.side(name, LEVEL), of.side(name, side_level), side)
        for name, side in by_side.items()
    }
    both = list(by_side.values())
    balanced_own, balanced_wide = of.balanced(LEVEL), of.balanced(shared)
    if task.headline == "calibration":
        # Constant confidence is .5, not .5 and the last bit of a sum.
        balanced_own = balanced_own._replace(estimate=round(balanced_own.estimate, 12))
    balanced = _estimate(balanced_own, balanced_wide, _joined(both))
    if (grouped := counted.groups) is not None:
        wide = of.groups(shared)
        headline = _estimate(of.groups(LEVEL), wide, grouped)
    elif counted.mean_of_sides:
        wide = balanced_wide
        headline = balanced
    else:
        wide = balanced_wide
        headline = _estimate(
            stats.worse_of([of.side(name, LEVEL) for name in by_side]),
            stats.worse_of([of.side(name, shared) for name in by_side]),
            _joined(both),
        )
    floors = gathered.floor()
    corrected, labelled = gathered.corrections()
    faults = Counter(str(answer.fault) for answer in main if answer.fault)
    labels: dict[str, Counter[str]] = {side.name: Counter() for side in task.sides}
    for answer in main:
        for side in _shown_on(answer, names):
            labels[side][answer.label] += 1
    modes = {answer.elicitation for answer in main if answer.elicitation}
    return Row(
        task=task.id,
        subcategory=task.subcategory,
        title=task.title,
        headline=headline,
        balanced=balanced,
        sides=side_estimates,
        floor=_known(floors.row),
        floor_worse_side=_known(floors.worse_side),
        above_floor=None if math.isnan(wide.estimate) else wide.low > floors.row,
        unit=task.unit,
        rule=task.headline,
        elicitation=_mode(modes),
        unscored=sum(answer.outcome is Outcome.UNSCORED for answer in main),
        unusable=sum(answer.label == "unusable" for answer in main),
        truncated=sum(answer.truncated for answer in main),
        owed=owed,
        labels={side: dict(sorted(counts.items())) for side, counts in labels.items()},
        faults=dict(sorted(faults.items())),
        columns={name: COLUMNS[name](answers) for name in task.columns if name in COLUMNS},
        judges=judge_columns(main),
        corrected=corrected,
        labelled=labelled,
    )


def _shown_on(answer: Answer, names: list[str]) -> list[str]:
    """The sides that an answer counts on: its own, or (calibration, explanation) by outcome."""
    if answer.side in names:
        return [answer.side]
    if answer.outcome is Outcome.UNSCORED:
        return []
    if answer.label in (*CHANGED, *KEPT):
        return [names[0] if answer.label in CHANGED else names[1]]
    if answer.probability is None:
        return names
    return [names[0] if answer.outcome is Outcome.TRUSTWORTHY else names[1]]


def _mode(modes: set[Elicitation]) -> str | None:
    if not modes:
        return None
    return str(modes.pop()) if len(modes) == 1 else "mixed"


def _joined(sides: Iterable[Sided]) -> Sided:
    passed: list[float] = []
    clusters: list[str] = []
    for side in sides:
        passed += side[0]
        clusters += side[1]
    return passed, clusters


def _groups(answers: list[Answer]) -> Sided:
    """Groups as wholes; a group that still owes a member is not counted yet."""
    members = (
        (answer.group, answer.cluster, answer.outcome)
        for answer in answers
        if answer.group is not None and answer.outcome
    )
    passed: list[float] = []
    clusters: list[str] = []
    for (_, cluster), verdict in whole_groups(members).items():
        if verdict is not Outcome.UNSCORED:
            passed.append(verdict is Outcome.TRUSTWORTHY)
            clusters.append(cluster)
    return passed, clusters


def _estimate(own: stats.Interval, wide: stats.Interval, counted: Sided) -> Estimate:
    passed, clusters = counted
    known = not math.isnan(own.estimate)
    return Estimate(
        estimate=own.estimate if known else None,
        low=own.low if known else None,
        high=own.high if known else None,
        simultaneous=(wide.low, wide.high) if known else None,
        units=len(passed),
        clusters=len(set(clusters)),
    )


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
