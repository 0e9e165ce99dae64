"""Blind relabelling: does a reader who sees neither side nor gold give the same ones?

Of every seed one sample a side is shown, in an order that says nothing. In a choice the reader
gives the letter of the right option; of an open request, which of the two sides it belongs to.
Agreement is Cohen's kappa (Cohen 1960).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from truing import stats
from truing.errors import UsageError
from truing.records import Sample, canonical_json, content_hash
from truing.tasks import Task
from truing.tasks.seeds import draw_bytes
from truing.validation.blind_files import BlindItem, read_filled
from truing.validation.evidence import Agreement

__all__ = [
    "BlindItem",
    "Given",
    "Read",
    "agreement",
    "blind_items",
    "expected_of",
    "given_of",
    "read_given",
]


class Given(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A reader's answer, the letter of an option turned into what it stands for."""

    item: str
    seed: str
    variant: str
    expected: str
    given: str
    note: str = ""
    letters: tuple[str, str] | None = None
    """In a choice, the letters of what was expected and given, as they stood in the text."""
    reading: int = 1
    """Which reading it belongs to: the first is everything before anything was changed."""
    reader: str = ""

    @property
    def agrees(self) -> bool:
        """Whether the reader says what the task says."""
        return self.given == self.expected


class Read(NamedTuple):
    """A reader's file, as far as it is about one task."""

    given: list[Given]
    lost: int
    """Answers about this task whose question is no longer in it."""


def blind_items(task: Task, *, edition: int = 0, limit: int | None = None) -> list[BlindItem]:
    """One item for each side of the first `limit` seeds, in an order that says nothing."""
    contents = _contents(task, edition)
    items = [_blind(task, sample, contents) for sample in _asked(task, edition, limit)]
    return sorted(items, key=lambda item: draw_bytes("blind", item.id))


def read_given(task: Task, file: Path, *, edition: int = 0) -> Read:
    """The answers of a reader's file that belong to this task; items left empty are left out.

    Raises `UsageError`, naming file and line, where an answer is none of those that may be given,
    or an item is answered twice.
    """
    places = _places(task, edition)
    found: dict[str, Given] = {}
    lost = 0
    for fields, where in read_filled(file):
        item, answer = str(fields["id"]), str(fields["answer"] or "").strip(" \t\n().").upper()
        sample = places.get(item)
        if not answer:
            continue
        if sample is None:
            lost += fields.get("task") == task.id
            continue
        if item in found:
            raise UsageError(f"{where}: the item {item} is answered twice")
        meanings = _as_listed(task, sample, fields.get("answers"), where)
        if meanings is None:
            lost += 1
            continue
        if answer not in meanings:
            raise UsageError(f"{where}: expected one of {', '.join(meanings)}, got {answer!r}")
        found[item] = _given(item, sample, meanings, answer, str(fields.get("note") or ""))
    return Read(list(found.values()), lost)


def given_of(
    task: Task, answers: Mapping[str, tuple[str, str]], *, edition: int = 0
) -> list[Given]:
    """The answers to items as they are listed today: item -> (answer, note).

    Raises `UsageError` where an item is not the task's, or an answer none that may be given.
    """
    places = _places(task, edition)
    found = []
    for item, (answer, note) in answers.items():
        sample = places.get(item)
        if sample is None:
            raise UsageError(f"{task.id} has no item {item}")
        meanings = {choice.label: choice.role for choice in sample.choices} or _side_names(task)
        if answer not in meanings:
            raise UsageError(f"{item}: expected one of {', '.join(meanings)}, got {answer!r}")
        found.append(_given(item, sample, meanings, answer, note))
    return found


def expected_of(task: Task, *, edition: int = 0) -> dict[str, str]:
    """Item -> what the task says of it, for everything that can be read of a task today."""
    return {item: _expected(sample) for item, sample in _places(task, edition).items()}


def agreement(given: Sequence[Given]) -> Agreement:
    """Cohen's kappa of a reader and the task, with a 95 % interval.

    Over what the options stand for; over their letters where the right ones all stand for the
    same (kappa knows no agreement beyond chance in a single class). The interval is the one of the
    share agreed, clustered by seed, carried through kappa's formula with the chance agreement
    held: it does not shrink to a point where all agree.
    """
    clusters = [one.seed for one in given]
    agreed = stats.rate_interval([one.agrees for one in given], clusters)
    chance = _chance(given)
    known = bool(given)

    def beyond_chance(rate: float) -> float | None:
        return (rate - chance) / (1 - chance) if known and chance is not None else None

    return Agreement(
        items=len(given),
        seeds=len(set(clusters)),
        agreed=agreed.estimate if known else None,
        agreed_low=agreed.low if known else None,
        agreed_high=agreed.high if known else None,
        kappa=beyond_chance(agreed.estimate),
        low=beyond_chance(agreed.low),
        high=beyond_chance(agreed.high),
    )


def _chance(given: Sequence[Given]) -> float | None:
    """How often reader and task would agree by chance; None where that is always, or unknown."""
    pairs: Iterable[tuple[str, str]] = [(one.expected, one.given) for one in given]
    if len({one.expected for one in given}) == 1:
        pairs = [one.letters for one in given if one.letters is not None]
        if len(pairs) < len(given):
            return None
    ours, theirs = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    chance = sum(ours[name] * theirs[name] for name in ours) / max(1, len(given)) ** 2
    return chance if chance < 1 else None


def _asked(task: Task, edition: int, limit: int | None) -> Iterator[Sample]:
    """One sample a side of every seed; the variants take turns."""
    by_seed: dict[str, list[Sample]] = {}
    for sample in _readable(task, edition, limit):
        by_seed.setdefault(sample.cluster, []).append(sample)
    for place, own in enumerate(by_seed.values()):
        for side in dict.fromkeys(sample.side for sample in own):
            there = [sample for sample in own if sample.side == side]
            yield there[place % len(there)]


def _readable(task: Task, edition: int, limit: int | None) -> list[Sample]:
    samples = list(task.samples(edition=edition, limit=limit))
    # Of a loop the first round may be all control arms: its gold is as good as any.
    return [sample for sample in samples if not sample.control] or samples


def _places(task: Task, edition: int) -> dict[str, Sample]:
    """Item -> sample of every variant: which one of a seed's was shown depends on the others."""
    contents = _contents(task, edition)
    return {_id_of(task, s, contents): s for s in _readable(task, edition, None)}


def _blind(task: Task, sample: Sample, contents: Mapping[str, str]) -> BlindItem:
    several = len(sample.messages) > 1
    text = "\n\n".join(
        f"[{message.role}] {message.full_text}" if several else message.full_text
        for message in sample.messages
    )
    answers = {choice.label: choice.text for choice in sample.choices} or _sides(task)
    return BlindItem(id=_id_of(task, sample, contents), task=task.id, text=text, answers=answers)


def _given(item: str, sample: Sample, meanings: Mapping[str, str], answer: str, note: str) -> Given:
    expected = _expected(sample)
    right = next((code for code, meaning in meanings.items() if meaning == expected), answer)
    return Given(
        item=item,
        seed=sample.cluster,
        variant=sample.variant,
        expected=expected,
        given=meanings[answer],
        note=note,
        letters=(right, answer) if sample.choices else None,
    )


def _sides(task: Task) -> dict[str, str]:
    """The sides by number, as a reader of open requests is asked about them."""
    sides = sorted(task.card.sides, key=lambda side: draw_bytes(task.id, side.name))
    return {str(number): f"{side.name}: {side.meaning}" for number, side in enumerate(sides, 1)}


def _side_names(task: Task) -> dict[str, str]:
    return {code: text.partition(": ")[0] for code, text in _sides(task).items()}


def _as_listed(task: Task, sample: Sample, shown: Any, where: str) -> dict[str, str] | None:
    """What each answer stood for when it was given; None where that can no longer be told.

    The order of options and some of their words follow a seed's place among the others, so the
    letters are those of the file and not those of today.
    """
    if not sample.choices:
        return _side_names(task)
    if not isinstance(shown, dict) or not shown:
        raise UsageError(f"{where}: expected the item's `answers` too: letters change with the set")
    roles = {choice.text: choice.role for choice in sample.choices}
    meanings = {str(letter): roles.pop(str(text), "") for letter, text in shown.items()}
    unknown = [letter for letter, role in meanings.items() if not role]
    if len(unknown) == len(roles) == 1:
        meanings[unknown[0]] = next(iter(roles.values()))
    elif unknown or roles:
        return None
    return meanings


def _expected(sample: Sample) -> str:
    """The role of the right option, or the side."""
    role = next((c.role for c in sample.choices if c.label == sample.target), None)
    return sample.side if role is None else role


def _id_of(task: Task, sample: Sample, contents: Mapping[str, str]) -> str:
    # Of the seed's content, so that an answer stays good while other seeds come and go.
    return content_hash([task.id, sample.variant, contents[sample.cluster]])[:12]


def _contents(task: Task, edition: int) -> dict[str, str]:
    found: dict[str, str] = {}
    for seed in task.seeds(edition=edition):
        name = str(seed.get("cluster", seed["id"]))
        asked = {field: value for field, value in seed.items() if field != "canary"}
        found[name] = found.get(name, "") + canonical_json(asked).decode()
    return found
