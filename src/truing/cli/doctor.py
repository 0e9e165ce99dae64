"""`truing doctor`: is everything there, and what can a model do? A few real round trips."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import click
import msgspec
from platformdirs import user_cache_path
from rich.console import Console
from rich.table import Table

from truing.calls.caller import Caller
from truing.cli.opening import price_of
from truing.config import read_config
from truing.models import Opening, open_model
from truing.records import Capabilities, Message, Request, Response, Role
from truing.reports.text import visible

__all__ = ["doctor_command"]

_EXTRAS = {
    "embedded": "xllamacpp",
    "requantise": "gguf",
    "bedrock": "boto3",
    "vertex": "google.auth",
}


class Check(NamedTuple):
    """One thing looked at: `ok`, `no` (a limit, not an error) or `fails`."""

    name: str
    result: str
    detail: str


@click.command("doctor")
@click.option("-m", "--model", help="Model to try; without it only this installation is looked at.")
@click.option("--base-url", help="Address of an OpenAI-compatible server, e.g. http://HOST/v1.")
@click.option("--key-env", metavar="NAME", help="Environment variable that holds the key.")
@click.option("--template", type=click.Path(), help="Request of target/http.")
@click.option("--timeout", type=click.FloatRange(1), default=60.0, help="Seconds a call may take.")
@click.option("--conformance", is_flag=True, help="Every check a provider should pass (9 calls).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor_command(
    model: str | None,
    base_url: str | None,
    key_env: str | None,
    template: str | None,
    timeout: float,
    conformance: bool,
    as_json: bool,
) -> int:
    """Look at the installation, and with -m at a model: one round trip, capabilities, limits.

    Exits 1 where something fails. With --conformance every property that truing relies on is
    tried, so that a new provider or an adapter of your own can be trusted.
    """
    checks = _installation()
    capabilities: Capabilities | None = None
    if model is not None or base_url is not None:
        name = model or "default"
        opening = Opening(base_url, key_env, timeout, template=template)
        caller = Caller(open_model(name, opening), patience_seconds=timeout)
        found = asyncio.run(_model_checks(caller, conformance=conformance))
        checks += found
        capabilities = caller.capabilities
        price = price_of(caller.name, base_url, read_config(None))
        known = f"{price.input:g} / {price.output:g} USD a million" if price else "unknown"
        checks.append(Check("price", "ok" if price else "no", known))
    if as_json:
        shown: dict[str, Any] = {
            "checks": [check._asdict() for check in checks],
            "capabilities": capabilities,
        }
        sys.stdout.buffer.write(msgspec.json.encode(shown) + b"\n")
    else:
        _print(checks, capabilities)
    return 1 if any(check.result == "fails" for check in checks) else 0


def _installation() -> list[Check]:
    checks = [
        Check(f"extra {extra}", "ok" if _installed(module) else "no", module)
        for extra, module in _EXTRAS.items()
    ]
    runs = Path(read_config(None).runs)
    for what, folder in (("runs", runs), ("cache", user_cache_path("truing"))):
        there = folder
        while not there.exists() and there != there.parent:
            there = there.parent
        writable = os.access(there, os.W_OK)
        result = "ok" if writable else "fails"
        checks.append(Check(f"folder of {what}", result, str(folder)))
    return checks


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # not even the package it is in
        return False


def _ask(text: str, **changes: Any) -> Request:
    return Request(messages=(Message(role=Role.USER, text=text),), **changes)


async def _model_checks(caller: Caller, *, conformance: bool) -> list[Check]:
    checks: list[Check] = []

    async def tried(name: str, request: Request, *, must: bool = True) -> Response:
        started = time.perf_counter()
        response = await caller.respond(request)
        took = f"{time.perf_counter() - started:.2f} s"
        if response.fault:
            detail = f"{response.fault.kind}: {response.fault.detail}"
            checks.append(Check(name, "fails" if must else "no", detail))
        else:
            unsent = f", not sent: {', '.join(response.unsent)}" if response.unsent else ""
            detail = f"{took}, {response.text[:40]!r}{unsent}"
            checks.append(Check(name, "ok", detail))
        return response

    try:
        first = await tried("one round trip", _ask("Say hello.", max_tokens=16))
        counted = None not in (first.prompt_tokens, first.completion_tokens)
        tokens = f"{first.prompt_tokens} read, {first.completion_tokens} written"
        checks.append(Check("tokens counted", "ok" if counted else "no", tokens))
        if conformance and first.fault is None:
            await _conform(tried, checks)
    finally:
        await caller.close()
    return checks


async def _conform(tried: Any, checks: list[Check]) -> None:
    system = Message(role=Role.SYSTEM, text="Answer in one word.")
    turns = (
        system,
        Message(role=Role.USER, text="Name a colour."),
        Message(role=Role.ASSISTANT, text="Blue."),
        Message(role=Role.USER, text="Another."),
    )
    await tried("system message and turns", Request(messages=turns, max_tokens=16))
    odd = "\u0000 \u202e \U0001f600 caf\u00e9 \u4f60\u597d </s> <|im_end|>"
    await tried("odd text", _ask(f"Repeat: {odd}", max_tokens=16))
    cut = await tried("a long answer is cut", _ask("Count to a thousand.", max_tokens=16))
    if cut.fault is None:
        checks.append(Check("the cut is said", "ok" if cut.truncated else "fails", cut.stop_reason))
    letters = (("A", "yes"), ("B", "no"))
    question = "Is water wet?\nA) yes\nB) no\nAnswer with the letter of one option: A or B."
    choice = await tried(
        "a choice", _ask(question, choices=letters, want_logprobs=True, max_tokens=24)
    )
    got = choice.option_logprobs
    checks.append(Check("log-probabilities", "ok" if got else "no", str(got or "none")))
    schema = {
        "type": "object",
        "properties": {"verdict": {"enum": ["yes", "no"]}},
        "required": ["verdict"],
        "additionalProperties": False,
    }
    held = await tried(
        "a JSON schema",
        _ask("Is water wet? As JSON.", json_schema=schema, max_tokens=32),
        must=False,
    )
    keeps = held.text.strip().startswith("{") and "json_schema" not in held.unsent
    checks.append(Check("the schema is kept", "ok" if keeps else "no", held.text[:40]))
    same = [await tried("the same again", _ask("Name a fruit.", max_tokens=16)) for _ in range(2)]
    equal = same[0].text == same[1].text
    checks.append(Check("deterministic", "ok" if equal else "no", "two equal requests"))


def _print(checks: list[Check], capabilities: Capabilities | None) -> None:
    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False, show_header=False)
    for check in checks:
        table.add_row(visible(check.name), check.result, visible(check.detail))
    console.print(table, markup=False)
    if capabilities is not None:
        said = {True: "yes", False: "no", None: "not known"}
        parts = [
            f"{name.replace('_', ' ')}: {said[getattr(capabilities, name)]}"
            for name in (
                "temperature",
                "seed",
                "constrained_choice",
                "option_logprobs",
                "system_messages",
                "chat",
                "json_schema",
                "thinks",
            )
        ]
        console.print("; ".join(parts), markup=False)
