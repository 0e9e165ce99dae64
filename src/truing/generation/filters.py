"""Throws out what cannot be an item: wrong size, unfilled, off its topic, or there already.

Every rule gives a fate (a word that the counts go by) and a reason. None reads whether an item is
good: that is for a judge (`validity`) and for people.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Callable, Sequence

import msgspec

from truing.generation.recipes import Draft, Recipe, Topic, text_of
from truing.generation.texts import content_words
from truing.similarity import near_duplicates, similarity_groups

__all__ = ["clustered", "filtered"]

_LEAST, _MOST = 8, 1200
_FEWEST_SHARED = 2
_FEW_TOPICS = 3
_UNFILLED = re.compile(
    r"\{\w*\}|\[(?:topic|name|insert|your)\b[^\]]*\]|<(?:topic|name)>", re.IGNORECASE
)
_SPEAKS_OF_THE_SET = re.compile(
    r"\b(?:test item|json object|harmless twin|harmful request|language model)s?\b", re.IGNORECASE
)
Verdict = tuple[str, str] | None


def filtered(recipe: Recipe, topics: Sequence[Topic], drafts: Sequence[Draft]) -> list[Draft]:
    """Every draft with its fate; what was thrown out before stays so.

    What nearly repeats an item that exists is thrown out, and so is an exact repeat of a draft.
    """
    by_name = {topic.name: topic for topic in topics}
    usual = _usual_words(topics)
    may_be_alike = {
        pair
        for pair in itertools.combinations(recipe.fields, 2)
        if any(seed.get(pair[0]) == seed.get(pair[1]) for seed in recipe.examples)
    }
    rules: list[Callable[[Draft], Verdict]] = [
        lambda draft: _size(recipe, draft),
        _form,
        lambda draft: _topical(recipe, by_name.get(draft.topic), usual, draft),
        lambda draft: _shares_words(recipe, draft),
        lambda draft: _distinct(recipe, may_be_alike, draft),
    ]

    def sift(draft: Draft) -> Draft:
        if draft.fate != "kept":
            return draft
        verdict = next((said for rule in rules if (said := rule(draft)) is not None), None)
        return draft if verdict is None else _out(draft, *verdict)

    return _new(recipe, [sift(draft) for draft in drafts])


def clustered(recipe: Recipe, topics: Sequence[Topic], drafts: Sequence[Draft]) -> list[Draft]:
    """Kept drafts with the cluster that the statistics count them in, named after its first draft.

    What a writer wrote hangs together by near-duplicates. What says the same words of a topic anew
    (a filled template, whoever puts it in words, or another request like one that failed) hangs
    together by its topic, and so do two topics whose words are nearly the same.
    """
    words = {topic.name: " ".join(topic.words.values()) for topic in topics}
    followed = {topic.name for topic in topics if topic.example}
    kept = [draft for draft in drafts if draft.fate == "kept"]
    groups = similarity_groups(
        [text_of(recipe, draft.fields) if draft.writer else words[draft.topic] for draft in kept]
    )
    anew = [draft.template is not None or draft.topic in followed for draft in kept]
    groups = _joined(groups, [d.topic if of else None for d, of in zip(kept, anew, strict=True)])
    names = {draft.id: kept[group].id for draft, group in zip(kept, groups, strict=True)}
    return [
        msgspec.structs.replace(draft, cluster=names[draft.id]) if draft.id in names else draft
        for draft in drafts
    ]


def _joined(groups: Sequence[int], topics: Sequence[str | None]) -> list[int]:
    """Groups, numbered by their first member, with those of one topic made one."""
    joined = list(groups)
    first: dict[str, int] = {}
    for place, topic in enumerate(topics):
        if topic is None:
            continue
        there = first.setdefault(topic, place)
        low, high = sorted((joined[there], joined[place]))
        joined = [low if group == high else group for group in joined]
    return joined


def _size(recipe: Recipe, draft: Draft) -> Verdict:
    for name in recipe.fields:
        least, most = recipe.bounds.get(name, (_LEAST, _MOST))
        size = len(_text(draft, name))
        if not least <= size <= most:
            return "wrong size", f"{name} has {size} characters, expected {least} to {most}"
    return None


def _form(draft: Draft) -> Verdict:
    for name in draft.fields:
        text = _text(draft, name)
        if _UNFILLED.search(text):
            return "unfilled", f"{name} has a place that nobody filled"
        if _SPEAKS_OF_THE_SET.search(text):
            return "speaks of the test", f"{name} names the test itself"
        if any(not (c.isprintable() or c in "\n\t") for c in text):
            return "not text", f"{name} has control characters"
    return None


def _usual_words(topics: Sequence[Topic]) -> set[str]:
    """Words that more than half of the topics have: they tell none from the others."""
    if len(topics) < _FEW_TOPICS:
        return set()
    held = Counter(
        word
        for topic in topics
        for word in content_words(" ".join([topic.name, *topic.words.values()]))
    )
    return {word for word, number in held.items() if number > len(topics) / 2}


def _topical(recipe: Recipe, topic: Topic | None, usual: set[str], draft: Draft) -> Verdict:
    """What the template says of the topic in a field, the written field must name as well."""
    if draft.writer is None or topic is None or topic.example:
        return None
    if draft.template is None:
        words = content_words(topic.name) - usual
        said = content_words(" ".join(_text(draft, name) for name in recipe.fields))
        if words and not words & said:
            return "off topic", f"none of the words of {topic.name!r}"
        return None
    for name in recipe.fields:
        template = str(recipe.templates[draft.template][name])
        said = content_words(_text(draft, name))
        for slot in re.findall(r"\{(\w+)\}", template):
            words = content_words(topic.words[slot]) - usual
            if words and not words & said:
                return "off topic", f"{name} says nothing of {topic.words[slot]!r}"
    return None


def _shares_words(recipe: Recipe, draft: Draft) -> Verdict:
    if not recipe.twins:
        return None
    one, other = (content_words(_text(draft, name)) for name in recipe.twins)
    shared = one & other
    if len(shared) < _FEWEST_SHARED:
        return "no shared words", f"the twins share {len(shared)} words, at least {_FEWEST_SHARED}"
    return None


def _distinct(recipe: Recipe, may_be_alike: set[tuple[str, str]], draft: Draft) -> Verdict:
    """Fields that are never the same in an item that exists."""
    for one, other in itertools.combinations(recipe.fields, 2):
        if (one, other) in may_be_alike:
            continue
        if _text(draft, one).casefold() == _text(draft, other).casefold():
            return "not distinct", f"{one} and {other} say the same"
    return None


def _new(recipe: Recipe, drafts: list[Draft]) -> list[Draft]:
    """Exact repeats, and what nearly repeats an item that exists, are not new."""
    seen: set[str] = set()
    existing = [text_of(recipe, seed) for seed in recipe.examples]
    kept = [draft for draft in drafts if draft.fate == "kept"]
    texts = [text_of(recipe, draft.fields) for draft in kept]
    shipped = {kept[i].id: j for i, j, _ in near_duplicates(texts, against=existing)}

    def sift(draft: Draft) -> Draft:
        if draft.fate != "kept":
            return draft
        if draft.id in shipped:
            near = recipe.examples[shipped[draft.id]].get("id", "an example")
            return _out(draft, "exists", f"nearly {near}")
        text = text_of(recipe, draft.fields).casefold()
        if text in seen:
            return _out(draft, "repeat", "written before")
        seen.add(text)
        return draft

    return [sift(draft) for draft in drafts]


def _out(draft: Draft, fate: str, reason: str) -> Draft:
    return msgspec.structs.replace(draft, fate=fate, reason=reason)


def _text(draft: Draft, name: str) -> str:
    value = draft.fields[name]
    return value if isinstance(value, str) else " ".join(value)
