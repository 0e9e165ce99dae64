"""Which answers of a run people should label next, and what that would bring.

Reads the run and its labels. What a labeller sees holds no verdict, no side and nothing of what
would be right: people say what the reply does.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from truing import stats
from truing.errors import TruingError, UsageError
from truing.journal import ResponseLine, read_journal
from truing.judges.plan import Frame, Labelling, Stratum, plan_labels, read_labelling
from truing.judges.sampling import Key, draw_prefix, opinions
from truing.labels import DISPUTED, Held
from truing.records import JUDGE_PREFIX, Judgement, Outcome, Response, Role, Sample, judged_hash
from truing.runs import RunHeader, read_header, task_of
from truing.scorers.rubric import Rubric, rubric_named

__all__ = ["Asked", "Expected", "Queue", "Side", "open_queue", "prompt_of"]

_DRAWS = 8
"""Simulated labellings behind an expected width."""
_PRIOR = 4
"""How many labels the scorers' own word is worth against people's, where a width is foreseen."""


@dataclass(frozen=True, slots=True)
class Asked:
    """An answer that people may label."""

    sample: Sample
    epoch: int
    text: str
    """The reply; why there is none, in brackets, where it is empty."""
    judged: str
    """Hash of the reply."""
    verdicts: Mapping[str, Judgement]
    """Scorer -> its verdict: never shown to the labeller."""

    @property
    def key(self) -> Key:
        """Sample and epoch."""
        return (self.sample.id, self.epoch)


@dataclass(frozen=True, slots=True)
class Side:
    """A side of a row in the order of the plan, and what people said of it."""

    stratum: Stratum
    rubric: Rubric
    answers: Mapping[Key, Asked]
    order: Sequence[tuple[Key, float]]
    held: Mapping[Key, Held]


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What labelling more would bring a row: half the width of its balanced rate's interval."""

    task: str
    labels: int
    """Labels that the row has."""
    now: float | None
    after: dict[int, float | None]
    """Labels more (over all rows asked for) -> expected half width."""


class Queue:
    """A run's sides with a rubric, ready to be labelled."""

    def __init__(self, header: RunHeader, labelling: Labelling, sides: Sequence[Side]) -> None:
        self.header = header
        self.labelling = labelling
        self.sides = sides

    def next_answers(self, count: int) -> list[tuple[Side, Asked]]:
        """The next answers that nobody has seen: of every side one, then of every side another.

        The first 50 of 100 are those of 50. Fewer where fewer are left.
        """
        places = sorted(
            (place, number, key)
            for number, side in enumerate(self.sides)
            for place, (key, _) in enumerate(side.order)
            if key not in side.held and key in side.answers
        )
        return [
            (self.sides[number], self.sides[number].answers[key])
            for _, number, key in places[:count]
        ]

    @property
    def disputed(self) -> list[tuple[Side, Asked]]:
        """Answers on which people differ: they wait to be adjudicated."""
        return [
            (side, side.answers[key])
            for side in self.sides
            for key, own in side.held.items()
            if own.label == DISPUTED
        ]

    def expected(self, more: Sequence[int]) -> list[Expected]:
        """Each row's half width now and after labelling that many more in the queue's order.

        By simulation with the estimator of the report: labels are drawn as likely as people gave
        them so far where the scorer said the same, at first as likely as the scorers say.
        """
        tasks = dict.fromkeys(side.stratum.task for side in self.sides)
        shares = {count: self.next_answers(count) for count in more}
        found = []
        for task in tasks:
            own = [_Simulated(side, self) for side in self.sides if side.stratum.task == task]
            after: dict[int, float | None] = {}
            for count, asked in shares.items():
                extra = {answer.key for side, answer in asked if side.stratum.task == task}
                after[count] = _half_width(own, extra)
            labels = sum(simulated.labels for simulated in own)
            now = _half_width(own, set()) if labels else None
            found.append(Expected(task=task, labels=labels, now=now, after=after))
        return found


class _Simulated:
    """A side with labels drawn at random where people gave none yet."""

    def __init__(self, side: Side, queue: Queue) -> None:
        self.keys = list(side.answers)
        self.side = side
        self.size = side.stratum.size()
        self.weighted = side.stratum.typical is not None
        answers = side.answers.values()
        self.clusters = [answer.sample.cluster for answer in answers]
        judge = queue.labelling.plan.judge
        own = [_opinions(answer, judge) or (0.5,) for answer in answers]
        self.scores = np.array([float(np.mean(one)) for one in own])
        if judge is None:
            self.scores = (self.scores >= 0.5).astype(float)
        self.known = np.full(len(self.keys), np.nan)
        for place, (key, answer) in enumerate(side.answers.items()):
            held = side.held.get(key)
            if held is not None and held.known:
                self.known[place] = held.label == answer.sample.target
        self.labels = int(np.sum(~np.isnan(self.known)))
        stated = np.array([float(np.mean(one)) for one in own])
        self.likely = stated.copy()
        for said in (True, False):
            part = (self.scores >= 0.5) == said
            given = self.known[part & ~np.isnan(self.known)]
            if given.size:
                mean = float(stated[part].mean())
                learned = (given.sum() + _PRIOR * mean) / (given.size + _PRIOR)
                self.likely[part] = np.clip(stated[part] + learned - mean, 0.0, 1.0)

    def drawn(self, extra: set[Key], rng: np.random.Generator) -> stats.Judged:
        seen = {*self.side.held, *extra}
        drawn = draw_prefix(self.side.order, self.size, seen)
        guess = (rng.random(len(self.keys)) < self.likely).astype(float)
        human = np.full(len(self.keys), np.nan)
        chance = np.full(len(self.keys), np.nan)
        for place, key in enumerate(self.keys):
            if key not in drawn.chances:
                continue
            if key in extra:
                human[place] = guess[place]
            elif not math.isnan(self.known[place]):
                human[place] = self.known[place]
            else:
                continue
            chance[place] = drawn.chances[key]
        weighted = self.weighted and not drawn.whole
        return stats.Judged(human, self.scores, self.clusters, chance if weighted else None)


def _half_width(sides: Sequence[_Simulated], extra: set[Key]) -> float | None:
    rng = np.random.default_rng(0)
    widths = []
    for _ in range(_DRAWS if extra else 1):
        own = stats.ppi_balanced([side.drawn(extra, rng) for side in sides]).interval
        if math.isnan(own.estimate):
            return None
        widths.append((own.high - own.low) / 2)
    return float(np.mean(widths))


def open_queue(
    folder: Path,
    *,
    tasks: Sequence[str] = (),
    judge: str | None = None,
    seed: int | None = None,
) -> Queue:
    """The queue of a run folder; makes its plan, or takes late answers into it.

    `tasks`: these rows alone; `judge`: a judge's name, whole or the part after `judge:RUBRIC:`.
    Raises `UsageError` where no row has open replies with a rubric, where a task or judge is not
    in the run, or a plan is there that was made otherwise.
    """
    header = read_header(folder)
    rubrics = dict(_rubrics(folder, header))
    if not rubrics:
        raise UsageError(f"{folder}: no row of this run has open replies for people to label")
    if unknown := [task for task in tasks if task not in rubrics]:
        raise UsageError(
            f"--task: {unknown[0]} is no row of open replies in this run: {', '.join(rubrics)}"
        )
    answers = _answers(folder, header, rubrics)
    judges = sorted({name for one in answers for name in one.verdicts if _is_judge(name)})
    frames = [
        Frame(
            key=one.key,
            task=one.sample.task,
            side=one.sample.side,
            rubric=rubrics[one.sample.task].id,
            rubric_hash=rubrics[one.sample.task].content_hash(),
            probabilities=_opinions(one, None),
        )
        for one in answers
    ]
    chosen = None if judge is None else _chosen(judge, judges)
    only = judges[0] if len(judges) == 1 else None
    plan_labels(folder, header.id, frames, seed=seed, judge=chosen, only=only)
    labelling = read_labelling(folder)
    assert labelling is not None
    sides = []
    for task in header.tasks:
        for name in task.sides if task.id in (tasks or rubrics) else ():
            stratum = labelling.stratum(task.id, name.name)
            if stratum is None:
                continue
            rubric = rubrics[task.id]
            _check_rubric(stratum, rubric)
            own = {
                one.key: one
                for one in answers
                if (one.sample.task, one.sample.side) == (task.id, name.name)
            }
            held = labelling.held(stratum, {key: one.judged for key, one in own.items()})
            sides.append(Side(stratum, rubric, own, labelling.order(stratum), held))
    return Queue(header, labelling, sides)


def _check_rubric(stratum: Stratum, rubric: Rubric) -> None:
    if stratum.rubric_hash != rubric.content_hash():
        raise UsageError(
            f"{stratum.task}: the plan of labels is for another text of the rubric "
            f"{stratum.rubric}: label with the truing that made it"
        )


def _chosen(judge: str, judges: Sequence[str]) -> str:
    """The judge of that name, whole or without its beginning."""
    fits = [name for name in judges if judge in (name, name.split(":", 2)[-1])]
    if len(fits) != 1:
        raise UsageError(
            f"--judge: {judge} judged no reply of this run: {', '.join(judges) or 'no judge did'}"
        )
    return fits[0]


def _is_judge(scorer: str) -> bool:
    return scorer.startswith(JUDGE_PREFIX)


def _opinions(answer: Asked, judge: str | None) -> tuple[float, ...]:
    """How likely a person would pass the answer, by each scorer, or by one judge alone."""
    return opinions({name: own for name, own in answer.verdicts.items() if judge in (None, name)})


def _rubrics(folder: Path, header: RunHeader) -> Iterator[tuple[str, Rubric]]:
    for task in header.tasks:
        try:
            found = task_of(folder, task.id)
        except TruingError:
            continue  # a row whose task is not at hand cannot say what is asked of its replies
        if found.card.rubric:
            yield task.id, rubric_named(found.card.rubric, found.folder)


def _answers(folder: Path, header: RunHeader, rubrics: Mapping[str, Rubric]) -> list[Asked]:
    """Every answer that its row counts, in an order that does not depend on the journal's."""
    rules = {task.id: task.scorer for task in header.tasks}
    given: dict[Key, tuple[Sample, Response]] = {}
    verdicts: dict[Key, dict[str, Judgement]] = {}
    for line in read_journal(folder / "journal"):
        if isinstance(line, ResponseLine):
            if line.sample.task in rubrics and not line.sample.control:
                given[(line.sample.id, line.epoch)] = (line.sample, line.response)
        elif (line.sample, line.epoch) in given:
            verdicts.setdefault((line.sample, line.epoch), {})[line.judgement.scorer] = (
                line.judgement
            )
    found = []
    for (name, epoch), (sample, response) in sorted(given.items()):
        own = verdicts.get((name, epoch), {})
        rule = own.get(rules[sample.task])
        if rule is not None and rule.outcome is not Outcome.UNSCORED:
            shown = response.text.strip() or _why_empty(response)
            found.append(Asked(sample, epoch, shown, judged_hash(response.text), own))
    return found


def _why_empty(response: Response) -> str:
    if response.stop_reason == "filter":
        return "[no reply: blocked by the provider's filter]"
    return "[an empty reply]"


def prompt_of(sample: Sample) -> str:
    """What was asked, turn by turn, as a person reads it."""
    turns = [message for message in sample.messages if message.text or message.tool_calls]
    if len(turns) == 1:
        return turns[0].full_text
    names = {Role.USER: "User", Role.ASSISTANT: "Assistant", Role.SYSTEM: "System"}
    return "\n\n".join(f"{names.get(turn.role, 'Tool')}: {turn.full_text}" for turn in turns)
