"""`truing reproduce RUN`: a stored run made again, and what moves its rates."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console

from truing.audit import audit_run
from truing.cli.arms import make_arm, plan_arm, print_arms
from truing.cli.opening import open_budget
from truing.cli.options import RunOptions
from truing.cli.reproduced import print_reproduced
from truing.comparison.of_runs import measured_run
from truing.config import Config, read_config
from truing.errors import BudgetSpent, JournalError, TruingError, UsageError
from truing.models import given_address
from truing.models.local_weights import variants
from truing.perturbations.forms import FORMS
from truing.reproducing.arms import Arms, plan_arms, read_sources
from truing.reproducing.checking import changed_since, reopen_tasks
from truing.reproducing.reproduced import Reproduced, reproduce
from truing.runs import RunHeader, read_header, write_atomically
from truing.tasks import Task

__all__ = ["reproduce_command"]

_FORMATS = ("q8_0", "q4_1", "q4_0")
"""The first is what the embedded engine runs where nothing else is said."""
_FINDINGS = 3


@click.command("reproduce")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("-n", "--seeds", type=click.IntRange(2), help="Seeds a task [default: the run's].")
@click.option(
    "--arms",
    metavar="SOURCE,...",
    help="What to vary: again, seed, epoch, form, quantisation, judge [default: all that fit].",
)
@click.option(
    "-k",
    "--repeats",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Times that again, seed and epoch are asked.",
)
@click.option("--task", "tasks", multiple=True, metavar="ID", help="A row of the run, not all.")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Folder [RUN-reproduced].")
@click.option("-m", "--model", help="How the run's model is asked today, where it has moved.")
@click.option("--base-url", help="Address of its server [default: the run's].")
@click.option("--key-env", metavar="NAME", help="Environment variable that holds the key.")
@click.option("-j", "--concurrency", type=click.IntRange(1), help="Most calls in flight.")
@click.option("--rpm", type=click.FloatRange(0, min_open=True), help="Most calls a minute.")
@click.option("--tpm", type=click.FloatRange(0, min_open=True), help="Most tokens a minute.")
@click.option("--max-cost", type=click.FloatRange(0), metavar="USD", help="Most it may cost.")
@click.option("--max-tokens-total", type=click.IntRange(0), help="Most tokens it may use.")
@click.option("--max-time", metavar="T", help="Longest it may take: 90s, 30m, 2h.")
@click.option("--timeout", type=click.FloatRange(1), default=120.0, help="Seconds a call may take.")
@click.option("--template", type=click.Path(path_type=Path), help="Request of target/http.")
@click.option("--config", type=click.Path(path_type=Path), help="Config file [truing.toml].")
@click.option("--offline", is_flag=True, help="Fetch nothing: weights must be here already.")
@click.option("--dry-run", is_flag=True, help="Say what would be called and cost; call nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
def reproduce_command(
    run: Path,
    seeds: int | None,
    arms: str | None,
    repeats: int,
    tasks: tuple[str, ...],
    out: Path | None,
    dry_run: bool,
    as_json: bool,
    model: str | None,
    config: Path | None,
    base_url: str | None,
    **given: Any,
) -> int:
    """Make a stored run again and say what moves its rates: items, repeats, form, weights, judges.

    Each arm is a run of its own below the folder; the same command again goes on where it stopped.
    No answer is taken from the cache.

    \b
    truing reproduce runs/mine --dry-run           what it would call
    truing reproduce runs/mine -n 40               forty seeds a task
    truing reproduce runs/mine --arms again,form
    """  # noqa: D301 - click wants the character itself
    header = read_header(run)
    wanted = read_sources(arms)
    chosen = reopen_tasks(run, header, tasks)
    if seeds and header.until_decided is not None:
        raise UsageError(
            "-n: the run was asked until it was decided: all it came to is asked again"
        )
    limit = min(filter(None, (seeds, header.seeds_per_task)), default=None)
    settings = msgspec.structs.replace(read_config(config), base_url=None, key_env=None)
    name = model or header.model
    address = base_url or header.address
    options = RunOptions(
        # The address that the environment gives is the provider's, and its key goes there.
        base_url=None if address == given_address(name, None) else address,
        edition=header.edition,
        no_cache=True,
        **given,
    )
    unsent = measured_run(run).settings["temperature"] == "not sent"
    planned = plan_arms(
        run,
        header,
        chosen,
        wanted,
        repeats=repeats,
        forms=list(FORMS),
        variants=_other_formats(name),
        draws=unsent or header.settings.temperature > 0,
    )
    out = out or run.resolve().with_name(f"{run.resolve().name}-reproduced")
    if out.resolve().is_relative_to(run.resolve()):
        raise UsageError(f"-o: {out} lies in the run itself, which stays as it is: name another")
    console = Console(stderr=True, highlight=False)
    plans = [
        plan_arm(arm, name, address, header, limit, out / arm.name, settings)
        for arm in planned.arms
    ]
    if dry_run and as_json:
        sys.stdout.buffer.write(msgspec.json.encode(plans) + b"\n")
        return 0
    print_arms(plans, name, address, Console(highlight=False) if dry_run else console)
    if dry_run:
        click.echo("nothing was called: this was a dry run")
        return 0
    stopped, failure = _make(planned, name, header, limit, out, options, settings, console)
    result = _result(run, header, chosen, planned, out, limit)
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(result) + b"\n")
    else:
        print_reproduced(result, out, Console(highlight=False))
    if isinstance(failure, BudgetSpent):
        console.print(f"truing: {failure}", markup=False, soft_wrap=True)
    elif failure:
        raise failure
    return 130 if stopped else 0


def _other_formats(name: str) -> dict[str, str]:
    """Number format -> model, of the formats that the run's weights were not in."""
    kind, slash, rest = name.partition("/")
    base, _, own = rest.partition("@")
    if not slash or kind != "embedded" or importlib.util.find_spec("gguf") is None:
        return {}
    own = own or _FORMATS[0]
    return {
        other: f"{kind}/{base}@{other}"
        for other in _FORMATS
        if other != own and other in variants(base)
    }


def _make(
    planned: Arms,
    name: str,
    header: RunHeader,
    seeds: int | None,
    out: Path,
    options: RunOptions,
    config: Config,
    console: Console,
) -> tuple[bool, TruingError | None]:
    """Every arm, one after the other, until one is stopped or fails."""
    budget = open_budget(options, config)
    for arm in planned.arms:
        _, stopped, failure = make_arm(
            arm, name, header, seeds, out / arm.name, options, config, budget, console
        )
        if stopped or failure:
            return stopped, failure
    return False, None


def _result(
    run: Path,
    header: RunHeader,
    tasks: list[Task],
    planned: Arms,
    out: Path,
    seeds: int | None,
) -> Reproduced:
    folders = {
        arm.name: out / arm.name for arm in planned.arms if (out / arm.name / "run.json").exists()
    }
    same = [read_header(folders[a.name]) for a in planned.arms if a.name in folders and not a.model]
    result = reproduce(
        run,
        header,
        tasks,
        planned,
        folders,
        seeds=seeds,
        changed=changed_since(header, same[-1]) if same else [],
        findings=asyncio.run(audit_run(run)).findings[:_FINDINGS],
    )
    try:
        out.mkdir(mode=0o700, parents=True, exist_ok=True)
        encoded = msgspec.json.format(msgspec.json.encode(result), indent=1)
        write_atomically(out / "reproduce.json", encoded + b"\n")
    except OSError as error:
        raise JournalError(f"cannot write to {out}: {error.strerror or error}") from error
    return result
