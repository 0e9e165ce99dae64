"""What can be measured: the table of tasks and suites that ship, and those that are added.

Knows which tasks there are and how to read them; asks and scores nothing. Other packages add
task folders through the entry point group `truing.tasks`, whose object is a function that
returns a path to a folder of the same form.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from truing.errors import TaskError, UnknownName
from truing.records import Sample, canonical_json
from truing.tasks.card import Card, read_card
from truing.tasks.expand import applies, expand, expand_seed
from truing.tasks.generators import find_generator, find_loop
from truing.tasks.parts import Part, part_of
from truing.tasks.perturbed import MARK, perturbed_card, perturbed_samples
from truing.tasks.public_names import PREFIX
from truing.tasks.seeds import Seed, SeedFile, draw_bytes, order_seeds

__all__ = [
    "DEFAULT_SUITE",
    "Suite",
    "Task",
    "find_suite",
    "find_task",
    "is_task_folder",
    "of_part",
    "read_task",
    "suites",
    "task_folder",
    "task_ids",
]

DEFAULT_SUITE = "survey8"
_OWN_ID = re.compile(r"\w[\w-]*/\w[\w-]*", re.ASCII)


class Task:
    """One measurable question on one sub-category: a card and its seeds.

    `seeds` are fixed, or None where the card's generator makes them for each edition.
    """

    def __init__(
        self,
        card: Card,
        seeds: Sequence[Seed] | None,
        windows: list[tuple[str, str]] | None = None,
        folder: Path | None = None,
    ) -> None:
        self.card = card
        self.folder = folder
        """Where a task of the user's own lies; None of one that ships."""
        self._fixed = seeds
        self._windows = windows or []
        self._loop = None if card.loop is None else find_loop(card.loop)
        self._places: dict[int, dict[str, tuple[int, Seed]]] = {}
        self._orders: dict[int, list[int]] = {}

    @property
    def id(self) -> str:
        """`subcategory/name`."""
        return self.card.id

    @property
    def seed_count(self) -> int:
        """How many seeds an edition has."""
        return self.card.seeds if self._fixed is None else len(self._fixed)

    def seeds(self, *, edition: int = 0) -> Sequence[Seed]:
        """The seeds of an edition, not yet in its order."""
        seeds = self._fixed
        if seeds is None:
            assert self.card.generator is not None
            seeds = find_generator(self.card.generator)(edition, self.card.seeds)
        if not self._windows:
            return seeds
        # In the edition's order, so that a run of few seeds asks for the first windows.
        order = order_seeds(seeds, task=self.id, edition=edition)
        with_own = list(seeds)
        for place, (start, rest) in zip(order, self._windows, strict=False):
            with_own[place] = {**seeds[place], "own_start": start, "own_rest": rest}
        return with_own

    def samples(self, *, edition: int = 0, limit: int | None = None) -> Iterator[Sample]:
        """Samples of the first `limit` seeds (all with None), lazily; of a loop its first round."""
        seeds = self.seeds(edition=edition)
        if self._loop is not None:
            first = (self._loop.next_round(seed, ()) for seed in seeds)
            seeds = [seed for seed in first if seed is not None]
        return expand(self.card, seeds, edition=edition, limit=limit)

    def follow(self, sample: Sample, label: str, *, edition: int = 0) -> Sample | None:
        """The question of the next round after an answer that was judged `label`, if any."""
        if self._loop is None:
            return None
        if edition not in self._places:
            seeds = self.seeds(edition=edition)
            order = order_seeds(seeds, task=self.id, edition=edition)
            self._places[edition] = {
                seeds[i]["id"]: (place, seeds[i]) for place, i in enumerate(order)
            }
        place, seed = self._places[edition][sample.own_seed]
        history = (*sample.history, label)
        slots = self._loop.next_round(seed, history)
        if slots is None:
            return None
        return next(expand_seed(self.card, slots, place, edition, history=history))

    def walk(self, *, edition: int = 0, limit: int | None = None) -> Iterator[Sample]:
        """Samples as they come where every answer is right: later rounds included."""
        for first in self.samples(edition=edition, limit=limit):
            yield from self._rounds(first, edition)

    def _rounds(self, first: Sample, edition: int) -> Iterator[Sample]:
        sample: Sample | None = first
        while sample is not None:
            yield sample
            target = sample.target
            label = next((c.role for c in sample.choices if c.label == target), target)
            sample = self.follow(sample, label, edition=edition)

    def _order(self, edition: int) -> list[int]:
        if edition not in self._orders:
            seeds = self.seeds(edition=edition)
            self._orders[edition] = order_seeds(seeds, task=self.id, edition=edition)
        return self._orders[edition]

    def clusters(self, *, edition: int = 0) -> dict[str, list[int]]:
        """Cluster -> places of its seeds in the edition's order, clusters in drawn order.

        The order is that of the seeds where each is a cluster of its own.
        """
        seeds = self.seeds(edition=edition)
        found: dict[str, list[int]] = {}
        for place, number in enumerate(order_seeds(seeds, task=self.id, edition=edition)):
            seed = seeds[number]
            found.setdefault(str(seed.get("cluster", seed["id"])), []).append(place)
        if len(found) < len(seeds):
            # By its name, so that a cluster of many seeds does not come sooner.
            drawn = sorted(found, key=lambda name: draw_bytes(self.id, edition, name))
            found = {name: found[name] for name in drawn}
        return found

    def cluster_samples(self, places: Sequence[int], *, edition: int = 0) -> Iterator[Sample]:
        """Samples of the seeds at these places of the edition's order; of a loop the first round.

        They are what `samples` gives of these seeds.
        """
        seeds = self.seeds(edition=edition)
        for place in places:
            seed: Seed | None = seeds[self._order(edition)[place]]
            if self._loop is not None and seed is not None:
                seed = self._loop.next_round(seed, ())
            if seed is not None:
                yield from expand_seed(self.card, seed, place, edition)

    def cluster_size(
        self, places: Sequence[int], *, edition: int = 0
    ) -> tuple[int, dict[str, int]]:
        """(answers, side -> those that count) of a cluster; of a loop with every answer right."""
        sides = dict.fromkeys((side.name for side in self.card.sides), 0)
        answers = 0
        if self._loop is not None:
            for first in self.cluster_samples(places, edition=edition):
                for sample in self._rounds(first, edition):
                    answers += 1
                    sides[sample.side] = sides.get(sample.side, 0) + (not sample.control)
            return answers, sides
        seeds = self.seeds(edition=edition)
        for place in places:
            seed = seeds[self._order(edition)[place]]
            for side in self.card.sides:
                for variant in side.variants:
                    if applies(variant, seed):
                        answers += 1
                        sides[side.name] += not variant.control
        return answers, sides

    def sample_count(self, *, edition: int = 0, limit: int | None = None) -> int:
        """How many samples that is."""
        seeds = self.seeds(edition=edition)
        if self._loop is not None:
            return self._loop.rounds * len(seeds[:limit])
        variants = [variant for side in self.card.sides for variant in side.variants]
        choosy = [variant for variant in variants if variant.needs]
        order = order_seeds(seeds, task=self.id, edition=edition)[:limit]
        asked = (applies(v, seeds[place]) for place in order for v in choosy) if choosy else ()
        return len(order) * (len(variants) - len(choosy)) + sum(asked)

    def content_hash(self, *, edition: int = 0) -> str:
        """Hash of card and seeds: what a run pins."""
        seeds = (canonical_json(seed) for seed in self.seeds(edition=edition))
        digest = hashlib.sha256(b"[" + canonical_json(self.card) + b",[" + next(seeds))
        for seed in seeds:
            digest.update(b"," + seed)
        digest.update(b"]]")
        return digest.hexdigest()[:16]

    def with_texts(self, windows: list[tuple[str, str]]) -> Task:
        """The same task, asking also to continue a user's own texts: (start, rest) a seed.

        Windows beyond the number of seeds are left out. The task itself where it asks for none.
        """
        wanted = {"own_start", "own_rest"}
        variants = [variant for side in self.card.sides for variant in side.variants]
        if not any(wanted <= set(variant.needs) for variant in variants):
            return self
        return Task(self.card, self._fixed, windows[: self.seed_count], self.folder)


class PerturbedTask(Task):
    """A task under a perturbation, e.g. `hallucination/grounded_choice+typos:0.05`."""

    def __init__(self, base: Task, perturbation: str) -> None:
        card = perturbed_card(base.card, perturbation)
        super().__init__(card, base.seeds(), folder=base.folder)
        self._base = base
        self._perturbation = perturbation

    def seeds(self, *, edition: int = 0) -> Sequence[Seed]:
        """The seeds of the task itself."""
        return self._base.seeds(edition=edition)

    def samples(self, *, edition: int = 0, limit: int | None = None) -> Iterator[Sample]:
        """Each sample of the task as it is, once more, and perturbed."""
        plain = self._base.samples(edition=edition, limit=limit)
        return perturbed_samples(plain, self._perturbation, edition=edition)

    def clusters(self, *, edition: int = 0) -> dict[str, list[int]]:
        """Those of the task itself."""
        return self._base.clusters(edition=edition)

    def cluster_samples(self, places: Sequence[int], *, edition: int = 0) -> Iterator[Sample]:
        """Each sample of these seeds as it is, once more, and perturbed."""
        plain = self._base.cluster_samples(places, edition=edition)
        return perturbed_samples(plain, self._perturbation, edition=edition)

    def cluster_size(
        self, places: Sequence[int], *, edition: int = 0
    ) -> tuple[int, dict[str, int]]:
        """(answers, side -> those that count) of a cluster."""
        asked = list(self.cluster_samples(places, edition=edition))
        sides = dict.fromkeys((side.name for side in self.card.sides), 0)
        for sample in asked:
            sides[sample.side] = sides.get(sample.side, 0) + (not sample.control)
        return len(asked), sides

    def sample_count(self, *, edition: int = 0, limit: int | None = None) -> int:
        """How many samples that is."""
        return sum(1 for _ in self.samples(edition=edition, limit=limit))


class PartTask(Task):
    """A task's clusters of one part: the same samples, hash for hash, as in the whole set."""

    def __init__(self, base: Task, part: Part) -> None:
        super().__init__(base.card, base.seeds(), folder=base.folder)
        self._base = base
        self.part = part

    @property
    def seed_count(self) -> int:
        """How many seeds of an edition fall in the part."""
        return sum(map(len, self.clusters().values()))

    def seeds(self, *, edition: int = 0) -> Sequence[Seed]:
        """The seeds of the whole set."""
        return self._base.seeds(edition=edition)

    def samples(self, *, edition: int = 0, limit: int | None = None) -> Iterator[Sample]:
        """Samples of the part's first `limit` seeds."""
        seen: set[str] = set()
        for sample in self._base.samples(edition=edition):
            if part_of(sample.task, sample.cluster) is not self.part:
                continue
            seen.add(sample.own_seed)
            if limit is not None and len(seen) > limit:
                return
            yield sample

    def follow(self, sample: Sample, label: str, *, edition: int = 0) -> Sample | None:
        """The question of the next round after an answer."""
        return self._base.follow(sample, label, edition=edition)

    def clusters(self, *, edition: int = 0) -> dict[str, list[int]]:
        """The part's clusters, with places in the order of the whole set."""
        whole = self._base.clusters(edition=edition)
        return {name: own for name, own in whole.items() if part_of(self.id, name) is self.part}

    def cluster_samples(self, places: Sequence[int], *, edition: int = 0) -> Iterator[Sample]:
        """Samples of the seeds at these places."""
        return self._base.cluster_samples(places, edition=edition)

    def cluster_size(
        self, places: Sequence[int], *, edition: int = 0
    ) -> tuple[int, dict[str, int]]:
        """(answers, side -> those that count) of a cluster."""
        return self._base.cluster_size(places, edition=edition)

    def sample_count(self, *, edition: int = 0, limit: int | None = None) -> int:
        """How many samples that is."""
        if self._loop is not None:
            places = [place for own in self.clusters(edition=edition).values() for place in own]
            return self._loop.rounds * len(places[:limit])
        return sum(1 for _ in self.samples(edition=edition, limit=limit))

    def content_hash(self, *, edition: int = 0) -> str:
        """Hash of the whole set: the part follows from it."""
        return self._base.content_hash(edition=edition)


def of_part(task: Task, part: Part | None) -> Task:
    """The task, or its clusters of one part."""
    return task if part is None else PartTask(task, part)


@cache
def _folders() -> dict[str, Path]:
    root = Path(str(files("truing.tasks")))
    found = {
        f"{card.parent.parent.name}/{card.parent.name}": card.parent
        for card in sorted(root.glob("*/*/card.toml"))
    }
    for entry in entry_points(group="truing.tasks"):
        folder = Path(entry.load()())
        card = read_card(folder)
        if card.id in found:
            raise TaskError(f"{folder}: a task named {card.id!r} is there already")
        found[card.id] = folder
    return found


def task_ids() -> list[str]:
    """Every task there is, sorted."""
    return sorted(_folders())


def task_folder(name: str) -> Path:
    """Where a task that ships, or that a package brings, lies. Raises `UnknownName`."""
    folders = _folders()
    if name not in folders:
        raise UnknownName("task", name, sorted(folders))
    return folders[name]


def find_task(name: str) -> Task:
    """A task by id, or by the folder it lies in (`./my_task`).

    `import:NAME` is a public benchmark, whose questions must have been imported.
    Raises `UnknownName`, or `TaskError` where its files are malformed.
    """
    if is_task_folder(name):
        return read_task(Path(name))
    base, mark, perturbation = name.rpartition(MARK)
    if mark and is_task_folder(base):
        return PerturbedTask(read_task(Path(base)), perturbation)
    base, mark, perturbation = name.partition(MARK)
    if not base.startswith(PREFIX):
        return _shipped(name)
    from truing.tasks.public import find_public

    card, file = find_public(base)
    stamp = file.stat()
    task = _public(card.id, file, (stamp.st_mtime_ns, stamp.st_ino))
    return PerturbedTask(task, perturbation) if mark else task


def is_task_folder(name: str) -> bool:
    """Whether a name is that of a folder with a card, and not of a task that ships."""
    return name not in _folders() and (Path(name) / "card.toml").is_file()


def read_task(folder: Path) -> Task:
    """The task in a folder. Raises `TaskError`, naming file and field, where it is malformed."""
    card = read_card(folder)
    if not _OWN_ID.fullmatch(card.id):
        raise TaskError(
            f"{folder / 'card.toml'}: expected an id such as violence/my_set, got {card.id!r}"
        )
    seeds = None if card.generator else SeedFile(folder / "seeds.jsonl")
    return Task(card, seeds, folder=folder)


@cache
def _public(name: str, file: Path, _stamp: tuple[int, int]) -> Task:
    from truing.tasks.public import find_public

    return Task(find_public(name)[0], SeedFile(file))


@cache
def _shipped(name: str) -> Task:
    base, mark, perturbation = name.partition(MARK)
    if mark:
        return PerturbedTask(_shipped(base), perturbation)
    folders = _folders()
    if name not in folders:
        if name.startswith((".", "/", "~")):
            raise TaskError(f"{name}: expected a folder with card.toml and seeds.jsonl")
        raise UnknownName("task", name, sorted(folders))
    card = read_card(folders[name])
    if card.id != name:
        raise TaskError(f"{folders[name]}: the card's id is {card.id!r}, its folder says {name!r}")
    return Task(card, None if card.generator else SeedFile(folders[name] / "seeds.jsonl"))


class Suite(NamedTuple):
    """Tasks in the order they are run and shown."""

    tasks: list[str]
    seeds: int | None = None
    """How many seeds a task, where the user does not say; None is all."""
    about: str = ""


@cache
def suites() -> dict[str, Suite]:
    """The suites that ship, by name."""
    text = files("truing.tasks").joinpath("suites.toml").read_text("utf-8")
    return {
        name: Suite(list(suite["tasks"]), suite.get("seeds"), suite["about"])
        for name, suite in tomllib.loads(text).items()
    }


def find_suite(name: str, extra: dict[str, list[str]] | None = None) -> Suite:
    """A suite by name; `extra` are the suites of the user's config file. Raises `UnknownName`."""
    known = {**suites(), **{own: Suite(tasks) for own, tasks in (extra or {}).items()}}
    if name not in known:
        raise UnknownName("suite", name, sorted(known))
    return known[name]
