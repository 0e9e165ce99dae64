"""A task of which only some seeds are asked: those that a run came to before it was decided."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from truing.journal import ResponseLine, read_journal
from truing.records import Sample
from truing.tasks import Task
from truing.tasks.seeds import Seed

__all__ = ["AskedTask", "asked_seeds"]


class AskedTask(Task):
    """Another task without the seeds that were not asked; with the same id and content."""

    def __init__(self, base: Task, asked: Collection[str], *, edition: int) -> None:
        super().__init__(base.card, base.seeds(edition=edition), folder=base.folder)
        self._base = base
        self._asked = frozenset(asked)

    def seeds(self, *, edition: int = 0) -> Sequence[Seed]:
        """All seeds, asked or not: the content is the task's."""
        return self._base.seeds(edition=edition)

    def samples(self, *, edition: int = 0, limit: int | None = None) -> Iterator[Sample]:
        """The samples of the seeds that were asked; of a loop its first round."""
        samples = self._base.samples(edition=edition, limit=limit)
        return (sample for sample in samples if sample.own_seed in self._asked)

    def follow(self, sample: Sample, label: str, *, edition: int = 0) -> Sample | None:
        """The question of the next round, as the task has it."""
        return self._base.follow(sample, label, edition=edition)

    def sample_count(self, *, edition: int = 0, limit: int | None = None) -> int:
        """How many samples that is at most."""
        return sum(1 for _ in self.walk(edition=edition, limit=limit))

    def content_hash(self, *, edition: int = 0) -> str:
        """The task's own."""
        return self._base.content_hash(edition=edition)


def asked_seeds(run: Path) -> dict[str, set[str]]:
    """Task -> the seeds of which the run has an answer. Raises `JournalError`."""
    found: dict[str, set[str]] = {}
    for line in read_journal(run / "journal"):
        if isinstance(line, ResponseLine):
            found.setdefault(line.sample.task, set()).add(line.sample.own_seed)
    return found
