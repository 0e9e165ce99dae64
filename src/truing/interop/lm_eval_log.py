"""Sample logs of lm-eval (`--log_samples`): samples_TASK_TIME.jsonl, results_TIME.json beside."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from truing.errors import UsageError
from truing.interop.foreign import ForeignAnswer, ForeignLog, chosen_metric, score_of
from truing.records import content_hash

__all__ = ["is_lm_eval", "read_lm_eval"]

_NAME = re.compile(r"samples_(.+?)(?:_(\d{4}-\d\d-\d\dT[\d.:-]+))?\.jsonl")
_OF_RUN = ("gen_kwargs", "system_instruction", "fewshot_as_multiturn")
_OF_TASK = ("doc_to_text", "num_fewshot", "generation_kwargs", "description")


def is_lm_eval(first: Any) -> bool:
    """Whether a line of JSON is of such a log."""
    return isinstance(first, dict) and "doc_id" in first and "target" in first and "resps" in first


def read_lm_eval(file: Path, *, metric: str | None = None) -> list[ForeignLog]:
    """The log in a file, one for each filter. Raises `UsageError`, naming the line."""
    match = _NAME.fullmatch(file.name)
    task = match[1] if match else "lm-eval"
    rows: dict[str, list[dict[str, Any]]] = {}
    try:
        with file.open(encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, 1):
                if row := _row(line, f"{file}:{number}"):
                    rows.setdefault(str(row.get("filter", "none")), []).append(row)
        if not rows:
            raise UsageError(f"{file}: expected samples of lm-eval, found none")
        results = _results(file, match[2] if match else None)
        return [_log(file, task, name, own, results, metric) for name, own in sorted(rows.items())]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        told = f"{type(error).__name__}: {error}"
        raise UsageError(f"{file}: not sample logs of lm-eval that can be read ({told})") from error


def _row(line: str, where: str) -> dict[str, Any] | None:
    if not line.strip():
        return None
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{where}: not a sample of lm-eval: {error}") from error
    if not is_lm_eval(row):
        raise UsageError(f"{where}: not a sample of lm-eval: no doc_id, target and resps")
    return {str(name): value for name, value in row.items()}


def _log(
    file: Path,
    task: str,
    name: str,
    rows: list[dict[str, Any]],
    results: dict[str, Any],
    metric: str | None,
) -> ForeignLog:
    known = list(dict.fromkeys(m for row in rows for m in row.get("metrics") or []))
    chosen = chosen_metric(known, metric, file)
    config = results.get("config") or {}
    of_task = (results.get("configs") or {}).get(task) or {}
    of_run = {field: results.get(field) or config.get(field) for field in _OF_RUN}
    return ForeignLog(
        tool=f"lm-eval {results.get('lm_eval_version') or ''}".strip(),
        model=str(results.get("model_name") or file.parent.name),
        task=task,
        scorer=f"{chosen}, {name}",
        settings={
            **{field: value for field, value in of_run.items() if value},
            **{field: of_task[field] for field in _OF_TASK if of_task.get(field)},
            # Which template it is is the model's own business.
            "chat template": bool(results.get("chat_template") or results.get("chat_template_sha")),
        },
        answers=list(_answers(rows, chosen, file)),
    )


def _answers(rows: list[dict[str, Any]], metric: str, file: Path) -> Iterator[ForeignAnswer]:
    for row in rows:
        doc = str(row.get("doc_hash") or content_hash(row.get("doc")))
        # Only the document is compared: with a chat template the prompt's hash is another.
        yield ForeignAnswer(
            sample=str(row["doc_id"]),
            epoch=0,
            cluster=doc,
            asked=content_hash([doc, row.get("target_hash") or row["target"]]),
            score=score_of(row.get(metric), f"{file}, doc {row['doc_id']}"),
        )


def _results(file: Path, time: str | None) -> dict[str, Any]:
    """The results of the same run, else the last ones beside the samples, else {}."""
    own = file.with_name(f"results_{time}.json")
    found = [own] if own.exists() else sorted(file.parent.glob("results*.json"))[-1:]
    if not found:
        return {}
    try:
        read = json.loads(found[0].read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{found[0]}: not results of lm-eval: {error}") from error
    return read if isinstance(read, dict) else {}
