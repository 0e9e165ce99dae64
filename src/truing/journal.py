"""A run's append-only record: one JSON object a line, one line a finished response or judgement.

Knows lines and files, not what they mean. A line is written with one system call as soon as it
is finished, so a killed process loses nothing it was told; the disk is synchronised every few
seconds. Each sitting writes a new file: nothing written is ever touched again, and a torn last
line (power, full disk) stays where it is and is owed again.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import msgspec

from truing.errors import JournalError, RunLocked
from truing.records import SCHEMA_VERSION, Judgement, Response, Sample

__all__ = [
    "JournalWriter",
    "JudgementLine",
    "Line",
    "ResponseLine",
    "TornLines",
    "read_journal",
    "seconds_spent",
]

SYNC_SECONDS = 2.0
RESERVE_BYTES = 4 << 20
"""Kept free on the disk for the answers that are in flight when it fills up."""


class ResponseLine(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="response"):
    """What was asked and what came back, whole."""

    v: int = SCHEMA_VERSION
    epoch: int
    sample: Sample
    response: Response
    at: float
    """Seconds since 1970, for people: nothing is computed from it."""


class JudgementLine(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="judgement"):
    """A scorer's verdict on the response with the same sample and epoch."""

    v: int = SCHEMA_VERSION
    epoch: int
    sample: str
    judgement: Judgement


Line = ResponseLine | JudgementLine
_decoder: msgspec.json.Decoder[Line] = msgspec.json.Decoder(Line)
_encoder = msgspec.json.Encoder()
_FULL = {errno.ENOSPC, errno.EDQUOT}
_RESPONSE_HEAD = b'{"kind":"response",'


class TornLines(msgspec.Struct):
    """Counts lines that could not be read: what they held is owed again."""

    count: int = 0
    where: list[str] = []


def read_journal(folder: Path, torn: TornLines | None = None) -> Iterator[Line]:
    """Every line of a run's journal, in the order written, one at a time.

    A torn last line of a file is skipped and counted. Raises `JournalError` where a line in the
    middle is broken or of a newer schema: that is damage, not a crash.
    """
    for file in sorted(folder.glob("*.jsonl")):
        with file.open("rb") as lines:
            waiting: str | None = None
            for number, raw in enumerate(lines, 1):
                if waiting:
                    raise JournalError(f"{file}: {waiting}; truing writes whole lines only")
                try:
                    line = _decoder.decode(raw)
                except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
                    waiting = f"line {number} is not a journal line ({error})"
                    _refuse_newer(raw, file, number)
                    continue
                if line.v > SCHEMA_VERSION:
                    _refuse_newer(raw, file, number)
                yield line
            if waiting and torn is not None:
                torn.count += 1
                torn.where.append(f"{file.name}: {waiting}")


def seconds_spent(folder: Path) -> float | None:
    """Wall-clock seconds of all sittings, each from its first call to its last answer.

    None where no answer was written.
    """
    total: float | None = None
    for file in sorted(folder.glob("*.jsonl")):
        first = last = b""
        with file.open("rb") as lines:
            for raw in lines:
                if raw.startswith(_RESPONSE_HEAD) and raw.endswith(b"\n"):
                    first, last = first or raw, raw
        if first:
            start, end = _decoder.decode(first), _decoder.decode(last)
            assert isinstance(start, ResponseLine)
            assert isinstance(end, ResponseLine)
            total = (total or 0.0) + end.at - start.at + start.response.latency_seconds
    return total


def _refuse_newer(raw: bytes, file: Path, number: int) -> None:
    try:
        version: Any = msgspec.json.decode(raw).get("v")
    except (msgspec.DecodeError, AttributeError, UnicodeDecodeError):
        return
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise JournalError(
            f"{file}:{number}: written by a newer truing (schema {version}, "
            f"this one reads up to {SCHEMA_VERSION}): upgrade truing"
        )


class JournalWriter:
    """Appends lines to a new file of a run's journal, one process at a time.

    Raises `RunLocked` where another process writes, `JournalError` where the folder cannot be
    written, both before anything is paid for.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _unwritable(folder, error) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise RunLocked(f"{folder.parent}: another truing process is writing to it") from error
        self._file = self._open_next()
        self._syncer = ThreadPoolExecutor(1, thread_name_prefix="sync")
        self._syncing: Future[None] | None = None
        self._reserve = folder / ".reserve"
        self._set_aside()
        self._synced = time.monotonic()
        self.failure: JournalError | None = None
        """Set where the disk is full: what is in flight can still be written, no more."""

    def _open_next(self) -> int:
        taken = [int(file.stem) for file in self._folder.glob("*.jsonl") if file.stem.isdigit()]
        path = self._folder / f"{max(taken, default=0) + 1:04d}.jsonl"
        try:
            return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        except OSError as error:
            os.close(self._lock)
            raise _unwritable(path, error) from error

    def _set_aside(self) -> None:
        """Take room for what will be in flight. Raises `JournalError` where there is none."""
        try:
            descriptor = os.open(self._reserve, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                # Written, not only promised: some file systems promise what they lack.
                left = RESERVE_BYTES
                while left > 0:
                    left -= os.write(descriptor, bytes(min(left, 1 << 20)))
            finally:
                os.close(descriptor)
        except OSError as error:
            self.close()
            raise JournalError(
                f"cannot set aside {RESERVE_BYTES >> 20} MB in {self._folder}: "
                f"{error.strerror or error}; nothing was asked yet: make room, or use -o elsewhere"
            ) from error

    def append(self, *lines: Line) -> None:
        """Write lines with one system call; they outlive the process from then on.

        Where the disk is full, what was set aside is given up for them and `failure` is set: no
        more should be asked. Raises `JournalError` where they cannot be written at all.
        """
        data = _encoder.encode_lines(lines)
        try:
            while data:
                try:
                    data = data[os.write(self._file, data) :]
                except OSError as error:
                    if error.errno not in _FULL or self.failure is not None:
                        raise
                    self.failure = JournalError(
                        f"{self._folder}: {error.strerror}: what was answered is kept; "
                        "make room and give the same command again"
                    )
                    self._reserve.unlink(missing_ok=True)
            if (now := time.monotonic()) - self._synced > SYNC_SECONDS:
                self._synced = now
                self._sync()
        except OSError as error:
            raise _unwritable(self._folder, error) from error

    def _sync(self) -> None:
        """Have the disk synchronised beside the calls: a slow disk must not keep answers waiting.

        Raises what the synchronisation before this one met (`OSError`).
        """
        if self._syncing is not None:
            if not self._syncing.done():
                return
            self._syncing.result()
        self._syncing = self._syncer.submit(os.fdatasync, self._file)

    def close(self) -> None:
        """Synchronise and let go of the folder. A sitting that wrote nothing leaves no file."""
        self._syncer.shutdown()
        if self._syncing is not None:
            self._syncing.result()
        self._reserve.unlink(missing_ok=True)
        os.fsync(self._file)
        if os.fstat(self._file).st_size == 0:
            newest = max(self._folder.glob("*.jsonl"))
            newest.unlink()
        os.close(self._file)
        os.close(self._lock)

    def __enter__(self) -> JournalWriter:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _value: BaseException | None,
        _traceback: TracebackType | None,
    ) -> Literal[False]:
        self.close()
        return False


def _unwritable(path: Path, error: OSError) -> JournalError:
    return JournalError(f"cannot write to {path}: {error.strerror or error}")
