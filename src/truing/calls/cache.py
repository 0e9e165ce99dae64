"""Answers that were paid for before, by the content of the request: JSON in one SQLite file.

Kept only where the same request would be expected to get the same answer (temperature 0), and
never shared between repeats: epoch and control arm are part of the key. A cache that cannot be
read or written is no cache, never a failed run.
"""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path

import msgspec

from truing.records import Request, Response, content_hash

__all__ = ["AnswerCache"]

LARGEST_BYTES = 1 << 30
_WRITES_A_COMMIT = 64
_VERSION = 1
_TABLE = f"""
create table if not exists answers_{_VERSION} (
  key text primary key, answer blob not null, size integer not null, used real not null
) without rowid
"""


class AnswerCache:
    """Bounded: above `largest_bytes` the answers used longest ago go first."""

    def __init__(self, file: Path, *, largest_bytes: int = LARGEST_BYTES) -> None:
        self._largest = largest_bytes
        self._pending = 0
        self._store: sqlite3.Connection | None = None
        try:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._store = sqlite3.connect(file, timeout=1.0, check_same_thread=False)
            self._store.execute("pragma journal_mode = wal")
            self._store.execute("pragma synchronous = off")  # losing it in a crash costs nothing
            self._store.execute(_TABLE)
            self._store.commit()
        except (OSError, sqlite3.Error):
            self._drop()

    @staticmethod
    def key(model: str, address: str | None, request: Request) -> str | None:
        """What makes two requests the same, or None where an answer must not be used again."""
        if request.temperature > 0 or request.reference is not None:
            return None
        return content_hash([_VERSION, model, address, request]) + content_hash([request, model])

    def get(self, key: str) -> Response | None:
        """The answer kept under a key, marked as reused and free of charge."""
        if self._store is None:
            return None
        try:
            query = f"select answer from answers_{_VERSION} where key = ?"  # noqa: S608
            row = self._store.execute(query, (key,)).fetchone()
            if row is None:
                return None
            kept = msgspec.json.decode(row[0], type=Response)
            update = f"update answers_{_VERSION} set used = ? where key = ?"  # noqa: S608
            self._store.execute(update, (time.time(), key))
        except (sqlite3.Error, msgspec.DecodeError):
            return None
        self._written()
        return msgspec.structs.replace(
            kept, cached=True, cost_usd=0.0, attempts=(), latency_seconds=0.0
        )

    def put(self, key: str, response: Response) -> None:
        """Keep an answer."""
        if self._store is None:
            return
        answer = msgspec.json.encode(response)
        insert = f"insert or replace into answers_{_VERSION} values (?, ?, ?, ?)"  # noqa: S608
        try:
            self._store.execute(insert, (key, answer, len(answer) + 200, time.time()))
        except sqlite3.Error:
            self._drop()
            return
        self._written()

    def close(self) -> None:
        """Write what is pending and make room."""
        if self._store is None:
            return
        try:
            self._make_room()
            self._store.commit()
        except sqlite3.Error:
            pass
        self._drop()

    def _written(self) -> None:
        self._pending += 1
        if self._pending >= _WRITES_A_COMMIT and self._store is not None:
            self._pending = 0
            try:
                self._store.commit()
            except sqlite3.Error:
                self._drop()

    def _make_room(self) -> None:
        assert self._store is not None
        total = f"select coalesce(sum(size), 0) from answers_{_VERSION}"  # noqa: S608
        over = self._store.execute(total).fetchone()[0] - self._largest
        if over <= 0:
            return
        oldest = f"select key, size from answers_{_VERSION} order by used"  # noqa: S608
        gone = []
        for key, size in self._store.execute(oldest):
            if over <= 0:
                break
            gone.append((key,))
            over -= size
        self._store.executemany(f"delete from answers_{_VERSION} where key = ?", gone)  # noqa: S608

    def _drop(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None
