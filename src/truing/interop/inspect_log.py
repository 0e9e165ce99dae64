"""Logs of inspect-ai: `.eval` (a zip of JSON, compressed with zstandard) and `.json`."""

from __future__ import annotations

import json
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from truing.errors import MissingExtra, UsageError
from truing.interop.foreign import ForeignAnswer, ForeignLog, chosen_metric, score_of
from truing.records import content_hash

__all__ = ["inspect_eval", "inspect_json", "is_inspect"]

_ZSTANDARD = 93
_LARGEST = 1 << 28
"""Bytes of one unpacked entry; more is not a log that anybody reads."""
_LOCAL_HEADER = struct.Struct("<4s22xHH")
_SETTINGS = ("temperature", "top_p", "max_tokens", "system_message", "reasoning_effort")
_WRONG = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    EOFError,
    RecursionError,
    NotImplementedError,
    RuntimeError,
    struct.error,
    zlib.error,
    zipfile.BadZipFile,
)


class _Sample(msgspec.Struct):
    """What is kept of a sample: its transcript may be megabytes."""

    id: str
    epoch: int
    asked: str
    scores: dict[str, Any]
    failed: bool


def is_inspect(whole: Any) -> bool:
    """Whether a JSON document is such a log."""
    return isinstance(whole, dict) and "eval" in whole and "status" in whole


def inspect_eval(file: Path, *, metric: str | None = None) -> ForeignLog:
    """The log in an `.eval` file. Raises `UsageError`, or `MissingExtra` without zstandard."""
    try:
        with zipfile.ZipFile(file) as packed, file.open("rb") as source:
            entries = {entry.filename: entry for entry in packed.infolist()}
            # A log whose writing was cut off has what it started with.
            known = [name for name in ("header.json", "_journal/start.json") if name in entries]
            if not known:
                raise UsageError(f"{file}: not a log of inspect-ai: it holds no header.json")
            texts = (
                _read(file, source, packed, entry)
                for name, entry in entries.items()
                if name.startswith("samples/") and name.endswith(".json")
            )
            header = json.loads(_read(file, source, packed, entries[known[0]]))
            return _log(file, header, (json.loads(text) for text in texts), metric)
    except _WRONG as error:
        raise _unreadable(file, error) from error


def inspect_json(file: Path, whole: dict[str, Any], *, metric: str | None = None) -> ForeignLog:
    """The log in a `.json` file that was read. Raises `UsageError`."""
    try:
        return _log(file, whole, whole.get("samples") or [], metric)
    except _WRONG as error:
        raise _unreadable(file, error) from error


def _unreadable(file: Path, error: Exception) -> UsageError:
    told = f"{type(error).__name__}: {error}"
    return UsageError(f"{file}: not a log of inspect-ai that can be read ({told})")


def _read(file: Path, source: Any, packed: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    if entry.file_size > _LARGEST:
        raise UsageError(
            f"{file}: {entry.filename} unpacks to {entry.file_size:,} bytes, more than is read"
        )
    if entry.compress_type != _ZSTANDARD:
        return packed.read(entry)
    source.seek(entry.header_offset)
    magic, name, extra = _LOCAL_HEADER.unpack(source.read(_LOCAL_HEADER.size))
    if magic != b"PK\x03\x04":
        raise zipfile.BadZipFile(f"no entry at {entry.header_offset}")
    source.seek(name + extra, 1)
    text = _unpack(source.read(entry.compress_size), entry.file_size)
    if zlib.crc32(text) != entry.CRC:
        raise zipfile.BadZipFile(f"bad CRC-32 for {entry.filename}")
    return text


def _unpack(data: bytes, size: int) -> bytes:
    try:
        import zstandard
    except ImportError as error:
        raise MissingExtra(
            "this .eval log is compressed with zstandard: pip install 'truing[inspect]'"
        ) from error
    try:
        # Never more than the directory says, whatever the frame holds.
        with zstandard.ZstdDecompressor().stream_reader(data) as stream:
            text = stream.read(size)
            if len(text) != size or stream.read(1):
                raise zipfile.BadZipFile(f"expected {size} bytes, found another number")
            return text
    except zstandard.ZstdError as error:
        raise zipfile.BadZipFile(str(error)) from error


def _log(
    file: Path, header: dict[str, Any], whole: Iterable[dict[str, Any]], metric: str | None
) -> ForeignLog:
    spec = header["eval"]
    samples = [_sample(sample) for sample in whole]
    name = chosen_metric(_scores(samples), metric, file)
    return ForeignLog(
        tool=f"inspect-ai {(spec.get('packages') or {}).get('inspect_ai', '')}".strip(),
        model=str(spec["model"]),
        task=str(spec["task"]),
        scorer=name,
        settings=_settings(header),
        answers=[
            ForeignAnswer(
                sample=sample.id,
                epoch=sample.epoch,
                # Repeats are not new samples: they are one cluster.
                cluster=sample.id,
                asked=sample.asked,
                score=None
                if sample.failed
                else score_of(_value(sample, name), f"{file}, sample {sample.id}"),
            )
            for sample in samples
        ],
    )


def _sample(whole: dict[str, Any]) -> _Sample:
    given = whole["input"]
    if isinstance(given, list):  # messages have ids of their own in every run
        given = [[turn.get("role"), turn.get("content")] for turn in given]
    scores = whole.get("scores") or {}
    return _Sample(
        id=str(whole["id"]),
        epoch=int(whole.get("epoch", 1)) - 1,
        asked=content_hash([given, whole.get("choices"), whole.get("target")]),
        scores={name: (score or {}).get("value") for name, score in scores.items()},
        failed=bool(whole.get("error")),
    )


def _scores(samples: list[_Sample]) -> list[str]:
    """Names of the scores; of one that is a table, of its fields: `name.field`."""
    found: dict[str, None] = {}
    for sample in samples:
        for name, value in sample.scores.items():
            parts = [f"{name}.{part}" for part in value] if isinstance(value, dict) else [name]
            found.update(dict.fromkeys(parts))
    return list(found)


def _value(sample: _Sample, metric: str) -> Any:
    if metric in sample.scores:
        return sample.scores[metric]
    for name, value in sample.scores.items():
        if isinstance(value, dict) and metric.startswith(f"{name}."):
            return value.get(metric.removeprefix(f"{name}."))
    return None


def _settings(header: dict[str, Any]) -> dict[str, Any]:
    spec = header["eval"]
    plan = header.get("plan") or {}
    config = {**(spec.get("model_generate_config") or {}), **(plan.get("config") or {})}
    return {
        **{name: config[name] for name in _SETTINGS if config.get(name) is not None},
        "task version": spec.get("task_version"),
        "task arguments": spec.get("task_args") or {},
        "solver": list(_solvers(plan)),
    }


def _solvers(plan: dict[str, Any]) -> Iterator[str]:
    for step in plan.get("steps") or []:
        yield f"{step.get('solver')} {json.dumps(step.get('params') or {}, sort_keys=True)}"
