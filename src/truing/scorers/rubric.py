"""Rubrics: what an LLM judge is told. Knows files, not judges."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from pathlib import Path

import msgspec

from truing.errors import TaskError, UnknownName
from truing.records import content_hash

__all__ = ["Rubric", "find_rubric", "read_rubric", "rubric_named", "rubric_names"]


class Rubric(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question to a judge: its text, and the labels that it may give with their meaning."""

    name: str
    version: int
    text: str
    labels: dict[str, str]

    @property
    def id(self) -> str:
        """Name and version, e.g. `reply@1`."""
        return f"{self.name}@{self.version}"

    def content_hash(self) -> str:
        """Hash of everything that the judge is told: a changed text is never taken for the old."""
        return content_hash(self)


def rubric_names() -> list[str]:
    """Every rubric there is, sorted."""
    folder = files("truing.scorers").joinpath("rubrics")
    return sorted(
        file.name.removesuffix(".toml") for file in folder.iterdir() if file.name.endswith(".toml")
    )


@cache
def find_rubric(name: str) -> Rubric:
    """A rubric by name. Raises `UnknownName`, or `TaskError` where its file is malformed."""
    if name not in rubric_names():
        raise UnknownName("rubric", name, rubric_names())
    text = files("truing.scorers").joinpath("rubrics", f"{name}.toml").read_text("utf-8")
    return _read(text, name, f"{name}.toml")


def read_rubric(file: Path) -> Rubric:
    """A rubric that lies beside a card. Raises `TaskError`, naming the file."""
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeError) as error:
        raise TaskError(f"{file}: not a rubric: {error}") from error
    return _read(text, file.parent.name, str(file))


def rubric_named(name: str, folder: Path | None) -> Rubric:
    """What a card names: `NAME.toml` beside it (in `folder`), else one that ships.

    Raises as `find_rubric`.
    """
    if folder is not None and name.endswith(".toml"):
        return read_rubric(folder / name)
    return find_rubric(name)


def _read(text: str, name: str, where: str) -> Rubric:
    try:
        return msgspec.convert({"name": name, **tomllib.loads(text)}, Rubric)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise TaskError(f"{where}: not a rubric: {error}") from error
