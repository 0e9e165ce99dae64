"""Public sets whose answer is a number."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from truing.tasks.public.rows import LeftOut, Row, find_file, read_json_lines, read_lines
from truing.tasks.seeds import Seed

__all__ = ["LANGUAGES", "gsm8k", "mgsm"]

LANGUAGES = ("en", "es", "fr", "de", "ru", "zh", "ja", "th", "sw", "bn", "te")
_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")


def gsm8k(folder: Path) -> Iterator[Seed | LeftOut]:
    """School problems; the answer stands after four hashes."""
    file = find_file(folder, "grade_school_math/data/test.jsonl")
    for number, row in enumerate(read_json_lines(file), 1):
        _, mark, answer = row.text("answer").rpartition("####")
        if not mark:
            raise row.refused("expected #### before the answer")
        yield {"id": str(number), "question": row.text("question"), **_answers(answer, row)}


def mgsm(folder: Path) -> Iterator[Seed | LeftOut]:
    """The same 250 problems in eleven languages: a problem is a group."""
    tables = {name: list(_table(folder, name)) for name in LANGUAGES}
    english = tables["en"]
    for name, table in tables.items():
        if len(table) != len(english):
            where = find_file(folder, f"mgsm/mgsm_{name}.tsv")
            raise Row({}, f"{where}:{len(table)}").refused(f"expected {len(english)} problems")
    for place, first in enumerate(english):
        seed: Seed = {"id": str(place + 1), **_answers(first.text("answer"), first)}
        for name, table in tables.items():
            own = _answers(table[place].text("answer"), table[place])["answer"]
            if float(own) != float(seed["answer"]):
                raise table[place].refused(f"answer {own}, in English {seed['answer']}")
            seed[name] = table[place].text("question")
        yield seed


def _table(folder: Path, language: str) -> Iterator[Row]:
    for line, where in read_lines(find_file(folder, f"mgsm/mgsm_{language}.tsv")):
        question, tab, answer = line.rpartition("\t")
        row = Row({"question": question, "answer": answer}, where)
        if not tab:
            raise row.refused("expected a problem, a tab and a number")
        yield row


def _answers(text: str, row: Row) -> dict[str, str]:
    if not _NUMBER.fullmatch(text.strip()):
        raise row.refused(f"expected a number as the answer, got {text.strip()!r}")
    answer = text.strip().replace(",", "")
    wrong = int(float(answer))
    return {"answer": answer, "wrong": str(wrong + 1), "far": str(10 * wrong + 7)}
