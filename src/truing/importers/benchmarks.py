"""Public benchmarks brought here: from a local copy, or from their source at its pinned commit."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from truing.errors import TaskError, UsageError
from truing.importers.repository import clone
from truing.tasks.public import Derived, derive, find_benchmark
from truing.tasks.public_names import benchmark_of

__all__ = ["fetch_missing", "import_benchmark", "missing"]


def import_benchmark(name: str, copy: Path | None = None) -> Derived:
    """Derive a benchmark's questions from a copy, else from its source. Raises a `TruingError`."""
    if copy is not None:
        if not copy.is_dir():
            raise UsageError(f"expected a folder with a copy of {name}, got {copy}")
        return derive(name, copy)
    source = find_benchmark(name).source
    if not source.commit:
        raise UsageError(
            f"no commit of {source.repository} is pinned for {name}: "
            f"`truing import {name} --from PATH` reads a copy"
        )
    with tempfile.TemporaryDirectory() as folder:
        clone(source.repository, source.commit, Path(folder), source.files)
        return derive(name, Path(folder))


def missing(tasks: Iterable[str]) -> list[str]:
    """The benchmarks that these tasks need and that are not here.

    Raises `UnknownName` where there is no such benchmark.
    """
    wanted = {}
    for task in tasks:
        name = benchmark_of(task)
        if name is not None and not find_benchmark(name).has(task.partition("+")[0]):
            wanted[name] = task
    return list(wanted)


def fetch_missing(tasks: Iterable[str], *, offline: bool) -> list[str]:
    """Fetch the benchmarks that these tasks need and that are not here; which they were.

    Raises `TaskError` when offline.
    """
    names = missing(tasks)
    for name in names:
        if offline:
            raise TaskError(
                f"import:{name} is not here and --offline holds: "
                f"`truing import {name} --from PATH` reads a copy"
            )
        import_benchmark(name)
    return names
