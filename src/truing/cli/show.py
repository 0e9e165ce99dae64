"""`truing list` and `truing show`: what there is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from truing import taxonomy
from truing.config import read_config
from truing.errors import UnknownName
from truing.perturbations import PERTURBATIONS
from truing.perturbations.forms import FORMS
from truing.policies.policy import find_policy, policy_names
from truing.reports.text import visible
from truing.tasks import find_suite, find_task, is_task_folder, suites, task_ids
from truing.tasks.perturbed import MARK
from truing.tasks.public_names import PREFIX

__all__ = ["list_command", "show_command"]

KINDS = (
    "categories",
    "tasks",
    "benchmarks",
    "suites",
    "perturbations",
    "policies",
    "scorers",
    "models",
    "runs",
)


@click.command("list")
@click.argument("kind", type=click.Choice(KINDS))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_command(kind: str, as_json: bool) -> int:
    """List categories, tasks, benchmarks, suites, perturbations, scorers, models or runs."""
    rows = {
        "categories": _categories,
        "tasks": _tasks,
        "benchmarks": _benchmarks,
        "suites": _suites,
        "perturbations": _perturbations,
        "policies": _policies,
        "scorers": _scorers,
        "models": _models,
        "runs": _runs,
    }[kind]()
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return 0
    console = Console(highlight=False)
    if not rows:
        console.print(f"no {kind} yet")
        return 0
    table = Table(box=None, pad_edge=False, show_header=len(rows[0]) > 1)
    for number, name in enumerate(rows[0]):
        table.add_column(name, no_wrap=number == 0, style="" if number == 0 else "dim")
    for row in rows:
        table.add_row(*(Text(visible(str(value))) for value in row.values()))
    console.print(table)
    return 0


def _categories() -> list[dict[str, Any]]:
    measured = {find_task(name).card.subcategory for name in task_ids()}
    return [
        {
            "sub-category": sub.id,
            "measured": "yes" if sub.id in measured else "not yet",
            "sides": " / ".join(side.name.replace("_", " ") for side in sub.sides),
        }
        for sub in taxonomy.subcategories().values()
    ]


def _tasks() -> list[dict[str, Any]]:
    tasks = [find_task(name) for name in task_ids()]
    return [
        {
            "task": task.id,
            "seeds": task.seed_count,
            "unit": task.card.unit,
            "title": task.card.title,
        }
        for task in tasks
    ]


def _benchmarks() -> list[dict[str, Any]]:
    from truing.tasks.public import benchmark_names, find_benchmark

    return [
        {
            "task": task,
            "sub-category": card.subcategory,
            "licence": benchmark.source.licence
            + (" (non-commercial)" if benchmark.source.non_commercial else ""),
            "here": "yes" if benchmark.has(task) else "no",
            "from": benchmark.source.address,
        }
        for benchmark in map(find_benchmark, benchmark_names())
        for task, card in benchmark.cards.items()
    ]


def _suites() -> list[dict[str, Any]]:
    own = read_config(None).suites
    return [
        {
            "suite": name,
            "tasks": len(suite.tasks),
            "seeds a task": suite.seeds or "all",
            "about": suite.about or ", ".join(suite.tasks),
        }
        for name, suite in {name: find_suite(name, own) for name in (*suites(), *own)}.items()
    ]


def _perturbations() -> list[dict[str, Any]]:
    return [
        {
            "perturbation": name if found.rate is None else f"{name}:{found.rate:g}",
            "kind": found.kind,
            "about": found.about + ("" if found.choices else " (open requests only)"),
        }
        for name, found in PERTURBATIONS.items()
    ] + [
        {
            "perturbation": name,
            "kind": "form",
            "about": f"{form.about} (as a task: --task TASK+{name})",
        }
        for name, form in FORMS.items()
    ]


def _policies() -> list[dict[str, Any]]:
    return [{"policy": name, "about": find_policy(name).about} for name in policy_names()]


def _scorers() -> list[dict[str, Any]]:
    from truing.scorers import scorer_names

    return [{"scorer": name} for name in scorer_names()]


def _models() -> list[dict[str, Any]]:
    from truing.models import model_names

    return [{"model": name} for name in [*model_names(), "NAME with --base-url URL"]]


def _runs() -> list[dict[str, Any]]:
    from truing.runs import runs_in

    parent = Path(read_config(None).runs)
    return [
        {"run": str(folder), "model": header.model, "suite": header.suite}
        for folder, header in runs_in(parent)
    ]


@click.command("show")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show_command(name: str, as_json: bool) -> int:
    """Show a category, a sub-category, a task (a real sample a side), a policy or a run folder."""
    console = Console(highlight=False, soft_wrap=False)
    if name in {category.id for category in taxonomy.categories()}:
        return _show_category(name, console, as_json=as_json)
    shipped = name.startswith(PREFIX) or name.partition(MARK)[0] in task_ids()
    if shipped or is_task_folder(name):
        return _show_task(name, console, as_json=as_json)
    if (Path(name) / "run.json").exists():
        return _show_run(Path(name), console, as_json=as_json)
    if name in policy_names() or name.endswith(".toml"):
        return _show_policy(name, console, as_json=as_json)
    try:
        sub = taxonomy.find_subcategory(name)
    except UnknownName:
        known = [*(c.id for c in taxonomy.categories()), *taxonomy.subcategories(), *task_ids()]
        known += policy_names()
        raise UnknownName("category, sub-category, task, policy or run", name, known) from None
    tasks = [task for task in task_ids() if find_task(task).card.subcategory == sub.id]
    if as_json:
        click.echo(json.dumps({**msgspec.to_builtins(sub), "tasks": tasks}, indent=1))
        return 0
    console.print(Text.assemble((sub.id, "bold"), f"  {sub.name}\n"))
    fields = {
        "what": sub.definition,
        "failure": sub.failure,
        "example": sub.example,
        "survey": sub.recommendation,
        "measured": sub.measured,
        "headline": sub.headline.replace("_", " "),
    }
    sides = {
        f"side {number}": f"{side.name.replace('_', ' ')}: {side.situation}; "
        f"trustworthy: {side.trustworthy}"
        for number, side in enumerate(sub.sides, 1)
    }
    ends = {
        "public sets": ", ".join(sub.public_sets) or "none",
        "tasks": ", ".join(tasks) or "none yet",
    }
    _print_fields({**fields, **sides, **ends}, console)
    console.print(Text(f"\n{taxonomy.source()}", style="dim"))
    return 0


def _show_category(name: str, console: Console, *, as_json: bool) -> int:
    category = next(c for c in taxonomy.categories() if c.id == name)
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(category), indent=1))
        return 0
    console.print(Text.assemble((category.name, "bold"), f"\n{category.definition}\n"))
    _print_fields({sub.id: sub.definition for sub in category.subcategories}, console)
    return 0


def _show_task(name: str, console: Console, *, as_json: bool) -> int:
    from truing.validation.evidence import evidence_of
    from truing.validation.verdicts import evidence_lines

    task = find_task(name)
    first = {sample.variant: sample for sample in task.samples(limit=1)}
    evidence = evidence_of(task) if MARK not in task.id else None
    content = task.content_hash()
    if as_json:
        shown = {
            **msgspec.to_builtins(task.card),
            "seeds": task.seed_count,
            "content": content,
            "evidence": msgspec.to_builtins(evidence),
            "samples": msgspec.to_builtins(list(first.values())),
        }
        click.echo(json.dumps(shown, indent=1))
        return 0
    card = task.card
    console.print(Text.assemble((card.id, "bold"), f"  {card.title}\n"))
    _print_fields(
        {
            "sub-category": card.subcategory,
            "failure": card.failure,
            **{f"side {side.name}": side.meaning for side in card.sides},
            "unit": f"{card.unit}, headline {card.headline.replace('_', ' ')}",
            "scorer": card.scorer,
            "seeds": f"{task.seed_count}, edition {card.edition}, content {content}",
            "sources": card.sources,
            "licence": card.licence,
            "limits": " ".join(card.limits),
            **(evidence_lines(evidence, content) if evidence else {}),
        },
        console,
    )
    for sample in first.values():
        console.print(Text(f"\n{sample.side} / {sample.variant}: right is {sample.target}", "bold"))
        for tool in sample.tools:
            console.print(Text(visible(f"[tool] {tool.name}: {tool.description}"), "dim"))
        for message in sample.messages:
            if sample.tools:
                console.print(Text(f"[{message.role}]", "dim"))
            console.print(Text(visible(message.full_text)))
    return 0


def _show_policy(name: str, console: Console, *, as_json: bool) -> int:
    policy = find_policy(name)
    if as_json:
        click.echo(json.dumps({**msgspec.to_builtins(policy), "hash": policy.hash}, indent=1))
        return 0
    console.print(Text.assemble((visible(policy.name), "bold"), f"  {visible(policy.about)}\n"))
    unusable = policy.most_unusable
    _print_fields(
        {
            "hash": policy.hash,
            "alpha": f"{policy.alpha:g}, each side one-sided; all must pass",
            "a row needs": f"{policy.fewest_seeds} seeds, at most {policy.most_unscored:.0%} "
            f"unscored" + ("" if unusable is None else f", {unusable:.0%} unusable"),
        },
        console,
    )
    for requirement in policy.requirements:
        sides = ", ".join(requirement.asked_sides or ["every side"])
        rows = ", ".join(requirement.names)
        console.print(Text(visible(f"\n{requirement.at_least:g}  {sides}"), "bold"))
        console.print(Text(visible(f"   {rows}")))
        console.print(Text(visible(f"   {requirement.why}"), "dim"))
    return 0


def _show_run(folder: Path, console: Console, *, as_json: bool) -> int:
    from truing.policies.kept import summarise_run
    from truing.reports.terminal import print_profile
    from truing.reports.verdict_table import print_verdict

    summary = summarise_run(folder)
    if as_json:
        click.echo(msgspec.json.encode(summary).decode())
    else:
        print_profile(summary, console)
        if summary.policy is not None:
            print_verdict(summary.policy, console)
    return 0


def _print_fields(fields: dict[str, str], console: Console) -> None:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in fields.items():
        table.add_row(name, Text(visible(value)))
    console.print(table)
