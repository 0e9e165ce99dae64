"""Makes the runs of `truing reproduce`: what they will call and cost, and each as a run folder."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from truing.calls.budget import Budget
from truing.calls.pace import answer_tokens
from truing.cli.finish import write_reports
from truing.cli.opening import open_subject, price_of
from truing.cli.options import RunOptions
from truing.cli.sitting import Sitting
from truing.config import Config
from truing.errors import TruingError, UnknownName, UsageError
from truing.journal import JournalWriter
from truing.models import given_address
from truing.records import Request
from truing.reports.text import visible
from truing.reproducing.arms import Arm
from truing.runs import Done, RunHeader, header_for, keep_tasks, open_folder

__all__ = ["ArmPlan", "make_arm", "plan_arm", "print_arms"]

_CHARACTERS_A_TOKEN = 4


class ArmPlan(msgspec.Struct, kw_only=True):
    """What an arm still has to ask. Tokens written are the most that may be; half is usual."""

    arm: str
    model: str
    calls: int
    answers_there: int
    prompt_tokens: int
    most_completion_tokens: int
    most_usd: float | None


def plan_arm(
    arm: Arm,
    name: str,
    address: str | None,
    header: RunHeader,
    seeds: int | None,
    folder: Path,
    config: Config,
) -> ArmPlan:
    """The plan of an arm, of which some may be done; nothing is called and nothing is written."""
    done = Done(folder) if (folder / "run.json").exists() else None
    settings = arm.settings
    calls = there = read = written = 0
    for task in arm.tasks:
        for sample in task.walk(edition=header.edition, limit=seeds):
            known = [
                done is not None and done.label(sample.id, e) is not None
                for e in range(settings.epochs)
            ]
            owed = known.count(False)
            there += settings.epochs - owed
            calls += owed
            texts = [message.text for message in sample.messages] + [settings.system or ""]
            read += owed * (sum(len(text) + 16 for text in texts) // _CHARACTERS_A_TOKEN)
            written += owed * answer_tokens(
                Request(
                    messages=(),
                    choices=tuple((choice.label, choice.text) for choice in sample.choices),
                    confidence=sample.confidence,
                    max_tokens=min(sample.max_tokens, settings.max_tokens or sample.max_tokens),
                    thinking_tokens=settings.thinking_tokens,
                )
            )
    model = arm.model or name
    price = price_of(model, address, config)
    return ArmPlan(
        arm=arm.name,
        model=model,
        calls=calls,
        answers_there=there,
        prompt_tokens=read,
        most_completion_tokens=written,
        most_usd=None if price is None else price.of(read, written),
    )


def print_arms(plans: Sequence[ArmPlan], name: str, address: str | None, console: Console) -> None:
    """Who is asked, and the plan as a table."""
    where = "" if address is None else f" at {address}"
    console.print(Text(visible(f"asked: {name}{where}")), soft_wrap=True)
    table = Table(box=None, pad_edge=False)
    table.add_column("arm", no_wrap=True)
    for heading in ("calls", "there", "tokens read", "written at most", "USD at most"):
        table.add_column(heading, justify="right")
    costs = [plan.most_usd for plan in plans]
    known = [cost for cost in costs if cost is not None]
    every = ArmPlan(
        arm="in all",
        model="",
        calls=sum(plan.calls for plan in plans),
        answers_there=sum(plan.answers_there for plan in plans),
        prompt_tokens=sum(plan.prompt_tokens for plan in plans),
        most_completion_tokens=sum(plan.most_completion_tokens for plan in plans),
        most_usd=sum(known) if len(known) == len(costs) else None,
    )
    for plan in (*plans, every):
        table.add_row(
            Text(visible(plan.arm)),
            f"{plan.calls:,}",
            f"{plan.answers_there:,}",
            f"{plan.prompt_tokens:,}",
            f"{plan.most_completion_tokens:,}",
            "unknown" if plan.most_usd is None else f"{plan.most_usd:.4f}",
            style="bold" if plan is every else "",
        )
    console.print(table)


def make_arm(
    arm: Arm,
    name: str,
    header: RunHeader,
    seeds: int | None,
    folder: Path,
    options: RunOptions,
    config: Config,
    budget: Budget,
    console: Console,
) -> tuple[RunHeader, bool, TruingError | None]:
    """Ask what an arm still owes; its run, whether a person stopped it, and what ended it early.

    No answer comes out of the cache, or a repeat would be none. Raises `RunMismatch` where the
    folder holds another run, `UsageError` where the model cannot be opened by its name.
    """
    try:
        subject = open_subject(arm.model or name, options, config, budget)
    except UnknownName as error:
        raise UsageError(
            f"{error}. The run says no more of its model than {header.model!r}: say how it is "
            "asked today with -m and --base-url"
        ) from error
    now = time.time()
    made = header_for(
        arm.tasks,
        run_id=f"{header.id}.{arm.name}",
        model=subject.name,
        address=given_address(subject.name, options.base_url),
        suite=header.suite,
        settings=arm.settings,
        edition=header.edition,
        seeds_per_task=seeds,
        created_at=now,
        deterministic=subject.capabilities.deterministic,
        oracle=subject.capabilities.sees_reference,
        base_model=not subject.capabilities.chat,
    )
    made = open_folder(folder, made)
    keep_tasks(folder, arm.tasks)
    with JournalWriter(folder / "journal") as journal:
        done = Done(folder)
        budget.spend(done.usd, done.tokens)
        console.print(f"{arm.name}: {len(done)} answers are there", markup=False)
        sitting = Sitting(made, arm.tasks, subject, journal, done)
        stopped, failure = asyncio.run(sitting.run(console))
    write_reports(folder)
    return made, stopped, failure
