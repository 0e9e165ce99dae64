"""What is to be written: the card that asks it, its fields, and topics and templates for them.

A recipe is `recipe.toml` beside a task's card, or is made of a policy or of failures. Without a
model a seed is a template filled with a topic's words; with one, a topic and a draft are given to
the writer.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from truing.errors import TaskError, UsageError
from truing.tasks.card import Card, slots_of
from truing.tasks.seeds import Seed

__all__ = ["Draft", "Recipe", "Topic", "fill", "read_recipe", "text_of", "words_wanted"]


class Topic(msgspec.Struct, frozen=True, kw_only=True):
    """A keyword, and the words that templates need to speak of it (none where a model writes)."""

    name: str
    words: dict[str, str] = {}
    example: dict[str, str] = {}
    """An item on this topic for the writer to follow, e.g. a request that went wrong."""


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """All that a generated set is made from."""

    card: Card
    about: str
    """What the set asks, as the writer is told."""
    fields: dict[str, str]
    """Fields that the writer fills, and what each is; a seed has no others but those of `topics`
    and `templates`."""
    templates: list[dict[str, str | list[str]]] = []
    """Each fills every field: a seed is one of them with one topic. A list is of wordings or roles
    that take turns over the set."""
    topics: list[Topic] = []
    examples: list[Seed] = []
    """Items that exist: shown to the writer, and not to be written again."""
    twins: list[str] = []
    """Two fields that must share words, so that words alone do not tell the sides apart."""
    bounds: dict[str, tuple[int, int]] = {}
    """Least and most characters of a field."""


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """One item as it was written, and what became of it: a line of `drafts.jsonl`."""

    id: str
    topic: str
    template: int | None = None
    fields: dict[str, str | list[str]] = {}
    writer: str | None = None
    prompt: str | None = None
    reply: str | None = None
    fate: str = "kept"
    """`kept`, or why not: the key that the counts go by."""
    reason: str = ""
    cluster: str = ""


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    about: str
    fields: dict[str, str]
    always: dict[str, str | list[str]] = {}
    """Fields that every template fills alike."""
    templates: list[dict[str, str | list[str]]]
    topics: list[dict[str, str]]
    twins: list[str] = []


def read_recipe(file: Path, card: Card, examples: Sequence[Seed]) -> Recipe:
    """The recipe beside a card. Raises `TaskError`, naming file and field, where it is none."""
    try:
        given = msgspec.convert(tomllib.loads(file.read_text("utf-8")), _File)
    except (OSError, tomllib.TOMLDecodeError, UnicodeError, msgspec.ValidationError) as error:
        raise TaskError(f"{file}: not a recipe: {error}") from error
    templates = [{**given.always, **template} for template in given.templates]
    for number, row in enumerate(given.topics, 1):
        if not row.get("topic"):
            raise TaskError(f"{file}: topic {number}: expected a field `topic` that names it")
    recipe = Recipe(
        card=card,
        about=given.about,
        fields=given.fields,
        templates=templates,
        topics=[Topic(name=row["topic"], words=row) for row in given.topics],
        examples=list(examples),
        twins=given.twins,
        bounds=_bounds(given.fields, examples),
    )
    _check(recipe, file)
    return recipe


def fill(recipe: Recipe, template: int, topic: Topic) -> dict[str, str | list[str]]:
    """A template's fields with a topic's words. Raises `UsageError` where the topic lacks one."""
    try:
        return {
            field: [one.format_map(topic.words) for one in text]
            if isinstance(text, list)
            else text.format_map(topic.words)
            for field, text in recipe.templates[template].items()
        }
    except KeyError as error:
        wanted = ", ".join(sorted(words_wanted(recipe)))
        raise UsageError(
            f"topic {topic.name!r} has no {error.args[0]!r}: templates need a table of topics with "
            f"the columns {wanted} (or name a --writer, who needs none)"
        ) from error


def text_of(recipe: Recipe, fields: Mapping[str, Any]) -> str:
    """What an item says, all its fields together."""
    return " ".join(str(fields[name]) for name in recipe.fields if name in fields)


def words_wanted(recipe: Recipe) -> set[str]:
    """The words that a topic must bring for the templates."""
    texts = (text for template in recipe.templates for text in template.values())
    each = (one for text in texts for one in (text if isinstance(text, list) else [text]))
    return {slot for text in each for slot in slots_of(text)}


def _bounds(fields: dict[str, str], examples: Sequence[Seed]) -> dict[str, tuple[int, int]]:
    """Half of the shortest to twice the longest that exists."""
    found = {}
    for field in fields:
        sizes = [len(seed[field]) for seed in examples if isinstance(seed.get(field), str)]
        if sizes:
            found[field] = (min(sizes) // 2, 2 * max(sizes))
    return found


def _check(recipe: Recipe, file: Path) -> None:
    slots = set(_slots(recipe.card))
    for number, template in enumerate(recipe.templates, 1):
        lacking = sorted(set(recipe.fields) - set(template))
        if lacking:
            raise TaskError(f"{file}: template {number} has no field {lacking[0]!r}")
        unfilled = sorted(slots - set(template))
        if unfilled:
            raise TaskError(
                f"{file}: template {number} gives no {unfilled[0]!r}, which the card names"
            )
    for topic in recipe.topics:
        for number, _ in enumerate(recipe.templates):
            try:
                fill(recipe, number, topic)
            except UsageError as error:
                raise TaskError(f"{file}: {error}") from error
    for field in recipe.twins:
        if field not in recipe.fields:
            raise TaskError(f"{file}: `twins` names {field!r}, which is no field")


def _slots(card: Card) -> Iterator[str]:
    """The fields a seed must bring for every variant that does not say what it needs."""
    templates = [card.ask.template] if isinstance(card.ask.template, str) else card.ask.template
    made = {"options", *card.phrases, "id"}
    for side in card.sides:
        for variant in side.variants:
            if variant.needs:
                continue
            texts: list[str] = [
                *(templates if variant.template is None else [variant.template]),
                *variant.slots.values(),
                *(option.text for option in card.ask.options),
                *(turn.text for turn in variant.turns or card.ask.turns),
                variant.right,
                *variant.good,
                *variant.bad,
                variant.name,
                variant.passage or "",
            ]
            own = made | set(variant.slots)
            for text in texts:
                yield from (
                    slot for slot in slots_of(text) if slot not in own and not _of_option(slot)
                )
    for phrases in card.phrases.values():
        for text in phrases:
            yield from (slot for slot in slots_of(text) if slot not in made)


def _of_option(slot: str) -> bool:
    return slot.startswith(("letter_", "text_"))
