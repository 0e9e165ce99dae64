"""Brings together what is known of one task: what is checked now, and what is kept from before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Any

from truing.errors import MissingExtra
from truing.tasks import Task
from truing.validation.checks import check_form, check_policies
from truing.validation.evidence import Evidence
from truing.validation.overlap import find_overlap
from truing.validation.readings import lost_now, summarise_readings
from truing.validation.relabelling import Given, Read
from truing.validation.reliability import compare_editions, split_halves
from truing.validation.run_answers import RunRow
from truing.validation.shortcuts import check_shortcuts

__all__ = ["gather"]

_NO_RUN = "no stored run was given: --run RUN"
_NO_READER = "nobody has read it yet: --blind FILE, then --labels FILE"
_NO_PUBLIC = "no public set is on this machine: truing import NAME, or --public DIR"


async def gather(
    task: Task,
    before: Evidence | None,
    *,
    date: str,
    rows: Sequence[RunRow] | None = None,
    kept: Sequence[Given] = (),
    read: Read | None = None,
    public: Mapping[str, list[str]] | None = None,
    chosen: bool = True,
) -> Evidence:
    """The evidence of a task as it is now.

    Form, policies and shortcuts are checked anew. What `rows` (of stored runs), `public` (prompts)
    or scikit-learn would be needed for is kept from before where they are absent and the block
    speaks of the same content; so is the comparison with more public sets than happen to be here,
    where they were not `chosen`. What a generator wrote is always kept.
    """
    content = task.content_hash()
    valid = before if before is not None and before.content == content else None
    policies = list(await check_policies(task))
    parts: dict[str, Any] = {}
    missing: dict[str, str] = {}

    floor = next(finding.value or 0.0 for finding in policies if finding.check == "floor")
    try:
        parts["shortcuts"] = list(check_shortcuts(task, floor))
    except MissingExtra as error:
        parts["shortcuts"] = valid.shortcuts if valid else []
        missing["shortcuts"] = str(error)
    if rows:
        parts |= {"split_halves": split_halves(rows), "editions": compare_editions(rows)}
    elif valid is not None:
        parts |= {"split_halves": valid.split_halves, "editions": valid.editions}
    compared = valid.overlap if valid is not None else None
    if public and (chosen or compared is None or set(compared.sets) <= set(public)):
        parts["overlap"] = find_overlap(task, public)
    else:
        parts["overlap"] = compared
    lost = lost_now(before.relabelled if before else None, read)
    parts["relabelled"] = summarise_readings(task, kept, lost=lost)
    two = "no model was asked two editions under the same settings"
    reasons = {
        "shortcuts": missing.get("shortcuts", ""),
        "split_halves": _NO_RUN,
        "editions": two if parts.get("split_halves") else _NO_RUN,
        "overlap": _NO_PUBLIC,
        "relabelled": _NO_READER,
    }
    return Evidence(
        content=content,
        date=date,
        truing=metadata.version("truing"),
        form=list(check_form(task)),
        policies=policies,
        canary=task.card.canary,
        missing={name: why for name, why in reasons.items() if not parts.get(name)},
        generated=before.generated if before else {},
        **parts,
    )
