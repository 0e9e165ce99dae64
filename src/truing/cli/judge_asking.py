"""Puts labelled replies to a scorer or a judge of the command line; each verdict is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
from rich.console import Console

from truing.calls.budget import Budget
from truing.cli.interrupt import stop_on_interrupt
from truing.cli.opening import OpenJudge, open_budget, open_head, open_llm_judge
from truing.cli.options import RunOptions
from truing.config import Config, read_config
from truing.engine import Ask, Finished, measure
from truing.errors import TruingError, UsageError
from truing.judges.bench import Seat, derive, needed, seats_in_order
from truing.judges.labelled import Labelled, sample_of
from truing.judges.replies import Reply
from truing.judges.specs import HEAD_PREFIX, Cascade, JudgeSpec, Single, judge_name, read_spec
from truing.judges.verdicts import VerdictLog
from truing.records import Judgement, Outcome, Response, Sample, Settings
from truing.scorers import find_scorer
from truing.scorers.judge import LlmJudge, read_verdict
from truing.scorers.rubric import Rubric
from truing.scorers.scorer import Particular, Scorer, verdict_on

__all__ = ["ask_judge", "ask_scorer"]

_RULE = "refusal_rule@1"
"""The first stage of a cascade, as it is in a run's open rows."""

Times = list[list[str | None]]
"""Verdicts of each time, in the order of the replies; None is unscored."""


def ask_scorer(name: str, replies: Sequence[Labelled]) -> Times:
    """A rule's verdicts: one time, as it says the same again. Raises `UnknownName`."""
    scorer = find_scorer(name)

    async def say() -> list[str | None]:
        return [_label(await verdict_on(scorer, *sample_of(reply))) for reply in replies]

    return [asyncio.run(say())]


def ask_judge(
    text: str,
    rubric: Rubric,
    replies: Sequence[Labelled],
    times: int,
    file: Callable[[str], Path],
    options: RunOptions,
    console: Console,
) -> tuple[str, Times]:
    """A judge's name, and its verdicts of every time; for models each time has its own seed.

    `file` says where the verdicts of a model of that name are kept: what is there is not asked
    for again. Raises `UsageError` for what is no judge under this rubric, and what made it end
    early, after what came is on the disk.
    """
    asking = _Asking(read_spec(text), rubric, replies, times, file, options, console)
    asking.run()
    return asking.verdicts()


class _Asking:
    """One judge over all labelled replies."""

    def __init__(
        self,
        spec: JudgeSpec,
        rubric: Rubric,
        replies: Sequence[Labelled],
        times: int,
        file: Callable[[str], Path],
        options: RunOptions,
        console: Console,
    ) -> None:
        self._spec, self._rubric, self._file = spec, rubric, file
        self._options, self._console = options, console
        self._seats: dict[str, Seat] = {}
        self._times = [[Reply(s, t, r) for s, r in map(sample_of, replies)] for t in range(times)]

    def run(self) -> None:
        config = read_config(self._options.config)
        budget = open_budget(self._options, config)
        for name in seats_in_order([self._spec]):
            judge = self._open(name, config, budget)
            self._seats[name] = Seat(judge.name, judge.threshold)
            if isinstance(self._spec, Cascade) and judge.caller is None:
                asyncio.run(self._rule())
            asyncio.run(self._ask(name, judge))

    def verdicts(self) -> tuple[str, Times]:
        """The judge's name and verdicts; those of panels and cascades follow from the members'."""
        if isinstance(self._spec, Single):
            names = {judge_name(self._rubric.id, self._seats[self._spec.name].name)}
        else:
            names = set()
            for reply in (reply for time in self._times for reply in time):
                for found in self._derived(reply):
                    reply.verdicts[found.scorer] = found
                    names.add(found.scorer)
        (name,) = names
        return name, [[_label(reply.verdicts[name]) for reply in time] for time in self._times]

    def _derived(self, reply: Reply) -> Iterator[Judgement]:
        return derive(self._spec, self._seats, self._rubric.id, _RULE, reply, self._options.edition)

    def _open(self, name: str, config: Config, budget: Budget) -> OpenJudge:
        if name.startswith(HEAD_PREFIX):
            return open_head(name)

        def readable(response: Response) -> bool:
            return read_verdict(response.text, self._rubric) is not None

        return open_llm_judge(name, self._options, config, budget, readable)

    async def _rule(self) -> None:
        rule = find_scorer(_RULE)
        for reply in (reply for time in self._times for reply in time):
            reply.rule = await verdict_on(rule, reply.sample, reply.response)

    async def _ask(self, name: str, judge: OpenJudge) -> None:
        scorers = self._scorers(judge)
        log = VerdictLog(
            None if judge.caller is None else self._file(scorers[0].name),
            scorers[0].name,
            self._rubric.content_hash(),
        )
        seen: dict[tuple[str, int], list[Reply]] = {}
        for reply in (reply for time in self._times for reply in time):
            if needed(
                name,
                [self._spec],
                self._seats,
                self._rubric.id,
                reply,
                self._options.edition,
            ):
                seen.setdefault((reply.sample.id, reply.epoch), []).append(reply)
        owed = {key: same[0] for key, same in seen.items() if key not in log}
        try:
            if owed:
                self._console.print(f"{judge.name} judges {len(owed)} replies", markup=False)
                await self._put(owed, judge, scorers, log)
        finally:
            if judge.caller is not None:
                await judge.caller.close()
        left = sum(key not in log for key in seen)
        if left:
            raise UsageError(f"{left} verdicts are still owed: run the same command again")
        for key, same in seen.items():
            for reply in same:
                reply.verdicts[scorers[0].name] = log.judgement(key, reply.response)

    def _scorers(self, judge: OpenJudge) -> list[Scorer]:
        """The judge under the rubric, once a time."""
        if judge.caller is not None:
            return [
                LlmJudge(judge.name, self._rubric, judge.caller.respond, seed=time)
                for time in range(len(self._times))
            ]
        scorer = judge.scorer(self._rubric)
        if scorer is None:
            raise UsageError(
                f"--judge: {judge.name} does not know the labels of {self._rubric.id}: "
                "name its rubric with --rubric"
            )
        return [scorer] * len(self._times)

    async def _put(
        self,
        owed: Mapping[tuple[str, int], Reply],
        judge: OpenJudge,
        scorers: Sequence[Scorer],
        log: VerdictLog,
    ) -> None:
        failure: TruingError | None = None

        def finished(outcome: Finished) -> None:
            log.add((outcome.ask.sample.id, outcome.ask.epoch), outcome.judgement)

        with stop_on_interrupt(self._console) as stop:

            def asks() -> Iterator[Ask]:
                for (_, time), reply in owed.items():
                    if stop.asked:
                        return
                    sample = self._askable(reply.sample, scorers[time], str(time))
                    yield Ask(sample, time, reply.response)

            try:
                if judge.caller is not None:
                    await measure(
                        asks(),
                        judge.caller,
                        lambda time: scorers[int(time)],
                        Settings(),
                        finished,
                        concurrency=judge.caller.gate.most,
                        paid=lambda _: True,
                    )
                else:
                    for ask in asks():
                        assert ask.answered is not None
                        verdict = await verdict_on(scorers[0], ask.sample, ask.answered)
                        log.add((ask.sample.id, ask.epoch), verdict)
            except TruingError as error:
                failure = error
        if failure is not None:
            raise failure

    def _askable(self, sample: Sample, scorer: Scorer, time: str) -> Sample:
        """The sample with a right label that the judge knows: only its own label is read.

        The engine finds a scorer by the task's name, and each time has its own.
        """
        for label in self._rubric.labels:
            asked = msgspec.structs.replace(sample, task=time, target=label)
            if not (isinstance(scorer, Particular) and scorer.lacks(asked)):
                return asked
        return sample


def _label(judgement: Judgement) -> str | None:
    return None if judgement.outcome is Outcome.UNSCORED else str(judgement.label)
