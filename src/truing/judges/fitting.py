"""Fits heads to people's labels, and predicts every label from answers that were held out.

What is held out is the cluster and, where rows say who answered, the answering model with it: a
head that has seen a model's manner is better on that model than on the next. Needs scikit-learn;
judging does not.
Source of the calibration: Platt 1999, Probabilistic Outputs for Support Vector Machines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from truing.errors import MissingExtra, UsageError
from truing.judges.features import DENSE, FEATURES, read_features
from truing.judges.head import HEAD_FORMAT, HeadFile, Source, pack, softmax
from truing.judges.labelled import Labelled
from truing.scorers.rubric import Rubric

__all__ = ["LEAST", "Calibrated", "Fitting", "HeldOut", "Recipe", "held_out", "lacking_labels"]

LEAST = 30
"""Fewest rows of a label, and fewest clusters that they come from."""
FOLDS = 5
_SURE = 0.95
_BINS = 10
_LEANS = np.round(np.arange(-1.6, 1.61, 0.1), 2)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """How a head is fitted."""

    bits: int = 15
    embedding: Literal["minilm"] | None = None
    strength: float = 1.0
    """Inverse of the penalty on hashed features; larger fits closer."""
    dense: float = 2.0
    """What dense features are multiplied by: a larger number is a smaller penalty."""
    embedded: float = 1.0
    """The same for embeddings."""
    hashed: bool = True
    """Whether hashed and dense features are used at all."""


class Calibrated(NamedTuple):
    """Of held-out predictions."""

    stated: float
    """Mean probability of the label that was said."""
    right: float
    error: float
    """Expected calibration error, ten bins of equal width."""
    brier: float
    """Half the squared distance of the probabilities from the label: of two labels Brier's."""


@dataclass(frozen=True, slots=True)
class HeldOut:
    """What a head says of rows when it is fitted without their cluster and answering model.

    `probabilities` are calibrated, shape (rows, labels), and sum to 1; `labels` are what it says.
    Calibration and lean of a row come from rows of other clusters and models, too.
    """

    names: tuple[str, ...]
    labels: tuple[str, ...]
    probabilities: Floats
    scores: Floats
    """Before calibration."""

    @property
    def stated(self) -> Floats:
        """The probability of the label that is said, shape (rows,)."""
        places = [self.names.index(label) for label in self.labels]
        stated: Floats = self.probabilities[np.arange(len(places)), places]
        return stated

    def calibration(self, gold: Sequence[str]) -> Calibrated:
        """How far the stated probabilities are those of being right; `gold` has shape (rows,)."""
        right = np.array([a == b for a, b in zip(self.labels, gold, strict=True)], np.float64)
        bins = np.minimum((self.stated * _BINS).astype(np.int64), _BINS - 1)
        apart = np.bincount(bins, self.stated - right, _BINS)
        told = np.array([self.names.index(label) for label in gold])
        whole = ((self.probabilities - np.eye(len(self.names))[told]) ** 2).sum(1)
        return Calibrated(
            stated=round(float(self.stated.mean()), 4),
            right=round(float(right.mean()), 4),
            error=round(float(np.abs(apart).sum()) / len(right), 4),
            brier=round(float(whole.mean()) / 2, 4),
        )


class _Calibration(msgspec.Struct, frozen=True):
    slope: float
    offset: Floats
    lean: Floats

    def probabilities(self, scores: Floats) -> Floats:
        return softmax(scores * self.slope + self.offset)

    def choose(self, probabilities: Floats) -> Ints:
        leaning = np.log(np.maximum(probabilities, 1e-12)) + self.lean
        return np.asarray(np.argmax(leaning, axis=1), np.int64)


def lacking_labels(rows: Sequence[Labelled]) -> str | None:
    """What is too few about the labels to fit to, with how many are needed; or None."""
    names = sorted({row.label for row in rows})
    if len(names) < 2:
        return f"every row is {names[0] if names else 'without a label'}: a head needs two labels"
    for name in names:
        own = [row for row in rows if row.label == name]
        clusters = len({row.cluster for row in own})
        if clusters < LEAST:
            return (
                f"{name} has {len(own)} rows of {clusters} clusters, and each label needs "
                f"{LEAST} clusters: label {LEAST - clusters} more, or leave the label out"
            )
    return None


class Fitting:
    """Labelled rows with their features read once: held-out predictions, and the head of all rows.

    `beside` are rows to fit on that are not predicted.
    """

    def __init__(
        self,
        rows: Sequence[Labelled],
        *,
        recipe: Recipe | None = None,
        beside: Sequence[Labelled] = (),
        seed: int = 0,
    ) -> None:
        self.rows, self.beside, self.seed = rows, beside, seed
        self.recipe = recipe or Recipe()
        labels = [row.label for row in (*rows, *beside)]
        self.names = tuple(sorted(set(labels)))
        self._gold = np.array([self.names.index(label) for label in labels])

    @cached_property
    def _design(self) -> Any:
        return _design([*self.rows, *self.beside], self.recipe)

    def held_out(self, *, by_model: bool = True, folds: int = FOLDS) -> HeldOut:
        """Every row's prediction by a head that saw neither its cluster nor, by default, its model.

        Without two models clusters alone are held out. Raises `MissingExtra` without scikit-learn.
        """
        rows, gold = len(self.rows), self._gold
        parts = list(_parts(self.rows, self.beside, by_model=by_model, seed=self.seed, folds=folds))
        scores = np.zeros((rows, len(self.names)))
        for seen, tested in parts:
            weights, intercept = self._fit(seen)
            scores[tested] = self._design[tested] @ weights.T + intercept
        probabilities = np.zeros_like(scores)
        said = np.zeros(rows, np.int64)
        for seen, tested in parts:
            others = seen[seen < rows]
            fitted = _calibrate(scores[others], gold[others])
            probabilities[tested] = fitted.probabilities(scores[tested])
            said[tested] = fitted.choose(probabilities[tested])
        labels = tuple(self.names[place] for place in said)
        return HeldOut(self.names, labels, probabilities, scores)

    def elsewhere(self, known: HeldOut, beside: int) -> HeldOut:
        """Every row's prediction by a head fitted to what is beside alone.

        Calibrated on `known`, held-out predictions of the first `beside` rows that are beside.
        """
        rows = len(self.rows)
        weights, intercept = self._fit(np.arange(rows, len(self._gold)))
        scores = self._design[:rows] @ weights.T + intercept
        fitted = _calibrate(known.scores, self._gold[rows : rows + beside])
        probabilities = fitted.probabilities(scores)
        labels = tuple(self.names[place] for place in fitted.choose(probabilities))
        return HeldOut(self.names, labels, probabilities, scores)

    def head(
        self,
        name: str,
        rubric: Rubric,
        known: HeldOut,
        *,
        version: str = "",
        sources: Sequence[Source] = (),
        figures: dict[str, Any] | None = None,
        command: str = "",
    ) -> HeadFile:
        """The head fitted to all rows, calibrated on `known`, its own held-out predictions.

        Its labels stand in the rubric's order. Raises `UsageError` where a label is none of the
        rubric's, or one is too rare (`LEAST`).
        """
        if lack := lacking_labels([*self.rows, *self.beside]):
            raise UsageError(f"too few labels: {lack}")
        if unknown := sorted(set(self.names) - set(rubric.labels)):
            raise UsageError(
                f"{unknown[0]!r} is no label of {rubric.id}: it has {', '.join(rubric.labels)}"
            )
        weights, intercept = self._fit(np.arange(len(self._gold)))
        fitted = _calibrate(known.scores, self._gold[: len(self.rows)])
        order = [self.names.index(label) for label in rubric.labels if label in self.names]
        packed, scale = pack(_scaled(weights, self.recipe)[order])
        file = HeadFile(
            truing_head=HEAD_FORMAT,
            name=name,
            version=version,
            rubric=rubric.id,
            labels=tuple(self.names[place] for place in order),
            features=FEATURES,
            bits=self.recipe.bits,
            embedding=self.recipe.embedding,
            weights=packed,
            scale=scale,
            intercept=_rounded(intercept[order]),
            slope=round(fitted.slope, 6),
            offset=_rounded(fitted.offset[order]),
            lean=_rounded(fitted.lean[order]),
            threshold=_threshold(known, [row.label for row in self.rows]),
            seed=self.seed,
            command=command,
            sources=tuple(sources),
            held_out=figures or {},
        )
        return msgspec.structs.replace(file, hash=file.content_hash())

    def _fit(self, seen: Ints) -> tuple[Floats, Floats]:
        return _fit(self._design[seen], self._gold[seen], len(self.names), self.recipe, self.seed)


def held_out(
    rows: Sequence[Labelled],
    *,
    recipe: Recipe | None = None,
    beside: Sequence[Labelled] = (),
    by_model: bool = True,
    seed: int = 0,
    folds: int = FOLDS,
) -> HeldOut:
    """`Fitting.held_out` of the rows."""
    fitting = Fitting(rows, recipe=recipe, beside=beside, seed=seed)
    return fitting.held_out(by_model=by_model, folds=folds)


def _rounded(values: Floats) -> tuple[float, ...]:
    return tuple(round(float(value), 6) for value in values)


def _threshold(known: HeldOut, labels: Sequence[str]) -> float:
    """From which stated probability on 19 of 20 held-out labels are right; 1.01 where never."""
    right = np.array([a == b for a, b in zip(known.labels, labels, strict=True)])
    order = np.argsort(-known.stated, kind="stable")
    share = np.cumsum(right[order]) / np.arange(1, len(right) + 1)
    good = np.flatnonzero((share >= _SURE) & (np.arange(len(right)) >= LEAST - 1))
    return round(float(known.stated[order[good[-1]]]), 4) if len(good) else 1.01


def _parts(
    rows: Sequence[Labelled],
    beside: Sequence[Labelled],
    *,
    by_model: bool,
    seed: int,
    folds: int,
) -> Iterator[tuple[Ints, Ints]]:
    """Pairs of places: fitted on, and tested on."""
    clusters = sorted({row.cluster for row in rows})
    np.random.default_rng(seed).shuffle(clusters)
    fold_of = {cluster: place % folds for place, cluster in enumerate(clusters)}
    fold = np.array([fold_of[row.cluster] for row in rows])
    model = np.array([row.model for row in rows])
    there = np.array([fold_of.get(row.cluster, -1) for row in beside], np.int64)
    models = sorted(set(model.tolist())) if by_model else []
    for number in range(min(folds, len(clusters))):
        more = len(rows) + np.flatnonzero(there != number)
        if len(models) < 2:
            seen, tested = fold != number, fold == number
            yield np.concatenate([np.flatnonzero(seen), more]), np.flatnonzero(tested)
            continue
        for one in models:
            seen, tested = (fold != number) & (model != one), (fold == number) & (model == one)
            if tested.any():
                yield np.concatenate([np.flatnonzero(seen), more]), np.flatnonzero(tested)


def _design(rows: Sequence[Labelled], recipe: Recipe) -> Any:
    """Features as a sparse matrix (rows, features), scaled for fitting."""
    try:
        from scipy.sparse import csr_matrix, hstack
    except ImportError as error:
        raise MissingExtra(
            "fitting a head needs scikit-learn: pip install 'truing[judge]'"
        ) from error
    blocks = []
    if recipe.hashed:
        found = [
            read_features(row.prompt, row.response, bits=recipe.bits, truncated=row.truncated)
            for row in rows
        ]
        ends = np.cumsum([0, *(len(one.places) for one in found)])
        values = np.concatenate([one.values for one in found])
        places = np.concatenate([one.places for one in found])
        table = csr_matrix((values, places, ends), shape=(len(rows), 1 << recipe.bits))
        table.sum_duplicates()
        blocks += [table, csr_matrix(np.stack([one.dense for one in found]) * recipe.dense)]
    else:
        nothing = np.zeros((len(rows), len(DENSE)), np.float32)
        table = csr_matrix(
            (np.zeros(0), np.zeros(0, np.int64), np.zeros(len(rows) + 1, np.int64)),
            shape=(len(rows), 1 << recipe.bits),
        )
        blocks += [table, csr_matrix(nothing)]
    if recipe.embedding is not None:
        from truing.judges.minilm import embed_pairs

        vectors = embed_pairs([row.prompt for row in rows], [row.response for row in rows])
        blocks.append(csr_matrix(vectors * np.float32(recipe.embedded)))
    return hstack(blocks).tocsr()


def _scaled(weights: Floats, recipe: Recipe) -> Floats:
    """Weights for features as `read_features` gives them."""
    table = 1 << recipe.bits
    scaled = weights.copy()
    scaled[:, table : table + len(DENSE)] *= recipe.dense
    scaled[:, table + len(DENSE) :] *= recipe.embedded
    return scaled


def _fit(design: Any, gold: Ints, labels: int, recipe: Recipe, seed: int) -> tuple[Floats, Floats]:
    """Weights (labels, features) and intercepts of a logistic regression.

    A label that is not among `gold` gets a score far below the others.
    """
    try:
        from sklearn.linear_model import LogisticRegression
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        raise MissingExtra(
            "fitting a head needs scikit-learn: pip install 'truing[judge]'"
        ) from error
    weights, intercept = np.zeros((labels, design.shape[1])), np.full(labels, -20.0)
    there = np.unique(gold)
    if len(there) == 1:
        intercept[there] = 0
        return weights, intercept
    model = LogisticRegression(C=recipe.strength, max_iter=200, tol=1e-3, random_state=seed)
    # The work is sparse: more threads only wait for each other.
    with threadpool_limits(1):
        model.fit(design, gold)
    if len(there) == 2:
        half = model.coef_[0] / 2
        weights[there], intercept[there] = np.stack([-half, half]), model.intercept_[0] / 2
        intercept[there[0]] *= -1
    else:
        weights[there], intercept[there] = model.coef_, model.intercept_
    return weights, intercept


def _calibrate(scores: Floats, gold: Ints) -> _Calibration:
    """Slope, offsets and lean from held-out scores.

    Slope and offsets make the gold labels likeliest, with a small penalty that keeps them at
    1 and 0 where labels are few; the lean is what agrees best with them beyond chance.
    """
    from scipy.optimize import minimize

    labels = scores.shape[1]
    rows = np.arange(len(gold))

    def loss(values: Floats) -> tuple[float, Floats]:
        slope, offset = np.exp(values[0]), values[1:]
        shares = softmax(scores * slope + offset)
        wrong = shares.copy()
        wrong[rows, gold] -= 1
        likely = -np.log(np.maximum(shares[rows, gold], 1e-12)).sum()
        gradient = np.concatenate([[(wrong * scores).sum() * slope], wrong.sum(0)])
        return likely + float(values @ values), gradient + 2 * values

    found = minimize(loss, np.zeros(labels + 1), jac=True, method="L-BFGS-B").x
    slope, offset = float(np.exp(found[0])), found[1:] - found[1:].mean()
    logs = np.log(np.maximum(softmax(scores * slope + offset), 1e-12))
    return _Calibration(slope, offset, _lean(logs, gold))


def _lean(logs: Floats, gold: Ints) -> Floats:
    """What to add to log-probabilities so that the likeliest label agrees best beyond chance.

    One label after the other, twice round; a lean is taken only where kappa gains by it more than
    a label or two would, so that few labels leave it at 0.
    """
    labels = logs.shape[1]
    lean = np.zeros(labels)
    least = 0.5 / np.sqrt(len(gold))

    def kappa(at: Floats) -> float:
        table = np.bincount(
            gold * labels + np.argmax(logs + at, axis=1), minlength=labels * labels
        ).reshape(labels, labels)
        total, agreed = float(table.sum()), float(np.trace(table))
        chance = float(table.sum(0) @ table.sum(1)) / total
        return (agreed - chance) / max(total - chance, 1e-9)

    best = kappa(lean)
    for place in (*range(labels if labels > 2 else 1),) * 2:
        tries = [lean + step * (np.arange(labels) == place) for step in _LEANS]
        found = np.array([kappa(at) for at in tries])
        # Neighbours must agree: a lone peak is noise.
        smooth = np.convolve(np.pad(found, 1, "edge"), np.full(3, 1 / 3), "valid")
        top = int(np.argmax(smooth))
        if found[top] > best + least:
            lean, best = tries[top], float(found[top])
    return lean
