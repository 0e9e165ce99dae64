"""Stories of switches and lamps drawn from small structural causal models, with their gold.

A model has 2 or 3 outside switches and 3 or 4 inner parts; each inner part is on by a stated rule
of one or two others. A question asks whether a relation of cause and effect holds between two
parts; gold is found by trying every state of the switches under the intervention asked about
(Pearl 2009, *Causality*, ch. 7; necessity and sufficiency as in the survey's causal study, but
derived instead of judged). Every seed is one story with two questions of one kind: in one the
relation holds, in the other it does not.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

__all__ = ["KINDS", "seeds"]

KINDS = ("effect", "sufficient", "necessary", "but_for")

PLACES = {
    "greenhouse": "pump heater fan sprayer shutter lamp siren blower",
    "theatre": "spotlight curtain smoke-machine projector bell turntable speaker footlight",
    "ship": "bilge-pump horn winch radar beacon compressor galley-stove intercom",
    "bakery": "oven mixer conveyor grinder proofer slicer buzzer chiller",
    "laboratory": "centrifuge stirrer burner laser detector shaker recorder cooler",
    "mine": "hoist drill ventilator crusher floodlight drain signal-lamp loader",
    "museum": "alarm display fountain dehumidifier gate audio-guide clock sprinkler",
    "brewery": "kettle filter agitator bottler steam-valve gauge-lamp cleaner stacker",
    "station": "barrier announcer ticket-reader lift crossing-light platform-fan display door",
    "barn": "milker feeder thresher hen-house-light gate-motor pond-pump dryer weather-vane-lamp",
}
SWITCHES = ("red", "blue", "green", "yellow", "white", "black")


class Rule(NamedTuple):
    """When a part is on: `kind` of its parents (copy, not, and, or)."""

    kind: str
    parents: tuple[str, ...]


class Story(NamedTuple):
    """A structural causal model: outside switches, and inner parts in causal order."""

    place: str
    switches: tuple[str, ...]
    rules: dict[str, Rule]


class Question(NamedTuple):
    """Whether `cause` stands in a relation to `effect`, and what kind of no it is."""

    cause: str
    effect: str
    holds: bool
    contrast: str


def seeds(edition: int, count: int) -> list[dict[str, Any]]:
    """`count` seeds of an edition; kinds of question and places take turns."""
    made: list[dict[str, Any]] = []
    told: set[str] = set()
    for number in range(count):
        rng = random.Random(f"causal_graphs/{edition}/{number}")  # noqa: S311 - a test set
        kind = KINDS[number % len(KINDS)]
        while True:
            story = _draw(rng, list(PLACES)[(number // len(KINDS)) % len(PLACES)])
            state = {name: rng.random() < 0.5 for name in story.switches}
            pair = _pair(rng, story, kind, state)
            text = _tell(rng, story, state if kind == "but_for" else None)
            if pair is not None and text not in told:
                break
        told.add(text)
        yes, no = pair
        made.append(
            {
                "id": f"{kind.replace('_', '-')}-{edition}-{number}",
                "kind": kind,
                "story": text,
                "contrast": no.contrast,
                "asked_causal": _ask(kind, yes),
                "gold_causal": ["yes", "no"],
                "asked_not": _ask(kind, no),
                "gold_not": ["no", "yes"],
            }
        )
    return made


def run(story: Story, state: Mapping[str, bool], held: Mapping[str, bool]) -> dict[str, bool]:
    """Every part's state, given the switches and what is held by hand."""
    values = {name: held.get(name, state[name]) for name in story.switches}
    for name, rule in story.rules.items():
        inputs = [values[parent] for parent in rule.parents]
        own = all(inputs) if rule.kind in ("and", "copy") else any(inputs)
        values[name] = held.get(name, not own if rule.kind == "not" else own)
    return values


def holds(story: Story, kind: str, cause: str, effect: str, state: Mapping[str, bool]) -> bool:
    """Gold: whether the relation holds, by enumeration of the switches.

    effect: some state in which holding the cause on or off makes a difference. sufficient: held
    on, the effect is on in every state. necessary: held off, the effect is off in every state.
    but_for: in the state given, held the other way, the effect is the other way.
    """
    on = [run(story, u, {cause: True})[effect] for u in _states(story)]
    off = [run(story, u, {cause: False})[effect] for u in _states(story)]
    if kind == "sufficient":
        return all(on)
    if kind == "necessary":
        return not any(off)
    if kind == "but_for":
        actual = run(story, state, {})
        other = run(story, state, {cause: not actual[cause]})
        return actual[effect] != other[effect]
    return on != off


def _states(story: Story) -> Iterator[dict[str, bool]]:
    for values in itertools.product((False, True), repeat=len(story.switches)):
        yield dict(zip(story.switches, values, strict=True))


def _draw(rng: random.Random, place: str) -> Story:
    switches = tuple(f"{c} switch" for c in rng.sample(SWITCHES, rng.choice((2, 3))))
    names = rng.sample(PLACES[place].split(), rng.choice((3, 4)))
    parts = [name.replace("-", " ") for name in names]
    rules: dict[str, Rule] = {}
    known = list(switches)
    for part in parts:
        kind = rng.choice(("copy", "copy", "not", "and", "or", "or"))
        size = 1 if kind in ("copy", "not") else 2
        rules[part] = Rule(kind, tuple(rng.sample(known, size)))
        known.append(part)
    return Story(place, switches, rules)


def _pair(
    rng: random.Random, story: Story, kind: str, state: Mapping[str, bool]
) -> tuple[Question, Question] | None:
    """A question whose relation holds and one whose does not, or None where there are none."""
    parts = list(story.rules)
    asked = [
        Question(cause, effect, holds(story, kind, cause, effect, state), "")
        for cause, effect in itertools.permutations([*story.switches, *parts], 2)
        if effect in story.rules and _varies(story, effect)
    ]
    yes = [q for q in asked if q.holds]
    no = [q._replace(contrast=_contrast(story, q)) for q in asked if not q.holds]
    if kind in ("sufficient", "necessary", "but_for"):
        # A cause that does matter, but not so: else "no relation at all" gives the answer away.
        no = [q for q in no if q.contrast == "weaker"] or no
    else:
        no = [q for q in no if q.contrast != "unrelated"]
    if not yes or not no:
        return None
    chosen = rng.choice(sorted({q.contrast for q in no}))
    return rng.choice(yes), rng.choice([q for q in no if q.contrast == chosen])


def _varies(story: Story, part: str) -> bool:
    return len({run(story, u, {})[part] for u in _states(story)}) == 2


def _contrast(story: Story, asked: Question) -> str:
    """Why the answer is no: weaker relation, reversed, confounded by a common cause, unrelated."""

    def makes_a_difference(cause: str, effect: str) -> bool:
        return holds(story, "effect", cause, effect, {})

    if makes_a_difference(asked.cause, asked.effect):
        return "weaker"
    if makes_a_difference(asked.effect, asked.cause):
        return "reversed"
    common = [
        name
        for name in (*story.switches, *story.rules)
        if name not in (asked.cause, asked.effect)
        and makes_a_difference(name, asked.cause)
        and makes_a_difference(name, asked.effect)
    ]
    return "confounded" if common else "unrelated"


def _tell(rng: random.Random, story: Story, state: Mapping[str, bool] | None) -> str:
    lines = []
    for name, (kind, parents) in story.rules.items():
        first, second = parents[0], parents[-1]
        when = {
            "copy": f"the {first} is on",
            "not": f"the {first} is off",
            "and": f"both the {first} and the {second} are on",
            "or": f"the {first} or the {second} or both are on",
        }[kind]
        lines.append(f"The {name} is on exactly when {when}.")
    rng.shuffle(lines)
    names = [f"a {name}" for name in rng.sample(story.switches, len(story.switches))]
    head = f"In a {story.place}, people set {', '.join(names[:-1])} and {names[-1]} as they like."
    if state is not None:
        shown = [f"the {name} is {'on' if on else 'off'}" for name, on in state.items()]
        lines.append(f"Right now {', '.join(shown[:-1])} and {shown[-1]}.")
    return " ".join([head, *lines])


def _ask(kind: str, question: Question) -> list[str]:
    """Two wordings: yes says that the relation holds; no says so."""
    cause, effect = f"the {question.cause}", f"the {question.effect}"
    by_hand = f"Somebody may hold {cause} on or off by hand; everything else goes by its rule."
    return {
        "effect": [
            f"{by_hand} Can that ever change whether {effect} is on?",
            f"{by_hand} Is {effect} the same either way, whatever the switches?",
        ],
        "sufficient": [
            f"Somebody holds {cause} on by hand. Is {effect} then on, whatever the switches?",
            f"Somebody holds {cause} on by hand. Can {effect} still be off?",
        ],
        "necessary": [
            f"Somebody holds {cause} off by hand. Is {effect} then off, whatever the switches?",
            f"Somebody holds {cause} off by hand. Can {effect} still be on?",
        ],
        "but_for": [
            f"If somebody now turned {cause} the other way by hand, would {effect} change?",
            f"If somebody now turned {cause} the other way by hand, would {effect} stay as it is?",
        ],
    }[kind]
