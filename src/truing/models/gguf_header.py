"""What a GGUF file says of itself, read without any package: kind, architecture, chat template.

Knows the beginning of the format (versions 2 and 3, little-endian); tensors are left alone.
Source: ggml's docs/gguf.md.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

import msgspec

from truing.errors import ModelError

__all__ = ["GgufHeader", "read_gguf_header"]

_SCALARS = dict(zip((*range(8), 10, 11, 12), "BbHhIif?Qqd", strict=True))
_STRING, _ARRAY = 8, 9
_WANTED = ("general.type", "general.architecture", "adapter.type", "tokenizer.chat_template")
_LONGEST_NAME = 1 << 16
_LONGEST_TEXT = 1 << 24


class GgufHeader(msgspec.Struct, frozen=True, kw_only=True):
    """The entries that decide how a file is used."""

    kind: str = "model"
    """`general.type`: model, adapter, mmproj, ...; files that do not say are models."""
    architecture: str = ""
    adapter: str = ""
    """`adapter.type` of an adapter: lora."""
    chat_template: str = ""
    """Empty in a base model, which nobody can chat with."""


def read_gguf_header(file: Path) -> GgufHeader:
    """The header of a GGUF file. Raises `ModelError` where it is not one, or is cut short."""
    try:
        with file.open("rb") as source:
            found = _entries(source)
    except OSError as error:
        raise ModelError(f"cannot read {file}: {error.strerror or error}") from error
    except (struct.error, ValueError, OverflowError) as error:
        raise ModelError(
            f"{file} is not a GGUF file, or is cut short: give one that llama.cpp can load"
        ) from error
    return GgufHeader(
        kind=found.get("general.type") or "model",
        architecture=found.get("general.architecture", ""),
        adapter=found.get("adapter.type", ""),
        chat_template=found.get("tokenizer.chat_template", "").strip(),
    )


def _entries(source: BinaryIO) -> dict[str, str]:
    if source.read(4) != b"GGUF":
        raise ValueError("no magic")
    (version,) = _read(source, "I")
    if version not in (2, 3):
        raise ValueError(f"version {version}")
    _, entries = _read(source, "QQ")
    found = {}
    for _ in range(entries):
        name = _text(source, _LONGEST_NAME)
        (kind,) = _read(source, "I")
        if kind == _STRING and name in _WANTED:
            found[name] = _text(source, _LONGEST_TEXT)
        else:
            _skip(source, kind)
    return found


def _read(source: BinaryIO, layout: str) -> tuple[int, ...]:
    return struct.unpack(f"<{layout}", source.read(struct.calcsize(f"<{layout}")))


def _text(source: BinaryIO, longest: int) -> str:
    (length,) = _read(source, "Q")
    if length > longest:
        raise ValueError(f"a text of {length} bytes")
    raw = source.read(length)
    if len(raw) < length:
        raise ValueError("cut short")
    return raw.decode("utf-8")


def _skip(source: BinaryIO, kind: int) -> None:
    if kind == _STRING:
        (length,) = _read(source, "Q")
        source.seek(length, 1)
    elif kind == _ARRAY:
        inner, count = _read(source, "IQ")
        if inner in _SCALARS:
            source.seek(count * struct.calcsize(f"<{_SCALARS[inner]}"), 1)
        elif inner == _STRING:
            for _ in range(count):
                _skip(source, inner)
        else:
            raise ValueError(f"a list of unknown kind {inner}")
    elif kind in _SCALARS:
        source.seek(struct.calcsize(f"<{_SCALARS[kind]}"), 1)
    else:
        raise ValueError(f"a value of unknown kind {kind}")
