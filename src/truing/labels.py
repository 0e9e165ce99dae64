"""People's labels of a run's answers: an append-only record beside the journal, and what holds.

A label is on the disk before the one who gave it hears so. Every writer has a file of its own,
so reviewers on one server, several servers and a file that is read in can write at once, and
nothing written is ever touched again: a label is taken back by a later record that withdraws it.
"""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal

import msgspec

from truing.errors import JournalError, UsageError
from truing.records import SCHEMA_VERSION, content_hash

__all__ = [
    "DISPUTED",
    "LABELS_FOLDER",
    "UNSURE",
    "Held",
    "LabelLine",
    "LabelWriter",
    "held_labels",
    "read_labels",
    "standing",
]

LABELS_FOLDER = "labels"
"""Below the run's folder."""
UNSURE = "unsure"
"""Given where a person cannot say: the answer was seen, and is no label."""
DISPUTED = "disputed"
"""Two people differ and nobody has adjudicated."""
_TICK = 1e-6


class LabelLine(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="label"):
    """One person's label of one answer, or its withdrawal."""

    v: int = SCHEMA_VERSION
    id: str
    """Hash of everything else: what a withdrawal names."""
    sample: str
    epoch: int
    judged: str
    """Hash of the reply that the person read."""
    label: str = ""
    """A label of the row's rubric or `unsure`; empty where the record only withdraws another."""
    labeller: str
    at: float
    """Seconds since 1970. Later than all that the writer found when it began."""
    rubric: str
    rubric_hash: str
    note: str = ""
    withdraws: str | None = None
    """A record of the same labeller that no longer counts. A withdrawal can be withdrawn."""
    adjudicates: bool = False
    """It settles the answer, whatever others said."""

    @property
    def key(self) -> tuple[str, int]:
        """Which answer it is about."""
        return (self.sample, self.epoch)


_decoder = msgspec.json.Decoder(LabelLine)
_encoder = msgspec.json.Encoder()


class _Version(msgspec.Struct):
    v: int = 0


def read_labels(folder: Path, torn: list[str] | None = None) -> list[LabelLine]:
    """Every record of a label journal, oldest first; none where there is no folder.

    A torn last line of a file is skipped and named in `torn`. Raises `JournalError` where a line in
    the middle is broken, one is of a newer schema, or a file cannot be read.
    """
    found: list[LabelLine] = []
    try:
        for file in sorted(folder.glob("[0-9]*.jsonl")):
            found += _read_file(file, torn)
    except OSError as error:
        raise JournalError(f"cannot read {folder}: {error.strerror or error}") from error
    return sorted(found, key=lambda line: line.at)


def _read_file(file: Path, torn: list[str] | None) -> Iterator[LabelLine]:
    waiting: str | None = None
    with file.open("rb") as lines:
        for number, raw in enumerate(lines, 1):
            if waiting:
                raise JournalError(f"{waiting}; truing writes whole lines only")
            try:
                line = _decoder.decode(raw)
            except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
                _refuse_newer(raw, file, number)
                waiting = f"{file}: line {number} is not a label ({error})"
                continue
            _refuse_newer(raw, file, number)
            yield line
    if waiting and torn is not None:
        torn.append(waiting)


def _refuse_newer(raw: bytes, file: Path, number: int) -> None:
    try:
        version = msgspec.json.decode(raw, type=_Version).v
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError):
        return
    if version > SCHEMA_VERSION:
        raise JournalError(
            f"{file}:{number}: written by a newer truing (schema {version}, "
            f"this one reads up to {SCHEMA_VERSION}): upgrade truing"
        )


@dataclass(frozen=True, slots=True)
class Held:
    """What people say of an answer."""

    label: str
    """A label of the rubric, `unsure`, or `disputed`."""
    by: Mapping[str, str]
    """Labeller -> the last label that each gave."""
    adjudicated: bool = False

    @property
    def known(self) -> bool:
        """Whether there is a label to count."""
        return self.label not in (UNSURE, DISPUTED)


def held_labels(lines: Iterable[LabelLine]) -> dict[tuple[str, int], Held]:
    """(sample, epoch) -> what holds, of records in the order of `read_labels`.

    Of each labeller the last record that is not withdrawn counts. Where two labels differ the
    answer is `disputed` until a record adjudicates it (the last such one holds); who is unsure
    disputes nobody's label. An answer whose records are all withdrawn is not in the result.
    """
    by: dict[tuple[str, int], dict[str, str]] = {}
    settled: dict[tuple[str, int], str] = {}
    for line in standing(lines):
        by.setdefault(line.key, {})[line.labeller] = line.label
        if line.adjudicates:
            settled[line.key] = line.label
    return {key: _held(own, settled.get(key)) for key, own in by.items()}


def standing(lines: Iterable[LabelLine]) -> list[LabelLine]:
    """The labels that were not withdrawn, of records in the order of `read_labels`."""
    every = list(lines)
    owner = {line.id: line.labeller for line in every}
    withdrawn: set[str] = set()
    # Latest first: a withdrawal that was itself withdrawn takes nothing back.
    for line in reversed(every):
        own = line.withdraws is not None and owner.get(line.withdraws) == line.labeller
        if own and line.withdraws and line.id not in withdrawn:
            withdrawn.add(line.withdraws)
    return [line for line in every if line.label and line.id not in withdrawn]


def _held(by: dict[str, str], settled: str | None) -> Held:
    if settled is not None:
        return Held(settled, by, adjudicated=True)
    said = {label for label in by.values() if label != UNSURE}
    if len(said) > 1:
        return Held(DISPUTED, by)
    return Held(said.pop() if said else UNSURE, by)


class LabelWriter:
    """Appends labels to a new file of a run's label journal; safe for several threads.

    The file appears with the first label. Nothing is locked: no other writer opens the file, and
    one that was killed leaves nothing behind that must be cleared. Raises `JournalError` where
    the journal there cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._file: int | None = None
        self._last = max((line.at for line in read_labels(folder)), default=0.0)

    def give(
        self,
        *,
        sample: str,
        epoch: int,
        judged: str,
        label: str,
        labeller: str,
        rubric: str,
        rubric_hash: str,
        note: str = "",
        withdraws: str | None = None,
        adjudicates: bool = False,
    ) -> LabelLine:
        """Write a label and return it once it is on the disk.

        Raises `UsageError` where nobody is named as the labeller, `JournalError` where it cannot
        be written: then it was not given.
        """
        if not labeller.strip():
            raise UsageError("a label needs the name of who gave it")
        with self._lock:
            self._last = max(time.time(), self._last + _TICK)
            line = LabelLine(
                id="",
                sample=sample,
                epoch=epoch,
                judged=judged,
                label=label,
                labeller=labeller.strip(),
                at=self._last,
                rubric=rubric,
                rubric_hash=rubric_hash,
                note=note,
                withdraws=withdraws,
                adjudicates=adjudicates,
            )
            line = msgspec.structs.replace(line, id=content_hash(line))
            self._write(_encoder.encode(line) + b"\n")
            return line

    def withdraw(self, line: LabelLine) -> LabelLine:
        """Take a record back: what its labeller said before it holds again; see `give`."""
        return self.give(
            sample=line.sample,
            epoch=line.epoch,
            judged=line.judged,
            label="",
            labeller=line.labeller,
            rubric=line.rubric,
            rubric_hash=line.rubric_hash,
            withdraws=line.id,
        )

    def _write(self, data: bytes) -> None:
        try:
            if self._file is None:
                self._file = self._open_next()
            _write_whole(self._file, data)
        except OSError as error:
            # What is torn stays the last line of its file: the next label begins another.
            self._leave()
            message = f"cannot write to {self._folder}: {error.strerror or error}"
            raise JournalError(f"{message}; the label was not taken") from error

    def _open_next(self) -> int:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        taken = [int(f.stem) for f in self._folder.glob("*.jsonl") if f.stem.isdigit()]
        number = max(taken, default=0) + 1
        while True:
            path = self._folder / f"{number:04d}.jsonl"
            try:
                opened = os.open(
                    path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600
                )
            except FileExistsError:
                number += 1
                continue
            _synchronise(self._folder)
            return opened

    def _leave(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._leave()

    def __enter__(self) -> LabelWriter:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _value: BaseException | None,
        _traceback: TracebackType | None,
    ) -> Literal[False]:
        self.close()
        return False


def _write_whole(file: int, data: bytes) -> None:
    """Write with one call and have it on the disk. Raises `OSError` where that cannot be."""
    if os.write(file, data) < len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    os.fdatasync(file)


def _synchronise(folder: Path) -> None:
    """Have the folder's entry of a new file on the disk too."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
