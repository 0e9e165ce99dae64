"""`truing audit`: does a run add up?"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import click
import msgspec

from truing.audit import audit_run
from truing.reports.text import visible

__all__ = ["audit_command"]

SHOWN = 20


@click.command("audit")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the audit as JSON.")
def audit_command(run: Path, as_json: bool) -> int:
    """Derive every number of RUN again from its journal; exit 1 where something is off."""
    audit = asyncio.run(audit_run(run))
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(audit) + b"\n")
        return 1 if audit.findings else 0
    click.echo(
        f"{audit.answers} answers, {audit.judgements} verdicts, {audit.owed} owed, "
        f"{audit.torn_lines} torn lines, {audit.asked_again} asked again"
    )
    for finding in audit.findings[:SHOWN]:
        click.echo(f"- {visible(finding)}")
    if len(audit.findings) > SHOWN:
        click.echo(f"- and {len(audit.findings) - SHOWN} more")
    click.echo("does not add up" if audit.findings else "adds up")
    return 1 if audit.findings else 0
