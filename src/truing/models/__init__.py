"""Who can be measured: the table of model names. This module opens one; each module is one kind.

Other packages add theirs through the entry point group `truing.models` (name: the prefix before
the first slash; object: a function of the name and `Opening` that returns a `Model`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from truing.errors import UnknownName

if TYPE_CHECKING:
    from truing.models.model import Model

__all__ = ["DEFAULT_MODEL", "Opening", "model_names", "open_model"]

DEFAULT_MODEL = "embedded/smollm2-135m"


@dataclass(frozen=True, slots=True)
class Opening:
    """How a model is opened, beside its name."""

    base_url: str | None = None
    key_env: str | None = None
    timeout_seconds: float = 120.0
    seed: int = 0
    offline: bool = False


def _embedded(name: str, opening: Opening) -> Model:
    from truing.models.embedded import Embedded

    return Embedded(name.partition("/")[2], offline=opening.offline)


def _scripted(name: str, opening: Opening) -> Model:
    from truing.models.scripted import Scripted

    return Scripted(name.partition("/")[2], seed=opening.seed)


def _openai_compatible(name: str, opening: Opening) -> Model:
    from truing.models.openai_compatible import OpenAICompatible

    return OpenAICompatible(
        name,
        base_url=opening.base_url,
        key_env=opening.key_env,
        timeout_seconds=opening.timeout_seconds,
        seed=opening.seed,
    )


_KINDS: dict[str, Callable[[str, Opening], Model]] = {
    "embedded": _embedded,
    "scripted": _scripted,
    "openai": _openai_compatible,
    "ollama": _openai_compatible,
    "vllm": _openai_compatible,
    "llamacpp": _openai_compatible,
}


def open_model(name: str, opening: Opening) -> Model:
    """The model of a name. With a base URL it is whatever the server there calls by that name.

    Raises `UnknownName` or a `ModelError`, before any call.
    """
    if opening.base_url is not None:
        return _openai_compatible(name, opening)
    outside: dict[str, Callable[[str, Opening], Model]] = {
        entry.name: entry.load() for entry in entry_points(group="truing.models")
    }
    kinds = outside | _KINDS
    prefix, slash, _ = name.partition("/")
    if not slash or prefix not in kinds:
        raise UnknownName("model", name, [*model_names(), "NAME with --base-url URL"])
    return kinds[prefix](name, opening)


def model_names() -> list[str]:
    """Names that can be given as they are, and the forms of the others."""
    from truing.models.scripted import scripted_names

    return [
        DEFAULT_MODEL,
        *(f"scripted/{name}" for name in scripted_names()),
        *(f"{prefix}/NAME" for prefix in _KINDS if prefix not in ("embedded", "scripted")),
        "replay/RUN",
    ]
