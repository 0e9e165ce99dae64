"""Dated and imagined facts told in many forms, with questions whose answer the text alone gives.

A seed is one thing with three values in three cases: before and after changes that lie in the
future, or in reality and in two imagined worlds that differ from what everybody remembers. Each
value is right for one question, so that neither memory nor the first, last or newest value wins.
The same facts are told as plain prose and in a shifted format, register and voice.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from typing import Any, NamedTuple

from truing.tasks.generators import shifted_words as words

__all__ = ["FAMILIES", "FORMS", "seeds"]

MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
ROLES = ("first", "second", "third")


class Case(NamedTuple):
    """When or where a value holds (`in 2031`), and how a question names it."""

    label: str
    asked: str


class Facts(NamedTuple):
    """What is told: one thing and its value in each of three cases, in the order of telling."""

    thing: str
    ask: str
    told: tuple[tuple[str, str], ...]
    people: tuple[str, ...]
    """Who writes or talks to whom, where anybody does."""


def seeds(edition: int, count: int) -> list[dict[str, Any]]:
    """`count` seeds of an edition: familiar facts and invented ones take turns."""
    shuffled = random.Random(f"shifted_facts/{edition}")  # noqa: S311 - a test set
    familiar = shuffled.sample(words.FAMILIAR, len(words.FAMILIAR))
    frames = shuffled.sample(words.FRAMES, len(words.FRAMES))
    made: list[dict[str, Any]] = []
    told: set[str] = set()
    for number in range(count):
        rng = random.Random(f"shifted_facts/{edition}/{number}")  # noqa: S311 - a test set
        turn = number // 2
        if number % 2 == 0:
            ask, tags, thing, known, others = familiar[turn % len(familiar)]
            about, cases = _imagined(rng, tags)
            values = [known, *rng.sample(_split(others), 2)]
        else:
            ask, frame, pool = frames[turn % len(frames)]
            thing, town = _placed(rng, frame, told)
            told.add(thing)
            about, cases = "notes on an invented place", _dated(rng)
            values = rng.sample([value for value in words.POOLS[pool] if value != town], 3)
        made.append(_seed(rng, f"{edition}-{number}", about, (thing, ask), cases, values))
    return made


def _placed(rng: random.Random, frame: str, told: set[str]) -> tuple[str, str]:
    """A thing not told of yet, and the town in its name."""
    while True:
        town, word = rng.choice(words.TOWNS), rng.choice(words.WORDS)
        thing = frame.format(town=town, word=word, Word=word.capitalize())
        if thing not in told:
            return thing, town


def _split(text: str) -> list[str]:
    return [value.strip() for value in text.split(",")]


def _seed(
    rng: random.Random,
    name: str,
    about: str,
    thing: tuple[str, str],
    cases: list[Case],
    values: list[str],
) -> dict[str, Any]:
    """Roles take turns over cases and over forms: neither a question nor a form tells the role."""
    number = int(name.partition("-")[2])
    places = list(itertools.permutations(range(3)))[(number // 2) % 6]
    dated = any(letter.isdigit() for letter in cases[0].label)
    told = [(case.label, value) for case, value in zip(cases, values, strict=True)]
    seed: dict[str, Any] = {
        "id": f"{'invented' if number % 2 else 'familiar'}-{name}",
        "about": about,
        "remembered": ROLES[places.index(0)],
    }
    for role, place in zip(ROLES, places, strict=True):
        asked = cases[place].asked
        seed[f"question_{role}"] = f"{asked[0].upper()}{asked[1:]}, {thing[1]} is {thing[0]}?"
        seed[f"value_{role}"] = values[place]
    others = [person.split()[0] for person in words.PEOPLE if person not in values]
    people = tuple(rng.sample(others, 2))
    families = list(itertools.permutations(FAMILIES))[(number // 2 + number // 12) % 6]
    for part, family in zip(("plain", *ROLES), ("plain", *families), strict=True):
        names = FAMILIES.get(family, PLAIN)
        form = rng.choice(names)
        order = rng.choice((told, told[::-1])) if dated else rng.sample(told, 3)
        seed[f"told_{part}"] = FORMS[form](Facts(thing[0], thing[1], tuple(order), people))
        seed[f"form_{part}"] = form
    return seed


# Cases.


def _dated(rng: random.Random) -> list[Case]:
    """Three stretches of time, or three editions of a handbook, all in the future."""
    start = rng.randrange(2028, 2040)
    kind = rng.choice(("years", "years", "months", "handbooks", "reforms"))
    if kind == "years":
        return _years(rng, start)
    if kind == "months":
        first, last = rng.randrange(2, 5), rng.randrange(7, 10)
        return [
            Case(f"until {MONTHS[first]} {start}", f"in {MONTHS[first - 1]} {start}"),
            Case(
                f"from {MONTHS[first + 1]} to {MONTHS[last]} {start}",
                f"in {MONTHS[rng.randrange(first + 2, last)]} {start}",
            ),
            Case(
                f"from {MONTHS[last + 1]} {start} on",
                f"in {MONTHS[rng.randrange(last + 1, 12)]} {start}",
            ),
        ]
    later = start + rng.randrange(3, 8)
    if kind == "handbooks":
        end = later + rng.randrange(2, 6)
        return [_same(f"in the {year} handbook") for year in (start, later, end)]
    return [
        _same(f"before the {start} reform"),
        _same(f"from the {start} to the {later} reform"),
        _same(f"after the {later} reform"),
    ]


def _years(rng: random.Random, start: int) -> list[Case]:
    later = start + rng.randrange(5, 10)
    return [
        Case(f"until {start}", f"in {start - 1}"),
        Case(f"from {start + 1} to {later}", f"in {rng.randrange(start + 2, later)}"),
        Case(f"from {later + 1} on", f"in {rng.randrange(later + 2, later + 6)}"),
    ]


def _same(label: str) -> Case:
    return Case(label, label)


def _imagined(rng: random.Random, tags: str) -> tuple[str, list[Case]]:
    """What the text is, and reality with two imagined worlds or two imagined changes."""
    one, two = rng.sample(words.TOWNS, 2)
    name, other = (person.split()[0] for person in rng.sample(words.PEOPLE, 2))
    kinds = ["game", "novel", "play", "dream", "worlds", "levels"]
    kinds += ["planet"] * 3 if "p" in tags else []
    kinds += ["years"] * 4 if "y" in tags else []
    kind = rng.choice(kinds)
    if kind == "years":
        return "from a novel set in the future", _years(rng, rng.randrange(2041, 2060))
    about, *labels = {
        "game": (
            "from a guide to a video game",
            "in the real world",
            f"in the game {one}",
            f"in the sequel {two}",
        ),
        "novel": (
            "from a review of a fantasy novel",
            "in reality",
            f"in the novel {one}",
            f"in the film of {one}",
        ),
        "play": (
            "from a theatre programme",
            "in real life",
            f"in the play {one}",
            f"in the play {two}",
        ),
        "dream": (
            "from a diary of dreams",
            "in waking life",
            f"in {name}'s dream",
            f"in {other}'s dream",
        ),
        "worlds": (
            "from a story about parallel worlds",
            "in our world",
            f"in the world of {one}",
            f"in the world of {two}",
        ),
        "levels": (
            "from the manual of a simulation",
            "outside the simulation",
            f"on the {one} level",
            f"on the {two} level",
        ),
        "planet": (
            "from a science-fiction story",
            "on Earth",
            f"on the planet {one}",
            f"on the moon {two}",
        ),
    }[kind]
    return about, [_same(label) for label in labels]


# Forms. Each tells a thing and its three values, and nothing else.


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _sentences(facts: Facts) -> str:
    (one, a), (two, b), (three, c) = facts.told
    first = f"{_capital(one)}, {facts.thing} is {a}."
    return f"{first} {_capital(two)}, it is {b}. {_capital(three)}, it is {c}."


def _one_sentence(facts: Facts) -> str:
    (one, a), (two, b), (three, c) = facts.told
    return f"{_capital(facts.thing)} is {a} {one}, {b} {two} and {c} {three}."


def _table(facts: Facts) -> str:
    rows = [f"| {label} | {value} |" for label, value in facts.told]
    return "\n".join([f"| case | {facts.thing} |", "| --- | --- |", *rows])


def _list(facts: Facts) -> str:
    rows = [f"- {label}: {value}" for label, value in facts.told]
    return "\n".join([_capital(facts.thing), *rows])


def _log(facts: Facts) -> str:
    rows = [
        f'{line} case="{label}" value="{value}"'
        for line, (label, value) in enumerate(facts.told, 2)
    ]
    return "\n".join([f'1 topic="{facts.thing}"', *rows])


def _csv(facts: Facts) -> str:
    rows = [f"{value};{label}" for label, value in facts.told]
    return "\n".join([f"# {facts.thing}", "value;case", *rows])


def _email(facts: Facts) -> str:
    (one, a), (two, b), (three, c) = facts.told
    to, sender = facts.people
    return (
        f"Hi {to},\nquick heads-up about {facts.thing}, cos folks keep asking: {one} it's {a}, "
        f"{two} it's {b}, and {three} it's {c}. Easy, right?\nCheers, {sender}"
    )


def _text_message(facts: Facts) -> str:
    (one, a), (two, b), (three, c) = facts.told
    return (
        f"hey!! so re {facts.thing}: its {a} {one}, {b} {two} n {c} {three}. pls dont mix em up lol"
    )


def _notice(facts: Facts) -> str:
    (one, a), (two, b), (three, c) = facts.told
    return (
        f"NOTICE. It is hereby set forth that {facts.thing} shall be deemed to be (a) {a}, {one}; "
        f"(b) {b}, {two}; and (c) {c}, {three}. Signed and sealed."
    )


def _telegram(facts: Facts) -> str:
    rows = [f"{label} it is {value}" for label, value in facts.told]
    return " STOP ".join([f"re {facts.thing}", *rows, "regards"]).upper()


def _dialogue(facts: Facts) -> str:
    (one, a), (two, b), (three, c) = facts.told
    asker, other = facts.people
    return (
        f"{asker}: {_capital(facts.ask)} is {facts.thing}?\n{other}: {_capital(one)}, {a}.\n"
        f"{asker}: And {two}?\n{other}: {_capital(b)} then. But {three}, {c}."
    )


def _scots(facts: Facts) -> str:
    (one, a), (two, b), (three, c) = facts.told
    return (
        f"Aye, listen, pal: {one}, {facts.thing} is {a}. But {two} it's {b}, ye ken, "
        f"an' {three} it's {c}, nae bother."
    )


def _yorkshire(facts: Facts) -> str:
    (one, a), (two, b), (three, c) = facts.told
    return (
        f"Nah then, love. {_capital(one)}, {facts.thing} is {a}, sithee. {_capital(two)} it's {b}, "
        f"an' {three} it's {c}, an' that's that."
    )


def _southern(facts: Facts) -> str:
    (one, a), (two, b), (three, c) = facts.told
    return (
        f"Well, lemme tell y'all: {one}, {facts.thing} is {a}. Now {two} it's {b}, "
        f"and {three} it's {c}, sure as sunrise."
    )


def _older(facts: Facts) -> str:
    (one, a), (two, b), (three, c) = facts.told
    return (
        f"Hear ye, good people: {one}, {facts.thing} is {a}; {two}, it shall be {b}; "
        f"and {three}, 'tis {c}. Let none gainsay it."
    )


FORMS: dict[str, Callable[[Facts], str]] = {
    "sentences": _sentences,
    "one sentence": _one_sentence,
    "table": _table,
    "list": _list,
    "log": _log,
    "csv": _csv,
    "e-mail": _email,
    "text message": _text_message,
    "notice": _notice,
    "telegram": _telegram,
    "dialogue": _dialogue,
    "Scots": _scots,
    "Yorkshire": _yorkshire,
    "Southern": _southern,
    "older English": _older,
}
PLAIN = ("sentences", "one sentence")
FAMILIES = {
    "format": ("table", "list", "log", "csv"),
    "register": ("e-mail", "text message", "notice", "telegram"),
    "voice": ("dialogue", "Scots", "Yorkshire", "Southern", "older English"),
}
