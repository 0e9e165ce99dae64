"""Writes a generated set: a task folder with its card, seeds, drafts, evidence and a human check.

card.toml       as of any task, so that `truing run --task FOLDER` asks it
seeds.jsonl     what was kept; `made` says from what, `difficulty` how the models at hand did
drafts.jsonl    everything that was written, thrown out or not, with prompt, reply and reason
evidence.json   counts, diversity, difficulty: what is known of the set
check.csv       items drawn for people to read blind: `truing tasks validate FOLDER --labels`
hard/           the seeds that some model at hand fails, as a task of its own
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec
import tomli_w

from truing.errors import UsageError
from truing.generation.difficulty import Difficulty
from truing.generation.diversity import Diversity, diversity
from truing.generation.recipes import Draft, Recipe, text_of
from truing.generation.rubrics import RUBRIC_FILE, rubric_text
from truing.records import canonical_json
from truing.tasks import Task
from truing.tasks.card import Card
from truing.tasks.generators import find_generator
from truing.tasks.seeds import Seed, draw_bytes
from truing.validation.blind_files import write_items
from truing.validation.evidence import Evidence, write_evidence
from truing.validation.relabelling import blind_items

__all__ = [
    "Made",
    "add_line",
    "card_text",
    "empty_folder",
    "hard_card",
    "seed_of",
    "seeds_of",
    "write_edition",
    "write_lines",
    "write_set",
]

_WORDS = ("slots", "phrases")
"""Tables of texts, of which an empty one counts."""


class Made:
    """What was written from a recipe, and by whom."""

    def __init__(
        self,
        *,
        recipe: Recipe,
        drafts: Sequence[Draft],
        topics: int,
        writer: str | None,
        judge: str | None,
        seed: int,
        rubric: str | None = None,
    ) -> None:
        self.recipe, self.drafts, self.topics = recipe, drafts, topics
        self.writer, self.judge, self.seed, self.rubric = writer, judge, seed, rubric

    @cached_property
    def kept(self) -> list[Draft]:
        """The drafts that are in the set."""
        return [draft for draft in self.drafts if draft.fate == "kept"]

    @property
    def clusters(self) -> int:
        """As many independent seeds the set is worth."""
        return len({draft.cluster for draft in self.kept})

    def task(self) -> Task:
        """The set as a task whose samples are clustered by seed."""
        return Task(self.recipe.card, [seed_of(draft) for draft in self.kept])

    def diversity(self) -> Diversity:
        """Of the texts that were kept."""
        texts = [text_of(self.recipe, draft.fields) for draft in self.kept]
        return diversity(texts, [draft.topic for draft in self.kept], self.topics)

    def shipped_diversity(self) -> Diversity | None:
        """Of as many items that exist, drawn by the seed; None where there are fewer."""
        existing = sorted(
            (text_of(self.recipe, seed) for seed in self.recipe.examples),
            key=lambda text: draw_bytes("beside", self.seed, text),
        )
        if len(existing) < len(self.kept):
            return None
        return diversity(existing[: len(self.kept)], [], 0)

    def about(self) -> dict[str, Any]:
        """For the evidence block."""
        counts: dict[str, int] = {}
        for draft in self.drafts:
            counts[draft.fate] = counts.get(draft.fate, 0) + 1
        beside = self.shipped_diversity()
        return {
            "writer": self.writer,
            "judge": self.judge,
            "rubric_by_writer": self.rubric is not None,
            "seed": self.seed,
            "drafts": counts,
            "clusters": self.clusters,
            "diversity": msgspec.to_builtins(self.diversity()),
            "diversity_of_as_many_that_ship": None
            if beside is None
            else msgspec.to_builtins(beside),
        }


def write_set(folder: Path, made: Made, difficulty: Difficulty | None, *, check: int) -> None:
    """Write everything into an empty folder; `check` seeds are drawn for people to read.

    Raises `UsageError` where it cannot be written.
    """
    seeds = seeds_of(made.kept)
    card = made.recipe.card
    card = msgspec.structs.replace(card, canary=_canary(card.id, made.seed, seeds[0]["id"]))
    if made.rubric is not None:
        card = msgspec.structs.replace(card, rubric=RUBRIC_FILE)
        (folder / RUBRIC_FILE).write_text(rubric_text(made.recipe, made.rubric), "utf-8")
    about = made.about()
    write_lines(folder / "drafts.jsonl", made.drafts)
    if difficulty is not None:
        easy, hard = set(difficulty.easy), set(difficulty.hard)
        for seed in seeds:
            name = seed["id"]
            seed["difficulty"] = "easy" if name in easy else "hard" if name in hard else "unknown"
        about["difficulty"] = {
            "models": difficulty.models,
            "easy": len(easy),
            "hard": len(hard),
            "unknown": len(difficulty.unknown),
            "pass_rates": difficulty.pass_rates,
        }
        chosen = [seed for seed in seeds if seed["id"] in hard]
        if chosen:
            (folder / "hard").mkdir()
            if made.rubric is not None:
                shutil.copy(folder / RUBRIC_FILE, folder / "hard" / RUBRIC_FILE)
            _write_task(folder / "hard", hard_card(card, difficulty.models), chosen, about)
    task = _write_task(folder, card, seeds, about)
    if check:
        write_items(folder / "check.csv", blind_items(task, limit=check))


def write_edition(folder: Path, task: Task, *, edition: int, count: int) -> None:
    """An edition of a task whose seeds are computed, as a task of its own.

    Raises `UsageError` where it cannot be written.
    """
    name = task.card.generator
    assert name is not None
    card = msgspec.structs.replace(
        task.card,
        id=f"{task.id}_{edition}",
        title=f"{task.card.title} (edition {edition})",
        generator=None,
        seeds=0,
    )
    card = msgspec.structs.replace(card, canary=_canary(card.id, edition, name))
    about = {"generator": name, "seed": edition, "writer": None}
    _write_task(folder, card, find_generator(name)(edition, count), about)


def _write_task(folder: Path, card: Card, seeds: Sequence[Seed], about: dict[str, Any]) -> Task:
    seeds = [{**seeds[0], "canary": card.canary}, *seeds[1:]]
    write_lines(folder / "seeds.jsonl", seeds)
    (folder / "card.toml").write_text(card_text(card), "utf-8")
    task = Task(card, seeds)
    write_evidence(
        folder,
        Evidence(
            content=task.content_hash(),
            date=datetime.now(UTC).date().isoformat(),
            truing=metadata.version("truing"),
            generated=about,
        ),
    )
    return task


def _canary(*parts: object) -> str:
    return f"truing-canary {uuid.UUID(bytes=draw_bytes('canary', *parts)[:16], version=4)}"


def seed_of(draft: Draft) -> Seed:
    """The seed that a draft makes, in a cluster of its own."""
    return {"id": draft.id, **draft.fields}


def seeds_of(drafts: Iterable[Draft]) -> list[Seed]:
    """The seeds of the kept drafts, with their clusters and where they are from."""
    seeds = []
    for draft in drafts:
        if draft.fate != "kept":
            continue
        made = {
            "topic": draft.topic,
            "template": draft.template,
            "writer": draft.writer or "none: a template",
        }
        seeds.append({**seed_of(draft), "cluster": draft.cluster, "made": made})
    return seeds


def write_lines(file: Path, lines: Iterable[Any]) -> None:
    """One JSON object a line."""
    file.write_bytes(b"".join(canonical_json(line) + b"\n" for line in lines))


def add_line(file: Path, line: Any) -> None:
    """Append one JSON object; the file is closed again, so nothing waits in this process."""
    with file.open("ab") as sink:
        sink.write(canonical_json(line) + b"\n")


def card_text(card: Card) -> str:
    """A card as TOML; what is empty is left out."""
    return tomli_w.dumps(_filled(msgspec.to_builtins(card)))


def _filled(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: of if name in _WORDS else _filled(of)
            for name, of in value.items()
            if of not in (None, "", [], {}, 0)
        }
    return [_filled(of) for of in value] if isinstance(value, list) else value


def empty_folder(folder: Path) -> None:
    """Make a folder, or take one that is empty. Raises `UsageError`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        there = any(folder.iterdir())
    except OSError as error:
        raise UsageError(f"-o: cannot write to {folder}: {error.strerror or error}") from error
    if there:
        raise UsageError(f"-o: {folder} is not empty: name a new folder")


def hard_card(card: Card, models: Sequence[str]) -> Card:
    """The card of the hard split, which says whose failures chose it."""
    limit = (
        f"Only the seeds that {', '.join(models)} failed: rates of these models on it are low by "
        "choice, and those of their relatives perhaps too."
    )
    return msgspec.structs.replace(
        card,
        id=f"{card.id}_hard",
        title=f"{card.title} (hard split)",
        limits=[*card.limits, limit],
    )
