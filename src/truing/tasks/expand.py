"""From seeds to samples, deterministically. Knows no files and no model.

The edition number (``--seed``) decides which seeds come first, the order of options and the
perturbations; the same edition gives the same samples, hash for hash, on any machine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import msgspec

from truing.errors import TaskError
from truing.perturb import typos
from truing.records import Choice, Message, Reference, Role, Sample, content_hash
from truing.tasks.card import Card, SideSpec, VariantSpec

__all__ = ["expand", "order_seeds"]

LETTERS = "ABCDEFGHIJ"


def order_seeds(seeds: list[dict[str, Any]], *, task: str, edition: int) -> list[dict[str, Any]]:
    """The seeds in the edition's order: any prefix is a random draw without replacement."""
    return sorted(seeds, key=lambda seed: _digest(task, edition, seed["id"]))


def expand(
    card: Card, seeds: list[dict[str, Any]], *, edition: int = 0, limit: int | None = None
) -> Iterator[Sample]:
    """Samples of the first `limit` seeds in the edition's order, lazily, seed by seed.

    All samples of a seed follow each other. Options run through their permutations by the
    seed's place in the order, so that every prefix is balanced in position.
    Raises `TaskError` where a seed lacks a slot.
    """
    ordered = order_seeds(seeds, task=card.id, edition=edition)
    for place, seed in enumerate(ordered[:limit]):
        phrases = {name: texts[place % len(texts)] for name, texts in card.phrases.items()}
        for side in card.sides:
            for variant in side.variants:
                yield _sample(card, side, variant, {**phrases, **seed}, place, edition)


def _sample(
    card: Card,
    side: SideSpec,
    variant: VariantSpec,
    slots: dict[str, Any],
    place: int,
    edition: int,
) -> Sample:
    def fill(template: str) -> str:
        try:
            return template.format_map(slots)
        except (KeyError, IndexError, ValueError) as error:
            where = f"{card.id}, seed {slots['id']}, variant {variant.name}"
            raise TaskError(f"{where}: no slot {error} for the template {template!r}") from error

    slots = {**slots, **{name: fill(text) for name, text in variant.slots.items()}}
    options = [(option.role, fill(option.text)) for option in card.ask.options]
    if variant.perturb:
        slots |= _perturbed(card, variant, slots, [text for _, text in options], edition)
    choices = _ordered_choices(options, place + variant.order)
    body = fill(variant.template or card.ask.template)
    if choices:
        shown = "\n".join(f"{choice.label}) {choice.text}" for choice in choices)
        letters = [choice.label for choice in choices]
        listed = f"{', '.join(letters[:-1])} or {letters[-1]}"
        body = f"{body}\n{shown}\nAnswer with the letter of one option: {listed}."
        target = next(choice.label for choice in choices if choice.role == variant.right)
        reference = Reference(
            good=(target,), bad=tuple(letter for letter in letters if letter != target)
        )
    else:
        target = variant.right
        reference = Reference(
            good=tuple(map(fill, variant.good)), bad=tuple(map(fill, variant.bad))
        )
    messages = [Message(role=Role.USER, text=body)]
    if card.ask.system:
        messages.insert(0, Message(role=Role.SYSTEM, text=fill(card.ask.system)))
    sample = Sample(
        id="",
        task=card.id,
        messages=tuple(messages),
        target=target,
        side=side.name,
        cluster=slots["id"],
        group=slots["id"] if card.unit == "group" else None,
        variant=variant.name,
        control=variant.control,
        choices=choices,
        reference=reference,
        max_tokens=card.max_tokens,
    )
    return msgspec.structs.replace(sample, id=content_hash(sample))


def _ordered_choices(options: list[tuple[str, str]], place: int) -> tuple[Choice, ...]:
    if not options:
        return ()
    # Rotations, then rotations of the mirror image: any run of as many seeds as there are
    # options has every option in every position, and neighbours in both orders.
    shift = place % len(options)
    mirrored = (place // len(options)) % 2 == 1
    base = options[::-1] if mirrored else options
    order = base[shift:] + base[:shift]
    return tuple(
        Choice(label=letter, text=text, role=role)
        for letter, (role, text) in zip(LETTERS, order, strict=False)
    )


def _perturbed(
    card: Card, variant: VariantSpec, slots: dict[str, Any], options: list[str], edition: int
) -> dict[str, str]:
    name, _, rate = (variant.perturb or "").partition(":")
    if name != "typos":
        raise TaskError(f"{card.id}, variant {variant.name}: no perturbation named {name!r}: typos")
    changed = {}
    for slot in card.ask.perturbs:
        seed = int.from_bytes(_digest(card.id, edition, slots["id"], variant.name, slot)[:6])
        words = {word for option in options for word in option.split()}
        changed[slot] = typos(str(slots[slot]), float(rate), seed=seed, protect=words)
    return changed


def _digest(*parts: object) -> bytes:
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
