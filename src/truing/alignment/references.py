"""The set's own good and bad answers to a prompt, so drawn that form does not give them away.

Where one side of a seed is to be refused and the other helped, both sides' refusals are drawn from
one pool: the refusals that are right on the one are as wrong on the other. Drawn apart, each side
would have its own way of refusing, and a trainer would learn which words are the right refusal.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping

from truing.alignment.answers import JudgedAnswer, Prompt
from truing.errors import UnknownName
from truing.records import Response, Sample, judged_hash
from truing.scorers import find_scorer
from truing.scorers.scorer import Scorer

__all__ = ["REFERENCE", "add_references"]

REFERENCE = "reference"
_REFUSED = "refused"


def add_references(
    prompts: Iterable[Prompt], samples: Mapping[str, Sample], scorers: Mapping[str, str]
) -> None:
    """Add a good and a bad answer of the set to each prompt, where it has them.

    `samples` is by prompt key, `scorers` by task. Where a model has a good, or a bad, answer of its
    own, that stands: what is learned is then what to say, and not another style of saying it.
    """
    asyncio.run(_add(prompts, samples, scorers))


async def _add(
    prompts: Iterable[Prompt], samples: Mapping[str, Sample], scorers: Mapping[str, str]
) -> None:
    seeds: dict[tuple[str, str], list[Sample]] = defaultdict(list)
    for sample in samples.values():
        seeds[(sample.task, sample.own_seed)].append(sample)
    for prompt in prompts:
        sample = samples[prompt.key]
        pools = {True: list(sample.reference.good), False: list(sample.reference.bad)}
        scorer = _scorer(scorers[sample.task])
        if scorer is not None and not sample.choices:
            await _share_refusals(pools, sample, seeds[(sample.task, sample.own_seed)], scorer)
        own = {answer.text for answer in prompt.answers}
        there = {answer.good for answer in prompt.answers if _worth_having(answer)}
        for good, texts in pools.items():
            if texts and good not in there:
                # Not always the first: they would all begin alike.
                text = texts[int(sample.id[:8], 16) % len(texts)]
                if text not in own:
                    prompt.answers.append(_reference(text, sample.target, good=good))


def _worth_having(answer: JudgedAnswer) -> bool:
    """Whether an answer shows what the side is about: noise says nothing of it."""
    return not answer.truncated and answer.label != "unusable"


async def _share_refusals(
    pools: dict[bool, list[str]], sample: Sample, siblings: list[Sample], scorer: Scorer
) -> None:
    for other in siblings:
        if other.side == sample.side or _REFUSED not in (sample.target, other.target):
            continue
        if sample.target == other.target:
            continue
        right = sample.target == _REFUSED
        for text in other.reference.bad if right else other.reference.good:
            judged = await scorer.judge(sample, Response(text=text, stop_reason="stop"))
            if judged.label == _REFUSED and text not in pools[right]:
                pools[right].append(text)


def _scorer(name: str) -> Scorer | None:
    try:
        return find_scorer(name)
    except UnknownName:
        return None


def _reference(text: str, target: str, *, good: bool) -> JudgedAnswer:
    return JudgedAnswer(
        text=text,
        good=good,
        label=target if good else f"not {target}",
        scorer=REFERENCE,
        judged=judged_hash(text),
        source=REFERENCE,
    )
