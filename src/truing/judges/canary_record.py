"""What judges said of canaries: `canaries/*.jsonl` in a run folder, a line a verdict.

Append-only, a file a sitting, beside the journal and apart from it: no figure of the model under
test is made of these. Whoever writes holds the run's journal, so that there is one writer.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from truing.errors import JournalError
from truing.judges.canaries import Canary
from truing.records import SCHEMA_VERSION, FaultKind, Judgement, Outcome

__all__ = ["CanaryLine", "CanaryWriter", "canary_line", "read_canaries"]

_FAULTS = frozenset(FaultKind)


class CanaryLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A judge's verdict on one known answer."""

    v: int = SCHEMA_VERSION
    judge: str
    """The scorer's name, as in the journal."""
    canary: str
    base: str
    task: str
    sample: str
    cluster: str
    form: str
    variant: str
    text: str
    hash: str
    """Of the text, as a judgement has it."""
    known: str | None = None
    """The label that is right."""
    passes: bool
    """Whether the right verdict is a passing one."""
    label: str
    outcome: Outcome
    probability: float | None = None
    reason: str = ""
    tokens: int | None = None
    cost_usd: float | None = None
    cached: bool = False

    @property
    def failed(self) -> bool:
        """Whether the call failed, so that it is owed again."""
        return self.label in _FAULTS

    def judgement(self) -> Judgement:
        """The verdict as a scorer gave it."""
        return Judgement(
            outcome=self.outcome,
            label=self.label,
            scorer=self.judge,
            judged=self.hash,
            probability=self.probability,
            reason=self.reason,
            tokens=self.tokens,
            cost_usd=self.cost_usd,
            cached=self.cached,
        )


def canary_line(canary: Canary, given: Judgement) -> CanaryLine:
    """The line of a verdict on a canary."""
    return CanaryLine(
        judge=given.scorer,
        canary=canary.id,
        base=canary.base,
        task=canary.sample.task,
        sample=canary.sample.id,
        cluster=canary.sample.cluster,
        form=canary.form,
        variant=canary.variant,
        text=canary.text,
        hash=given.judged,
        known=canary.label,
        passes=canary.passes,
        label=given.label,
        outcome=given.outcome,
        probability=given.probability,
        reason=given.reason,
        tokens=given.tokens,
        cost_usd=given.cost_usd,
        cached=given.cached,
    )


_decoder = msgspec.json.Decoder(CanaryLine)


def read_canaries(run: Path) -> Iterator[CanaryLine]:
    """Every line of a run's canaries, in the order written; none where it has none.

    A torn last line of a file is owed again. Raises `JournalError` where one in the middle is
    broken.
    """
    for file in sorted((run / "canaries").glob("*.jsonl")):
        waiting: str | None = None
        with file.open("rb") as lines:
            for number, raw in enumerate(lines, 1):
                if waiting:
                    raise JournalError(f"{file}: {waiting}; truing writes whole lines only")
                try:
                    yield _decoder.decode(raw)
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    waiting = f"line {number} is not a canary line ({error})"


class CanaryWriter:
    """Appends a line with one system call, to a file that the first of them makes."""

    def __init__(self, run: Path) -> None:
        self._folder = run / "canaries"
        self._file: int | None = None

    def append(self, line: CanaryLine) -> None:
        """Write a line. Raises `JournalError` where it cannot be written."""
        data = msgspec.json.encode(line) + b"\n"
        try:
            if self._file is None:
                self._file = self._open()
            while data:
                data = data[os.write(self._file, data) :]
        except OSError as error:
            raise JournalError(
                f"cannot write to {self._folder}: {error.strerror or error}"
            ) from error

    def _open(self) -> int:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        taken = [int(file.stem) for file in self._folder.glob("*.jsonl") if file.stem.isdigit()]
        name = self._folder / f"{max(taken, default=0) + 1:04d}.jsonl"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        return os.open(name, flags, 0o600)

    def close(self) -> None:
        """Synchronise and let go of the file, where there is one."""
        if self._file is not None:
            os.fsync(self._file)
            os.close(self._file)
            self._file = None
