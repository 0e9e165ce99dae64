"""A block of evidence as findings, and as lines for people. Computes nothing."""

from __future__ import annotations

from collections.abc import Iterator

from truing.reports.text import rate
from truing.validation.evidence import Evidence
from truing.validation.finding import Finding

__all__ = ["evidence_lines", "judged"]

LEAST_KAPPA = 0.8
"""Krippendorff 2004, Content Analysis: below it, no conclusions are drawn from the labels."""
MOST_OVERLAP = 0.02
_WITHIN = {"within": "within", "not within": "not within", "undecided": "undecided whether within"}


def evidence_lines(evidence: Evidence, content: str) -> dict[str, str]:
    """What a reader of a card should know, by name; `content` is the task's hash today."""
    everything = list(judged(evidence))
    findings = {finding.check: finding for finding in everything}
    failing = [f"{f.check} ({f.figure})" for f in everything if f.ok is False]
    state = f"of {evidence.date}, truing {evidence.truing}"
    if evidence.content != content:
        state += "; OUT OF DATE: card or seeds have changed since"
    if failing:
        state += f"; does not hold: {', '.join(failing)}"
    lines = {
        "evidence": state,
        "blind relabelling": _told(findings["blind relabelling"]),
        "trivial models": _policies(findings),
        "shortcuts": "; ".join(f"{f.check} {f.figure}" for f in evidence.shortcuts),
        "public sets": findings["overlap with public sets"].figure,
        "split halves": _told(findings["split halves"]),
        "two editions": "; ".join(_told(f) for f in _editions(evidence)),
        "generated": ", ".join(
            f"{name.replace('_', ' ')} {value}"
            for name, value in evidence.generated.items()
            if isinstance(value, str | int | float)
        ),
    }
    return {name: line for name, line in lines.items() if line}


def _policies(findings: dict[str, Finding]) -> str:
    names = ("floor", "trivial models", "oracle", "anti-oracle", "near-duplicates across seeds")
    there = [(name, findings[name]) for name in names if name in findings]
    return ", ".join(f"{name.removesuffix(' models')} {rate(found.value)}" for name, found in there)


def _told(finding: Finding) -> str:
    return finding.figure + (f"; {finding.detail}" if finding.detail else "")


def judged(evidence: Evidence) -> Iterator[Finding]:
    """Everything in a block, as findings in one order."""
    yield from (*evidence.form, *evidence.policies, *evidence.shortcuts)
    yield _relabelled(evidence)
    yield _halves(evidence)
    yield from _editions(evidence)
    yield _overlap(evidence)


def _relabelled(evidence: Evidence) -> Finding:
    found = evidence.relabelled
    if found is None:
        return _absent(evidence, "relabelled", "blind relabelling")
    first, present = found.first, found.present
    kappa = present.kappa
    figure = (
        f"kappa {_interval(first.kappa, first.low, first.high)} at first of {first.items} items, "
        f"{_interval(kappa, present.low, present.high)} of the {present.items} that stand; "
        f"agreed {_interval(present.agreed, present.agreed_low, present.agreed_high)}"
    )
    return Finding(
        check="blind relabelling",
        ok=None if kappa is None else kappa >= LEAST_KAPPA,
        figure=figure,
        detail=f"read by {', '.join(found.readers)}; dropped {found.dropped} seeds, "
        f"changed {found.changed}" + (f"; {found.lost} answers lost" if found.lost else ""),
        value=kappa,
        margin=None if kappa is None else kappa - LEAST_KAPPA,
    )


def _halves(evidence: Evidence) -> Finding:
    found = evidence.split_halves
    if found is None:
        return _absent(evidence, "split_halves", "split halves")
    shown = "; ".join(
        f"{run.model}, edition {run.edition}: halves differ by {_number(run.difference)}"
        for run in found.runs
    )
    if found.reliability is None:
        return Finding(check="split halves", ok=None, figure=found.why_not, detail=shown)
    figure = f"reliability {found.reliability:.2f} over {found.models} models"
    return Finding(
        check="split halves", ok=None, figure=figure, detail=shown, value=found.reliability
    )


def _editions(evidence: Evidence) -> Iterator[Finding]:
    if not evidence.editions:
        yield _absent(evidence, "editions", "two editions")
    for two in evidence.editions:
        yield Finding(
            check="two editions",
            ok={"within": True, "not within": False, "undecided": None}[two.verdict],
            figure=f"{_interval(two.difference, two.low, two.high)}, {_WITHIN[two.verdict]} .05",
            detail=f"{two.model}, editions {two.editions[0]} and {two.editions[1]}",
            value=two.difference,
        )


def _overlap(evidence: Evidence) -> Finding:
    found = evidence.overlap
    if found is None:
        return _absent(evidence, "overlap", "overlap with public sets")
    return Finding(
        check="overlap with public sets",
        ok=found.share < MOST_OVERLAP,
        figure=f"{found.alike} of {found.prompts} prompts, against {found.against} "
        f"of {len(found.sets)} sets",
        detail="; ".join(found.examples),
        value=found.share,
        margin=MOST_OVERLAP - found.share,
    )


def _absent(evidence: Evidence, part: str, check: str) -> Finding:
    return Finding(check=check, ok=None, figure=evidence.missing.get(part, "not known"))


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _interval(value: float | None, low: float | None, high: float | None) -> str:
    if value is None or low is None or high is None:
        return "-"
    return f"{value:.2f} [{low:.2f}, {high:.2f}]"
