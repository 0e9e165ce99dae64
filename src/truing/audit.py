"""Derives everything in a run folder again and says where it does not add up.

Reads the run alone, plus the scorers and, where they are installed, the tasks it names.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import msgspec

from truing.errors import TruingError
from truing.journal import JudgementLine, ResponseLine, TornLines, read_journal
from truing.policies.kept import summarise_run
from truing.records import (
    JUDGE_PREFIX,
    RECORDED_LABEL,
    Judgement,
    Response,
    Sample,
    content_hash,
    judged_hash,
)
from truing.reports.canaries import canary_findings
from truing.reports.derived import wrongly_derived
from truing.reports.profile import Row, Summary
from truing.runs import RunHeader, read_header, task_of
from truing.scorers import find_scorer
from truing.scorers.scorer import verdict_on
from truing.tasks import Task

__all__ = ["Audit", "audit_run"]


class Audit(msgspec.Struct, kw_only=True):
    """What was checked, and every finding; none means that the run adds up."""

    answers: int = 0
    judgements: int = 0
    torn_lines: int = 0
    owed: int = 0
    asked_again: int = 0
    """Answers for a sample and epoch that had a good answer already: paid for twice."""
    findings: list[str] = []


async def audit_run(folder: Path) -> Audit:
    """Check a run: hashes, verdicts, counts, and every number of its summary.

    Raises `JournalError` where the folder cannot be read at all.
    """
    header = read_header(folder)
    audit = Audit(findings=[])
    torn = TornLines()
    answers: dict[tuple[str, int], tuple[Sample, Response]] = {}
    judged: Counter[tuple[str, int]] = Counter()
    said: dict[tuple[str, int], dict[str, Judgement]] = {}
    tasks: dict[str, Task] = {}
    expected = _expected_samples(folder, header, tasks, audit)
    for line in read_journal(folder / "journal", torn):
        if isinstance(line, ResponseLine):
            _check_answer(line, answers, expected, audit)
        elif isinstance(line, JudgementLine):
            await _check_judgement(line, answers, judged, audit)
            # Judged again by another rule, a run keeps what a cascade made of the first.
            _check_derived(line, said, audit, rule_known=header.rescored_from is None)
            if expected is not None and (line.sample, line.epoch) in answers:
                sample, label = answers[(line.sample, line.epoch)][0], line.judgement.label
                later = tasks[sample.task].follow(sample, label, edition=header.edition)
                expected |= set() if later is None else {later.id}
    unjudged = [key for key, (_, response) in answers.items() if not judged[key]]
    if unjudged:
        audit.findings.append(f"{len(unjudged)} answers have no verdict yet: run it again")
    audit.torn_lines = torn.count
    audit.findings += canary_findings(folder)
    summary = summarise_run(folder)
    audit.owed = summary.owed
    _check_summary(folder, summary, audit)
    return audit


def _expected_samples(
    folder: Path, header: RunHeader, tasks: dict[str, Task], audit: Audit
) -> set[str] | None:
    """Ids of the samples the run should hold, or None where its tasks are not at hand.

    Of rounds that depend on answers, the first are here; the others follow from the verdicts.
    """
    ids: set[str] = set()
    if header.own_texts:
        return None  # the texts are not here: samples are checked by hash alone
    for task_header in header.tasks:
        if task_header.id.startswith("survey_recorded/"):
            return None  # recorded answers: their samples are checked by hash alone
        try:
            task = tasks[task_header.id] = task_of(folder, task_header.id)
        except TruingError as error:
            audit.findings.append(f"{task_header.id} cannot be checked against its task: {error}")
            return None
        own = task.content_hash(edition=header.edition)
        if own != task_header.content:
            audit.findings.append(
                f"{task.id}: the task has changed since (content {own}, "
                f"the run's is {task_header.content}); its samples are checked by hash alone"
            )
            return None
        ids |= {
            sample.id
            # A row that is asked until it is decided may go on past its plan.
            for sample in task.samples(
                edition=header.edition,
                limit=None if task_header.draw else header.seeds_per_task,
            )
        }
    return ids


def _check_answer(
    line: ResponseLine,
    answers: dict[tuple[str, int], tuple[Sample, Response]],
    expected: set[str] | None,
    audit: Audit,
) -> None:
    audit.answers += 1
    sample, key = line.sample, (line.sample.id, line.epoch)
    if content_hash(msgspec.structs.replace(sample, id="")) != sample.id:
        audit.findings.append(f"sample {sample.id} of {sample.task} is not what its hash says")
    if expected is not None and sample.id not in expected:
        audit.findings.append(f"sample {sample.id} of {sample.task} is not one of this run's")
    before = answers.get(key)
    if before is not None and before[1].settled:
        audit.asked_again += 1
        audit.findings.append(f"sample {sample.id}, epoch {line.epoch} was asked again")
    answers[key] = (sample, line.response)


async def _check_judgement(
    line: JudgementLine,
    answers: dict[tuple[str, int], tuple[Sample, Response]],
    judged: Counter[tuple[str, int]],
    audit: Audit,
) -> None:
    audit.judgements += 1
    key = (line.sample, line.epoch)
    if key not in answers:
        audit.findings.append(f"a verdict on sample {line.sample}, which has no answer")
        return
    sample, response = answers[key]
    given = line.judgement
    by_rule = not given.scorer.startswith(JUDGE_PREFIX)
    judged[key] += by_rule
    if given.judged != judged_hash(response.text):
        audit.findings.append(f"the verdict on sample {sample.id} is about another text")
        return
    if response.fault is not None or not by_rule or given.scorer == RECORDED_LABEL:
        return  # a judge's verdict is bound to its text; asking again would be another verdict
    try:
        again = await verdict_on(find_scorer(given.scorer), sample, response)
    except TruingError as error:
        audit.findings.append(f"the verdict on sample {sample.id} cannot be derived: {error}")
        return
    if (again.outcome, again.label) != (given.outcome, given.label):
        audit.findings.append(
            f"sample {sample.id}: the journal says {given.outcome} ({given.label}), "
            f"{given.scorer} says {again.outcome} ({again.label})"
        )


def _check_derived(
    line: JudgementLine,
    said: dict[tuple[str, int], dict[str, Judgement]],
    audit: Audit,
    *,
    rule_known: bool,
) -> None:
    """A panel's or a cascade's verdict follows from those that stand before it."""
    given = line.judgement
    before = said.setdefault((line.sample, line.epoch), {})
    wrong = None
    if given.scorer.startswith(JUDGE_PREFIX):
        wrong = wrongly_derived(given, before, rule_known=rule_known)
    if wrong is not None:
        audit.findings.append(
            f"sample {line.sample}: the verdict of {given.scorer} does not follow: {wrong}"
        )
    before[given.scorer] = given


def _check_summary(folder: Path, summary: Summary, audit: Audit) -> None:
    file = folder / "summary.json"
    try:
        stored = msgspec.json.decode(file.read_bytes())
    except FileNotFoundError:
        audit.findings.append("there is no summary.json: truing report makes one")
        return
    except (OSError, msgspec.DecodeError) as error:
        audit.findings.append(f"summary.json cannot be read: {error}")
        return
    derived = msgspec.json.decode(msgspec.json.encode(summary))
    if not isinstance(stored, dict):
        audit.findings.append("summary.json is not an object")
        return
    for name, value in derived.items():
        if name == "rows":
            _check_rows(value, stored.get("rows"), audit)
        elif _differs(stored, name, value, Summary):
            audit.findings.append(f"summary.json: {name} is {stored.get(name)}, derived: {value}")


def _differs(stored: dict[str, object], name: str, value: object, shape: type) -> bool:
    """Whether a field is not what is derived; one that an older truing did not know may lack."""
    if name in stored:
        return not _same(stored[name], value)
    optional = {field.name for field in msgspec.structs.fields(shape) if not field.required}
    return name not in optional


def _same(stored: object, derived: object) -> bool:
    """Whether what is stored is derived; figures within a field that came later may lack."""
    if isinstance(stored, dict) and isinstance(derived, dict):
        return all(key in derived and _same(value, derived[key]) for key, value in stored.items())
    if isinstance(stored, list) and isinstance(derived, list):
        return len(stored) == len(derived) and all(map(_same, stored, derived))
    return stored == derived


def _check_rows(derived: list[dict[str, object]], stored: object, audit: Audit) -> None:
    rows = stored if isinstance(stored, list) else []
    known = {row.get("task"): row for row in rows if isinstance(row, dict)}
    for row in derived:
        there = known.pop(row["task"], None)
        if there is None:
            audit.findings.append(f"summary.json lacks the row {row['task']}")
            continue
        differing = [name for name, value in row.items() if _differs(there, name, value, Row)]
        if differing:
            name = differing[0]
            audit.findings.append(
                f"summary.json, {row['task']}: {name} is {there.get(name)}, derived: {row[name]}"
            )
    for extra in known:
        audit.findings.append(f"summary.json has a row that the run has not: {extra}")
