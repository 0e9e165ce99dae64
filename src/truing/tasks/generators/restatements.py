"""Groups of questions that mean the same, and of questions that mean the opposite, with their gold.

A seed is one small made-up situation: two things with a quantity each, two people or places in a
relation, two quantities of one thing, or one thing in one of two states. Its question is asked
plainly, in other words, over the same facts told in another order and in other units, and the other
way round; then it is turned into its opposite, and asked of the opposite facts. Words are in
`restatement_frames.toml`. The gold follows from which situation was drawn: no text is read.
"""

from __future__ import annotations

import random
import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any, Literal, NamedTuple

import msgspec

from truing.tasks.generators.restatement_quantities import PAIRS, Pair

__all__ = ["FRAMES", "seeds"]

FRAMES = "restatement_frames.toml"

AFFIRM = ("Is it true that {claim}?", "Is it right to say that {claim}?")
DENY = ("Is it false that {claim}?", "Is it wrong to say that {claim}?")


class Frame(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of situation in words; `restatement_frames.toml` says what each field holds."""

    name: str
    kind: Literal["measure", "relation", "threshold", "state"]
    scenes: list[str]
    facts: list[str | tuple[str, str]]
    more: list[str]
    less: list[str]
    claims: tuple[str, str]
    who: Literal["owned", "person", "place"] = "person"
    things: tuple[str, ...] = ("",)
    quantity: str = ""
    which: tuple[list[str], list[str]] | None = None

    @property
    def two(self) -> bool:
        """Whether two people, things or places are compared, which can change places."""
        return self.kind in ("measure", "relation")


class Telling(NamedTuple):
    """How a situation is told: with which facts, who is named first, in which units."""

    facts: int
    x_first: bool
    units: tuple[int, int]


class Questions(NamedTuple):
    """Three with the asked meaning, one with the opposite; what one and the other answer say."""

    asked: str
    reworded: str
    turned: str
    negated: str
    one: str
    two: str


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the file holds: who and where, and every frame, in file order."""

    names: list[str]
    towns: list[str]
    frames: list[Frame]


@cache
def words() -> Words:
    """The words of every situation."""
    text = files("truing.tasks.generators").joinpath(FRAMES).read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), Words)


def seeds(edition: int, count: int) -> list[dict[str, Any]]:
    """`count` seeds of an edition; frames take turns, and yes/no takes turns with naming one.

    Facts and gold are pairs: in the first, the answer called `one` is right, in the second `two`.
    """
    known = words().frames
    return [
        _seed(edition, number, known[number % len(known)], number // len(known) + number)
        for number in range(count)
    ]


def _seed(edition: int, number: int, frame: Frame, turn: int) -> dict[str, Any]:
    rng = random.Random(f"restatements/{edition}/{number}")  # noqa: S311 - a test set
    slots = _draw_slots(rng, frame)
    pair = PAIRS[frame.quantity](rng) if frame.quantity else None
    # Asked about less, the same situation has the opposite answer.
    flipped = rng.random() < 0.5
    asks = _ask_which if frame.which and turn % 2 else _ask_yes_or_no
    questions = asks(rng, frame, slots, flipped=flipped)
    first = _telling(rng, frame)
    scene = rng.choice(frame.scenes).format(**slots)

    def told(telling: Telling) -> list[str]:
        both = [_tell(frame, telling, slots, pair, more=more) for more in (not flipped, flipped)]
        return [_capitalised(f"{scene} {facts}") for facts in both]

    facts, restated = told(first), told(_other_telling(rng, frame, first))
    return {
        "id": f"{frame.name}-{edition}-{number}",
        "frame": frame.name,
        "form": "which" if asks is _ask_which else "yes_no",
        "facts": facts,
        "facts_restated": restated,
        "facts_reversed": facts[::-1],
        **questions._asdict(),
        "gold_kept": ["one", "two"],
        "gold_negated": ["two", "one"],
    }


def _draw_slots(rng: random.Random, frame: Frame) -> dict[str, str]:
    one, other = rng.sample(words().towns if frame.who == "place" else words().names, 2)
    thing = rng.choice(frame.things)
    if frame.who == "owned":
        one, other = f"{one}'s {thing}", f"{other}'s {thing}"
    count = rng.randint(6, 90)
    return {
        "x": one,
        "y": other,
        "thing": thing,
        "place": rng.choice(words().towns),
        "n": str(count),
        "n_less": str(count - 1),
    }


def _telling(rng: random.Random, frame: Frame) -> Telling:
    unit = rng.randrange(2)
    return Telling(rng.randrange(len(frame.facts)), rng.random() < 0.5, (unit, unit))


def _other_telling(rng: random.Random, frame: Frame, first: Telling) -> Telling:
    """Other words, the other one named first, and one of two quantities in the other unit."""
    others = [
        place
        for place in range(len(frame.facts))
        if place != first.facts
        and (frame.kind != "relation" or _names_g_first(frame, place, first.facts))
    ]
    unit, changed = first.units[0], rng.randrange(2)
    units = (1 - unit, unit) if changed else (unit, 1 - unit)
    return Telling(rng.choice(others), not first.x_first, units)


def _names_g_first(frame: Frame, place: int, other: int) -> bool:
    """Whether two tellings of a relation name its ends in opposite order."""
    one, two = (str(frame.facts[p]) for p in (place, other))
    return (one.find("{g}") < one.find("{l}")) != (two.find("{g}") < two.find("{l}"))


def _tell(
    frame: Frame, telling: Telling, slots: dict[str, str], pair: Pair | None, *, more: bool
) -> str:
    """The facts: `more` says whether the frame's questions about more are to be answered yes."""
    x, y = slots["x"], slots["y"]
    template = frame.facts[telling.facts]
    if isinstance(template, tuple):
        return template[0 if more else 1].format(**slots)
    if frame.kind == "relation":
        return template.format(**slots, g=x if more else y, l=y if more else x)
    assert pair is not None
    high, low = (quantity[unit] for quantity, unit in zip(pair, telling.units, strict=True))
    of_x, of_y = (high, low) if more else (low, high)
    if frame.kind == "threshold":
        return template.format(**slots, va=of_x, vb=of_y)
    if telling.x_first:
        return template.format(**slots, a=x, va=of_x, b=y, vb=of_y)
    return template.format(**slots, a=y, va=of_y, b=x, vb=of_x)


def _ask_yes_or_no(
    rng: random.Random, frame: Frame, slots: dict[str, str], *, flipped: bool
) -> Questions:
    more, less = (frame.less, frame.more) if flipped else (frame.more, frame.less)
    claim, opposite = frame.claims[::-1] if flipped else frame.claims
    swapped = {**slots, "x": slots["y"], "y": slots["x"]}

    def wrapped(wrappers: tuple[str, ...], clause: str, named: dict[str, str]) -> str:
        return rng.choice(wrappers).format(claim=clause.format(**named))

    asked, reworded = (question.format(**slots) for question in rng.sample(more, 2))
    if rng.random() < 0.3:
        reworded = wrapped(AFFIRM, claim, slots)
    if not frame.two:
        turned = wrapped(DENY, opposite, slots)
    elif rng.random() < 0.3:
        turned = wrapped(AFFIRM, opposite, swapped)
    else:
        turned = rng.choice(less).format(**swapped)
    negated = rng.choice(less).format(**slots)
    if rng.random() < 0.5:
        negated = wrapped(DENY, claim, slots)
    return Questions(asked, reworded, turned, negated, "Yes", "No")


def _ask_which(
    rng: random.Random, frame: Frame, slots: dict[str, str], *, flipped: bool
) -> Questions:
    assert frame.which is not None
    more, less = frame.which[::-1] if flipped else frame.which
    swapped = {**slots, "x": slots["y"], "y": slots["x"]}
    asked, reworded = (question.format(**slots) for question in rng.sample(more, 2))
    turned, negated = rng.choice(more).format(**swapped), rng.choice(less).format(**slots)
    return Questions(asked, reworded, turned, negated, slots["x"], slots["y"])


def _capitalised(text: str) -> str:
    """Every sentence with a capital letter."""
    return re.sub(r"(?:^|(?<=[.?!] ))[a-z]", lambda letter: letter[0].upper(), text)
