"""Who speaks which protocol, at which address, with which key: the table `providers.toml`."""

from __future__ import annotations

import os
import re
import tomllib
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources

import msgspec

__all__ = ["Provider", "Reasoning", "find_reasoning", "moved_address", "providers"]

_BEDROCK_VENDOR = re.compile(r"^(?:[a-z-]+\.)+")
"""What stands before a model's name on Bedrock: `us.anthropic.claude-...`."""


class Provider(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of data: a server that answers over HTTP. The table explains each field."""

    protocol: str
    base_url: str | None = None
    base_url_env: tuple[str, ...] = ()
    key_env: tuple[str, ...] = ()
    key_header: str = "Authorization: Bearer"
    headers: dict[str, str] = {}
    query: str = ""
    local: bool = False
    max_tokens_field: str = "max_tokens"
    seed_field: str = "seed"
    no_seed: bool = False
    no_json_schema: bool = False
    logprobs: bool = False
    top_logprobs_max: int = 20
    guided_choice: str | None = None
    extra: str | None = None
    docs: str = ""


class Reasoning(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Models, by a pattern of their names, that think before they answer."""

    models: tuple[str, ...]
    unsent: tuple[str, ...] = ()
    """Settings that these models reject."""
    max_tokens_field: str | None = None
    thinking: str | None = None
    """How a thinking budget is asked for: `effort` or `budget`; None where it is not."""
    docs: str = ""


class _Tables(msgspec.Struct, frozen=True):
    provider: dict[str, Provider]
    reasoning: list[Reasoning] = []


@cache
def _tables() -> _Tables:
    raw = resources.files("truing.models").joinpath("providers.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(raw), _Tables)


def providers() -> dict[str, Provider]:
    """Every provider, by the prefix of its models' names."""
    return _tables().provider


def moved_address(provider: Provider) -> str | None:
    """The address that the environment puts in the place of the provider's own."""
    return next(filter(None, map(os.environ.get, provider.base_url_env)), None)


def find_reasoning(remote_name: str) -> Reasoning | None:
    """What is known of a reasoning model, by its name at the provider; None for others."""
    bare = _BEDROCK_VENDOR.sub("", remote_name.rpartition("/")[2].lower())
    for entry in _tables().reasoning:
        if any(fnmatchcase(bare, pattern) for pattern in entry.models):
            return entry
    return None
