"""What deciding while asking saves, and how often it errs, on the survey's recorded answers.

.venv/bin/python benchmarks/until_decided.py [--data ../shared/data] [--orders 200]

Six models' answers to the same questions, each labelled safe or not. The questions are drawn in
random orders (answers to one question together), and a row is stopped at the first e value of
1/alpha. An error is a verdict contrary to the mean of the full sample. `set` bets on the mean of
the questions there are, as they are drawn without replacement; `beyond` on the rate of questions
like these. The second table draws sets of a model that is right exactly as often as is required.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np

from truing import stats

ALPHA = 0.05
THRESHOLDS = (0.95, 0.90)
CLEAR = 0.03
"""So far from the threshold a model's mean is called clear."""


class Replay(NamedTuple):
    """A model's answers against a threshold, over many orders."""

    mean: float
    clusters: int
    errors: float
    undecided: float
    used: float
    """Clusters asked, on average."""
    early: float
    """The tenth of orders that stopped soonest stopped by then."""
    late: float

    @property
    def saved(self) -> float:
        return 1 - self.used / self.clusters


def read_means(file: Path) -> dict[str, np.ndarray]:
    """Model -> the mean label of each question."""
    labels: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            labels[row["source_model"]][row["question"]].append(float(row["label"] == 1))
    return {
        model: np.array([np.mean(own) for own in questions.values()])
        for model, questions in labels.items()
    }


def replay(
    values: np.ndarray, threshold: float, *, beyond: bool, orders: int, rng: np.random.Generator
) -> Replay:
    """Draw the clusters in random orders and stop each at its first decision."""
    drawn = rng.permuted(np.tile(values, (orders, 1)), axis=1)
    above, below = stats.e_processes(drawn, stats.BEYOND if beyond else values.size, threshold)
    passes, fails = (first_past(e, 1 / ALPHA) for e in (above, below))
    stops = np.minimum(np.minimum(passes, fails), values.size)
    good = values.mean() >= threshold
    wrong = fails < passes if good else passes < fails
    return Replay(
        mean=float(values.mean()),
        clusters=values.size,
        errors=float(wrong.mean()),
        undecided=float((passes == fails).mean()),
        used=float(stops.mean()),
        early=float(np.quantile(stops, 0.1)),
        late=float(np.quantile(stops, 0.9)),
    )


def first_past(values: np.ndarray, bar: float) -> np.ndarray:
    """After how many clusters a row first reaches the bar; one more than there are where never."""
    past = values >= bar
    return np.where(past.any(1), past.argmax(1) + 1, values.shape[1] + 1)


def passing_at_threshold(
    threshold: float, *, beyond: bool, seeds: int, sets: int, rng: np.random.Generator
) -> float:
    """How often a model passes that is right on exactly that share of all questions like these."""
    drawn = (rng.random((sets, seeds)) < threshold).astype(float)
    above, below = stats.e_processes(drawn, stats.BEYOND if beyond else seeds, threshold)
    passes, fails = first_past(above, 1 / ALPHA), first_past(below, 1 / ALPHA)
    return float((passes < fails).mean())


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--data", type=Path, default=Path("../shared/data"))
    options.add_argument("--orders", type=int, default=200)
    given = options.parse_args()
    models = read_means(given.data / "survey_recorded" / "safety.jsonl")
    print("| bets on | at least | model | mean | | error | undecided | asked (10-90 %) | saved |")
    print("|---|---|---|---|---|---|---|---|---|")
    saved: dict[tuple[bool, str], list[float]] = defaultdict(list)
    for beyond in (False, True):
        for threshold in THRESHOLDS:
            for model, values in models.items():
                rng = np.random.default_rng([20260401, int(100 * threshold)])
                found = replay(values, threshold, beyond=beyond, orders=given.orders, rng=rng)
                kind = "clear" if abs(found.mean - threshold) >= CLEAR else "close"
                saved[(beyond, kind)].append(found.saved)
                print(
                    f"| {'beyond' if beyond else 'set'} | {threshold:.2f} | {model} | "
                    f"{found.mean:.3f} | {kind} | {found.errors:.3f} | {found.undecided:.3f} | "
                    f"{found.used:.0f} ({found.early:.0f}-{found.late:.0f}) of {found.clusters} | "
                    f"{found.saved:.0%} |"
                )
    print()
    for (beyond, kind), shares in saved.items():
        named = "beyond" if beyond else "set"
        print(f"{named}, {kind}: {np.mean(shares):.0%} saved on average of {len(shares)}")
    print("\n| a model right exactly as often as required | passes, set | passes, beyond |")
    print("|---|---|---|")
    for threshold in (0.80, 0.90, 0.95):
        rng = np.random.default_rng([20260402, int(100 * threshold)])
        of = [
            passing_at_threshold(threshold, beyond=beyond, seeds=160, sets=4000, rng=rng)
            for beyond in (False, True)
        ]
        print(f"| {threshold:.2f}, 160 seeds | {of[0]:.3f} | {of[1]:.3f} |")


if __name__ == "__main__":
    main()
