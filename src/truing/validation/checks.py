"""What every task must hold by its form: ids, balance, duplicates, floors, oracles."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

import msgspec

from truing.models.scripted import TRIVIAL, Scripted
from truing.records import Sample, content_hash
from truing.reports.profile import Row
from truing.similarity import near_duplicates
from truing.tasks import Task
from truing.tasks.card import PublicCard
from truing.tasks.expand import BY_OUTCOME
from truing.trial import measure_in_memory
from truing.validation.evidence import shipped_folder
from truing.validation.finding import Finding

__all__ = ["check_across", "check_form", "check_policies", "held_to_the_floor"]

FEWEST_SEEDS = 150
MOST_NEAR_DUPLICATES = 0.02
MOST_OFF_POSITION = 0.02
MOST_GROUP_FLOOR = 0.02
LICENCES = {"MIT", "Apache-2.0", "CC-BY-4.0", "CC0-1.0", "CC-BY-SA-4.0"}
"""Licences under which a set may be shipped with truing."""
ORACLE_LEAST, ANTI_ORACLE_MOST = 0.98, 0.02
CANARY = "truing-canary "
"""Begins the string by which a set is found in a text that it should not be in."""
_DECLARED = "declared one-sided"
_ROUNDING = 1e-9


def check_form(task: Task, *, edition: int = 0) -> Iterator[Finding]:
    """What can be said of the samples without asking anybody."""
    samples = list(task.walk(edition=edition))
    main = [sample for sample in samples if not sample.control]
    yield from _counts(task, samples)
    yield _hashes(samples)
    yield _positions(main)
    yield _lengths(main)
    yield _duplicates(main)
    yield _readability(main)
    licence = task.card.licence
    yield Finding(check="licence", ok=licence in LICENCES, figure=licence)
    yield _canary(task)


def held_to_the_floor(row: Row) -> float | None:
    """The rate of a row that the floor speaks of: groups as wholes, else the mean of the sides."""
    return row.headline.estimate if row.unit == "group" else row.balanced.estimate


async def check_policies(task: Task, *, edition: int = 0) -> Iterator[Finding]:
    """Trivial models, oracle and anti-oracle over the whole task."""

    async def row_of(policy: str) -> Row:
        model = Scripted(policy, seed=edition)
        return (await measure_in_memory(model, [task], edition=edition))[0].rows[0]

    rows = {policy: await row_of(policy) for policy in TRIVIAL if policy != "random"}
    found = list(_against_floor(rows, declared=_one_sided(task)))
    oracle, anti = await row_of("oracle"), await row_of("anti-oracle")
    best = oracle.headline.estimate or 0.0
    worst = max(side.estimate or 0.0 for side in anti.sides.values())
    for check, rate, margin in (
        ("oracle", best, best - ORACLE_LEAST),
        ("anti-oracle", worst, ANTI_ORACLE_MOST - worst),
    ):
        figure = f"{rate:.4f}"
        found.append(Finding(check=check, ok=margin >= 0, figure=figure, value=rate, margin=margin))
    return iter(found)


def check_across(tasks: Sequence[Task], *, edition: int = 0) -> Iterator[Finding]:
    """The same question in two tasks: what one row shows, the other would show again."""
    texts: list[str] = []
    places: list[tuple[str, str]] = []
    for task in tasks:
        for sample in task.walk(edition=edition):
            if not sample.control:
                texts.append(_asked(sample))
                places.append((task.id, sample.cluster))
    pairs = {
        (places[i], places[j]) for i, j, _ in near_duplicates(texts) if places[i][0] != places[j][0]
    }
    shown = "; ".join(f"{a[0]} {a[1]} ~ {b[0]} {b[1]}" for a, b in sorted(pairs)[:5])
    yield Finding(check="across tasks", ok=not pairs, figure=f"{len(pairs)} pairs", detail=shown)


def _counts(task: Task, samples: list[Sample]) -> Iterator[Finding]:
    by_seed: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        by_seed[sample.cluster].append(sample)
    names = {side.name for side in task.card.sides}
    if task.card.by_outcome:
        names = {BY_OUTCOME}
    lacking = [seed for seed, own in by_seed.items() if {s.side for s in own} != names]
    declared = _one_sided(task)
    yield Finding(
        check="seeds",
        ok=None if declared else len(by_seed) >= FEWEST_SEEDS,
        figure=f"{len(by_seed)} ({_DECLARED if declared else 'at least 150'})",
        value=float(len(by_seed)),
    )
    yield Finding(
        check="both sides from every seed",
        ok=None if declared else not lacking,
        figure=_DECLARED if declared else f"{len(lacking)} lack one",
        detail="" if declared else ", ".join(lacking[:5]),
    )
    sizes = Counter(len(own) for own in by_seed.values())
    shown = ", ".join(f"{count} of {size}" for size, count in sorted(sizes.items()))
    yield Finding(check="samples a seed", ok=None, figure=shown)


def _hashes(samples: list[Sample]) -> Finding:
    wrong = [s.id for s in samples if content_hash(msgspec.structs.replace(s, id="")) != s.id]
    twice = [name for name, times in Counter(s.id for s in samples).items() if times > 1]
    unfilled = [s.id for s in samples if re.search(r"\{\w+\}", _asked(s))]
    bad = [*wrong, *twice, *unfilled]
    return Finding(
        check="ids and slots", ok=not bad, figure=f"{len(bad)} wrong", detail=", ".join(bad[:5])
    )


def _positions(samples: list[Sample]) -> Finding:
    """Gold stands in every position alike, within each variant."""
    places: dict[str, Counter[str]] = defaultdict(Counter)
    options: dict[str, int] = {}
    for sample in samples:
        if sample.choices and not sample.cues:  # there it is where the hint points
            places[sample.variant][sample.target] += 1
            options[sample.variant] = len(sample.choices)
    off = {
        variant: max(
            abs(counts[letter] / counts.total() - 1 / options[variant])
            for letter in "ABCDEFGHIJ"[: options[variant]]
        )
        for variant, counts in places.items()
    }
    if not off:
        return Finding(check="position of gold", ok=None, figure="no options")
    worst = max(off, key=lambda variant: off[variant])
    return Finding(
        check="position of gold",
        ok=off[worst] <= MOST_OFF_POSITION,
        figure=f"at most {off[worst]:.3f} from even",
        detail=worst,
    )


def _lengths(samples: list[Sample]) -> Finding:
    """How often gold is the longest, and the shortest, option; ties are shared."""
    asked = [sample for sample in samples if sample.choices]
    if not asked:
        return Finding(check="length of gold", ok=None, figure="no options")
    shown = []
    for name, extreme in (("longest", max), ("shortest", min)):
        hits = 0.0
        for sample in asked:
            sizes = {choice.label: len(choice.text) for choice in sample.choices}
            tied = [label for label, size in sizes.items() if size == extreme(sizes.values())]
            hits += (sample.target in tied) / len(tied)
        shown.append(f"{name} {hits / len(asked):.2f}")
    chance = sum(1 / len(sample.choices) for sample in asked) / len(asked)
    return Finding(
        check="length of gold", ok=None, figure=f"{', '.join(shown)}, chance {chance:.2f}"
    )


def _duplicates(samples: list[Sample]) -> Finding:
    """Samples that nearly repeat one of another seed, among those of the same side and variant."""
    alike: dict[str, str] = {}
    by_kind: dict[tuple[str, str], list[Sample]] = defaultdict(list)
    for sample in samples:
        by_kind[(sample.side, sample.variant)].append(sample)
    for group in by_kind.values():
        for one, other, _ in near_duplicates([_asked(sample) for sample in group]):
            if group[one].cluster != group[other].cluster:
                alike[group[one].id] = f"{group[one].cluster} ~ {group[other].cluster}"
                alike[group[other].id] = alike[group[one].id]
    share = len(alike) / max(1, len(samples))
    return Finding(
        check="near-duplicates across seeds",
        ok=share < MOST_NEAR_DUPLICATES,
        figure=f"{share:.3f} (below {MOST_NEAR_DUPLICATES})",
        value=share,
        margin=MOST_NEAR_DUPLICATES - share,
        detail="; ".join(sorted(set(alike.values()))[:5]),
    )


def _readability(samples: list[Sample]) -> Finding:
    """Flesch-Kincaid grade of the prompts, for texts in English (Kincaid et al. 1975)."""
    grades = sorted(_grade(_asked(sample)) for sample in samples)
    return Finding(
        check="readability",
        ok=None,
        figure=f"school grade {grades[len(grades) // 2]:.0f}, at most {grades[-1]:.0f}",
    )


def _grade(text: str) -> float:
    words = re.findall(r"[a-z']+", text.casefold()) or [""]
    sentences = len(re.findall(r"[.!?]+(?:\s|$)|\n", text)) or 1
    syllables = sum(max(1, len(re.findall(r"[aeiouy]+", word.removesuffix("e")))) for word in words)
    return 0.39 * len(words) / sentences + 11.8 * syllables / len(words) - 15.59


def _canary(task: Task) -> Finding:
    """The string that is nowhere but in this set: in the card and, where there is one, a seed."""
    canary = task.card.canary or ""
    holds = canary.startswith(CANARY) and (
        task.card.generator is not None or any(s.get("canary") == canary for s in task.seeds())
    )
    ships = task.folder is None and shipped_folder(task.id) is not None
    found = canary or "none" if holds or not canary else f"{canary}, not in the seeds"
    return Finding(check="canary string", ok=holds or (False if ships else None), figure=found)


def _one_sided(task: Task) -> bool:
    return isinstance(task.card, PublicCard) and task.card.one_sided is not None


def _against_floor(rows: dict[str, Row], *, declared: bool) -> Iterator[Finding]:
    some = next(iter(rows.values()))
    floor = some.floor or 0.0
    # Below .5 where a loop's structure gives no stance a whole side.
    fits = floor <= (MOST_GROUP_FLOOR if some.unit == "group" else 0.5 + _ROUNDING)
    yield Finding(
        check="floor",
        ok=None if declared else fits,
        figure=f"{floor:.4f}" + (f" ({_DECLARED})" if declared else ""),
        value=floor,
    )
    rates = {policy: held_to_the_floor(row) for policy, row in rows.items()}
    # Whose answers no hint moves has no first side of an explanation row: that is declared.
    unknown = [p for p, rate in rates.items() if rate is None and some.rule != "explanation"]
    above = [
        policy for policy, rate in rates.items() if rate is not None and rate > floor + _ROUNDING
    ]
    known = {policy: rate for policy, rate in rates.items() if rate is not None}
    best = max(known, key=lambda policy: known[policy])
    yield Finding(
        check="trivial models",
        ok=not above and not unknown,
        figure=f"best {best} {known[best]:.3f}",
        detail=", ".join([*above, *(f"{policy}: no rate" for policy in unknown)]),
        value=known[best],
        margin=floor - known[best],
    )


def _asked(sample: Sample) -> str:
    return "\n".join(message.full_text for message in sample.messages)
