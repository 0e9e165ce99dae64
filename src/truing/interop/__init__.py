"""Logs of other tools, read for comparison: which sample, which score, which cluster.

One module a tool; `read_logs` looks at the file and chooses. Nothing of those tools is imported.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from truing.errors import UsageError
from truing.interop.foreign import ForeignAnswer, ForeignLog, read_json
from truing.interop.inspect_log import inspect_eval, inspect_json, is_inspect
from truing.interop.lm_eval_log import is_lm_eval, read_lm_eval
from truing.interop.promptfoo_log import is_promptfoo, read_promptfoo

__all__ = ["ForeignAnswer", "ForeignLog", "read_logs"]

_SAMPLES = "samples_*.jsonl"


def read_logs(file: Path, *, metric: str | None = None) -> list[ForeignLog]:
    """The logs in a file or folder of inspect-ai, lm-eval or promptfoo.

    `metric` names the score where a sample has several. Raises `UsageError`, saying what is read,
    where it is none of these or names no such metric, and `MissingExtra` for a compressed log
    without zstandard.
    """
    if not file.exists():
        raise UsageError(f"{file}: there is no such file or folder")
    if file.is_dir():
        # lm-eval makes a folder a model below the one it is told.
        found = sorted(file.glob(_SAMPLES)) or sorted(file.glob(f"*/{_SAMPLES}"))
        if not found:
            raise UsageError(
                f"{file}: expected a run of truing (run.json) or sample logs of lm-eval "
                f"({_SAMPLES}) in it, found neither"
            )
        return [log for one in found for log in read_lm_eval(one, metric=metric)]
    if file.suffix == ".eval":
        return [inspect_eval(file, metric=metric)]
    if is_lm_eval(_first_line(file)):
        return read_lm_eval(file, metric=metric)
    whole = {} if file.suffix == ".jsonl" else read_json(file)
    if is_inspect(whole):
        return [inspect_json(file, whole, metric=metric)]
    if is_promptfoo(whole):
        return read_promptfoo(file, whole, metric=metric)
    raise UsageError(
        f"{file}: expected a run folder of truing, an inspect log (.eval or .json), sample logs of "
        f"lm-eval ({_SAMPLES}), results of promptfoo (.json), or a table with --columns"
    )


def _first_line(file: Path) -> Any:
    """The object on the first line; None where there is none."""
    try:
        with file.open("rb") as source:
            return json.loads(source.readline())
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error}") from error
    except (ValueError, RecursionError):
        return None
