"""The options of `truing run`, and what a user may write for them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import msgspec

from truing.config import Config
from truing.errors import UsageError
from truing.models import DEFAULT_MODEL
from truing.tasks import DEFAULT_SUITE
from truing.tasks.parts import Part

__all__ = ["RunOptions", "read_duration", "read_parameter", "read_system", "run_options"]

_Command = Callable[..., int]
_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}

_OPTIONS = [
    click.option("-m", "--model", help=f"Model to measure [default: {DEFAULT_MODEL}]."),
    click.option("-s", "--suite", help=f"Suite of tasks [default: {DEFAULT_SUITE}]."),
    click.option("--task", "tasks", multiple=True, metavar="ID", help="A task, not a suite."),
    click.option(
        "--with",
        "perturbations",
        multiple=True,
        metavar="NAME[:RATE]",
        help="Ask with noise, in an encoding, or under an attack: truing list perturbations.",
    ),
    click.option("-o", "--out", type=click.Path(path_type=Path), help="Run folder."),
    click.option("-n", "--seeds", type=click.IntRange(1), help="Seeds a task [default: all]."),
    click.option("--seed", "edition", type=int, default=0, help="Edition: which seeds and order."),
    click.option(
        "--part",
        type=click.Choice([part.value for part in Part]),
        help="Half of each set: the one to measure on, or the one to learn from.",
    ),
    click.option("--epochs", type=click.IntRange(1), default=1, help="Ask everything K times."),
    click.option("--base-url", help="Address of an OpenAI-compatible server, e.g. http://HOST/v1."),
    click.option("--key-env", metavar="NAME", help="Environment variable that holds the key."),
    click.option("--system", type=click.Path(path_type=Path), help="File with a system message."),
    click.option(
        "--param", "parameters", multiple=True, metavar="K=V", help="Field for the provider."
    ),
    click.option("--temperature", type=click.FloatRange(0, 2), default=0.0, show_default=True),
    click.option("--max-tokens", type=click.IntRange(1), help="Cap on an open reply's tokens."),
    click.option(
        "--thinking-tokens",
        type=click.IntRange(0),
        help="Tokens a reasoning model may think, beside the answer's [default there: 4096].",
    ),
    click.option("-j", "--concurrency", type=click.IntRange(1), help="Most calls in flight."),
    click.option("--rpm", type=click.FloatRange(0, min_open=True), help="Most calls a minute."),
    click.option("--tpm", type=click.FloatRange(0, min_open=True), help="Most tokens a minute."),
    click.option("--max-cost", type=click.FloatRange(0), metavar="USD", help="Most it may cost."),
    click.option("--max-tokens-total", type=click.IntRange(0), help="Most tokens it may use."),
    click.option("--max-time", metavar="T", help="Longest it may take: 90s, 30m, 2h."),
    click.option(
        "--timeout", type=click.FloatRange(1), default=120.0, help="Seconds a call may take."
    ),
    click.option("--template", type=click.Path(path_type=Path), help="Request of target/http."),
    click.option("--config", type=click.Path(path_type=Path), help="Config file [truing.toml]."),
    click.option("--offline", is_flag=True, help="Fetch nothing: weights must be here already."),
    click.option(
        "--judge",
        "judges",
        multiple=True,
        metavar="SPEC",
        help="Judge of replies: MODEL, head/NAME, panel:A,B,C or cascade:head/NAME,MODEL.",
    ),
    click.option("--judge-url", help="Address of the judge's server, where it has one."),
    click.option("--judge-key-env", metavar="NAME", help="Variable with the judge's key."),
    click.option("--no-cache", is_flag=True, help="Ask again what was answered before."),
    click.option(
        "--texts", type=click.Path(path_type=Path), help="Your own texts, to probe for memory."
    ),
    click.option(
        "--policy", metavar="FILE|NAME", help="Go or no-go: exit 0, 100 (below), 101 (undecided)."
    ),
    click.option(
        "--until-decided",
        is_flag=False,
        flag_value="beyond",
        type=click.Choice(["beyond", "set"]),
        metavar="[=set]",
        help="Ask a row no longer than the policy needs; =set: of this set, not beyond it.",
    ),
    click.option(
        "--baseline",
        type=click.Path(path_type=Path),
        metavar="RUN",
        help="Another run of the same questions: exit 100 where this one is worse.",
    ),
    click.option(
        "--no-worse-than",
        type=click.FloatRange(0, 1, min_open=True, max_open=True),
        default=0.05,
        show_default=True,
        metavar="X",
        help="Loss against the baseline that is allowed on any side.",
    ),
    click.option(
        "--junit", type=click.Path(path_type=Path), help="Write the verdict as JUnit XML."
    ),
    click.option("--dry-run", is_flag=True, help="Plan calls, tokens, cost; call nothing."),
    click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output."),
]


def run_options(command: _Command) -> _Command:
    """Every option of `truing run`, in the order of its help."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """The options as click hands them over."""

    model: str | None = None
    suite: str | None = None
    tasks: tuple[str, ...] = ()
    perturbations: tuple[str, ...] = ()
    out: Path | None = None
    seeds: int | None = None
    edition: int = 0
    part: str | None = None
    epochs: int = 1
    base_url: str | None = None
    key_env: str | None = None
    system: Path | None = None
    parameters: tuple[str, ...] = ()
    temperature: float = 0.0
    max_tokens: int | None = None
    thinking_tokens: int | None = None
    concurrency: int | None = None
    rpm: float | None = None
    tpm: float | None = None
    max_cost: float | None = None
    max_tokens_total: int | None = None
    max_time: str | None = None
    timeout: float = 120.0
    template: Path | None = None
    config: Path | None = None
    offline: bool = False
    judges: tuple[str, ...] = ()
    judge_url: str | None = None
    judge_key_env: str | None = None
    no_cache: bool = False
    texts: Path | None = None
    policy: str | None = None
    until_decided: str | None = None
    junit: Path | None = None
    baseline: Path | None = None
    no_worse_than: float = 0.05
    dry_run: bool = False
    as_json: bool = False


def read_duration(text: str | None) -> float | None:
    """Seconds of `90`, `90s`, `30m`, `1.5h`. Raises `UsageError`."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", text.strip())
    if match is None or float(match[1]) <= 0:
        raise UsageError(f"--max-time: expected a duration such as 90s, 30m or 2h, got {text!r}")
    return float(match[1]) * _UNITS[match[2]]


def read_parameter(text: str) -> tuple[str, Any]:
    """NAME=VALUE, the value as JSON where it is JSON. Raises `UsageError`."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UsageError(f"--param: expected NAME=VALUE, got {text!r}")
    try:
        return name, msgspec.json.decode(value.encode())
    except msgspec.DecodeError:
        return name, value


def read_system(given: Path | None, config: Config, config_file: Path | None) -> str | None:
    """The system message of `--system` or of the config file. Raises `UsageError`."""
    path = given
    if path is None and config.system is not None:
        path = (config_file or Path("truing.toml")).parent / config.system
    if path is None:
        return None
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--system: cannot read {path}: {error}") from error
