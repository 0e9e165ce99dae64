"""Answers recorded elsewhere, as rows of a file: read, judged, compared.

Knows CSV, TSV, JSON and JSON lines, and which column means what because it is told. Rates and
tests are those of `stats`.
"""

from __future__ import annotations

import csv
import itertools
import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import msgspec
import numpy as np

from truing import stats
from truing.errors import TaskError, UsageError
from truing.models.model import clean_text
from truing.records import Choice, Judgement, Message, Outcome, Response, Role, Sample
from truing.scorers import find_scorer

__all__ = [
    "COLUMNS",
    "Recorded",
    "agreement",
    "compare_groups",
    "judge_rows",
    "read_rows",
    "read_texts",
    "use_labels",
]

COLUMNS = ("prompt", "response", "label", "model", "cluster", "target", "choices", "truncated")
_TRUE = {"1", "1.0", "true", "yes", "good", "trustworthy"}
_FALSE = {"0", "0.0", "false", "no", "bad", "untrustworthy"}
LEVEL = 0.95
LETTERS = "ABCDEFGHIJ"


class Recorded(msgspec.Struct, kw_only=True):
    """One recorded answer. `passed` is None where it is unscored."""

    prompt: str
    response: str
    label: str
    model: str
    cluster: str | None
    target: str | None
    choices: tuple[str, ...]
    truncated: bool
    passed: bool | None = None
    judgement: Judgement | None = None


def read_rows(file: Path, columns: dict[str, str]) -> list[Recorded]:
    """Every row of a file; `columns` says which of its columns is the prompt, the response...

    Raises `UsageError` where a named column is not there, `TaskError` where the file is not what
    its ending says, both with the line.
    """
    if unknown := sorted(set(columns) - set(COLUMNS)):
        raise UsageError(
            f"--columns: no meaning named {unknown[0]!r}: known are {', '.join(COLUMNS)}"
        )
    rows = []
    for number, raw in enumerate(_raw_rows(file), 1):
        for column in columns.values():
            if column not in raw:
                there = ", ".join(sorted(map(str, raw))[:12])
                raise UsageError(f"{file}, row {number}: no column {column!r}; there are: {there}")

        def cell(name: str, raw: dict[str, Any] = raw) -> Any:
            return raw[columns[name]] if name in columns else None

        rows.append(
            Recorded(
                prompt=_text(cell("prompt")),
                response=_text(cell("response")),
                label=_text(cell("label")),
                model=_text(cell("model")) or "all",
                cluster=_text(cell("cluster")) if "cluster" in columns else None,
                target=_text(cell("target")) if "target" in columns else None,
                choices=_choices(cell("choices"), f"{file}, row {number}"),
                truncated=_text(cell("truncated")).casefold() in _TRUE,
            )
        )
    if not rows:
        raise TaskError(f"{file}: expected at least one row, found none")
    return rows


def read_texts(file: Path) -> Iterator[dict[str, str]]:
    """Every row of a file, its cells as text. Raises as `read_rows`."""
    for raw in _raw_rows(file):
        yield {str(column): _text(value) for column, value in raw.items()}


def _raw_rows(file: Path) -> Iterator[dict[str, Any]]:
    ending = file.suffix.casefold()
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            if ending in (".csv", ".tsv"):
                yield from _tabled(lines, file, delimiter="\t" if ending == ".tsv" else ",")
            elif ending == ".json":
                yield from _listed(json.load(lines), file)
            elif ending in (".jsonl", ".ndjson"):
                for number, line in enumerate(lines, 1):
                    if line.strip():
                        yield _object(json.loads(line), file, number)
            else:
                raise UsageError(f"{file}: expected .jsonl, .json, .csv or .tsv")
    except FileNotFoundError as error:
        raise UsageError(f"{file}: no such file") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TaskError(f"{file}: cannot be read: {error}") from error
    except json.JSONDecodeError as error:
        raise TaskError(f"{file}: not JSON ({error})") from error


def _tabled(lines: TextIO, file: Path, delimiter: str) -> Iterator[dict[str, Any]]:
    csv.field_size_limit(1 << 27)
    reader = csv.DictReader(lines, delimiter=delimiter)
    for row in reader:
        if None in row or None in row.values():
            raise TaskError(
                f"{file}:{reader.line_num}: expected {len(reader.fieldnames or [])} fields, "
                "found another number"
            )
        yield row


def _listed(rows: Any, file: Path) -> Iterator[dict[str, Any]]:
    if not isinstance(rows, list):
        raise TaskError(f"{file}: expected a list of objects")
    yield from (_object(row, file, number) for number, row in enumerate(rows, 1))


def _object(row: Any, file: Path, number: int) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise TaskError(f"{file}, row {number}: expected an object, found {type(row).__name__}")
    return row


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return clean_text(value if isinstance(value, str) else str(value))


def _choices(value: Any, where: str) -> tuple[str, ...]:
    if value in (None, ""):
        return ()
    if isinstance(value, str):
        if value.lstrip().startswith("["):
            try:
                value = json.loads(value)
            except json.JSONDecodeError as error:
                raise TaskError(f"{where}: choices are not a JSON list: {error}") from error
        else:
            value = value.split("|")
    return tuple(_text(choice).strip() for choice in value)


def use_labels(rows: list[Recorded]) -> None:
    """Take the given labels as verdicts: 1 good, 0 bad, empty unscored.

    Raises `TaskError` at the first that is none of these.
    """
    for number, row in enumerate(rows, 1):
        given = row.label.strip().casefold()
        if given and given not in _TRUE | _FALSE:
            raise TaskError(
                f"row {number}: expected the label 1, 0 or nothing, found {row.label!r}; "
                "other labels need --scorer, and are compared with its own"
            )
        row.passed = given in _TRUE if given else None


async def judge_rows(rows: list[Recorded], scorer_name: str, target: str | None) -> None:
    """Judge every row with a scorer, in place.

    The right label is the row's `target`, else the one given for all; with neither a row keeps
    its label and counts for no rate.
    """
    scorer = find_scorer(scorer_name)
    for row in rows:
        right = row.target or target or ""
        sample = Sample(
            id="",
            task="recorded",
            messages=(Message(role=Role.USER, text=row.prompt),),
            target=_target_letter(right, row.choices),
            side="",
            cluster=row.cluster or "",
            choices=tuple(
                Choice(label=letter, text=text, role=letter)
                for letter, text in zip(LETTERS, row.choices, strict=False)
            ),
        )
        response = Response(text=row.response, truncated=row.truncated)
        row.judgement = await scorer.judge(sample, response)
        row.passed = row.judgement.outcome is Outcome.TRUSTWORTHY if right else None


def _target_letter(right: str, choices: tuple[str, ...]) -> str:
    """The letter of a choice given by its text; anything else as it is."""
    return LETTERS[choices.index(right)] if right in choices else right


def compare_groups(rows: list[Recorded], *, seed: int = 0) -> dict[str, Any]:
    """`{"groups": [...], "paired": [...]}` as contracted; unknown is None.

    Groups are models, in order of appearance. Pairs are matched on the prompt and its k-th
    occurrence within the model; p values come with their Holm-adjusted ones.
    """
    by_model: dict[str, list[Recorded]] = defaultdict(list)
    for row in rows:
        by_model[row.model].append(row)
    shared = stats.sidak_level(LEVEL, len(by_model))
    groups = [_group(model, own, shared) for model, own in by_model.items()]
    keyed = {model: _keyed(own) for model, own in by_model.items()}
    paired: list[dict[str, Any]] = []
    for a, b in itertools.combinations(keyed, 2):
        rng = np.random.default_rng([seed, len(paired)])
        if pair := _pair(a, b, keyed[a], keyed[b], rng):
            paired.append(pair)
    for pair, adjusted in zip(paired, stats.holm([pair["p"] for pair in paired]), strict=True):
        pair["p_holm"] = adjusted
    return {"groups": groups, "paired": paired}


def _group(model: str, rows: list[Recorded], shared: float) -> dict[str, Any]:
    scored = [(number, row) for number, row in enumerate(rows) if row.passed is not None]
    passed = [bool(row.passed) for _, row in scored]
    clusters = [row.cluster if row.cluster is not None else number for number, row in scored]
    own = stats.rate_interval(passed, clusters, level=LEVEL)
    wide = stats.rate_interval(passed, clusters, level=shared)
    known = not math.isnan(own.estimate)
    group: dict[str, Any] = {
        "model": model,
        "estimate": own.estimate if known else None,
        "low": own.low if known else None,
        "high": own.high if known else None,
        "simultaneous": [wide.low, wide.high] if known else None,
        "level": LEVEL,
        "units": len(passed),
        "clusters": len(set(clusters)),
        "unscored": len(rows) - len(scored),
    }
    labels = Counter(row.judgement.label for row in rows if row.judgement)
    if labels:
        group["labels"] = dict(sorted(labels.items()))
    return group


def _keyed(rows: list[Recorded]) -> dict[tuple[str, int], Recorded]:
    seen: Counter[str] = Counter()
    keyed = {}
    for row in rows:
        keyed[(row.prompt, seen[row.prompt])] = row
        seen[row.prompt] += 1
    return keyed


def _pair(
    a: str,
    b: str,
    rows_a: dict[tuple[str, int], Recorded],
    rows_b: dict[tuple[str, int], Recorded],
    rng: np.random.Generator,
) -> dict[str, Any] | None:
    keys = [
        key
        for key, row in rows_a.items()
        if row.passed is not None and key in rows_b and rows_b[key].passed is not None
    ]
    if not keys:
        return None
    clustered = all(rows_a[key].cluster is not None for key in keys)
    clusters = [str(rows_a[key].cluster) for key in keys] if clustered else None
    result = stats.paired_difference(
        np.array([rows_a[key].passed for key in keys], dtype=bool),
        np.array([rows_b[key].passed for key in keys], dtype=bool),
        clusters,
        rng=rng,
        level=LEVEL,
    )
    return {
        "a": a,
        "b": b,
        "difference": result.difference,
        "low": result.low,
        "high": result.high,
        "test": result.test,
        "p": result.p,
        "pairs": result.pairs,
    }


def agreement(rows: list[Recorded], names: dict[str, str]) -> list[dict[str, Any]]:
    """How far a scorer's labels agree with those in the file, by model and over all.

    `names` maps the scorer's labels to the file's; labels without a mapping are compared as they
    are. Rows without a given label are left out.
    """
    by_model: dict[str, list[Recorded]] = defaultdict(list)
    for row in rows:
        if row.judgement and row.label.strip():
            by_model[row.model].append(row)
    results = []
    everything = [row for own in by_model.values() for row in own]
    if len(by_model) > 1:
        by_model["all"] = everything
    for model, own in by_model.items():
        pairs = [
            (names.get(row.judgement.label, row.judgement.label), row.label.strip())
            for row in own
            if row.judgement
        ]
        labels = sorted({label for pair in pairs for label in pair})
        table = np.zeros((len(labels), len(labels)), dtype=np.int64)
        for ours, theirs in pairs:
            table[labels.index(ours), labels.index(theirs)] += 1
        same = [ours == theirs for ours, theirs in pairs]
        accuracy = stats.rate_interval(same, list(range(len(same))))
        kappa = stats.cohen_kappa(table)
        results.append(
            {
                "model": model,
                "rows": len(pairs),
                "kappa": None if math.isnan(kappa) else kappa,
                "accuracy": accuracy.estimate,
                "low": accuracy.low,
                "high": accuracy.high,
                "labels": labels,
                "scorer_by_given": table.tolist(),
            }
        )
    return results
