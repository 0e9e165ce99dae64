"""Judged answers out of a table: several models' answers to the same prompts, with labels."""

from __future__ import annotations

import re
from pathlib import Path

from truing.alignment.answers import JudgedAnswer, Prompt
from truing.errors import UsageError
from truing.recorded import Recorded, read_rows, use_labels
from truing.records import RECORDED_LABEL, Message, Role, judged_hash

__all__ = ["answers_of_table"]

_MARKS = re.compile(r"^\s*<pad>\s*|\s*(?:</s>|<\|endoftext\|>|<\|im_end\|>)\s*$")


def answers_of_table(
    file: Path, columns: dict[str, str], *, row: str, licence: str
) -> tuple[list[Prompt], int]:
    """The prompts of a table with their answers, and how many rows have no label.

    `columns` as in `truing score`; prompt, response and label are wanted. Marks that a tokenizer
    leaves at the ends of a reply are taken off: a trainer would teach them.
    Raises `UsageError` for a column that is missing, `TaskError` where the file cannot be read.
    """
    for wanted in ("prompt", "response", "label"):
        if wanted not in columns:
            raise UsageError(f"--columns: {wanted}=COLUMN is wanted, got {', '.join(columns)}")
    rows = read_rows(file, columns)
    use_labels(rows)
    by_prompt: dict[str, Prompt] = {}
    unlabelled = 0
    for recorded in rows:
        if recorded.passed is None:
            unlabelled += 1
            continue
        if recorded.prompt not in by_prompt:
            by_prompt[recorded.prompt] = Prompt(
                messages=(Message(role=Role.USER, text=recorded.prompt),),
                task=row,
                subcategory=row,
                side="recorded",
                cluster=recorded.cluster or recorded.prompt,
                licence=licence,
                answers=[],
            )
        by_prompt[recorded.prompt].answers.append(_answer(recorded))
    return list(by_prompt.values()), unlabelled


def _answer(recorded: Recorded) -> JudgedAnswer:
    text = _MARKS.sub("", _MARKS.sub("", recorded.response))
    return JudgedAnswer(
        text=text,
        good=bool(recorded.passed),
        label="good" if recorded.passed else "bad",
        scorer=RECORDED_LABEL,
        judged=judged_hash(text),
        source=recorded.model,
        truncated=recorded.truncated,
    )
