"""Files that go to people and come back filled: a table for a spreadsheet, or JSON lines.

A reply under test is untrusted and a spreadsheet runs what looks like a formula, also where it
splits a line at other separators than it was written with. So wherever a cell could begin, in a
table, a sign that begins a formula has an apostrophe before it. JSON lines keep texts as they are.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from truing.errors import UsageError

__all__ = ["read_sheet", "write_sheet"]

_FORMULA = re.compile(r"(\A|[\n\r\t;,|])([\s\"']{0,8})(?=[=+@\-\uff0b\uff0d\uff1d\uff20\t\r])")
"""Where a cell could begin, before a sign that begins a formula (full-width ones too)."""
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
_LONGEST_CELL = 30_000
"""A spreadsheet cuts a cell at 32,767 characters."""


def write_sheet(
    file: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]], *, option: str
) -> None:
    r"""Write rows: a table where the name ends in .csv (values as text or JSON), else JSON lines.

    In a table hidden and control characters are shown as \xNN or \uNNNN, and a text of more than
    30,000 characters is cut, which it says. Raises `UsageError`, naming the option, where there is
    a file already (it may hold answers) or none can be written.
    """
    try:
        with file.open("x", encoding="utf-8", newline="") as sink:
            if file.suffix.casefold() != ".csv":
                sink.writelines(f"{msgspec.json.encode(row).decode()}\n" for row in rows)
                return
            table = csv.writer(sink, lineterminator="\n", quoting=csv.QUOTE_ALL)
            table.writerow(columns)
            table.writerows([_cell(row[name]) for name in columns] for row in rows)
    except FileExistsError as error:
        raise UsageError(f"{option}: {file} is there already and may hold answers") from error
    except OSError as error:
        raise UsageError(f"{option}: cannot write {file}: {error.strerror or error}") from error


def read_sheet(file: Path, *, option: str) -> Iterator[tuple[dict[str, Any], str]]:
    """Each row of a filled file and where it stands (`FILE:LINE`, of a table `FILE, row N`).

    Cells of a table are texts. Raises `UsageError`, naming the place, where it is neither a table
    nor JSON lines.
    """
    try:
        yield from _table(file) if file.suffix.casefold() == ".csv" else _lines(file)
    except (OSError, UnicodeError) as error:
        raise UsageError(f"{option}: cannot read {file}: {error}") from error


def _lines(file: Path) -> Iterator[tuple[dict[str, Any], str]]:
    # Only line feeds end a line: texts hold other signs that Python takes for it.
    for number, line in enumerate(file.read_text("utf-8-sig").split("\n"), 1):
        if line.strip():
            where = f"{file}:{number}"
            try:
                fields = json.loads(line)
            except ValueError as error:
                raise UsageError(f"{where}: not a JSON object: {error}") from error
            if not isinstance(fields, dict):
                raise UsageError(f"{where}: not a JSON object")
            yield fields, where


def _table(file: Path) -> Iterator[tuple[dict[str, Any], str]]:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        head = lines.readline()
        lines.seek(0)
        # Some spreadsheets write semicolons.
        delimiter = ";" if head.count(";") > head.count(",") else ","
        rows = csv.DictReader(lines, delimiter=delimiter, strict=True)
        number = 1  # the head's, as a spreadsheet counts
        while True:
            try:
                cells = next(rows, None)
            except csv.Error as error:
                raise UsageError(f"{file}:{rows.line_num}: not a table: {error}") from error
            if cells is None:
                return
            number += 1
            fields = {name: _plain(text) for name, text in cells.items() if name is not None}
            yield fields, f"{file}, row {number}"


def _cell(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = _UNSAFE.sub(
        lambda m: m[0].encode("unicode_escape", "surrogatepass").decode(),
        text.replace("\r\n", "\n"),
    )
    if len(text) > _LONGEST_CELL:
        text = f"{text[:_LONGEST_CELL]} [... {len(text) - _LONGEST_CELL} more characters]"
    return _FORMULA.sub(r"\1\2'", text)


def _plain(text: str | None) -> str | None:
    """A cell as it was given: an apostrophe that only keeps a formula from running goes."""
    if text and text.startswith("'") and _FORMULA.match(text[1:]):
        return text[1:]
    return text
