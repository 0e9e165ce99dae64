"""Results of promptfoo (`promptfoo eval -o results.json`): one log for each provider and prompt."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from truing.errors import UsageError
from truing.interop.foreign import ForeignAnswer, ForeignLog, chosen_metric, score_of
from truing.records import content_hash

__all__ = ["is_promptfoo", "read_promptfoo"]

PASSED = "success"
_ERROR = 2
"""promptfoo's reason of failure where a provider gave no answer."""
_SETTINGS = ("temperature", "top_p", "max_tokens", "systemPrompt")


def is_promptfoo(whole: Any) -> bool:
    """Whether a JSON document holds such results."""
    return bool(_table(whole))


def read_promptfoo(
    file: Path, whole: dict[str, Any], *, metric: str | None = None
) -> list[ForeignLog]:
    """The logs in a document: pass or fail of every test, or what `metric` names.

    That is `score`, or a named score. A test that ended in an error was not scored. Tests are known
    by their variables and asserts, so that files with other tests in between are compared; the
    repeats of one are one cluster. Raises `UsageError`.
    """
    try:
        logs: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for row in _table(whole):
            prompt = row.get("prompt") or {}
            label = str(prompt.get("label") or prompt.get("raw") or row.get("promptIdx", ""))
            logs.setdefault((_name(row.get("provider")), label), []).append(row)
        metadata, config = whole.get("metadata") or {}, whole.get("config") or {}
        several = len({prompt for _, prompt in logs}) > 1
        return [
            ForeignLog(
                tool=f"promptfoo {metadata.get('promptfooVersion', '')}".strip(),
                model=name if not several else f"{name}, prompt {content_hash(prompt)[:6]}",
                task=str(config.get("description") or "promptfoo"),
                scorer=metric or PASSED,
                settings={"prompt": prompt, **_settings(config, name)},
                answers=_answers(own, metric, file),
            )
            for (name, prompt), own in logs.items()
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        told = f"{type(error).__name__}: {error}"
        raise UsageError(f"{file}: not results of promptfoo that can be read ({told})") from error


def _table(whole: Any) -> list[dict[str, Any]]:
    results = whole.get("results") if isinstance(whole, dict) else None
    rows = results.get("results") if isinstance(results, dict) else results
    fits = isinstance(rows, list) and all(isinstance(row, dict) and PASSED in row for row in rows)
    return rows if fits and isinstance(rows, list) else []


def _name(provider: Any) -> str:
    if isinstance(provider, dict):
        return str(provider.get("label") or provider["id"])
    return str(provider)


def _settings(config: dict[str, Any], name: str) -> dict[str, Any]:
    """What the provider of that name was told, as far as it bears on its answers."""
    listed = config.get("providers")
    providers = listed if isinstance(listed, list) else []
    own = [one for one in providers if isinstance(one, dict) and "id" in one and _name(one) == name]
    told = (own[0].get("config") or {}) if own else {}
    return {field: told[field] for field in _SETTINGS if told.get(field) is not None}


def _answers(rows: list[dict[str, Any]], metric: str | None, file: Path) -> list[ForeignAnswer]:
    named = dict.fromkeys(name for row in rows for name in row.get("namedScores") or {})
    chosen = chosen_metric([PASSED, "score", *named], metric or PASSED, file)
    seen: Counter[str] = Counter()
    found = []
    for row in rows:
        asked = content_hash([row.get("vars") or {}, (row.get("testCase") or {}).get("assert")])
        value = (row.get("namedScores") or {}).get(chosen) if chosen in named else row.get(chosen)
        found.append(
            ForeignAnswer(
                sample=asked,
                epoch=seen[asked],
                cluster=asked,
                asked=asked,
                score=None if _failed(row) else score_of(value, f"{file}, test {asked}"),
            )
        )
        seen[asked] += 1
    return found


def _failed(row: dict[str, Any]) -> bool:
    reason = row.get("failureReason")
    if reason is not None:
        return bool(reason == _ERROR)
    return bool(row.get("error")) and not row.get("gradingResult")
