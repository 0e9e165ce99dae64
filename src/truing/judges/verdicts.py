"""A judge's verdicts on labelled replies, kept as they come, so that none is paid for twice.

The file of verdicts holds hashes and labels, and no text of the data.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from truing.errors import JournalError
from truing.records import FaultKind, Judgement, Outcome, Response, judged_hash

__all__ = ["VerdictLog"]

_NO_LABEL = "unreadable"


class _Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    judge: str
    rubric: str
    reply: str
    time: int
    label: str | None
    """None: the judge answered, and no verdict could be read."""
    probability: float | None = None


class VerdictLog:
    """Verdicts of one judge under one rubric, in a file that may hold others' too.

    The key of a verdict is the hash of prompt and reply, and which time it was asked for.
    """

    def __init__(self, file: Path | None, judge: str, rubric_hash: str) -> None:
        """Read what is there. Without a file nothing is kept beyond this process."""
        self._file, self._judge, self._rubric = file, judge, rubric_hash
        self._known: dict[tuple[str, int], _Line] = {}
        self._torn = False
        if file is None or not file.exists():
            return
        data = file.read_bytes()
        self._torn = bool(data) and not data.endswith(b"\n")
        for raw in data.splitlines():
            try:
                line = msgspec.json.decode(raw, type=_Line)
            except msgspec.DecodeError:
                continue  # torn by a kill: asked again
            if (line.judge, line.rubric) == (judge, rubric_hash):
                self._known[(line.reply, line.time)] = line

    def __contains__(self, key: tuple[str, int]) -> bool:
        return key in self._known

    def judgement(self, key: tuple[str, int], response: Response) -> Judgement:
        """The verdict kept under a key; which label was right is not part of it."""
        line = self._known[key]
        return Judgement(
            outcome=Outcome.UNSCORED if line.label is None else Outcome.UNTRUSTWORTHY,
            label=line.label or _NO_LABEL,
            scorer=self._judge,
            judged=judged_hash(response.text),
            probability=line.probability,
        )

    def add(self, key: tuple[str, int], judgement: Judgement) -> None:
        """Keep a verdict; that of a call that failed is not one, and is asked for again.

        Raises `JournalError` where it cannot be written.
        """
        if judgement.label in set(FaultKind):
            return
        line = _Line(
            judge=self._judge,
            rubric=self._rubric,
            reply=key[0],
            time=key[1],
            label=None if judgement.outcome is Outcome.UNSCORED else str(judgement.label),
            probability=judgement.probability,
        )
        self._known[key] = line
        if self._file is None:
            return
        try:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
            with os.fdopen(os.open(self._file, flags, 0o600), "ab") as sink:
                # A line torn by a kill ends here, and takes no other with it.
                sink.write(b"\n" * self._torn + msgspec.json.encode(line) + b"\n")
            self._torn = False
        except OSError as error:
            message = f"cannot write to {self._file}: {error.strerror or error}"
            raise JournalError(message) from error
