"""Keeps judges' verdicts on disk, one small JSON file each, under a hash of what was judged."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from truing.records import Judgement

__all__ = ["VerdictFiles"]


class VerdictFiles:
    """A folder of verdicts. What cannot be read is no verdict; what cannot be written, no loss."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, key: str) -> Judgement | None:
        """The verdict kept under a key, or None."""
        try:
            return msgspec.json.decode(self._file(key).read_bytes(), type=Judgement)
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            return None

    def put(self, key: str, verdict: Judgement) -> None:
        """Keep a verdict; a reader sees all of it or nothing."""
        file = self._file(key)
        part = file.with_name(f".{file.name}.{os.getpid()}")
        try:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as sink:
                sink.write(msgspec.json.encode(verdict))
            part.replace(file)
        except OSError:
            return

    def _file(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key}.json"
