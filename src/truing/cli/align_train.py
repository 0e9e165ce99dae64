"""`truing align train`: an adapter from an export."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.text import Text

from truing.alignment.exporting import read_records
from truing.alignment.recipe import METHODS, Recipe, recipe_for
from truing.cli.options import read_parameter
from truing.errors import UsageError
from truing.models import DEFAULT_MODEL
from truing.reports.text import duration, visible

__all__ = ["train_command"]

_SETTINGS = ", ".join(field for field in Recipe.__struct_fields__ if field != "method")


@click.command("train")
@click.argument("export", type=click.Path(path_type=Path))
@click.option("--method", type=click.Choice(METHODS), required=True)
@click.option(
    "-m", "--model", help=f"Base model, hf/... or embedded/... [default: {DEFAULT_MODEL}]."
)
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="Adapter folder.")
@click.option(
    "--set", "given", multiple=True, metavar="NAME=VALUE", help=f"A setting: {_SETTINGS}."
)
@click.option("--offline", is_flag=True, help="Fetch nothing: weights must be here already.")
@click.option("--dry-run", is_flag=True, help="One step for time and memory; write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the adapter's card as JSON.")
def train_command(
    export: Path,
    method: str,
    model: str | None,
    out: Path,
    given: tuple[str, ...],
    offline: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Train a LoRA adapter on an EXPORT; the same command goes on where it was stopped.

    \b
    truing align train data/base --method sft -o adapters/first
    truing run -m hf/embedded/smollm2-135m+adapters/first
    """  # noqa: D301 - click wants the character itself
    from truing.alignment.training import Step, train_adapter, try_step

    try:
        recipe = recipe_for(method, **dict(map(read_parameter, given)))  # type: ignore[arg-type]
    except msgspec.ValidationError as error:
        raise UsageError(f"--set: {error}; known settings: {_SETTINGS}") from error
    _, records = read_records(export)
    data_hash = hashlib.sha256((export / "records.jsonl").read_bytes()).hexdigest()[:16]
    base = _base(model or DEFAULT_MODEL)
    console = Console(stderr=True, highlight=False)
    if dry_run:
        tried = try_step(base, records, recipe, offline=offline)
        out_console = Console(highlight=False)
        out_console.print(
            f"{tried.records} records, {tried.left_out_long} too long; {tried.steps} steps of "
            f"{recipe.batch}; a step takes {tried.seconds:.1f} s: about "
            f"{duration(tried.steps * tried.seconds)}; memory {tried.megabytes:,.0f} MB",
            markup=False,
            soft_wrap=True,
        )
        return 0

    def tell(step: Step) -> None:
        left = step.seconds / step.step * (step.steps - step.step)
        console.print(
            f"step {step.step}/{step.steps}  loss {step.loss:.4f}  {duration(left)} left",
            markup=False,
        )

    card = train_adapter(
        base, records, recipe, out, data_hash=data_hash, tell=tell, offline=offline
    )
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(card) + b"\n")
        return 0
    said = Console(highlight=False)
    said.print(
        Text(
            visible(
                f"{card.records} records, {len(card.losses)} steps in {duration(card.seconds)}, "
                f"loss {card.losses[0]:.3f} -> {card.losses[-1]:.3f}"
            )
        )
    )
    said.print(Text(visible(f"adapter {out}")), soft_wrap=True)
    said.print(Text(visible(f"measure it: truing run -m hf/{base}+{out}")), soft_wrap=True)
    return 0


def _base(name: str) -> str:
    """What stands after `hf/`."""
    return name.removeprefix("hf/")
