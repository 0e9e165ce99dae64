"""The seeds of a task: a file of them read as they are asked for, and the order of an edition."""

from __future__ import annotations

import hashlib
import os
import weakref
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from io import FileIO
from pathlib import Path
from typing import Any, overload

import msgspec

from truing.errors import TaskError

__all__ = ["Seed", "SeedFile", "draw_bytes", "order_seeds"]

Seed = dict[str, Any]


class SeedFile(Sequence[Seed]):
    """Every seed of `seeds.jsonl` in file order; only ids and places are kept in memory.

    Raises `TaskError`, naming file and line, where a line is not an object with an `id` of its
    own, or where there is none.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self.ids: list[str] = []
        self._starts = array("Q", [0])
        self._open: FileIO | None = None
        try:
            with file.open("rb") as lines:
                for number, line in enumerate(lines, 1):
                    self._starts.append(self._starts[-1] + len(line))
                    self.ids.append(_id_of(line, f"{file}:{number}"))
        except OSError as error:
            raise TaskError(f"{file}: not a seed file: {error}") from error
        if not self.ids:
            raise TaskError(f"{file}: expected at least one seed, found none")
        if len(set(self.ids)) < len(self.ids):
            twice = next(name for name, times in Counter(self.ids).items() if times > 1)
            raise TaskError(f"{file}: the id {twice!r} occurs twice")

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, place: int) -> Seed: ...
    @overload
    def __getitem__(self, place: slice) -> list[Seed]: ...
    def __getitem__(self, place: int | slice) -> Seed | list[Seed]:
        if isinstance(place, slice):
            return [self[i] for i in range(*place.indices(len(self)))]
        if not -len(self) <= place < len(self):
            raise IndexError(place)
        start, end = self._starts[place % len(self)], self._starts[place % len(self) + 1]
        if self._open is None:
            self._open = self._file.open("rb", buffering=0)
            weakref.finalize(self, self._open.close)
        seed: Seed = msgspec.json.decode(os.pread(self._open.fileno(), end - start, start))
        return seed

    def __iter__(self) -> Iterator[Seed]:
        return map(self.__getitem__, range(len(self)))


class _Id(msgspec.Struct):
    id: str


def _id_of(line: bytes, where: str) -> str:
    try:
        return msgspec.json.decode(line, type=_Id).id
    except msgspec.ValidationError as error:
        raise TaskError(f"{where}: expected an object with a string `id`") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise TaskError(f"{where}: not a seed file: {error}") from error


def order_seeds(seeds: Sequence[Seed], *, task: str, edition: int) -> list[int]:
    """Places of the seeds in an edition's order: any prefix is a draw without replacement."""
    ids = seeds.ids if isinstance(seeds, SeedFile) else [seed["id"] for seed in seeds]
    digests = [draw_bytes(task, edition, name) for name in ids]
    return sorted(range(len(ids)), key=digests.__getitem__)


def draw_bytes(*parts: object) -> bytes:
    """32 bytes that depend on the parts alone: the randomness of an edition."""
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
