"""The survey authors' recorded answers: six models of 2023 on safety, fairness, typos and causes.

Source: kevinyaobytedance/llm_eval, MIT, at the commit below. Reads a clone of it (`gen_data/`,
`intermediate_data/`) or a folder with `safety.jsonl` and its like alone; a study whose file is
absent is left out.

The labels of safety, fairness and typos are the survey's own (its judge was GPT-4): they are taken
as they stand, as one-sided rates, which is why their floor is 1: refusing everything, or always
saying yes, wins. In fairness.jsonl the stored label often belongs to another answer than the one
stored beside it, and the row says so. The causal answers have gold and are read again, strictly.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from truing.errors import TaskError
from truing.importers.recorded_run import RecordedRun
from truing.models.model import clean_text
from truing.records import (
    RECORDED_LABEL,
    Choice,
    Elicitation,
    Judgement,
    Message,
    Outcome,
    Response,
    Role,
    Sample,
    content_hash,
    judged_hash,
)
from truing.runs import SideHeader, TaskHeader
from truing.scorers.choice import ChoiceScorer, read_choice

__all__ = ["COMMIT", "MODELS", "REPOSITORY", "read"]

REPOSITORY = "https://github.com/kevinyaobytedance/llm_eval"
COMMIT = "27feb36"
MODELS = ("opt-1.3b", "davinci", "flan-t5-xxl", "text-davinci-003", "gpt-3.5-turbo", "gpt-4")
"""From least to most aligned, as the survey orders them."""

_LABELLED = {
    "safety": (
        "safety.violence",
        "Safety study of the survey, as recorded",
        "Recorded label: the answer holds harmful content.",
    ),
    "fairness": (
        "fairness.stereotype_bias",
        "Fairness study of the survey, as recorded",
        "Recorded label: the answer picks a group. Many labels belong to another answer.",
    ),
    "typo": (
        "robustness.prompt_attacks",
        "Typo study of the survey, as recorded",
        "Recorded label: the answers with and without typos differ.",
    ),
}
_CAUSAL_FILES = {
    "gpt-3.5-turbo": "0",
    "text-davinci-003": "1",
    "davinci": "2",
    "gpt-4": "3",
    "flan-t5-xxl": "_flan",
    "opt-1.3b": "_opt",
}
Answer = tuple[Sample, int, Response, Judgement]


def read(folder: Path) -> list[RecordedRun]:
    """One run a model, in the survey's order of alignment.

    Raises `TaskError` where no file of the record is there or one is malformed.
    """
    by_model: dict[str, dict[str, list[Answer]]] = {model: {} for model in MODELS}
    for study in _LABELLED:
        for place in (folder / "gen_data", folder):
            file = place / f"{study}.jsonl"
            if file.is_file():
                for model, answers in _labelled(study, file).items():
                    by_model[model][study] = answers
                break
    causal = folder / "intermediate_data" / "causal" / "results"
    for model, suffix in _CAUSAL_FILES.items():
        file = causal / f"answers{suffix}_raw.csv"
        if file.is_file():
            for question in ("q1", "q2"):
                by_model[model][f"causal_{question}"] = list(_causal(file, question))
    if not any(by_model.values()):
        raise TaskError(
            f"{folder}: expected gen_data/safety.jsonl or another file of the survey's record, "
            "found none: give a clone of its repository"
        )
    return [
        RecordedRun(
            model=model,
            tasks=[_header(study, answers) for study, answers in studies.items()],
            answers=[answer for answers in studies.values() for answer in answers],
        )
        for model, studies in by_model.items()
        if studies
    ]


def _labelled(study: str, file: Path) -> dict[str, list[Answer]]:
    found: dict[str, list[Answer]] = defaultdict(list)
    repeats: dict[tuple[str, str], int] = defaultdict(int)
    for number, row in _rows(file):
        try:
            model, good = row["source_model"], {0: False, 1: True}[row["label"]]
            question, text = clean_text(row["question"]), clean_text(row["answer"])
            reason = clean_text(str(row.get("label_response", "")))
            topic = str(row.get("tag_cat", ""))
        except (KeyError, TypeError, AttributeError) as error:
            raise TaskError(
                f"{file}:{number}: expected question, answer, label (0 or 1) and source_model: "
                f"{type(error).__name__} {error}"
            ) from error
        if model not in MODELS:
            raise TaskError(f"{file}:{number}: unknown model {model!r}: {', '.join(MODELS)}")
        sample = _hashed(
            Sample(
                id="",
                task=f"survey_recorded/{study}",
                messages=(Message(role=Role.USER, text=question),),
                target="good",
                side="recorded",
                cluster=content_hash(question),
                variant=topic,
            )
        )
        repeat = repeats[(model, sample.id)]
        repeats[(model, sample.id)] += 1
        judgement = Judgement(
            outcome=Outcome.TRUSTWORTHY if good else Outcome.UNTRUSTWORTHY,
            label="good" if good else "bad",
            scorer=RECORDED_LABEL,
            judged=judged_hash(text),
            reason=reason,
        )
        found[model].append((sample, repeat, Response(text=text), judgement))
    return found


def _causal(file: Path, question: str) -> Iterator[Answer]:
    key = f"ans_{question[1]}"
    options = (Choice(label="A", text="Yes", role="yes"), Choice(label="B", text="No", role="no"))
    try:
        rows = json.loads(file.read_text("utf-8"))
        pairs = [
            (number, str(row[question]), str(row[f"{key}_raw"]), str(row[f"{key}_true"]))
            for number, row in rows.items()
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TaskError(
            f"{file}: expected an object of answers with {question} and {key}_raw: {error}"
        ) from error
    for number, asked, text, gold in pairs:
        role = {"A": "yes", "B": "no"}.get(gold)
        if role is None:
            raise TaskError(f"{file}: answer {number}: expected gold A or B, got {gold!r}")
        sample = _hashed(
            Sample(
                id="",
                task=f"survey_recorded/causal_{question}",
                messages=(Message(role=Role.USER, text=clean_text(asked)),),
                target=gold,
                side="recorded",
                cluster=number,
                choices=options,
            )
        )
        reply = clean_text(text.removeprefix("<pad>").removesuffix("</s>"))
        choice, how = read_choice(reply, options)
        judgement = Judgement(
            outcome=Outcome.TRUSTWORTHY
            if choice is not None and choice.label == gold
            else Outcome.UNTRUSTWORTHY,
            label=choice.role if choice else "unusable",
            scorer=ChoiceScorer.name,
            judged=judged_hash(reply),
            reason=how,
        )
        response = Response(text=reply, elicitation=Elicitation.PARSED)
        yield sample, 0, response, judgement


def _header(study: str, answers: list[Answer]) -> TaskHeader:
    subcategory, title, failure = _LABELLED.get(
        study,
        (
            "reasoning.causal",
            f"Causal study of the survey, question {study[-1]}, as recorded",
            "The answer is not the gold letter, or no letter can be read.",
        ),
    )
    return TaskHeader(
        id=f"survey_recorded/{study}",
        subcategory=subcategory,
        title=title,
        edition=COMMIT,
        failure=failure,
        unit="sample",
        headline="worse_side",
        scorer=answers[0][3].scorer,
        sides=[SideHeader(name="recorded", meaning="The answer was labelled good. One side only.")],
        columns=["option_read", "yes_rate"] if study.startswith("causal") else [],
        content=content_hash([answer[0].id for answer in answers]),
        samples=len(answers),
    )


def _rows(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = msgspec.json.decode(line)
            except msgspec.DecodeError as error:
                raise TaskError(f"{file}:{number}: expected a JSON object: {error}") from error
            if not isinstance(row, dict):
                raise TaskError(f"{file}:{number}: expected a JSON object")
            yield number, row


def _hashed(sample: Sample) -> Sample:
    return msgspec.structs.replace(sample, id=content_hash(sample))
