"""Prompts that public sets hold too, or nearly: what a model may have been trained on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import SequenceMatcher
from pathlib import Path

from truing.errors import TaskError, UsageError
from truing.records import Sample
from truing.similarity import near_duplicates
from truing.tasks import Task, find_task
from truing.tasks.public import benchmark_names, find_benchmark, read_copy
from truing.tasks.public.rows import LeftOut
from truing.tasks.seeds import Seed
from truing.validation.evidence import Overlap

__all__ = ["find_overlap", "public_prompts"]

_SHOWN = 5
_LONGEST = 120

Prompts = dict[str, list[str]]
"""Benchmark -> its different prompts."""


def public_prompts(folder: Path | None = None) -> Prompts:
    """The prompts of each benchmark that was imported, or that has a copy below `folder`.

    Copies are read where they lie: what was imported stays as it is. Raises `UsageError` where
    the folder has no copy of any, `TaskError` where a copy is malformed.
    """
    if folder is None:
        return {
            name: _different(_imported(name))
            for name in benchmark_names()
            if any(map(find_benchmark(name).has, find_benchmark(name).cards))
        }
    found = {}
    for name in benchmark_names():
        seeds = _copied(name, folder)
        if seeds is not None:
            found[name] = _different(_samples_of(name, seeds))
    if not found:
        raise UsageError(f"--public: expected copies of public sets below {folder}, found none")
    return found


def find_overlap(task: Task, public: Mapping[str, list[str]]) -> Overlap:
    """Which different prompts of a task nearly repeat one of a public set.

    Set by set, so that what is common to one set's prompts is left out of the comparison.
    """
    ours = _different(task.walk())
    alike: dict[int, str] = {}
    for name, theirs in public.items():
        for place, other, similarity in near_duplicates(ours, against=theirs):
            # Of the public prompt no text: some may not be handed on.
            shown = f"{_short(ours[place])} ~ {name}, prompt {other + 1} ({similarity:.2f})"
            alike.setdefault(place, shown)
    return Overlap(
        sets=sorted(public),
        against=sum(map(len, public.values())),
        prompts=len(ours),
        alike=len(alike),
        share=len(alike) / max(1, len(ours)),
        examples=[alike[place] for place in sorted(alike)[:_SHOWN]],
    )


def _different(samples: Iterable[Sample]) -> list[str]:
    texts = ("\n".join(m.full_text for m in s.messages) for s in samples if not s.control)
    return list(dict.fromkeys(texts))


def _imported(name: str) -> Iterator[Sample]:
    benchmark = find_benchmark(name)
    for task in filter(benchmark.has, benchmark.cards):
        yield from find_task(task).samples()


def _samples_of(name: str, seeds: list[Seed]) -> Iterator[Sample]:
    benchmark = find_benchmark(name)
    for task, card in benchmark.cards.items():
        parts = benchmark.takes[task]
        own = [seed for seed in seeds if not parts or seed.get("part") in parts]
        yield from Task(card, own).samples()


def _copied(name: str, folder: Path) -> list[Seed] | None:
    """The seeds of the copy of a benchmark, in the folder of the name most like its own."""
    if not folder.is_dir():
        raise UsageError(f"--public: expected a folder, got {folder}")
    words = set(name.split("_"))
    places = filter(Path.is_dir, folder.iterdir())
    near = [place for place in places if words & set(place.name.casefold().split("_"))]
    near.sort(key=lambda place: (-SequenceMatcher(None, name, place.name).ratio(), place.name))
    failure: TaskError | None = None
    for place in near:
        try:
            return [seed for seed in read_copy(name, place) if not isinstance(seed, LeftOut)]
        except TaskError as error:
            failure = failure or error
    if failure is not None:
        raise failure
    return None


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3]}..."
