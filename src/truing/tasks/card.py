"""Reads and checks a task's card. Knows the file, not what is done with it.

A task is a folder: `card.toml` (what is measured, how it is asked, what is right) and
`seeds.jsonl` (one seed a line; a seed gives every side). No code.
"""

from __future__ import annotations

import string
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from truing.errors import TaskError

__all__ = [
    "Card",
    "OfferedTool",
    "OptionSpec",
    "PublicCard",
    "SideSpec",
    "TurnSpec",
    "VariantSpec",
    "make_card",
    "read_card",
]


class _Spec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class OptionSpec(_Spec, frozen=True):
    """An option of a choice: a template for its text and what it stands for."""

    text: str
    role: str
    """May hold slots: where a seed says which option plays which part."""


class TurnSpec(_Spec, frozen=True):
    """A scripted turn of the conversation, whatever the model would have said.

    A turn of role `tool` is the mocked result of the call in the turn before it.
    """

    role: Literal["user", "assistant", "tool"]
    text: str = ""
    call: str | None = None
    """The name of the tool that the assistant calls; may hold slots."""
    arguments: str = "{{}}"
    """Template of the call's arguments: a JSON object."""


class OfferedTool(_Spec, frozen=True):
    """A tool as the model is told of it. Nothing runs it: its results are turns."""

    name: str
    description: str
    parameters: dict[str, Any]
    """JSON Schema of its arguments."""


class VariantSpec(_Spec, frozen=True):
    """One way in which a seed is asked on a side. Slots override the seed's own fields."""

    name: str
    """May hold slots: where phrases are of several kinds, the kind belongs in the name."""
    slots: dict[str, str] = {}
    template: str | None = None
    turns: list[TurnSpec] = []
    """In the place of the card's own."""
    needs: list[str] = []
    """Slots without which a seed is not asked this variant."""
    passage: str | None = None
    """Copy: the text whose reproduction is measured."""
    cues: str = ""
    """Words by which a reason names the planted hint, with bars between them; see `explanation`."""
    right: str = ""
    """Choice: the role of the right option. Open reply: the label that is right."""
    good: list[str] = []
    bad: list[str] = []
    perturb: str | None = None
    """Perturbation and rate, e.g. `typos:0.1`, applied to the slots named in `perturbs`."""
    control: bool = False
    options: list[str] = []
    """Roles of the options shown, where not all are."""
    order: int = 0
    """Offset into the order of options, so that a seed's variants differ in position."""


class SideSpec(_Spec, frozen=True):
    """One of the two sides of a task."""

    name: str
    meaning: str
    variants: list[VariantSpec] = []
    """None where sides depend on the outcome (calibration, explanation): the first holds all."""


class Ask(_Spec, frozen=True):
    """How samples are put.

    In a choice, `{options}` stands for the options as they are listed (they follow the last
    message where no template names it), `{letter_ROLE}` for the letter of an option and
    `{text_ROLE}` for its text.
    """

    kind: Literal["choice", "confidence", "open", "copy"]
    """`confidence` is a choice with a stated probability; `copy` measures verbatim reproduction."""
    template: str | list[str]
    """Several templates take turns, seed by seed."""
    system: str | None = None
    turns: list[TurnSpec] = []
    """What was said before the question, which is the template's."""
    after: list[TurnSpec] = []
    """What follows the question before the model answers: calls of tools and their results."""
    tools: list[OfferedTool] = []
    """A sample is offered those of them that are called in it."""
    options: list[OptionSpec] = []
    perturbs: list[str] = []
    """Slots that a perturbation may touch."""


class Card(_Spec, frozen=True):
    """What a task measures, how, from where, and with which limits."""

    id: str
    subcategory: str
    title: str
    edition: str
    failure: str
    unit: Literal["sample", "group"]
    headline: Literal["worse_side", "group_rate", "calibration", "explanation"]
    """`explanation`: whether a reason names the hint that changed an answer; mean of the sides."""
    scorer: str
    languages: list[str]
    sources: str
    licence: str
    limits: list[str]
    max_tokens: int
    ask: Ask
    sides: list[SideSpec]
    phrases: dict[str, list[str]] = {}
    """Slots filled in rotation, the same one for all samples of a seed."""
    columns: list[str] = []
    """Extra figures reported beside the row."""
    asks_for_harm: bool = False
    """Its prompts may get a provider's key suspended: a dry run says so."""
    canary: str | None = None
    """A string that is nowhere else: by it the set is found in training data, or in a reply."""
    rubric: str | None = None
    """What an LLM judge is asked about the replies: a rubric that ships, or a file `NAME.toml` in
    the folder of a task of one's own."""
    generator: str | None = None
    """Where seeds are computed for each edition: no `seeds.jsonl` then."""
    seeds: int = 0
    """How many seeds the generator is asked for."""
    loop: str | None = None
    """Where a seed is asked in rounds: what makes the next of the answers so far."""

    @property
    def by_outcome(self) -> bool:
        """Whether it depends on the answer on which side a sample counts."""
        return self.headline in ("calibration", "explanation")


class PublicCard(Card, frozen=True):
    """The card of a set that others made: it need not have two sides, and then says why."""

    one_sided: str | None = None
    """Why one answer wins it; its floor comes out as 1 then, and no rate is above that."""


def read_card(path: Path) -> Card:
    """The card of the task in a folder.

    Raises `TaskError`, naming file and field, where it is malformed.
    """
    file = path / "card.toml"
    try:
        fields = tomllib.loads(file.read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeError) as error:
        raise TaskError(f"{file}: not a task card: {error}") from error
    return make_card(fields, file, Card)


_AnyCard = TypeVar("_AnyCard", bound=Card)


def make_card(fields: dict[str, Any], file: Path, kind: type[_AnyCard]) -> _AnyCard:
    """A card of the fields that a file holds. Raises `TaskError` where they make none."""
    try:
        card = msgspec.convert(fields, kind)
    except msgspec.ValidationError as error:
        raise TaskError(f"{file}: not a task card: {error}") from error
    _check(card, file)
    return card


def slots_of(template: str) -> set[str]:
    """Names of the slots a template uses."""
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def _check(card: Card, file: Path) -> None:
    def refuse(message: str) -> None:
        raise TaskError(f"{file}: {message}")

    one_sided = isinstance(card, PublicCard) and card.one_sided and card.sides
    if len(card.sides) != 2 and not one_sided:
        refuse(f"expected two sides, found {len(card.sides)}: every sub-category is two-sided")
    if len({side.name for side in card.sides}) < len(card.sides):
        refuse("the two sides need different names")
    if (card.unit == "group") != (card.headline == "group_rate"):
        refuse('`unit = "group"` goes with `headline = "group_rate"`, and only with it')
    roles = _check_ask(card, refuse)
    _check_turns(card, refuse)
    if card.rubric and Path(card.rubric).name != card.rubric:
        refuse(f"expected the name of a rubric or of a file beside the card, got {card.rubric!r}")
    by_outcome = card.by_outcome
    if by_outcome and (not card.sides[0].variants or card.sides[1].variants):
        refuse("sides follow the outcome: every variant stands under the first")
    for side in card.sides:
        if not by_outcome and all(variant.control for variant in side.variants):
            refuse(f"side {side.name!r} has no variant that counts")
    _check_variants(card, roles, refuse)


def _check_ask(card: Card, refuse: Callable[[str], None]) -> set[str]:
    if (card.ask.kind == "confidence") != (card.headline == "calibration"):
        refuse('`kind = "confidence"` goes with `headline = "calibration"`, and only with it')
    if (card.generator is None) != (card.seeds == 0):
        refuse("`generator` and `seeds` go together")
    if card.loop and (card.ask.kind != "choice" or card.unit == "group"):
        refuse("a loop asks choices, one sample at a time")
    if card.headline == "explanation" and not card.loop:
        refuse("an explanation needs a loop: the hint follows the answer without it")
    roles = {option.role for option in card.ask.options}
    if card.ask.kind in ("choice", "confidence") and len(roles) < 2:
        refuse("a choice needs at least two options with different roles")
    return roles


def _check_turns(card: Card, refuse: Callable[[str], None]) -> None:
    ask = card.ask
    if ask.turns and ask.turns[0].role != "user":
        refuse("a conversation begins with the user's turn")
    if ask.after and (ask.after[0].role != "assistant" or ask.after[-1].role == "assistant"):
        refuse("`after` begins with the assistant's turn, and the model's own turn ends it")
    if ask.after and ask.kind not in ("choice", "confidence"):
        refuse("`after` goes with choices: open replies are judged by the last message")
    variants = [variant for side in card.sides for variant in side.variants]
    names = {tool.name for tool in ask.tools}
    if len(names) < len(ask.tools):
        refuse("two tools have the same name")
    scripts = [ask.turns, ask.after, *(variant.turns for variant in variants)]
    for script in scripts:
        called = [False, *(turn.call is not None for turn in script)]
        answered = [*(turn.role == "tool" for turn in script), False]
        if called != answered:
            refuse("a turn with a `call` is followed by one of role `tool`, and no other turn is")
        for turn in script:
            _check_turn(turn, names, refuse)


def _check_turn(turn: TurnSpec, tools: set[str], refuse: Callable[[str], None]) -> None:
    if turn.call is None:
        if not turn.text:
            refuse(f"a turn of the {turn.role} says nothing")
        return
    if turn.role != "assistant":
        refuse(f"a tool is called by the assistant, not by the {turn.role}")
    if turn.call not in tools and not slots_of(turn.call):
        refuse(f"no tool {turn.call!r} in `ask.tools`: {', '.join(sorted(tools)) or 'none'}")


def _check_variants(card: Card, roles: set[str], refuse: Callable[[str], None]) -> None:
    for side in card.sides:
        for variant in side.variants:
            named = f"variant {variant.name!r}"
            if card.ask.kind in ("choice", "confidence"):
                if variant.right not in roles and not slots_of(variant.right):
                    known = ", ".join(sorted(roles))
                    refuse(f"{named}: `right` is {variant.right!r}, roles: {known}")
            elif not (variant.right and variant.good and variant.bad):
                refuse(f"{named}: an open reply needs `right`, `good` and `bad`")
            if card.ask.kind == "copy" and not variant.passage:
                refuse(f"{named}: a copy needs the `passage` that is measured")
