"""A run folder: its header, what it owes, and how a run is resumed.

`run.json` is written first and says everything that was decided before the first call; it is
never changed. The journal holds what happened. All else in the folder is derived.
"""

from __future__ import annotations

import os
import platform
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec

from truing.errors import JournalError, RunMismatch
from truing.journal import JudgementLine, ResponseLine, TornLines, read_journal
from truing.records import (
    JUDGE_PREFIX,
    SCHEMA_VERSION,
    Outcome,
    Response,
    Settings,
    canonical_json,
    judged_hash,
)
from truing.tasks import Task, find_task, of_part
from truing.tasks.parts import Part
from truing.tasks.perturbed import MARK

__all__ = [
    "ClusterSize",
    "Done",
    "Draw",
    "RunHeader",
    "SideHeader",
    "TaskHeader",
    "UntilDecided",
    "header_for",
    "keep_tasks",
    "open_folder",
]


class SideHeader(msgspec.Struct, frozen=True, kw_only=True):
    """A side's name and what is right on it."""

    name: str
    meaning: str


class ClusterSize(msgspec.Struct, frozen=True, kw_only=True):
    """What an epoch asks of a cluster."""

    answers: int
    """Control arms and later rounds too."""
    sides: dict[str, int]
    """Side -> answers that count on it."""
    seeds: int


class Draw(msgspec.Struct, frozen=True, kw_only=True):
    """In which order `--until-decided` asks the clusters of a row, and what decides it."""

    clusters: list[str]
    """All that the set has, in the drawn order."""
    size: ClusterSize
    """Of every cluster, but for the `others`."""
    others: dict[str, ClusterSize]
    required: list[tuple[str, float]]
    """Side, or `groups`, and what its rate must reach."""

    def size_of(self, cluster: str) -> ClusterSize:
        """What an epoch asks of a cluster."""
        return self.others.get(cluster, self.size)


class UntilDecided(msgspec.Struct, frozen=True, kw_only=True):
    """When a row is decided; all of it is the policy's, and kept so that it can be derived."""

    policy: str
    """Its hash."""
    beyond: bool
    """Decided of questions like these, else of those that the set has."""
    alpha: float
    requirements: int
    """How many the policy has: a row fails at alpha divided by this."""
    fewest_seeds: int
    most_unscored: float
    most_unusable: float | None


class TaskHeader(msgspec.Struct, frozen=True, kw_only=True):
    """What a reader of the run must know of a task, without the task at hand."""

    id: str
    subcategory: str
    title: str
    edition: str
    failure: str
    unit: str
    headline: str
    scorer: str
    sides: list[SideHeader]
    columns: list[str]
    content: str
    """Hash of card and seeds."""
    samples: int
    """How many answers an epoch owes."""
    seeds: int | None = None
    """How many seeds the set has, asked or not; None in a run that did not note it."""
    draw: Draw | None = None
    """Where the row is asked until it is decided; `samples` is its plan then, not its end."""
    drawn_not: str = ""
    """Why it is asked in full, where others of the run are asked until they are decided."""


class RunHeader(msgspec.Struct, frozen=True, kw_only=True):
    """`run.json`."""

    truing: str
    v: int = SCHEMA_VERSION
    id: str
    model: str
    address: str | None
    suite: str
    tasks: list[TaskHeader]
    settings: Settings
    edition: int
    seeds_per_task: int | None
    created_at: float
    packages: dict[str, str]
    machine: dict[str, Any]
    deterministic: bool | None = None
    oracle: bool = False
    base_model: bool = False
    """It cannot chat: it was asked to continue a transcript."""
    own_texts: bool = False
    """Samples were made of a user's own texts too; the texts are in the journal, nowhere else."""
    rescored_from: str | None = None
    """The run whose answers these are, judged again."""
    until_decided: UntilDecided | None = None
    part: Part | None = None
    """The part of each set that was asked; None for all of it."""

    def identity(self) -> dict[str, Any]:
        """What must be equal for two sittings to be one run, by the name a user knows it."""
        settings = msgspec.to_builtins(self.settings)
        return {
            "model (-m)": self.model,
            "address (--base-url)": self.address,
            "suite (-s, --task)": [task.id for task in self.tasks],
            "task contents": {task.id: task.content for task in self.tasks},
            "scorers": {task.id: task.scorer for task in self.tasks},
            "seeds a task (-n)": self.seeds_per_task,
            "edition (--seed)": self.edition,
            "part (--part)": self.part,
            "stopping (--until-decided, --policy)": msgspec.to_builtins(self.until_decided),
            "source (the run that it was re-scored from)": self.rescored_from,
            "settings (--system, --param, --epochs, --temperature, --max-tokens ...)": settings,
        }

    @property
    def planned(self) -> int:
        """Answers the whole run owes."""
        return self.settings.epochs * sum(task.samples for task in self.tasks)


def header_for(
    tasks: list[Task],
    *,
    run_id: str,
    model: str,
    address: str | None,
    suite: str,
    settings: Settings,
    edition: int,
    seeds_per_task: int | None,
    created_at: float,
    deterministic: bool | None,
    oracle: bool,
    base_model: bool = False,
    own_texts: bool = False,
    until_decided: UntilDecided | None = None,
    required: Mapping[str, list[tuple[str, float]] | str] | None = None,
    part: Part | None = None,
) -> RunHeader:
    """The header of a run that is about to start.

    `required`, where rows are asked until they are decided: task -> what decides it (see `Draw`),
    or why it is asked in full.
    """
    decided_by = required or {}
    return RunHeader(
        truing=metadata.version("truing"),
        id=run_id,
        model=model,
        address=address,
        suite=suite,
        tasks=[
            TaskHeader(
                id=task.id,
                subcategory=task.card.subcategory,
                title=task.card.title,
                edition=task.card.edition,
                failure=task.card.failure,
                unit=task.card.unit,
                headline=task.card.headline,
                scorer=task.card.scorer,
                sides=[SideHeader(name=s.name, meaning=s.meaning) for s in task.card.sides],
                columns=task.card.columns,
                content=task.content_hash(edition=edition),
                samples=task.sample_count(edition=edition, limit=seeds_per_task),
                seeds=task.seed_count,
                draw=_draw(task, decided_by.get(task.id, ""), edition),
                drawn_not=given if isinstance(given := decided_by.get(task.id, ""), str) else "",
            )
            for task in tasks
        ],
        settings=settings,
        edition=edition,
        seeds_per_task=seeds_per_task,
        created_at=created_at,
        packages=_packages(),
        machine={
            "python": platform.python_version(),
            "system": f"{platform.system()} {platform.machine()}",
            "cores": os.cpu_count(),
        },
        deterministic=deterministic,
        oracle=oracle,
        base_model=base_model,
        own_texts=own_texts,
        until_decided=until_decided,
        part=part,
    )


def _draw(task: Task, required: list[tuple[str, float]] | str, edition: int) -> Draw | None:
    if isinstance(required, str):
        return None
    sizes = {}
    for cluster, places in task.clusters(edition=edition).items():
        answers, sides = task.cluster_size(places, edition=edition)
        sizes[cluster] = ClusterSize(answers=answers, sides=sides, seeds=len(places))
    usual = Counter(map(canonical_json, sizes.values())).most_common(1)[0][0]
    size = next(size for size in sizes.values() if canonical_json(size) == usual)
    return Draw(
        clusters=list(sizes),
        size=size,
        others={cluster: own for cluster, own in sizes.items() if own != size},
        required=required,
    )


def _packages() -> dict[str, str]:
    found = {}
    for name in ("httptools", "msgspec", "numpy", "xllamacpp"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def read_header(folder: Path) -> RunHeader:
    """The header of a run folder. Raises `JournalError` where there is none or it is not one."""
    file = folder / "run.json"
    try:
        return msgspec.json.decode(file.read_bytes(), type=RunHeader)
    except FileNotFoundError as error:
        raise JournalError(f"{folder}: not a run folder (it has no run.json)") from error
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise JournalError(f"{file}: not a run header: {error}") from error


def open_folder(folder: Path, header: RunHeader) -> RunHeader:
    """Write the header into a new folder, or check it against the one that is there.

    Returns the header that holds. Raises `RunMismatch`, with the difference, where the folder
    holds another run, `JournalError` where it cannot be written.
    """
    if (folder / "run.json").exists():
        there = read_header(folder)
        theirs, ours = there.identity(), header.identity()
        differing = [name for name in ours if ours[name] != theirs[name]]
        if differing:
            name = differing[0]
            raise RunMismatch(
                f"{folder} holds another run: its {name} is {_short(theirs[name])}, "
                f"asked for is {_short(ours[name])}; give another folder with -o"
            )
        return there
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise JournalError(f"{folder} is not empty and not a run: give another folder with -o")
        write_atomically(
            folder / "run.json", msgspec.json.format(msgspec.json.encode(header), indent=1)
        )
    except OSError as error:
        raise JournalError(f"cannot write to {folder}: {error.strerror or error}") from error
    return header


def keep_tasks(folder: Path, tasks: Iterable[Task]) -> None:
    """Copy tasks of the user's own into the run, so that it can be checked without their folders.

    Raises `JournalError` where they cannot be written.
    """
    for task in tasks:
        kept = _kept_task(folder, task.id)
        if task.folder is None or (kept / "card.toml").exists():
            continue
        try:
            kept.mkdir(mode=0o700, parents=True, exist_ok=True)
            # The card last: a folder without it does not count, and is written again.
            for name in ("seeds.jsonl", task.card.rubric or "", "card.toml"):
                if name and (task.folder / name).is_file():
                    write_atomically(kept / name, (task.folder / name).read_bytes())
        except OSError as error:
            raise JournalError(f"cannot write to {kept}: {error.strerror or error}") from error


def task_of(folder: Path, name: str, *, whole: bool = False) -> Task:
    """A task of a run, or the part of it that was asked: the copy kept, else the installed one.

    With `whole` all of it, whatever part was asked.
    Raises `UnknownName`, or `TaskError` where its files are malformed.
    """
    kept = _kept_task(folder, name)
    _, mark, perturbation = name.partition(MARK)
    found = find_task(f"{kept}{mark}{perturbation}" if (kept / "card.toml").exists() else name)
    return found if whole else of_part(found, read_header(folder).part)


def _kept_task(folder: Path, name: str) -> Path:
    return folder / "tasks" / name.partition(MARK)[0].replace("/", ".").replace(":", ".")


def write_atomically(file: Path, data: bytes) -> None:
    """Write a file so that a reader sees the old one or the new one, never half of it."""
    part = file.with_name(f".{file.name}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as sink:
        sink.write(data)
        sink.flush()
        os.fsync(sink.fileno())
    part.replace(file)


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


class Done:
    """What a journal already holds: answers not to be paid for again, verdicts not owed again."""

    def __init__(self, folder: Path) -> None:
        self.torn = TornLines()
        self.usd = 0.0
        self.tokens = 0
        """What earlier sittings spent, as far as it was counted."""
        self._unjudged: dict[tuple[str, int], Response] = {}
        self._judged: dict[tuple[str, int], tuple[str, Outcome]] = {}
        shared: dict[tuple[str, Outcome], tuple[str, Outcome]] = {}
        text: dict[tuple[str, int], str] = {}
        for line in read_journal(folder / "journal", self.torn):
            if isinstance(line, ResponseLine):
                self._spend(line.response)
                if line.response.settled:
                    key = (line.sample.id, line.epoch)
                    self._unjudged[key] = line.response
                    text[key] = judged_hash(line.response.text)
            elif isinstance(line, JudgementLine):
                self.usd += line.judgement.cost_usd or 0.0
                self.tokens += line.judgement.tokens or 0
                key = (line.sample, line.epoch)
                by_rule = not line.judgement.scorer.startswith(JUDGE_PREFIX)
                if by_rule and text.get(key) == line.judgement.judged:
                    given = (sys.intern(line.judgement.label), line.judgement.outcome)
                    self._judged[key] = shared.setdefault(given, given)
                    self._unjudged.pop(key, None)

    def _spend(self, response: Response) -> None:
        if not response.cached:
            self.usd += response.cost_usd or 0.0
            self.tokens += (response.prompt_tokens or 0) + (response.completion_tokens or 0)

    def label(self, sample: str, epoch: int) -> str | None:
        """The label of an answer that is judged, so that nothing is owed; None where it is."""
        return self._judged.get((sample, epoch), (None, None))[0]

    def verdict(self, sample: str, epoch: int) -> tuple[str, Outcome] | None:
        """Label and outcome of an answer that is judged; None where that is owed."""
        return self._judged.get((sample, epoch))

    def answer(self, sample: str, epoch: int) -> Response | None:
        """An answer whose verdict is still owed (the process was killed in between)."""
        return self._unjudged.get((sample, epoch))

    @property
    def judged_count(self) -> int:
        """Answers that are finished."""
        return len(self._judged)

    def __len__(self) -> int:
        return len(self._judged) + len(self._unjudged)


def find_unfinished(parent: Path, header: RunHeader) -> Path | None:
    """The newest run below a folder that is the same as `header` and still owes answers."""
    for file in sorted(parent.glob("*/run.json"), reverse=True):
        try:
            same = read_header(file.parent).identity() == header.identity()
        except JournalError:
            continue
        if same and not _finished(file.parent):
            return file.parent
    return None


def _finished(folder: Path) -> bool:
    try:
        summary = msgspec.json.decode((folder / "summary.json").read_bytes())
    except (OSError, msgspec.DecodeError):
        return False
    return isinstance(summary, dict) and summary.get("owed") == 0


def runs_in(parent: Path) -> Iterator[tuple[Path, RunHeader]]:
    """Every readable run below a folder, oldest first."""
    for file in sorted(parent.glob("*/run.json")):
        try:
            yield file.parent, read_header(file.parent)
        except JournalError:
            continue
