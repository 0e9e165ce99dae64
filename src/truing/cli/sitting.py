"""One process working on one run: what it still owes is asked, judged and journalled."""

from __future__ import annotations

import time
from collections.abc import Iterator

from rich.console import Console

from truing.calls.caller import Caller
from truing.cli.drawn import Drawing
from truing.cli.interrupt import Stop, stop_on_interrupt
from truing.cli.progress import Progress
from truing.engine import Ask, Finished, measure
from truing.errors import TruingError
from truing.journal import JournalWriter, JudgementLine, ResponseLine
from truing.records import Sample
from truing.runs import Done, RunHeader
from truing.scorers import find_scorer
from truing.tasks import Task

__all__ = ["Sitting"]


class Sitting:
    """Owns nothing: header, tasks, model and journal are handed to it."""

    def __init__(
        self,
        header: RunHeader,
        tasks: list[Task],
        model: Caller,
        journal: JournalWriter,
        done: Done,
    ) -> None:
        self._header = header
        self._tasks = tasks
        self._by_id = {task.id: task for task in tasks}
        self._model = model
        self._journal = journal
        self._done = done
        self._stop = Stop()
        self._drawing = None
        if header.until_decided is not None:
            self._drawing = Drawing(header, tasks, done, self._later)
        self._asked = 0

    async def run(self, console: Console) -> tuple[bool, TruingError | None]:
        """Whether a person stopped it, and what made it end early, if anything did."""
        scorers = {task.id: find_scorer(task.card.scorer) for task in self._tasks}
        failure: TruingError | None = None
        with (
            stop_on_interrupt(console) as self._stop,
            Progress(console, self._header, already=self._already()) as progress,
        ):

            def finished(outcome: Finished) -> None:
                self._record(outcome)
                progress.count(outcome)
                if self._drawing is not None:
                    self._drawing.count(outcome)

            try:
                before = -1
                # The last answers in flight may decide a row and leave its calls to others.
                while before < self._asked:
                    before = self._asked
                    await measure(
                        self._asks(),
                        self._model,
                        scorers.__getitem__,
                        self._header.settings,
                        finished,
                        concurrency=self._model.gate.most,
                        follow=self._follow,
                    )
            except TruingError as error:
                failure = error
            finally:
                await self._model.close()
        return self._stop.asked, failure or self._journal.failure

    def _asks(self) -> Iterator[Ask]:
        for ask in self._in_order() if self._drawing is None else self._drawing.asks():
            if self._stopping:
                return
            self._asked += self._drawing is not None
            yield ask

    def _in_order(self) -> Iterator[Ask]:
        epochs = range(self._header.settings.epochs)
        for task in self._tasks:
            for sample in task.samples(
                edition=self._header.edition, limit=self._header.seeds_per_task
            ):
                for epoch in epochs:
                    ask = self._owed(sample, epoch)
                    if ask is not None:
                        yield ask

    @property
    def _stopping(self) -> bool:
        return self._stop.asked or self._journal.failure is not None

    def _owed(self, sample: Sample | None, epoch: int) -> Ask | None:
        """The first question of a seed's rounds that is not answered and judged, if any."""
        while sample is not None:
            label = self._done.label(sample.id, epoch)
            if label is None:
                return Ask(sample, epoch, self._done.answer(sample.id, epoch))
            sample = self._later(sample, label)
        return None

    def _follow(self, outcome: Finished) -> Ask | None:
        if self._stopping or not outcome.response.settled:
            return None
        if self._drawing is not None and self._drawing.decided(outcome.ask.sample.task):
            return None
        later = self._later(outcome.ask.sample, outcome.judgement.label)
        return self._owed(later, outcome.ask.epoch)

    def _later(self, sample: Sample, label: str) -> Sample | None:
        return self._by_id[sample.task].follow(sample, label, edition=self._header.edition)

    def _already(self) -> int:
        return min(self._done.judged_count, self._header.planned)

    def _record(self, outcome: Finished) -> None:
        sample, epoch = outcome.ask.sample, outcome.ask.epoch
        verdict = JudgementLine(epoch=epoch, sample=sample.id, judgement=outcome.judgement)
        if outcome.fresh:
            answer = ResponseLine(
                epoch=epoch, sample=sample, response=outcome.response, at=time.time()
            )
            self._journal.append(answer, verdict)
        else:
            self._journal.append(verdict)
