"""Where the questions derived from a copy of a public set are kept: the user's cache, 0600."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from platformdirs import user_cache_path

from truing.records import canonical_json
from truing.tasks.seeds import Seed

__all__ = ["shelf_file", "shelve"]


def shelf_file(task: str) -> Path:
    """The file of a task's seeds, there or not: `import:bbq/religion` has its own."""
    name = task.partition(":")[2]
    return user_cache_path("truing") / "benchmarks" / f"{name.replace('/', '.')}.jsonl"


def shelve(task: str, seeds: Iterable[Seed]) -> Path:
    """Write a task's seeds, whole or not at all; nobody else may read them."""
    target = shelf_file(task)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, suffix=".part")  # made with 0600
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as lines:
            lines.writelines(canonical_json(seed) + b"\n" for seed in seeds)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return target
