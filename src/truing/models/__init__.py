"""Who can be measured: the table of model names. This module opens one; each module is one kind.

Other packages add theirs through the entry point group `truing.models` (name: the prefix before
the first slash; object: a function of the name and `Opening` that returns a `Model`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from truing.errors import UnknownName

if TYPE_CHECKING:
    from truing.models.model import Model

__all__ = [
    "DEFAULT_MODEL",
    "Opening",
    "given_address",
    "is_local",
    "is_remote",
    "model_names",
    "open_model",
]

DEFAULT_MODEL = "embedded/smollm2-135m"


@dataclass(frozen=True, slots=True)
class Opening:
    """How a model is opened, beside its name."""

    base_url: str | None = None
    key_env: str | None = None
    timeout_seconds: float = 120.0
    seed: int = 0
    offline: bool = False
    template: str | None = None
    """File with the request template of `target/http`."""


def _embedded(name: str, opening: Opening) -> Model:
    from truing.models.embedded import Embedded

    return Embedded(name.partition("/")[2], offline=opening.offline)


def _hugging_face(name: str, opening: Opening) -> Model:
    from truing.models.hugging_face import HuggingFace

    return HuggingFace(name.partition("/")[2], offline=opening.offline)


def _gguf(name: str, opening: Opening) -> Model:
    from truing.models.embedded import Embedded
    from truing.models.local_weights import file_weights

    return Embedded(file_weights(name.partition("/")[2]), offline=opening.offline)


def _scripted(name: str, opening: Opening) -> Model:
    from truing.models.scripted import Scripted

    return Scripted(name.partition("/")[2], seed=opening.seed)


def _remote(name: str, opening: Opening) -> Model:
    from truing.models.remote import Remote

    return Remote(
        name,
        base_url=opening.base_url,
        key_env=opening.key_env,
        timeout_seconds=opening.timeout_seconds,
    )


def _bedrock(name: str, opening: Opening) -> Model:
    from truing.models.bedrock import Bedrock

    return Bedrock(
        name,
        base_url=opening.base_url,
        key_env=opening.key_env,
        timeout_seconds=opening.timeout_seconds,
    )


def _vertex(name: str, opening: Opening) -> Model:
    from truing.models.vertex import Vertex

    return Vertex(
        name,
        base_url=opening.base_url,
        key_env=opening.key_env,
        timeout_seconds=opening.timeout_seconds,
    )


def _target(name: str, opening: Opening) -> Model:
    kind = name.partition("/")[2]
    if kind.startswith("py:"):
        from truing.models.target_py import PythonTarget

        return PythonTarget(kind.removeprefix("py:"))
    if kind == "http":
        from truing.models.target_http import HttpTarget

        return HttpTarget(opening.template, timeout_seconds=opening.timeout_seconds)
    raise UnknownName("target", kind, ["py:MODULE.FUNCTION", "http"])


_KINDS: dict[str, Callable[[str, Opening], Model]] = {
    "embedded": _embedded,
    "gguf": _gguf,
    "hf": _hugging_face,
    "scripted": _scripted,
    "target": _target,
}
_CLOUDS: dict[str, Callable[[str, Opening], Model]] = {
    "bedrock": _bedrock,
    "vertex": _vertex,
}
"""Providers with an SDK of their own, by the names they have in the table of providers."""
_OTHER_FORMS = ["replay/RUN", "NAME with --base-url URL"]


def open_model(name: str, opening: Opening) -> Model:
    """The model of a name. With a base URL it is whatever the server there calls by that name.

    Raises `UnknownName` or a `ModelError`, before any call.
    """
    prefix, slash, rest = name.partition("/")
    if is_remote(name, opening.base_url):
        return (_CLOUDS.get(prefix, _remote) if rest else _remote)(name, opening)
    outside: dict[str, Callable[[str, Opening], Model]] = {
        entry.name: entry.load() for entry in entry_points(group="truing.models")
    }
    kinds = outside | _KINDS
    if not slash or prefix not in kinds:
        raise UnknownName("model", name, [*model_names(), *_OTHER_FORMS])
    return kinds[prefix](name, opening)


def is_remote(name: str, address: str | None) -> bool:
    """Whether a name means a model behind an address."""
    from truing.models.providers import providers

    prefix, slash, _ = name.partition("/")
    return address is not None or (bool(slash) and prefix in providers())


def given_address(name: str, base_url: str | None) -> str | None:
    """The address that the user gave, by option or environment; None for the provider's own."""
    from truing.models.providers import moved_address, providers

    provider = providers().get(name.partition("/")[0])
    return base_url or (moved_address(provider) if provider else None)


def is_local(name: str, address: str | None) -> bool:
    """Whether a model runs on this machine, where no answer has a price.

    `address` is the one that the user gave, if any.
    """
    from truing.models.providers import providers

    prefix = name.partition("/")[0]
    if address is not None:
        return urlsplit(address).hostname in ("127.0.0.1", "localhost", "::1")
    return prefix in ("embedded", "gguf", "scripted", "replay", "hf") or (
        prefix in providers() and providers()[prefix].local
    )


def model_names() -> list[str]:
    """Names that can be given as they are, and the forms of the others."""
    from truing.models.local_weights import embedded_names
    from truing.models.providers import providers
    from truing.models.scripted import scripted_names

    return [
        *(f"embedded/{name}" for name in embedded_names()),
        "gguf/FILE.gguf",
        *(f"scripted/{name}" for name in scripted_names()),
        *(f"{prefix}/NAME" for prefix in providers()),
        "hf/ORG/NAME[+ADAPTER]",
        "hf/embedded/smollm2-135m[+ADAPTER]",
        "target/py:MODULE.FUNCTION",
        "target/http",
        "replay/RUN",
    ]
