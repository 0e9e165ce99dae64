"""Rates corrected for the judge's error, with human labels on a part of the samples.

The judge said something of every sample, people of some. `ppi_rate` uses labels on samples of the
run itself; `rogan_gladen` uses how often the judge was right on a calibration set of its own. Both
carry the noise of the labels as well as that of the samples.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from truing.quantiles import normal_quantile, student_quantile
from truing.stats.intervals import (
    UNKNOWN,
    Floats,
    Interval,
    Scores,
    balanced_interval,
    rate_interval,
    wilson_interval,
)

_VERDICT = 0.5
"""From here a judge's score counts as "passed" where the guard sorts labels by verdict."""

_GUARDED = 0.25
"""From this weight of the judge on the guard is whole."""

_NOTHING = 1e-18
"""A variance below this is rounding error of values that are all alike."""


@dataclass(frozen=True, slots=True)
class Corrected:
    """A corrected rate. Where nothing can be said the interval is unknown and `reason` says why.

    `power` is the weight of the judge's scores, 0 (not used) to 1; NaN where there is none.
    `labels` is the number of human labels behind it, `alone` what they would give without a judge.
    """

    interval: Interval
    method: str
    labels: int
    power: float = math.nan
    alone: Interval = UNKNOWN
    reason: str = ""


class JudgeError(NamedTuple):
    """How often a judge is right, with intervals: on what people passed, on what they failed."""

    sensitivity: Interval
    specificity: Interval
    passed: int
    failed: int


class Judged(NamedTuple):
    """One side's samples, as `ppi_rate` takes them."""

    human: Floats
    judge: Floats
    clusters: Sequence[Hashable]
    probability: Floats | None = None


class _Labelled(NamedTuple):
    """Samples as arrays: which are labelled, both scores, cluster codes."""

    known: npt.NDArray[np.bool_]
    human: Floats
    judge: Floats
    codes: npt.NDArray[np.int64]
    weight: Floats
    """(samples,) weights of the labelled mean: sum 1, 0 where unlabelled."""
    imputed: Floats
    """(samples,) weights of the judged mean: sum 1 (or all 0 with nothing left to judge)."""


def ppi_rate(
    human: Floats,
    judge: Floats,
    clusters: Sequence[Hashable],
    *,
    probability: Floats | None = None,
    level: float = 0.95,
    power: float | None = None,
) -> Corrected:
    """The rate people would give, from the judge's scores of all samples and labels of some.

    All arrays have shape (samples,): `human` in [0, 1] and NaN where unlabelled, `judge` in [0, 1]
    (verdict or probability). Labels are a simple random part, or were drawn independently with the
    stated `probability` of each sample in (0, 1]. `power` fixes the judge's weight; otherwise it
    is the one that makes the variance smallest, within [0, 1].

    PPI++ (Angelopoulos, Duchi & Zrnic 2023, arXiv 2311.01453); with probabilities the form of
    active inference (Zrnic & Candes 2024, arXiv 2403.03208), its weights normalised. The variance
    is that of influence values summed by cluster; the interval a score interval with the effective
    number of samples (p q over that variance) and Student's t on labelled clusters - 1.

    Guard: with few labels the few disagreements among them say little of how many there are. So
    the interval is never narrower than the one which takes the labels of either verdict apart, a
    score interval each, joined by their distances from the estimate and widened by the design
    effect (MOVER: Zou & Donner 2008, Statistics in Medicine 27). As labels grow they agree. Where
    the judge's weight is below .25 the guard gives way, by as much, to what the labels give alone.

    Unknown, with the reason, when fewer than two clusters are labelled. Raises ValueError for
    shapes that differ, scores outside [0, 1] and a labelled sample of probability 0.
    """
    return ppi_balanced([Judged(human, judge, clusters, probability)], level=level, power=power)


def ppi_balanced(
    sides: Sequence[Judged], *, level: float = 0.95, power: float | None = None
) -> Corrected:
    """The mean of the sides' corrected rates, where sides share clusters; see `ppi_rate`.

    Each side has a weight of the judge of its own (`power` of the result is their mean); influence
    values are summed by cluster over the sides, and the guards of the sides are joined. Unknown,
    with the reason, when on any side fewer than two clusters are labelled.
    """
    names = {name: i for i, name in enumerate({c: None for side in sides for c in side.clusters})}
    read = [_labelled(side, names) for side in sides]
    labels = sum(int(data.known.sum()) for data in read)
    weighted = any(side.probability is not None for side in sides)
    method = "PPI++, weighted labels" if weighted else "PPI++"
    for data in read:
        if np.unique(data.codes[data.known]).size < 2:
            said = "only one cluster is labelled" if data.known.any() else "no sample is labelled"
            where = " on one side" if len(sides) > 1 else ""
            return Corrected(UNKNOWN, method, labels, reason=f"judge unverified: {said}{where}")
    powers = [
        _tuned(data, side.probability) if power is None else power
        for side, data in zip(sides, read, strict=True)
    ]
    rate, effective, clusters, wide = _spread(read, powers, len(names), level)
    own = wilson_interval(rate, effective, level=level, df=clusters - 1)
    plain = wide is None
    quantile = (
        normal_quantile(_tail(level)) if plain else student_quantile(clusters - 1, _tail(level))
    )
    guards = [_by_verdict(data, quantile) for data in read]
    centre = sum(guard.estimate for guard in guards) / len(guards)
    below = math.hypot(*(guard.estimate - guard.low for guard in guards)) / len(guards)
    above = math.hypot(*(guard.high - guard.estimate for guard in guards)) / len(guards)
    low, high = centre - (wide or 1.0) * below, centre + (wide or 1.0) * above
    used, alone = sum(powers) / len(powers), _alone(read, weighted, level)
    if not weighted:
        # A judge that has no weight needs no guard: taking labels apart by it only widens.
        share = min(1.0, used / _GUARDED)
        low = share * low + (1 - share) * alone.low
        high = share * high + (1 - share) * alone.high
    interval = Interval(rate, max(0.0, min(own.low, low)), min(1.0, max(own.high, high)))
    return Corrected(interval, method, labels, used, alone)


def _spread(
    read: Sequence[_Labelled], powers: Sequence[float], count: int, level: float
) -> tuple[float, float, int, float | None]:
    """Rate, effective samples, labelled clusters, and how much wider clusters make it.

    The last is None where every sample is a cluster of its own.
    """
    sums, plain, rate = np.zeros(count), 0.0, 0.0
    for data, power in zip(read, powers, strict=True):
        estimate, influence = _ppi(data, power)
        influence /= len(read)
        np.add.at(sums, data.codes, influence)
        plain += float(influence @ influence)
        rate += estimate / len(read)
    rate = min(1.0, max(0.0, rate))
    samples, labels = (
        sum(float(part.sum()) for part in parts)
        for parts in ([np.ones_like(d.judge) for d in read], [d.known for d in read])
    )
    variance = count / (count - 1) * float(sums @ sums)
    clusters = np.unique(np.concatenate([data.codes[data.known] for data in read])).size
    quantile = student_quantile(clusters - 1, _tail(level))
    # Towards 1/2 by the quantile's square, so that a rate of 0 keeps a spread.
    smooth = (rate * labels + quantile**2 / 2) / (labels + quantile**2)
    # Values all alike: as many samples as there are clusters.
    effective = float(clusters)
    if variance > _NOTHING:
        effective = min(smooth * (1 - smooth) / variance, samples)
    if count == samples:
        return rate, effective, clusters, None
    wide = math.sqrt(max(1.0, variance / plain)) if plain > _NOTHING else 1.0
    return rate, effective, clusters, wide


def _alone(read: Sequence[_Labelled], weighted: bool, level: float) -> Interval:
    """What the labels give without the judge: the same estimate with no weight on its scores."""
    if not weighted:
        return balanced_interval(
            [(data.human[data.known], data.codes[data.known].tolist()) for data in read],
            level=level,
        )
    count = 1 + max(int(data.codes.max()) for data in read)
    rate, effective, clusters, _ = _spread(read, [0.0] * len(read), count, level)
    return wilson_interval(rate, effective, level=level, df=clusters - 1)


def _labelled(side: Judged, names: dict[Hashable, int]) -> _Labelled:
    human = np.asarray(side.human, dtype=np.float64)
    judge = np.asarray(side.judge, dtype=np.float64)
    clusters, probability = side.clusters, side.probability
    if not human.shape == judge.shape == (len(clusters),):
        raise ValueError(
            f"{human.shape} labels, {judge.shape} scores and {len(clusters)} clusters: "
            "one of each is wanted for every sample"
        )
    known = ~np.isnan(human)
    for values in (judge, human[known]):
        if values.size and not (values.min() >= 0 and values.max() <= 1):
            raise ValueError("scores and labels are wanted in [0, 1]")
    codes = np.array([names[name] for name in clusters], dtype=np.int64)
    weight = known.astype(np.float64)
    imputed = (~known).astype(np.float64)
    if probability is not None:
        chance = np.asarray(probability, dtype=np.float64)
        if chance.shape != human.shape or not np.all((chance[known] > 0) & (chance[known] <= 1)):
            raise ValueError("a labelled sample had a probability in (0, 1] of being labelled")
        weight[known] /= chance[known]
        # Chosen labels leave a part that is not like the whole: the judge's mean is over all.
        imputed = np.ones_like(imputed)
    weight /= max(weight.sum(), 1e-300)
    imputed /= max(imputed.sum(), 1.0)
    return _Labelled(known, np.where(known, human, 0.0), judge, codes, weight, imputed)


def _ppi(data: _Labelled, power: float) -> tuple[float, Floats]:
    """The estimate and each sample's influence on it; shape (samples,)."""
    residual = np.where(data.known, data.human - power * data.judge, 0.0)
    error = float(data.weight @ residual)
    judged = float(data.imputed @ data.judge)
    influence = data.weight * (residual - error) + power * data.imputed * (data.judge - judged)
    return error + power * judged, influence


def _tuned(data: _Labelled, probability: Floats | None) -> float:
    """The weight of the judge that makes the variance smallest, within [0, 1]; 0 if it is flat."""
    known, judge = data.known, data.judge
    labels, rest = int(known.sum()), int((~known).sum())
    importance = data.weight[known]
    if probability is not None:
        importance = importance * (1 / np.asarray(probability, dtype=np.float64)[known] - 1)
    elif not rest:
        return 0.0
    y = data.human[known] - data.weight[known] @ data.human[known]
    x = judge[known] - data.weight[known] @ judge[known]
    together = float(np.sum(importance * y * x))
    if probability is None:
        # 1/n below the covariance and 1/(N + n - 1) below the variance, as its authors' code.
        spread = (1 + labels / rest) * float(judge.var(ddof=1))
    else:
        spread = float(np.sum(importance * x * x))
    return 0.0 if spread <= _NOTHING else min(1.0, max(0.0, together / spread))


def _by_verdict(data: _Labelled, quantile: float) -> Interval:
    """Labels taken apart by the judge's verdict, each part's score interval, joined by MOVER."""
    said = data.judge >= _VERDICT
    share = float(said.mean())
    parts = []
    for part in (said, ~said):
        weight = data.weight[part]
        total = float(weight.sum())
        if total == 0:
            parts.append((Interval(0.5, 0.0, 1.0), float(part.mean())))
            continue
        # Kish's number of equal weights worth these; with equal ones the variance is p q over it.
        rate = min(1.0, max(0.0, float(weight @ data.human[part]) / total))
        worth = total**2 / float(weight @ weight)
        off = weight * (data.human[part] - rate) / total
        parts.append((_score(rate, worth, quantile, float(off @ off)), float(part.mean())))
    (yes, _), (no, _) = parts
    whole = _score(share, said.size, quantile)
    slope = yes.estimate - no.estimate
    down, up = (share - whole.low, whole.high - share)
    if slope < 0:
        down, up = up, down
    centre = sum(part.estimate * size for part, size in parts)
    below = math.hypot(slope * down, *(size * (part.estimate - part.low) for part, size in parts))
    above = math.hypot(slope * up, *(size * (part.high - part.estimate) for part, size in parts))
    return Interval(centre, centre - below, centre + above)


def _score(rate: float, n: float, z: float, variance: float | None = None) -> Interval:
    """Wilson's interval from a quantile; `variance` stands for p q / n where weights differ."""
    if variance is None:
        variance = rate * (1 - rate) / n
    centre = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(variance + z * z / (4 * n * n))
    return Interval(rate, max(0.0, min(rate, centre - half)), min(1.0, max(rate, centre + half)))


def judge_error(
    human: Scores,
    judge: Scores,
    clusters: Sequence[Hashable],
    *,
    level: float = 0.95,
) -> JudgeError:
    """Sensitivity and specificity of a judge on a calibration set, by cluster.

    Sensitivity is the share passed of what people passed, specificity the share failed of what
    they failed; unknown where people passed, or failed, nothing. Shape of all: (samples,);
    ValueError where they differ.
    """
    right, said = np.asarray(human, dtype=bool), np.asarray(judge, dtype=bool)
    if not right.shape == said.shape == (len(clusters),):
        raise ValueError("one label, one verdict and one cluster are wanted for every sample")

    def of(part: npt.NDArray[np.bool_]) -> list[Hashable]:
        return [name for name, inside in zip(clusters, part, strict=True) if inside]

    return JudgeError(
        rate_interval(said[right], of(right), level=level),
        rate_interval(~said[~right], of(~right), level=level),
        int(right.sum()),
        int((~right).sum()),
    )


def rogan_gladen(judged: Interval, error: JudgeError) -> Corrected:
    """The true rate from the judge's rate and its error on a separate calibration set.

    (p + Sp - 1)/(Se + Sp - 1), cut to [0, 1]. `judged` and `error` carry intervals of one level;
    the set's rate may differ from the run's, the judge's error may not. The interval holds every
    rate r for which the distance p - r Se - (1 - r)(1 - Sp) is within its own bound, joined from
    the score intervals of the three (MOVER for a ratio: Newcombe 2016, Statistical Methods in
    Medical Research 25); the three are taken to be independent.

    Unknown, with the reason, where either side of the calibration set is empty, where nothing was
    judged, and where Se + Sp <= 1: such a judge tells nothing, and no number comes of it.
    Source: Rogan & Gladen 1978, American Journal of Epidemiology 107(1).
    """
    sensitivity, specificity = error.sensitivity, error.specificity
    labels, method = error.passed + error.failed, "Rogan-Gladen"
    if math.isnan(judged.estimate):
        return Corrected(UNKNOWN, method, labels, reason="nothing was judged")
    if math.isnan(sensitivity.estimate) or math.isnan(specificity.estimate):
        side = "passed" if math.isnan(sensitivity.estimate) else "failed"
        return Corrected(
            UNKNOWN, method, labels, reason=f"the calibration set has no sample that people {side}"
        )
    youden = sensitivity.estimate + specificity.estimate - 1
    if youden <= 0:
        return Corrected(
            UNKNOWN,
            method,
            labels,
            reason=f"the judge is no better than chance: sensitivity {sensitivity.estimate:.2f} + "
            f"specificity {specificity.estimate:.2f} <= 1",
        )
    # Outside what the judge could say of any rate, the nearest such rate.
    seen = min(sensitivity.estimate, max(1 - specificity.estimate, judged.estimate))
    rate = min(1.0, max(0.0, (seen + specificity.estimate - 1) / youden))

    def beyond(at: float) -> float:
        """Above 0 where a rate is further from what was seen than chance allows."""
        gap = seen - (1 - specificity.estimate) - at * youden
        one, three = _distances(judged, lower=gap > 0), _distances(specificity, lower=gap > 0)
        two = _distances(sensitivity, lower=gap < 0)
        return abs(gap) - math.hypot(one, at * two, (1 - at) * three)

    return Corrected(
        Interval(rate, _edge(beyond, rate, 0.0), _edge(beyond, rate, 1.0)), method, labels
    )


def _distances(part: Interval, *, lower: bool) -> float:
    return part.estimate - part.low if lower else part.high - part.estimate


def _edge(beyond: Callable[[float], float], inside: float, end: float) -> float:
    """Where `beyond` turns positive between a point inside and an end; the end if it does not."""
    if beyond(end) <= 0:
        return end
    outside = end
    for _ in range(60):
        middle = (inside + outside) / 2
        if beyond(middle) <= 0:
            inside = middle
        else:
            outside = middle
    return outside


def _tail(level: float) -> float:
    return 1 - (1 - level) / 2
