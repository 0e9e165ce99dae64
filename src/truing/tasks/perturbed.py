"""A task under a perturbation: every question of it as it was, once more, and perturbed.

The question is the last thing that the user says; what follows it (a tool's result) stays. The
perturbed question is the row; the other two are control arms, which say how much an answer
changes without any perturbation. The id is the task's, a plus sign and the perturbation:
`violence/twins+role_play`.

In another form (`violence/twins+form_layout`) a task is the same task: each of its questions once,
and no control arm.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import msgspec

from truing.errors import UsageError
from truing.perturbations import find_perturbation
from truing.perturbations.forms import FORMS
from truing.perturbations.perturbation import Asked, Perturbation
from truing.records import Message, Role, Sample, content_hash
from truing.tasks.card import Card
from truing.tasks.seeds import draw_bytes

__all__ = ["MARK", "perturbed_card", "perturbed_samples", "reworded"]

MARK = "+"
_VERSION = 1
"""Another number where a perturbation comes to write otherwise."""


def perturbed_card(card: Card, spec: str) -> Card:
    """The card of a task under a perturbation.

    Raises `UnknownName`, or `UsageError` where the two do not go together.
    """
    if card.loop or MARK in card.id:
        raise UsageError(f"--with: {card.id} cannot be perturbed: its questions follow the answers")
    if spec in FORMS:
        return msgspec.structs.replace(
            card,
            id=f"{card.id}{MARK}{spec}",
            title=f"{card.title}, in {spec}",
            edition=f"{card.edition}/{_VERSION}",
        )
    perturbation, _ = find_perturbation(spec)
    if card.ask.kind != "open" and not perturbation.choices:
        raise UsageError(f"--with {spec}: it is for open requests, and {card.id} asks otherwise")
    columns = list(dict.fromkeys([*card.columns, "flips"]))
    return msgspec.structs.replace(
        card,
        id=f"{card.id}{MARK}{spec}",
        title=f"{card.title}, with {spec}",
        edition=f"{card.edition}/{_VERSION}",
        columns=columns,
    )


def perturbed_samples(samples: Iterator[Sample], spec: str, *, edition: int) -> Iterator[Sample]:
    """Of each sample: itself and a repeat as control arms, and the perturbed one.

    A sample that is a control arm of the task itself is left out. Of a form: each reworded.
    """
    if spec in FORMS:
        yield from (reworded(sample, spec) for sample in samples if not sample.control)
        return
    perturbation, rate = find_perturbation(spec)
    for sample in samples:
        if sample.control:
            continue
        draw = random.Random(int.from_bytes(draw_bytes(sample.id, edition, spec)[:6]))  # noqa: S311
        messages = _perturbed(sample, perturbation, rate or 0.0, draw)
        form = sample.variant.replace("/", ".")
        for arm, said in (("clean", None), ("repeat", None), ("perturbed", messages)):
            made = msgspec.structs.replace(
                sample,
                id="",
                task=f"{sample.task}{MARK}{spec}",
                messages=sample.messages if said is None else said,
                variant=f"{form}/{arm}",
                control=said is None,
            )
            yield msgspec.structs.replace(made, id=content_hash(made))


def reworded(sample: Sample, form: str) -> Sample:
    """The sample in another form, named in `FORMS`: another task and id, and all else the same."""
    made = msgspec.structs.replace(
        sample,
        id="",
        task=f"{sample.task}{MARK}{form}",
        messages=FORMS[form].reworded(sample.messages, sample.choices),
    )
    return msgspec.structs.replace(made, id=content_hash(made))


def _perturbed(
    sample: Sample, perturbation: Perturbation, rate: float, draw: random.Random
) -> tuple[Message, ...]:
    place = max(i for i, message in enumerate(sample.messages) if message.role is Role.USER)
    before, asked, after = (
        sample.messages[:place],
        sample.messages[place],
        sample.messages[place + 1 :],
    )
    body, tail = _cut(asked.text, sample)
    words = {word for choice in sample.choices for word in choice.text.split()}
    text = perturbation.rewrite(Asked(body, frozenset(words), draw, rate)) + tail
    turns = [Message(role=Role(role), text=said) for role, said in perturbation.turns]
    systems = [message for message in before if message.role is Role.SYSTEM]
    others = [message for message in before if message.role is not Role.SYSTEM]
    return (*systems, *turns, *others, msgspec.structs.replace(asked, text=text), *after)


def _cut(text: str, sample: Sample) -> tuple[str, str]:
    """What is asked, and from the options on (else from the line that asks for a letter)."""
    if not sample.choices:
        return text, ""
    lines = text.split("\n")
    listed = {f"{choice.label}) {choice.text}" for choice in sample.choices}
    first = next((place for place, line in enumerate(lines) if line in listed), len(lines) - 1)
    return "\n".join(lines[:first]), "\n" + "\n".join(lines[first:])
