"""Judged answers out of runs: the model's own, several models', and the references of the set.

Only clusters of the `align` part are read; what lies in `measure` is counted and left alone.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import msgspec

from truing.alignment.answers import JudgedAnswer, Prompt, prompt_key
from truing.alignment.references import add_references
from truing.errors import UnknownName, UsageError
from truing.journal import ResponseLine, read_journal
from truing.records import Judgement, Message, Outcome, Response, Role, Sample, judged_hash
from truing.runs import RunHeader, TaskHeader, read_header
from truing.scorers import find_scorer
from truing.tasks.parts import Part, part_of

__all__ = ["RunAnswers", "answers_of_runs"]

_SENTENCE_END = re.compile(r"""[.!?]["')”]?(?=\s)""")
_FEWEST_WORDS = 8
_BY_OUTCOME = ("calibration", "explanation")


class RunAnswers(msgspec.Struct, kw_only=True):
    """What was read, and what was not and why."""

    prompts: list[Prompt]
    held_back: int = 0
    """Answers of the `measure` part."""
    left_out: dict[str, int] = {}
    """Reason -> answers."""
    samples: dict[str, Sample] = {}
    """Prompt's key -> what was asked."""
    scorers: dict[str, str] = {}
    """Task -> its scorer."""
    failures: dict[str, str] = {}
    """Task -> what its failure is, in words."""


def answers_of_runs(
    folders: Sequence[Path],
    *,
    rows: Collection[str] | None = None,
    references: bool = True,
    licences: dict[str, str] | None = None,
    repair: Callable[[RunAnswers], None] = lambda _: None,
) -> RunAnswers:
    """The judged answers of some runs, by prompt, in the order first asked.

    `rows` names the tasks wanted (all with None). `references` adds a known good and a known bad
    answer of the set to each prompt, where it has them and no model has one of its own; before that
    `repair` may add to the models' own. Raises `JournalError` where a folder is no run,
    `UsageError` where two runs asked under different system messages.
    """
    found = RunAnswers(prompts=[])
    by_key: dict[str, Prompt] = {}
    systems = set()
    for folder in folders:
        header = read_header(folder)
        systems.add(header.settings.system)
        if len(systems) > 1:
            raise UsageError(f"{folder}: asked under another system message than the run before it")
        found.scorers |= {task.id: task.scorer for task in header.tasks}
        found.failures |= {task.id: task.failure for task in header.tasks}
        _read_run(folder, header, rows, by_key, found, licences or {})
    found.prompts = list(by_key.values())
    repair(found)
    if references:
        add_references(found.prompts, found.samples, found.scorers)
    return found


def _read_run(
    folder: Path,
    header: RunHeader,
    rows: Collection[str] | None,
    by_key: dict[str, Prompt],
    found: RunAnswers,
    licences: dict[str, str],
) -> None:
    tasks = {task.id: task for task in header.tasks if not rows or task.id in rows}
    asked: dict[tuple[str, int], tuple[Sample, Response]] = {}
    verdicts: dict[tuple[str, int], Judgement] = {}
    for line in read_journal(folder / "journal"):
        if isinstance(line, ResponseLine):
            if line.sample.task in tasks and not line.sample.control:
                asked[(line.sample.id, line.epoch)] = (line.sample, line.response)
            continue
        there = asked.get((line.sample, line.epoch))
        if there is not None and line.judgement.scorer == tasks[there[0].task].scorer:
            verdicts[(line.sample, line.epoch)] = line.judgement
    for key, (sample, response) in asked.items():
        if part_of(sample.task, sample.cluster) is Part.MEASURE:
            found.held_back += 1
            continue
        task, verdict = tasks[sample.task], verdicts.get(key)
        reason = _unfit(task, sample, response, verdict)
        if reason or verdict is None:
            found.left_out[reason] = found.left_out.get(reason, 0) + 1
            continue
        prompt = _prompt(sample, header, task.subcategory, by_key, found.samples, licences)
        said, judged = response, verdict
        if response.truncated and not sample.choices:
            said, judged = _to_last_sentence(task, sample, response, verdict)
        prompt.answers.append(
            JudgedAnswer(
                text=said.text,
                good=judged.outcome is Outcome.TRUSTWORTHY,
                label=judged.label,
                scorer=judged.scorer,
                judged=judged.judged,
                probability=judged.probability,
                source=header.model,
                run=header.id,
                epoch=key[1],
                truncated=said.truncated,
            )
        )


def _to_last_sentence(
    task: TaskHeader, sample: Sample, response: Response, verdict: Judgement
) -> tuple[Response, Judgement]:
    """An answer that was cut off, as far as its last whole sentence, and judged anew.

    As it is where it has no such sentence or its scorer is not at hand.
    """
    ends = [match.end() for match in _SENTENCE_END.finditer(response.text)]
    if not ends or len(response.text[: ends[-1]].split()) < _FEWEST_WORDS:
        return response, verdict
    try:
        scorer = find_scorer(task.scorer)
    except UnknownName:
        return response, verdict
    whole = Response(text=response.text[: ends[-1]], stop_reason="stop")
    return whole, asyncio.run(scorer.judge(sample, whole))


def _unfit(task: TaskHeader, sample: Sample, response: Response, verdict: Judgement | None) -> str:
    """Why an answer is no material, or nothing."""
    if task.headline in _BY_OUTCOME or sample.history:
        return "no single right answer: judged over several answers"
    if response.fault is not None or verdict is None:
        return "no answer or no verdict"
    if verdict.outcome is Outcome.UNSCORED:
        return "unscored"
    if verdict.judged != judged_hash(response.text):
        return "the verdict is about another text"
    return ""


def _prompt(
    sample: Sample,
    header: RunHeader,
    subcategory: str,
    by_key: dict[str, Prompt],
    samples: dict[str, Sample],
    licences: dict[str, str],
) -> Prompt:
    messages = sample.messages
    if header.settings.system is not None:
        messages = (Message(role=Role.SYSTEM, text=header.settings.system), *messages)
    key = prompt_key(messages)
    if key not in by_key:
        prompt = Prompt(
            messages=messages,
            task=sample.task,
            subcategory=subcategory,
            side=sample.side,
            cluster=sample.cluster,
            sample=sample.id,
            licence=licences.get(sample.task, "unknown"),
            constrained=bool(sample.choices),
            answers=[],
        )
        samples[key] = sample
        by_key[key] = prompt
    return by_key[key]
