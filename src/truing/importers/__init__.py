"""Answers that were recorded elsewhere, as runs of this tool: one module a source."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from truing.errors import UnknownName
from truing.importers import survey_recorded
from truing.importers.recorded_run import RecordedRun

__all__ = ["find_importer", "importer_names"]

Importer = Callable[[Path], list[RecordedRun]]

_IMPORTERS: dict[str, tuple[Importer, str, str]] = {
    "survey-recorded": (survey_recorded.read, survey_recorded.REPOSITORY, survey_recorded.COMMIT),
}


def importer_names() -> list[str]:
    """Every source that can be imported, sorted."""
    return sorted(_IMPORTERS)


def find_importer(name: str) -> tuple[Importer, str, str]:
    """(reader of a local copy, address of the repository, pinned commit). Raises `UnknownName`."""
    if name not in _IMPORTERS:
        raise UnknownName("source", name, importer_names())
    return _IMPORTERS[name]
