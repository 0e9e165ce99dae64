"""Learners that do not read the question: what they score, the task gives away by its form.

Trained across seeds (a seed is never in training and test at once), on word unigrams and bigrams:
one sees the options without the prompt, one the prompt without the options. scikit-learn is
imported here only (`pip install 'truing[validate]'`).
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from truing.errors import MissingExtra
from truing.records import Sample
from truing.tasks import Task
from truing.validation.finding import Finding

__all__ = ["check_shortcuts"]

MOST_ABOVE_FLOOR = 0.05
MOST_TOLD_APART = 0.70
"""What the same learner reaches on XSTest's safe and unsafe prompts: twins are no easier."""
_FOLDS = 5
_FEWEST_SEEDS = 20
Rights = Sequence[float]


def check_shortcuts(task: Task, floor: float, *, edition: int = 0) -> Iterator[Finding]:
    """What learners reach that see a part of each sample, against the floor.

    Raises `MissingExtra` without scikit-learn.
    """
    samples = [s for s in task.walk(edition=edition) if not s.control]
    seeds = len({sample.cluster for sample in samples})
    if seeds < _FEWEST_SEEDS:
        few = f"{seeds} seeds are too few to learn from (at least {_FEWEST_SEEDS})"
        yield Finding(check="shortcuts", ok=None, figure=few)
        return
    if samples[0].choices:
        yield _finding("options alone", _rate(samples, _from_options(samples)), floor)
        roles = [_right_role(sample) for sample in samples]
        if len(set(roles)) > 1:
            rights = [
                float(a == b) for a, b in zip(_from_prompts(samples, roles), roles, strict=True)
            ]
            # Knowing which roles are ever right, a draw among them reads nothing either.
            members = Counter(s.group for s in samples).most_common(1)[0][1]
            chance = (1 / len(set(roles))) ** (members if samples[0].group else 1)
            yield _finding("prompt alone", _rate(samples, rights), max(floor, chance))
        return
    targets = [sample.target for sample in samples]
    if len(set(targets)) == 1:
        yield Finding(check="twins told apart by words", ok=None, figure="one side only")
        return
    accuracy = _balanced_accuracy(targets, _from_prompts(samples, targets))
    yield Finding(
        check="twins told apart by words",
        ok=accuracy <= MOST_TOLD_APART,
        figure=f"balanced accuracy {accuracy:.3f} (at most {MOST_TOLD_APART:.2f})",
        value=accuracy,
        margin=MOST_TOLD_APART - accuracy,
    )


def _finding(check: str, rate: float, floor: float) -> Finding:
    return Finding(
        check=check,
        ok=rate <= floor + MOST_ABOVE_FLOOR,
        figure=f"{rate:.3f} (floor {floor:.3f} + {MOST_ABOVE_FLOOR})",
        value=rate,
        margin=floor + MOST_ABOVE_FLOOR - rate,
    )


def _from_options(samples: list[Sample]) -> Rights:
    """The chance of choosing right where each option is rated by its text alone."""
    rows = [(i, option) for i, sample in enumerate(samples) for option in sample.choices]
    right = [option.label == samples[i].target for i, option in rows]
    seeds = [samples[i].cluster for i, _ in rows]
    rated = _predict([option.text for _, option in rows], right, seeds, probability=True)
    by_sample: dict[int, list[tuple[float, bool]]] = defaultdict(list)
    for (i, _), rating, ok in zip(rows, rated, right, strict=True):
        by_sample[i].append((round(float(rating), 9), ok))
    chances = []
    for rated_options in by_sample.values():
        best = max(rating for rating, _ in rated_options)
        tied = [ok for rating, ok in rated_options if rating == best]
        chances.append(sum(tied) / len(tied))
    return chances


def _from_prompts(samples: list[Sample], classes: list[str]) -> list[str]:
    """The class of each sample, foretold from its prompt without the options."""
    listed = [{f"{c.label}) {c.text}" for c in sample.choices} for sample in samples]
    texts = [
        "\n".join(
            line
            for message in sample.messages
            for line in message.full_text.splitlines()
            if line not in options
        )
        for sample, options in zip(samples, listed, strict=True)
    ]
    seeds = [sample.cluster for sample in samples]
    return [str(name) for name in _predict(texts, classes, seeds, probability=False)]


def _predict(texts: list[str], classes: list[Any], seeds: list[str], *, probability: bool) -> Any:
    try:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import GroupKFold, cross_val_predict
        from sklearn.pipeline import make_pipeline
    except ImportError as error:
        raise MissingExtra(
            "shortcut learners need scikit-learn: pip install 'truing[validate]'"
        ) from error
    learner = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2),
        LogisticRegression(C=3, class_weight="balanced", max_iter=2000),
    )
    folds = GroupKFold(_FOLDS)
    method = "predict_proba" if probability else "predict"
    told = cross_val_predict(learner, texts, classes, groups=seeds, cv=folds, method=method)
    return told[:, 1] if probability else told


def _rate(samples: list[Sample], rights: Rights) -> float:
    """Groups right as wholes, or the mean of the sides' rates."""
    parts: dict[str, list[float]] = defaultdict(list)
    grouped = samples[0].group is not None
    for sample, right in zip(samples, rights, strict=True):
        parts[str(sample.group) if grouped else sample.side].append(right)
    values = [math.prod(part) if grouped else float(np.mean(part)) for part in parts.values()]
    return float(np.mean(values))


def _balanced_accuracy(classes: list[str], told: list[str]) -> float:
    rates = []
    for name in sorted(set(classes)):
        own = [given == name for given, true in zip(told, classes, strict=True) if true == name]
        rates.append(sum(own) / len(own))
    return sum(rates) / len(rates)


def _right_role(sample: Sample) -> str:
    return next(choice.role for choice in sample.choices if choice.label == sample.target)
