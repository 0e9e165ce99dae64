"""A run's plan of labels: the order in which people label its answers, decided once.

`RUN/labels/plan.json` holds the seed and each answer's size, so that judges that come later move
nothing. Answers that come later are taken in by the same measure, and nothing else is changed.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from truing.errors import JournalError, UsageError
from truing.judges import sampling
from truing.judges.sampling import Drawn, Key
from truing.labels import LABELS_FOLDER, Held, LabelLine, held_labels, read_labels
from truing.records import SCHEMA_VERSION
from truing.runs import write_atomically

__all__ = [
    "Frame",
    "Labelling",
    "Plan",
    "Stratum",
    "plan_labels",
    "read_labelling",
    "read_plan",
]

METHOD = "sequential Poisson sampling by row and side"
_FILE = "plan.json"


class Stratum(msgspec.Struct, frozen=True, kw_only=True):
    """A side of a row: its answers are drawn among themselves."""

    task: str
    side: str
    rubric: str
    rubric_hash: str
    typical: float | None
    """The mean of the scores that the sizes were made of; None: all sizes are 1."""
    sizes: dict[str, float]
    """`SAMPLE:EPOCH` -> size w."""

    def size(self) -> dict[Key, float]:
        """The sizes by sample and epoch."""
        return {_key(name): size for name, size in self.sizes.items()}


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """`plan.json`."""

    v: int = SCHEMA_VERSION
    run: str
    seed: int
    method: str = METHOD
    judge: str | None
    """The scorer whose corrected rates stand first, chosen before a label; None: the rule."""
    strata: list[Stratum]


@dataclass(frozen=True, slots=True)
class Frame:
    """An answer that a plan must hold, and what rule and judges make of it."""

    key: Key
    task: str
    side: str
    rubric: str
    rubric_hash: str
    probabilities: tuple[float, ...]
    """Of each scorer that has an opinion: how likely a person would pass it."""


def read_plan(folder: Path) -> Plan | None:
    """The plan of a run folder, None where nobody has made one.

    Raises `JournalError` where it cannot be read or is of a newer truing.
    """
    file = folder / LABELS_FOLDER / _FILE
    try:
        plan = msgspec.json.decode(file.read_bytes(), type=Plan)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise JournalError(f"{file}: not a plan of labels: {error}") from error
    if plan.v > SCHEMA_VERSION:
        raise JournalError(f"{file}: written by a newer truing (schema {plan.v}): upgrade truing")
    return plan


def plan_labels(
    folder: Path,
    run: str,
    answers: Iterable[Frame],
    *,
    seed: int | None = None,
    judge: str | None = None,
    only: str | None = None,
) -> Plan:
    """The run's plan, made where there is none, with answers taken in that it lacks.

    A new one has the seed 0 and the judge `only` where no other is asked for.

    Raises `UsageError` where a plan is there with another seed or judge than those asked for
    (None: whatever it has), `JournalError` where it cannot be written.
    """
    with _alone(folder / LABELS_FOLDER):
        there = read_plan(folder)
        if there is not None and seed not in (None, there.seed):
            raise UsageError(f"--seed: the plan of this run was drawn with {there.seed}")
        if there is not None and judge not in (None, there.judge):
            made = f"for {there.judge}" if there.judge else "for the rule"
            raise UsageError(f"--judge: the plan of this run was made {made}")
        plan = Plan(
            run=run,
            seed=there.seed if there else seed or 0,
            judge=there.judge if there else judge or only,
            strata=_strata(answers, {(s.task, s.side): s for s in there.strata} if there else {}),
        )
        if plan != there:
            try:
                write_atomically(folder / LABELS_FOLDER / _FILE, msgspec.json.encode(plan) + b"\n")
            except OSError as error:
                raise JournalError(
                    f"cannot write to {folder}: {error.strerror or error}"
                ) from error
        return plan


def _strata(answers: Iterable[Frame], there: Mapping[tuple[str, str], Stratum]) -> list[Stratum]:
    by: dict[tuple[str, str], list[Frame]] = {}
    for frame in answers:
        by.setdefault((frame.task, frame.side), []).append(frame)
    found = dict(there)
    for place, frames in by.items():
        before = found.get(place)
        scores = [sampling.uncertainty(frame.probabilities) for frame in frames]
        typical = before.typical if before else sampling.typical(scores)
        sizes = dict(before.sizes) if before else {}
        for frame, score in zip(frames, scores, strict=True):
            sizes.setdefault(_name(frame.key), sampling.size_of(score, typical))
        found[place] = Stratum(
            task=place[0],
            side=place[1],
            rubric=before.rubric if before else frames[0].rubric,
            rubric_hash=before.rubric_hash if before else frames[0].rubric_hash,
            typical=typical,
            sizes=sizes,
        )
    return list(found.values())


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process at a time makes or extends a plan."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise JournalError(f"cannot write to {folder}: {error.strerror or error}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


@dataclass(frozen=True, slots=True)
class Labelling:
    """A run's plan and people's labels."""

    plan: Plan
    lines: Sequence[LabelLine]
    torn: int = 0

    def covers(self, task: str) -> bool:
        """Whether the plan holds answers of a task."""
        return any(stratum.task == task for stratum in self.plan.strata)

    def stratum(self, task: str, side: str) -> Stratum | None:
        """A side of the plan, or None."""
        return next((s for s in self.plan.strata if (s.task, s.side) == (task, side)), None)

    def held(self, stratum: Stratum, judged: Mapping[Key, str]) -> dict[Key, Held]:
        """What people say of a side's answers. `judged`: the hash of each answer's text now.

        Labels of another text of the answer, or by another rubric, are left out.
        """
        return held_labels(
            line
            for line in self.lines
            if judged.get(line.key) == line.judged and line.rubric_hash == stratum.rubric_hash
        )

    def drawn(self, stratum: Stratum, seen: Iterable[Key]) -> Drawn:
        """The side's answers from the start of its order that people have seen."""
        return sampling.draw_prefix(self.order(stratum), stratum.size(), set(seen))

    def order(self, stratum: Stratum) -> list[tuple[Key, float]]:
        """The side's answers in the order of the plan."""
        return sampling.order_by_ratio(stratum.size(), seed=self.plan.seed, run=self.plan.run)


def read_labelling(folder: Path) -> Labelling | None:
    """A run's plan and labels, None where there is no plan. Raises `JournalError`."""
    plan = read_plan(folder)
    if plan is None:
        return None
    torn: list[str] = []
    lines = read_labels(folder / LABELS_FOLDER, torn)
    return Labelling(plan, lines, len(torn))


def _name(key: Key) -> str:
    return f"{key[0]}:{key[1]}"


def _key(name: str) -> Key:
    sample, _, epoch = name.rpartition(":")
    return sample, int(epoch)
