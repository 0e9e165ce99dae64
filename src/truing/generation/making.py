"""From a recipe to drafts: writes, filters and has judged until as many are kept as wanted."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import msgspec

from truing.errors import BudgetSpent, UsageError
from truing.generation.filters import clustered, filtered
from truing.generation.recipes import Draft, Recipe, Topic
from truing.generation.validity import judged
from truing.generation.writing import fill_templates, list_topics, write_drafts
from truing.models.model import Model

__all__ = ["Progress", "choose_topics", "fates", "make_drafts", "read_topics"]

_MOST_DRAFTS_A_SEED = 5
_FIRST_LOOK = 40
"""Where not one of so many drafts can be kept, more of them are not paid for."""
_OVER = 1.3
Progress = Callable[[int, int], None]
"""Called with the number of drafts and of kept ones."""


async def choose_topics(
    recipe: Recipe, given: Sequence[Topic], writer: Model | None, *, count: int, seed: int
) -> list[Topic]:
    """Topics given, else those that the writer lists (`count` of them), else the recipe's own.

    Raises `UsageError` where there is none.
    """
    if given:
        return list(given)
    if count:
        if writer is None:
            raise UsageError("--list-topics needs a --writer who lists them")
        named = await list_topics(recipe, writer, count=count, seed=seed)
        if not named:
            raise UsageError(f"{writer.name} names no topics: give some with --topics")
        return [Topic(name=name) for name in named]
    if not recipe.topics:
        raise UsageError(
            f"{recipe.card.id} has no topics: give some with --topics, or have a --writer list "
            "them with --list-topics N"
        )
    return recipe.topics


async def make_drafts(
    recipe: Recipe,
    topics: Sequence[Topic],
    writer: Model | None,
    judge: Model | None,
    *,
    wanted: int,
    seed: int,
    progress: Progress = lambda _, __: None,
    written: Callable[[Draft], None] = lambda _: None,
) -> list[Draft]:
    """Everything written, with its fate; at most `wanted` are kept, each in its cluster.

    Without a writer there are as many as templates and topics give. `written` gets each draft as
    soon as it has been paid for. Where the budget is spent, what was written until then is all.
    """
    told: dict[str, Draft] = {}

    async def sifted(drafts: list[Draft]) -> list[Draft]:
        through = filtered(recipe, topics, drafts)
        if judge is None:
            return through
        fresh = [draft for draft in through if draft.fate == "kept" and draft.id not in told]
        told.update({draft.id: draft for draft in await judged(recipe, fresh, judge)})
        return [_with_fate(draft, told.get(draft.id, draft)) for draft in through]

    drafts: list[Draft] = []
    arrived = 0

    def came(draft: Draft) -> None:
        nonlocal arrived
        arrived += 1
        written(draft)
        progress(arrived, _kept(drafts))

    if writer is None:
        source = fill_templates(recipe, topics, seed=seed)
        while (kept := _kept(drafts)) < wanted:
            batch = [draft for _, draft in zip(range(wanted - kept), source, strict=False)]
            if not batch:
                break
            drafts = await sifted([*drafts, *batch])
            progress(len(drafts), _kept(drafts))
    else:
        most = _MOST_DRAFTS_A_SEED * wanted
        while (kept := _kept(drafts)) < wanted and len(drafts) < most:
            if not kept and len(drafts) >= _FIRST_LOOK:
                break
            room = min(most - len(drafts), max(4, int(_OVER * (wanted - kept))))
            count = min(room, _FIRST_LOOK) if not drafts else room
            coming = write_drafts(recipe, topics, writer, count=count, seed=seed, start=len(drafts))
            fresh, spent = await _arrived(coming, came)
            # Not in the order of arrival: the same drafts give the same set.
            drafts = await sifted([*drafts, *sorted(fresh, key=lambda draft: draft.id)])
            progress(len(drafts), _kept(drafts))
            if spent:
                break
    return clustered(recipe, topics, _capped(drafts, wanted))


async def _arrived(
    source: AsyncIterator[Draft], written: Callable[[Draft], None]
) -> tuple[list[Draft], bool]:
    """The drafts that came, and whether the budget was spent before the rest.

    Raises `BudgetSpent` where none came.
    """
    fresh: list[Draft] = []
    try:
        async for draft in source:
            written(draft)
            fresh.append(draft)
    except BudgetSpent:
        if not fresh:
            raise
        return fresh, True
    return fresh, False


def fates(drafts: Sequence[Draft]) -> dict[str, int]:
    """How many drafts came to what, the kept first, then by number."""
    counts = Counter(draft.fate for draft in drafts)
    kept = counts.pop("kept", 0)
    return {"kept": kept, **dict(counts.most_common())}


def read_topics(given: str) -> list[Topic]:
    """Topics of a CSV table, of a text file with one a line, or listed with commas.

    A table has the column `topic`; its other columns are words for templates. Raises `UsageError`.
    """
    file = Path(given)
    if not file.is_file():
        if file.suffix in (".csv", ".txt"):
            raise UsageError(f"--topics: no file {given}")
        names = [name.strip() for name in given.split(",") if name.strip()]
        return [Topic(name=name) for name in dict.fromkeys(names)]
    try:
        text = file.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--topics: cannot read {file}: {error}") from error
    if file.suffix != ".csv":
        names = [line.strip() for line in text.splitlines() if line.strip()]
        found = [Topic(name=name) for name in dict.fromkeys(names)]
    else:
        rows = list(csv.DictReader(text.splitlines()))
        if rows and "topic" not in rows[0]:
            raise UsageError(f"{file}: expected a column topic, got {', '.join(rows[0])}")
        words = ({k: v.strip() for k, v in row.items() if k and v} for row in rows)
        found = [Topic(name=row["topic"], words=row) for row in words if row.get("topic")]
    if not found:
        raise UsageError(f"--topics: {file} names no topic")
    return found


def _kept(drafts: Sequence[Draft]) -> int:
    return sum(draft.fate == "kept" for draft in drafts)


def _with_fate(draft: Draft, told: Draft) -> Draft:
    if draft.fate != "kept":
        return draft
    return msgspec.structs.replace(draft, fate=told.fate, reason=told.reason)


def _capped(drafts: Sequence[Draft], wanted: int) -> list[Draft]:
    room, found = wanted, []
    for draft in drafts:
        over = draft.fate == "kept" and room == 0
        room -= draft.fate == "kept" and room > 0
        found.append(msgspec.structs.replace(draft, fate="more than wanted") if over else draft)
    return found
