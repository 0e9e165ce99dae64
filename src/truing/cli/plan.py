"""`truing run --dry-run`: what a run would ask, use and cost, before anything is called."""

from __future__ import annotations

import sys
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table

from truing.calls.pace import answer_tokens
from truing.cli.judging import judge_calls
from truing.cli.opening import price_of
from truing.cli.options import RunOptions
from truing.config import Config
from truing.models import given_address, is_local
from truing.records import Message, Request, Role, Settings
from truing.reports.text import duration, visible
from truing.tasks import Task

__all__ = ["print_plan"]

_CHARACTERS_A_TOKEN = 4
_SECONDS_A_CALL = 2.0
_IN_FLIGHT = 64
"""For the guess at the time of a run without limits: said beside it."""


class Planned(msgspec.Struct, kw_only=True):
    """One row of the plan. Tokens written are the most that may be; half is usual."""

    task: str
    calls: int = 0
    prompt_tokens: int = 0
    most_completion_tokens: int = 0
    most_usd: float | None = None
    asks_for_harm: bool = False


def print_plan(
    name: str,
    tasks: list[Task],
    settings: Settings,
    seeds: int | None,
    options: RunOptions,
    config: Config,
) -> int:
    """Print the plan of a run; nothing is called and nothing is written."""
    address = given_address(name, options.base_url or config.base_url)
    price = price_of(name, address, config)
    rows = [_plan(task, settings, options.edition, seeds) for task in tasks]
    for row in rows:
        if price is not None:
            row.most_usd = price.of(row.prompt_tokens, row.most_completion_tokens)
    plan: dict[str, Any] = {
        "model": name,
        "address": address,
        "rows": rows,
        "calls": sum(row.calls for row in rows),
        "prompt_tokens": sum(row.prompt_tokens for row in rows),
        "most_completion_tokens": sum(row.most_completion_tokens for row in rows),
        "most_usd": None if price is None else sum(row.most_usd or 0.0 for row in rows),
        "price": price and price._asdict(),
        "seconds": _seconds(rows, options, config),
        "judges": list(options.judges),
    }
    plan["judge_calls"], plan["canary_calls"] = judge_calls(
        options.judges,
        tasks,
        {row.task: row.calls for row in rows},
        edition=options.edition,
        seeds=seeds,
    )
    if options.as_json:
        sys.stdout.buffer.write(msgspec.json.encode(plan) + b"\n")
        return 0
    _print(plan, rows)
    return 0


def _plan(task: Task, settings: Settings, edition: int, limit: int | None) -> Planned:
    row = Planned(task=task.id, asks_for_harm=task.card.asks_for_harm)
    system = () if settings.system is None else (Message(role=Role.SYSTEM, text=settings.system),)
    for sample in task.walk(edition=edition, limit=limit):
        most = min(sample.max_tokens, settings.max_tokens or sample.max_tokens)
        messages = (*system, *sample.messages)
        read = sum(len(message.text) + 16 for message in messages) // _CHARACTERS_A_TOKEN
        letters = tuple((choice.label, choice.text) for choice in sample.choices)
        written = answer_tokens(
            Request(
                messages=(),
                choices=letters,
                confidence=sample.confidence,
                max_tokens=most,
                thinking_tokens=settings.thinking_tokens,
            )
        )
        row.calls += settings.epochs
        row.prompt_tokens += settings.epochs * read
        row.most_completion_tokens += settings.epochs * written
    return row


def _seconds(rows: list[Planned], options: RunOptions, config: Config) -> float:
    """Seconds by the limits a minute and by 2 seconds a call with 64, or -j, in flight."""
    calls = sum(row.calls for row in rows)
    tokens = sum(row.prompt_tokens + row.most_completion_tokens // 2 for row in rows)
    rpm = options.rpm or config.requests_per_minute
    tpm = options.tpm or config.tokens_per_minute
    in_flight = min(options.concurrency or config.concurrency or _IN_FLIGHT, max(1, calls))
    return max(
        60 * calls / rpm if rpm else 0.0,
        60 * tokens / tpm if tpm else 0.0,
        _SECONDS_A_CALL * calls / in_flight,
    )


def _print(plan: dict[str, Any], rows: list[Planned]) -> None:
    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False)
    table.add_column("task", no_wrap=True)
    for heading in ("calls", "tokens read", "written at most", "USD at most"):
        table.add_column(heading, justify="right")
    table.add_column("")
    for row in rows:
        cost = "unknown" if row.most_usd is None else f"{row.most_usd:.4f}"
        table.add_row(
            visible(row.task),
            f"{row.calls:,}",
            f"{row.prompt_tokens:,}",
            f"{row.most_completion_tokens:,}",
            cost,
            "asks for harm" if row.asks_for_harm else "",
        )
    total = "unknown" if plan["most_usd"] is None else f"{plan['most_usd']:.4f}"
    table.add_row(
        "in all",
        f"{plan['calls']:,}",
        f"{plan['prompt_tokens']:,}",
        f"{plan['most_completion_tokens']:,}",
        total,
        "",
        style="bold",
    )
    console.print(table)
    if plan["judge_calls"]:
        known = f", and {plan['canary_calls']:,} for answers whose verdict is known"
        console.print(f"judges: up to {plan['judge_calls']:,} calls more{known}", soft_wrap=True)
    if not is_local(plan["model"], plan["address"]):
        shown = duration(plan["seconds"])
        console.print(
            f"time: about {shown} (at {_SECONDS_A_CALL:g} s a call, "
            f"{_IN_FLIGHT} or -j in flight, within your limits a minute)",
            soft_wrap=True,
        )
    price = plan["price"]
    if price is None:
        console.print(
            f"no price is known for {visible(plan['model'])}: [prices] in truing.toml gives one",
            markup=False,
            soft_wrap=True,
        )
    elif price["source"]:
        dated = f" as of {price['as_of']}" if price["as_of"] else ""
        console.print(
            f"price: {price['input']:g} / {price['output']:g} USD a million tokens{dated} "
            f"({price['source']})",
            markup=False,
            soft_wrap=True,
        )
    risky = [row.task for row in rows if row.asks_for_harm]
    if risky and not is_local(plan["model"], plan["address"]):
        console.print(
            f"these rows ask for harm, as their test: {', '.join(risky)}; a provider may warn "
            "about or suspend the key that sends them: use one that may be lost, and tell them",
            markup=False,
            soft_wrap=True,
        )
    click.echo("nothing was called: this was a dry run")
