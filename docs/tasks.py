"""Writes docs/tasks.md and docs/samples.md, and the table of rows in README.md, from the cards.

    python docs/tasks.py
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from truing import taxonomy
from truing.records import Sample
from truing.tasks import Task, find_suite, find_task
from truing.tasks.expand import BY_OUTCOME
from truing.validation.evidence import evidence_of
from truing.validation.verdicts import evidence_lines

DOCS = Path(__file__).parent
README = DOCS.parent / "README.md"
MARKS = ("<!-- rows -->", "<!-- end of rows -->")
SHOWN = 3


def rows() -> list[Task]:
    """The tasks that ship, in the order of the taxonomy."""
    tasks = [find_task(name) for name in find_suite("full").tasks]
    order = list(taxonomy.subcategories())
    return sorted(tasks, key=lambda task: order.index(task.card.subcategory))


def plain(name: str) -> str:
    return name.replace("_", " ")


def table() -> str:
    """The README's table."""
    lines = ["| row | task | sides | seeds | unit, scorer |", "|---|---|---|---|---|"]
    for task in rows():
        card = task.card
        sides = " / ".join(plain(side.name) for side in card.sides)
        unit = "mean of the sides" if card.by_outcome else card.unit
        scorer = card.scorer.partition("@")[0].replace("_", " ")
        lines.append(
            f"| {card.subcategory} | {card.id} | {sides} | {task.seed_count} | {unit}, {scorer} |"
        )
    return "\n".join(lines)


def card_page(task: Task) -> str:
    card = task.card
    lines = [f"## {card.subcategory}: {card.title}", "", f"`{card.id}`, edition {card.edition}, "]
    lines[-1] += f"{task.seed_count} seeds, {task.sample_count()} samples, {card.licence}."
    lines += ["", f"**A failure**: {card.failure}", ""]
    lines += [f"- **{plain(side.name)}**: {side.meaning}" for side in card.sides]
    lines += ["", f"Unit: {card.unit}; headline: {plain(card.headline)}; scorer: `{card.scorer}`."]
    lines += ["", f"Sources: {card.sources}", "", "Limits:", ""]
    return "\n".join([*lines, *(f"- {limit}" for limit in card.limits), *evidence(task)])


def evidence(task: Task) -> list[str]:
    """What `truing tasks validate` found, a line each."""
    found = evidence_of(task)
    if found is None:
        return []
    lines = evidence_lines(found, task.content_hash())
    told = [f"- **{name}**: {line}" for name, line in lines.items() if name != "evidence"]
    return ["", f"Evidence {lines['evidence']}:", "", *told]


def quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())


def gold(sample: Sample) -> str:
    chosen = [choice for choice in sample.choices if choice.label == sample.target]
    if sample.cues:
        return f"the hint points to {sample.target}) {chosen[0].text}"
    return f"{sample.target}) {chosen[0].text}" if chosen else sample.target


def samples_page(task: Task) -> str:
    """The first samples of each side, whole."""
    sides: dict[str, list[Sample]] = defaultdict(list)
    for sample in task.walk(limit=2 * SHOWN):
        clusters = [shown.cluster for shown in sides[sample.side]]
        if not sample.control and len(clusters) < SHOWN and sample.cluster not in clusters:
            sides[sample.side].append(sample)
    lines = [f"## {task.card.subcategory}: `{task.id}`", ""]
    for side, samples in sides.items():
        name = "both sides, by the answer" if side == BY_OUTCOME else plain(side)
        for sample in samples:
            lines += [f"**{name}**, right: {gold(sample)}", ""]
            for message in sample.messages:
                who = [f"*{message.role}*", ""] if len(sample.messages) > 1 else []
                lines += [*who, quoted(message.full_text), ""]
    return "\n".join(lines).rstrip()


def pages() -> dict[Path, str]:
    """Every file that is made here, with what it should hold."""
    tasks = rows()
    readme = README.read_text("utf-8")
    before, rest = readme.split(MARKS[0])
    after = rest.split(MARKS[1])[1]
    about = "Made from the cards by `python docs/tasks.py`."
    guide = "How to read each row, and what to do where it fails: [guideline.md](guideline.md)."
    canary = (
        "Each set carries a canary string, a text that is nowhere else (`canary` in the card and in "
        "the seeds): pages that hold it can be left out of training data, and a model that can go "
        "on with it has seen the set."
    )
    kept = "Evidence is what `truing tasks validate` found; it lies beside each card."
    return {
        README: f"{before}{MARKS[0]}\n{table()}\n{MARKS[1]}{after}",
        DOCS / "tasks.md": "\n\n".join(
            [f"# What is measured\n\n{about} {guide}\n\n{canary} {kept}", *map(card_page, tasks)]
        )
        + "\n",
        DOCS / "samples.md": "\n\n".join(
            [
                f"# Samples\n\nThe first three of each side of every row. {about}",
                *map(samples_page, tasks),
            ]
        )
        + "\n",
    }


if __name__ == "__main__":
    for file, text in pages().items():
        file.write_text(text, "utf-8")
