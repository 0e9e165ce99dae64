"""`truing.toml`: what a user does not want to type every time. The command line goes first."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import msgspec

from truing.calls.prices import OwnPrice
from truing.errors import UsageError

__all__ = ["Config", "read_config"]


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every field is optional and means what the option of the same name means."""

    model: str | None = None
    suite: str | None = None
    seeds_per_task: int | None = None
    base_url: str | None = None
    key_env: str | None = None
    system: str | None = None
    """Path of a file, relative to the config file."""
    concurrency: int | None = None
    runs: str = "runs"
    """Folder that new runs are made in."""
    parameters: dict[str, Any] = {}
    suites: dict[str, list[str]] = {}
    """Named lists of task ids."""
    prices: dict[str, OwnPrice] = {}
    """Model name or pattern -> US dollars a million tokens, before the table of prices."""
    policy: str | None = None
    """A shipped policy, or a file, relative to the config file."""
    max_cost: float | None = None
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None


def read_config(path: Path | None) -> Config:
    """The config file given, or `truing.toml` here, or defaults where there is none.

    Raises `UsageError`, naming file and field.
    """
    file = path or Path("truing.toml")
    if path is None and not file.exists():
        return Config()
    try:
        return msgspec.convert(tomllib.loads(file.read_text("utf-8")), Config)
    except FileNotFoundError as error:
        raise UsageError(f"{file}: no such config file") from error
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: not a config file: {error}") from error
    except msgspec.ValidationError as error:
        known = ", ".join(Config.__struct_fields__)
        raise UsageError(f"{file}: {error}; known fields: {known}") from error
