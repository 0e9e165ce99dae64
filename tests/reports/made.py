"""Runs made by hand for the tests of reports."""

from __future__ import annotations

from typing import Any

from truing.journal import JudgementLine, Line, ResponseLine
from truing.records import (
    Choice,
    Elicitation,
    Fault,
    FaultKind,
    Judgement,
    Message,
    Outcome,
    Response,
    Role,
    Sample,
    Settings,
    judged_hash,
)
from truing.runs import RunHeader, SideHeader, TaskHeader


def header(task: str = "t/one", *, samples: int = 4, **changes: Any) -> RunHeader:
    sides = [SideHeader(name="left", meaning="m1"), SideHeader(name="right", meaning="m2")]
    fields: dict[str, Any] = {
        "id": task,
        "subcategory": "safety.violence",
        "title": "title",
        "edition": "1",
        "failure": "it fails",
        "unit": "sample",
        "headline": "worse_side",
        "scorer": "s@1",
        "sides": sides,
        "columns": ["position_chosen"],
        "content": "0",
        "samples": samples,
    }
    fields |= changes.pop("task_fields", {})
    whole: dict[str, Any] = {
        "truing": "0",
        "id": "run-1",
        "model": "m",
        "address": None,
        "suite": "s",
        "tasks": [TaskHeader(**fields)],
        "settings": Settings(),
        "edition": 0,
        "seeds_per_task": None,
        "created_at": 0.0,
        "packages": {},
        "machine": {},
    }
    return RunHeader(**(whole | changes))


def sample(name: str, side: str = "left", cluster: str = "c", **changes: Any) -> Sample:
    fields: dict[str, Any] = {
        "id": name,
        "task": "t/one",
        "messages": (Message(role=Role.USER, text="question"),),
        "target": "A",
        "side": side,
        "cluster": cluster,
        "variant": side,
        "choices": (
            Choice(label="A", text="x", role="right"),
            Choice(label="B", text="y", role="wrong"),
        ),
    }
    return Sample(**(fields | changes))


def answered(
    own: Sample,
    outcome: Outcome,
    *,
    text: str = "A",
    label: str = "right",
    epoch: int = 0,
    reason: str = "because",
    **response: Any,
) -> list[Line]:
    fields: dict[str, Any] = {
        "text": text,
        "prompt_tokens": 3,
        "completion_tokens": 1,
        "cost_usd": 0.25,
        "elicitation": Elicitation.PARSED,
    }
    return [
        ResponseLine(epoch=epoch, sample=own, response=Response(**(fields | response)), at=0.0),
        JudgementLine(
            epoch=epoch,
            sample=own.id,
            judgement=Judgement(
                outcome=outcome,
                label=label,
                scorer="s@1",
                judged=judged_hash(text),
                reason=reason,
            ),
        ),
    ]


def failed(own: Sample, detail: str = "no answer in time") -> list[Line]:
    fault = Fault(kind=FaultKind.TIMEOUT, detail=detail)
    return answered(own, Outcome.UNSCORED, text="", label="timeout", fault=fault)
