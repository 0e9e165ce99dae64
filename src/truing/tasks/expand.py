"""From seeds to samples, deterministically. Knows no files and no model.

The edition number (``--seed``) decides which seeds come first, the order of options and the
perturbations; the same edition gives the same samples, hash for hash, on any machine.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from truing.errors import TaskError
from truing.perturbations.typos import typos
from truing.records import (
    Choice,
    Message,
    Reference,
    Role,
    Sample,
    ToolCall,
    ToolSpec,
    content_hash,
)
from truing.tasks.card import Card, OfferedTool, SideSpec, TurnSpec, VariantSpec
from truing.tasks.seeds import Seed, draw_bytes, order_seeds

__all__ = ["BY_OUTCOME", "applies", "expand", "expand_seed"]

BY_OUTCOME = "by_outcome"
"""The side of a sample whose side is known when it is answered."""

LETTERS = "ABCDEFGHIJ"
_NAMES_OPTIONS = re.compile(r"\{(?:options|letter_\w+|text_\w+)\}")


def expand(
    card: Card, seeds: Sequence[Seed], *, edition: int = 0, limit: int | None = None
) -> Iterator[Sample]:
    """Samples of the first `limit` seeds in the edition's order, lazily, seed by seed.

    All samples of a seed follow each other. Options run through their permutations by the
    seed's place in the order, so that every prefix is balanced in position.
    Raises `TaskError` where a seed lacks a slot.
    """
    ordered = order_seeds(seeds, task=card.id, edition=edition)
    for place, seed in enumerate(map(seeds.__getitem__, ordered[:limit])):
        yield from expand_seed(card, seed, place, edition)


def expand_seed(
    card: Card, seed: Seed, place: int, edition: int, *, history: tuple[str, ...] = ()
) -> Iterator[Sample]:
    """Samples of one seed, `place` being its place in the edition's order."""
    turn = place // (2 * max(1, len(card.ask.options)))
    slots = {
        name: _filled(texts[place % len(texts)], seed, where=f"{card.id}, phrase {name}")
        for name, texts in card.phrases.items()
    }
    # A slot with several wordings changes once every order of the options has been through,
    # so that wording and position are crossed.
    slots |= {
        name: value[turn % len(value)] if isinstance(value, list) and value else value
        for name, value in seed.items()
    }
    for side in card.sides:
        for variant in side.variants:
            if applies(variant, seed):
                sample = _sample(card, side, variant, slots, place + len(history), edition)
                if history:
                    sample = msgspec.structs.replace(sample, history=history)
                yield msgspec.structs.replace(sample, id=content_hash(sample))


def _filled(template: str, slots: dict[str, Any], *, where: str) -> str:
    try:
        return template.format_map(slots)
    except (KeyError, IndexError, ValueError) as error:
        raise TaskError(f"{where}: no slot {error} for the template {template!r}") from error


def applies(variant: VariantSpec, seed: Seed) -> bool:
    """Whether a seed has what a variant needs."""
    return all(name in seed for name in variant.needs)


def _sample(
    card: Card,
    side: SideSpec,
    variant: VariantSpec,
    slots: dict[str, Any],
    place: int,
    edition: int,
) -> Sample:
    def fill(template: str) -> str:
        where = f"{card.id}, seed {slots['id']}, variant {variant.name}"
        return _filled(template, slots, where=where)

    # What speaks of the options as they are listed waits until they are.
    late = {name for name, text in variant.slots.items() if _NAMES_OPTIONS.search(text)}
    slots = {**slots, **{n: fill(text) for n, text in variant.slots.items() if n not in late}}
    options = [
        (fill(option.role), fill(option.text))
        for option in card.ask.options
        if not variant.options or option.role in variant.options
    ]
    if variant.perturb:
        slots |= _perturbed(card, variant, slots, [text for _, text in options], edition)
    choices = _ordered_choices(options, place + variant.order)
    slots |= _choice_slots(choices)
    slots |= {name: fill(variant.slots[name]) for name in late}
    # A seed may say which option it means by its role: `{letter_ROLE}` or `{text_ROLE}`.
    slots |= {
        name: fill(value)
        for name, value in slots.items()
        if isinstance(value, str) and _NAMES_OPTIONS.fullmatch(value)
    }
    templates = card.ask.template if isinstance(card.ask.template, list) else [card.ask.template]
    template = variant.template or templates[place % len(templates)]
    body = fill(template)
    turns = variant.turns or card.ask.turns
    asks_confidence = card.ask.kind == "confidence"
    target = fill(variant.right)
    if choices:
        listed = any("{options}" in text for text in (*(turn.text for turn in turns), template))
        body += "" if listed else f"\n{slots['options']}"
        ask = _ask_for_letter(choices, confidence=asks_confidence, reason=bool(variant.cues))
        body = f"{body}\n{ask}"
        target = next(choice.label for choice in choices if choice.role == target)
        reference = _choice_reference(choices, target, confidence=asks_confidence)
    if variant.good:
        reference = Reference(
            good=tuple(map(fill, variant.good)), bad=tuple(map(fill, variant.bad))
        )
    before = [_said(turn, fill, place) for place, turn in enumerate(turns)]
    after = [_said(turn, fill, place) for place, turn in enumerate(card.ask.after, len(before))]
    messages = [*before, Message(role=Role.USER, text=body), *after]
    if card.ask.system:
        messages.insert(0, Message(role=Role.SYSTEM, text=fill(card.ask.system)))
    return Sample(
        id="",
        task=card.id,
        messages=tuple(messages),
        target=target,
        side=BY_OUTCOME if card.by_outcome else side.name,
        cluster=(cluster := slots.get("cluster", slots["id"])),
        seed=None if cluster == slots["id"] else slots["id"],
        group=slots["id"] if card.unit == "group" else None,
        variant=fill(variant.name),
        control=variant.control,
        choices=choices,
        tools=_tools_called(messages, card.ask.tools, where=f"{card.id}, seed {slots['id']}"),
        reference=reference,
        max_tokens=card.max_tokens,
        confidence=asks_confidence,
        cues=tuple(filter(None, fill(variant.cues).split("|"))),
        passage=None if variant.passage is None else fill(variant.passage),
    )


def _said(turn: TurnSpec, fill: Callable[[str], str], place: int) -> Message:
    """A scripted turn, `place` being its number: a result has the number of the call before it."""
    text = fill(turn.text)
    if turn.role == "tool":
        return Message(role=Role.TOOL, text=text, tool_call_id=_call_id(place - 1))
    calls: tuple[ToolCall, ...] = ()
    if turn.call is not None:
        arguments = fill(turn.arguments)
        try:
            msgspec.json.decode(arguments, type=dict)
        except msgspec.DecodeError as error:
            raise TaskError(f"the arguments of a call are no JSON object: {arguments}") from error
        calls = (ToolCall(id=_call_id(place), name=fill(turn.call), arguments=arguments),)
    return Message(role=Role(turn.role), text=text, tool_calls=calls)


def _call_id(place: int) -> str:
    # Nine letters and digits: the one form that every provider takes.
    return f"call{place:05d}"


def _tools_called(
    messages: list[Message], offered: list[OfferedTool], *, where: str
) -> tuple[ToolSpec, ...]:
    """The tools that a conversation calls, each with the result that its first call gets."""
    results = {message.tool_call_id: message.text for message in messages if message.tool_call_id}
    calls = {call.name: call.id for message in reversed(messages) for call in message.tool_calls}
    if unknown := calls.keys() - {tool.name for tool in offered}:
        raise TaskError(f"{where}: no tool {min(unknown)!r} in `ask.tools`")
    return tuple(
        ToolSpec(
            name=tool.name,
            description=tool.description,
            parameters=tool.parameters,
            mocked_result=results[calls[tool.name]],
        )
        for tool in offered
        if tool.name in calls
    )


def _choice_slots(choices: tuple[Choice, ...]) -> dict[str, str]:
    slots = {f"letter_{choice.role}": choice.label for choice in choices}
    slots |= {f"text_{choice.role}": choice.text for choice in choices}
    return {**slots, "options": "\n".join(f"{c.label}) {c.text}" for c in choices)}


def _ask_for_letter(choices: tuple[Choice, ...], *, confidence: bool, reason: bool) -> str:
    letters = [choice.label for choice in choices]
    listed = f"{', '.join(letters[:-1])} or {letters[-1]}"
    if reason:
        return (
            f"Answer with the letter of one option, {listed}, and then say in one sentence why you "
            "chose it."
        )
    if confidence:
        return (
            f"Answer with the letter of one option, {listed}, then a comma, then how likely it is "
            "that your answer is right, in percent from 0 to 100. Write nothing else."
        )
    return f"Answer with the letter of one option: {listed}."


def _choice_reference(choices: tuple[Choice, ...], target: str, *, confidence: bool) -> Reference:
    others = tuple(choice.label for choice in choices if choice.label != target)
    if not confidence:
        return Reference(good=(target,), bad=others)
    # Good is to know what one knows: both are right at times and wrong at times.
    return Reference(
        good=(f"{target}, 100%", f"{others[0]}, 0%"), bad=(f"{target}, 0%", f"{others[0]}, 100%")
    )


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
        seed = int.from_bytes(draw_bytes(card.id, edition, slots["id"], variant.name, slot)[:6])
        words = {word for option in options for word in option.split()}
        changed[slot] = typos(str(slots[slot]), float(rate), seed=seed, protect=words)
    return changed
