"""How the tasks of public benchmarks are named: `import:NAME` or `import:NAME/PART`."""

from __future__ import annotations

__all__ = ["PREFIX", "benchmark_of"]

PREFIX = "import:"


def benchmark_of(task: str) -> str | None:
    """The benchmark that a task belongs to; None of a task of our own."""
    if not task.startswith(PREFIX):
        return None
    return task.removeprefix(PREFIX).partition("+")[0].partition("/")[0]
