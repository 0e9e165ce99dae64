"""The card of an export: what it is made of, what was left out, what it may teach by mistake."""

from __future__ import annotations

from collections.abc import Sequence

from truing.alignment.exporting import Export
from truing.alignment.records import Record
from truing.alignment.style import StyleLeak

__all__ = ["render_card"]


def render_card(export: Export, records: Sequence[Record]) -> str:
    """Markdown, with the fields that a data hub reads at its head."""
    own = sorted({licence for licence in export.licences if licence != "unknown"})
    head = [
        "---",
        f"license: {_licence(export)}",
        "task_categories:",
        "- text-generation",
        "tags:",
        "- alignment",
        f"- {export.making.format}",
        "---",
        "",
        "# Alignment data made of measured failures",
        "",
        (
            f"{export.kept} records in the format `{export.making.format}`, made by truing "
            f"{export.truing} of: {', '.join(export.sources)}."
        ),
        "",
        (
            f"Prompts with a judged answer: {export.prompts}; with a good and a bad one: "
            f"{export.prompts_both}, which is {export.pairs} pairs."
        ),
        "",
        (
            "**Not for measuring.** Every record of a run comes from the `align` part of its set. "
            "Rates of a "
            "model trained on it are to be taken on the `measure` part alone."
        ),
        "",
        "## Records by row and side",
        "",
        "| row | side | records |",
        "|---|---|---|",
    ]
    body = [
        f"| {task} | {side} | {count} |"
        for task, sides in export.by_side.items()
        for side, count in sides.items()
    ]
    body += ["", "## Who wrote the texts", "", "| source | texts |", "|---|---|"]
    body += [f"| {source} | {count} |" for source, count in export.by_source.items()]
    scorers = sorted({answer.scorer for record in records for answer in record.texts})
    human = sum(answer.human for record in records for answer in record.texts)
    body += [
        "",
        (
            f"Judged by: {', '.join(scorers) or 'nobody'}; {human} texts by people. Each record of "
            "`records.jsonl` names the judgement of each text and the hash of what was judged."
        ),
        "",
        "## What was left out",
        "",
        "| why | answers or records |",
        "|---|---|",
        *(f"| {reason} | {count} |" for reason, count in export.left_out.items()),
    ]
    if export.held_back:
        body.append(f"| in the `measure` part: never read | {export.held_back} |")
    body += ["", "## What form alone would tell", "", _leaks(export), ""]
    if export.rows:
        body += ["## Why these rows", "", "| row | repaired | its rate |", "|---|---|---|"]
        body += [
            f"| {row['task']} | {'yes' if row['repaired'] else 'no'} | {row['says']} |"
            for row in export.rows
        ]
        body.append("")
    body.append(f"Licences of the prompts: {', '.join(own) or 'unknown'}.")
    return "\n".join([*head, *body]) + "\n"


def _licence(export: Export) -> str:
    return export.licences[0].lower() if len(export.licences) == 1 else "other"


def _leaks(export: Export) -> str:
    lines = [
        (
            "How well a score that sees nothing else tells chosen from rejected (area under the "
            "ROC "
            "curve, 95 % interval; .5 is not at all):"
        ),
        "",
        "| | before balancing | as exported |",
        "|---|---|---|",
    ]
    before, after = export.leak_before, export.leak
    for name, key in (("length", "length"), ("opening words", "opening")):
        lines.append(f"| {name} | {_leak(before, key)} | {_leak(after, key)} |")
    return "\n".join(lines)


def _leak(leak: StyleLeak | None, key: str) -> str:
    value = getattr(leak, key, None)
    interval = getattr(leak, f"{key}_interval", None)
    if value is None or interval is None:
        return "one kind of text only"
    return f"{value:.2f} [{interval[0]:.2f}, {interval[1]:.2f}]"
