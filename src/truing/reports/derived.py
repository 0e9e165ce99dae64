"""Whether a panel's or a cascade's verdict follows from those of its members, for the audit."""

from __future__ import annotations

from collections.abc import Mapping

from truing.judges.cascade import read_stage
from truing.judges.panel import panel_label
from truing.judges.specs import parts_of
from truing.records import Judgement

__all__ = ["wrongly_derived"]


def wrongly_derived(
    given: Judgement, verdicts: Mapping[str, Judgement], *, rule_known: bool = True
) -> str | None:
    """What is wrong with a verdict, given those that stood before it; None where nothing is.

    `verdicts` maps scorers' names, the rule's among them where `rule_known`, to verdicts on the
    same text. A single judge's verdict cannot be derived and is never wrong.
    """
    parts = parts_of(given.scorer)
    if parts.kind not in ("panel", "cascade"):
        return None
    must = parts.members
    if parts.kind == "cascade":
        stage = read_stage(given.reason)
        if stage is None:
            return "it does not say by which stage it was decided"
        # Decided: rule and head, who agree. Else the model alone.
        decided = parts.members[:2] if rule_known else parts.members[1:2]
        must = parts.members[2:] if stage.escalated else decided
    missing = [name for name in must if name not in verdicts]
    if missing:
        return f"there is no verdict of {missing[0]}"
    said = [verdicts[name] for name in must]
    labels = {panel_label(said)} if parts.kind == "panel" else {each.label for each in said}
    if labels != {given.label}:
        return f"it is {given.label}, and its members make it {' and '.join(sorted(labels))}"
    return None
