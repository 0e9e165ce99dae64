"""Files that go to a reader and come back filled: JSON lines, or a table for a spreadsheet."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from truing.errors import UsageError

__all__ = ["BlindItem", "read_filled", "write_items"]

_COLUMNS = ("id", "task", "text", "answers", "answer", "note")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet takes a cell that begins so for a formula."""


class BlindItem(msgspec.Struct, frozen=True, kw_only=True):
    """What the reader sees; `answer` and `note` are for the reader to fill."""

    id: str
    """Of the task, the seed's content and the variant: a seed that is changed is another item."""
    task: str
    text: str
    answers: dict[str, str]
    """What may be answered, and what it means (for options: as they are listed in the text)."""
    answer: str = ""
    note: str = ""


def write_items(file: Path, items: Sequence[BlindItem]) -> None:
    """Write items for a reader: a table where the name ends in .csv, else JSON lines.

    Raises `UsageError` where there is a file already (it may hold answers) or none can be written.
    """
    try:
        with file.open("x", encoding="utf-8", newline="") as sink:
            if file.suffix.casefold() != ".csv":
                sink.writelines(f"{msgspec.json.encode(item).decode()}\n" for item in items)
                return
            table = csv.DictWriter(sink, _COLUMNS, lineterminator="\n")
            table.writeheader()
            for item in items:
                cells = {**msgspec.to_builtins(item), "answers": json.dumps(item.answers)}
                table.writerow({name: _quoted(text) for name, text in cells.items()})
    except FileExistsError as error:
        raise UsageError(f"--blind: {file} is there already and may hold answers") from error
    except OSError as error:
        raise UsageError(f"--blind: cannot write {file}: {error.strerror or error}") from error


def read_filled(file: Path) -> Iterator[tuple[dict[str, Any], str]]:
    """Each row of a filled file and where it stands (`file:line`).

    Raises `UsageError`, naming file and line, where a row has no `id` and `answer`.
    """
    rows = _table(file) if file.suffix.casefold() == ".csv" else _lines(file)
    try:
        for fields, where in rows:
            if not isinstance(fields, dict) or not {"id", "answer"} <= set(fields):
                raise UsageError(f"{where}: expected a row with `id` and `answer`")
            yield fields, where
    except (OSError, UnicodeError) as error:
        raise UsageError(f"--labels: cannot read {file}: {error}") from error


def _lines(file: Path) -> Iterator[tuple[Any, str]]:
    # Only line feeds end a line: texts hold other signs that Python takes for it.
    for number, line in enumerate(file.read_text("utf-8-sig").split("\n"), 1):
        if line.strip():
            try:
                yield json.loads(line), f"{file}:{number}"
            except ValueError as error:
                raise UsageError(f"{file}:{number}: not a JSON object: {error}") from error


def _table(file: Path) -> Iterator[tuple[dict[str, Any], str]]:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        head = lines.readline()
        lines.seek(0)
        # Some spreadsheets write semicolons.
        delimiter = ";" if head.count(";") > head.count(",") else ","
        rows = csv.DictReader(lines, delimiter=delimiter, strict=True)
        while True:
            try:
                cells = next(rows, None)
            except csv.Error as error:
                raise UsageError(f"{file}:{rows.line_num}: not a table: {error}") from error
            if cells is None:
                return
            where = f"{file}:{rows.line_num}"
            fields: dict[str, Any] = {name: _unquoted(text) for name, text in cells.items()}
            if fields.get("answers"):
                try:
                    fields["answers"] = json.loads(fields["answers"])
                except ValueError as error:
                    raise UsageError(f"{where}: `answers` was changed: {error}") from error
            yield fields, where


def _quoted(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _unquoted(text: Any) -> Any:
    if isinstance(text, str) and text.startswith("'") and text[1:].startswith(_FORMULA):
        return text[1:]
    return text
