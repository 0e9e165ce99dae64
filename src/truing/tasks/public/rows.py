"""Reads rows out of a copy of a public set, and says of a malformed one where it is.

Knows file formats, not what a row means.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from truing.errors import TaskError

__all__ = ["LeftOut", "Row", "find_file", "read_csv", "read_json", "read_json_lines", "read_lines"]

csv.field_size_limit(1 << 24)


class LeftOut(NamedTuple):
    """A row of the source that becomes no question, and why."""

    why: str


class Row(NamedTuple):
    """A row of a source and where it stands (`file:line`)."""

    fields: dict[str, Any]
    where: str

    def text(self, name: str, *, among: tuple[str, ...] = ()) -> str:
        """A field that must hold text, or one of `among`. Raises `TaskError`."""
        value = self.fields.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str) or not value.strip():
            raise self.refused(f"expected text in {name!r}")
        if among and value not in among:
            raise self.refused(f"expected {name!r} to be one of {', '.join(among)}, got {value!r}")
        return value.strip()

    def refused(self, message: str) -> TaskError:
        """The error of this row."""
        return TaskError(f"{self.where}: {message}")


def find_file(folder: Path, path: str, *others: str) -> Path:
    """A file of the source in a copy of it: at its own path, by its name, or a sample of it.

    `others` are patterns of names under which copies and other commits hold it.

    Raises `TaskError` where none of them is there.
    """
    name = Path(path)
    for place in (folder / path, folder / name.name):
        if place.is_file():
            return place
    patterns = (*others, f"{name.stem}_sample*{name.suffix}")
    samples = [found for pattern in patterns for found in sorted(folder.glob(pattern))]
    if not samples:
        raise TaskError(f"{folder}: expected {path} of the source, or {name.name}, found neither")
    return samples[0]


def read_csv(file: Path, *, tabs: bool = False) -> Iterator[Row]:
    """Rows of a table with a header; of one with tabs, quotation marks are plain signs."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            if tabs:
                rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
            else:
                rows = csv.DictReader(lines, strict=True)
            while True:
                try:
                    fields = next(rows, None)
                except csv.Error as error:
                    raise TaskError(f"{file}:{rows.line_num}: not a table: {error}") from error
                if fields is None:
                    return
                row = Row(fields, f"{file}:{rows.line_num}")
                if None in fields or None in fields.values():
                    raise row.refused("more or fewer cells than the header has")
                yield row
    except (OSError, UnicodeError) as error:
        raise TaskError(f"{file}: not a table: {error}") from error


def read_lines(file: Path) -> Iterator[tuple[str, str]]:
    """(text, where) of each line that is not empty."""
    try:
        text = file.read_text("utf-8-sig")
    except (OSError, UnicodeError) as error:
        raise TaskError(f"{file}: not a text: {error}") from error
    # Only line feeds end a line: some texts hold other signs that Python takes for it.
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield line.rstrip("\r"), f"{file}:{number}"


def read_json_lines(file: Path) -> Iterator[Row]:
    """One JSON object a line."""
    for line, where in read_lines(file):
        try:
            fields = json.loads(line)
        except ValueError as error:
            raise TaskError(f"{where}: expected a JSON object: {error}") from error
        if not isinstance(fields, dict):
            raise TaskError(f"{where}: expected a JSON object")
        yield Row(fields, where)


def read_json(file: Path) -> Iterator[Row]:
    """The objects of a JSON list; a place in it counts from 1."""
    try:
        rows = json.loads(file.read_text("utf-8-sig"))
    except (OSError, ValueError) as error:
        line = f":{error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise TaskError(f"{file}{line}: expected a JSON list: {error}") from error
    if not isinstance(rows, list):
        raise TaskError(f"{file}:1: expected a JSON list")
    for number, fields in enumerate(rows, 1):
        if not isinstance(fields, dict):
            raise TaskError(f"{file}: item {number}: expected an object")
        yield Row(fields, f"{file}: item {number}")
