"""Rank intervals: by hand, and that they hold the true ranks."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from study_models import drawn, model_of, task_of

from truing.stats.paired_sides import Side, paired_sides
from truing.study.answered import answered, paired, resampled
from truing.study.ranks import best_shares, mean_ranks
from truing.study.studying import study


def blocks(*rights, of=100):
    """Models right on their first so many questions."""
    return [
        model_of(name, [task_of("row", [float(i < right) for i in range(of)])])
        for name, right in zip("abcd", rights, strict=False)
    ]


def test_ranks_are_one_plus_the_models_shown_to_be_better():
    # a and b differ on 1 of 100 questions, c is 49 below b, d 40 below c.
    (row,) = study(blocks(91, 90, 41, 1)).rows
    found = {one.model: (one.rank, one.low, one.high, one.simultaneous) for one in row.ranks.models}
    assert found == {
        "a": (1, 1, 2, (1, 2)),
        "b": (2, 1, 2, (1, 2)),
        "c": (3, 3, 3, (3, 3)),
        "d": (4, 4, 4, (4, 4)),
    }
    different = {(one.a, one.b): one.different for one in row.ranks.pairs}
    assert different == {pair: pair != ("a", "b") for pair in itertools.combinations("abcd", 2)}


def test_models_alike_share_their_places_and_what_is_best():
    (row,) = study(blocks(50, 50, 50)).rows
    for one in row.ranks.models:
        assert (one.rank, one.low, one.high) == (2, 1, 3)
        assert one.best == pytest.approx(1 / 3)
    assert mean_ranks(np.array([0.9, 0.5, 0.9, 0.1])).tolist() == [1.5, 3, 1.5, 4]
    draws = np.array([[0.9, 0.8], [0.5, 0.5], [0.1, 0.2], [0.3, 0.2]])
    assert best_shares(draws).tolist() == [(1 + 0.5 + 1) / 4, (0.5 + 1) / 4]


def test_what_one_row_alone_shows_may_not_hold_for_all_rows_at_once():
    # 9 of 60 differ, all one way: p about .005, enough for 1 pair, too little for 12.
    def row(name, better):
        return task_of(name, [1.0] * (30 + 9 * better) + [0.0] * (30 - 9 * better))

    names = [f"row{i}" for i in range(12)]
    sets = [model_of(m, [row(name, m == "a" and name == "row0") for name in names]) for m in "ab"]
    first = study(sets).rows[0].ranks
    assert [(one.low, one.high) for one in first.models] == [(1, 1), (2, 2)]
    assert [one.simultaneous for one in first.models] == [(1, 2), (1, 2)]


def test_a_pairs_interval_is_that_of_compare(rng):
    a, b = drawn(rng, [[0.7], [0.5]], 60, spread=0.2)
    tasks = [one.tasks["row0"] for one in (a, b)]
    scores = answered(tasks, [list(task.answers) for task in tasks])
    sides = [np.array([one.score for one in task.answers.values()]) for task in tasks]
    clusters = [one.cluster for one in tasks[0].answers.values()]
    known = paired_sides([Side(sides[0], clusters, sides[1], clusters)]).interval(0.99)
    assert paired(scores.rates, scores.influence, 0, 1).interval(0.99) == pytest.approx(known)
    assert scores.values == pytest.approx(np.array(sides))


def test_bootstrap_by_cluster_has_the_spread_of_clusters_not_of_answers(rng):
    # 40 clusters of five answers that are alike: the error is that of 40, not of 200.
    right = np.repeat(rng.random(40) < 0.5, 5).astype(float).tolist()
    clusters = [f"c{i // 5}" for i in range(200)]
    task = task_of("row", right, clusters=clusters)
    (draws,) = resampled(
        [answered([task], [list(task.answers)])], draws=2000, rng=np.random.default_rng(3)
    )
    rate = float(np.mean(right))
    assert draws.mean() == pytest.approx(rate, abs=0.01)
    assert draws.std() == pytest.approx(np.sqrt(rate * (1 - rate) / 41), rel=0.1)


TRUE = [[0.9, 0.5], [0.8, 0.5], [0.8, 0.5], [0.5, 0.5]]


def open_to(low_high, first, last):
    return low_high[0] <= first and last <= low_high[1]


@pytest.mark.slow
def test_rank_intervals_hold_the_true_ranks(few_draws, record_property):
    rng = np.random.default_rng(5)
    # The ranks that are true: models alike may stand anywhere among themselves.
    truth = [[(1, 1), (1, 4)], [(2, 3), (1, 4)], [(2, 3), (1, 4)], [(4, 4), (1, 4)]]
    runs, missed, missed_all = 200, 0, 0
    for seed in range(runs):
        result = study(drawn(rng, TRUE, 120, spread=0.1), seed=seed)
        own = [
            [open_to((one.low, one.high), *truth[m][r]) for m, one in enumerate(row.ranks.models)]
            for r, row in enumerate(result.rows)
        ]
        wide = [
            open_to(one.simultaneous, *truth[m][r])
            for r, row in enumerate(result.rows)
            for m, one in enumerate(row.ranks.models)
        ]
        missed += sum(not all(row) for row in own)
        missed_all += not all(wide)
    record_property("figure", f"study: rank intervals of a row miss in {missed / runs / 2:.3f}")
    record_property("figure", f"study: those of all rows at once in {missed_all / runs:.3f}")
    assert missed / runs / 2 <= 0.05
    assert missed_all / runs <= 0.05
