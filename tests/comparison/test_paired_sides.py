"""The difference on sides that count alike: by hand, by enumeration, by simulation."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from truing import stats
from truing.stats.paired_sides import Side, paired_sides


def rng():
    return np.random.default_rng(0)


def side(a, b, clusters=None):
    names = list(range(len(a))) if clusters is None else list(clusters)
    return Side(np.array(a, float), names, np.array(b, float), names)


def test_one_side_by_hand():
    # 10 questions: a right on 6, b on 3; a alone on 4, b alone on 1. The clusters' differences are
    # 4 times 1, once -1, 5 times 0; with 1 and -1 more: 12 values, sum 3, sum of squares 7.
    a, b = [1] * 6 + [0] * 4, [1, 1, 0, 0, 0, 0, 1, 0, 0, 0]
    one = paired_sides([side(a, b)])
    assert one.difference == pytest.approx(0.3)
    low, high = one.interval()[1:]
    error = math.sqrt((7 - 12 * 0.25**2) / 11 / 12)
    assert (low, high) == pytest.approx((0.25 - 2.20099 * error, 0.25 + 2.20099 * error), abs=1e-4)
    found = one.tested(rng=rng())
    # 2 (C(5,0) + C(5,1)) / 2^5
    assert (found.test, found.p) == ("McNemar exact", pytest.approx(12 / 32))


def test_sides_count_alike_however_many_questions_each_has():
    one = paired_sides([side([1] * 9, [0] * 9), side([1], [1], [0])])
    assert (one.a, one.b, one.difference) == (1.0, 0.5, 0.5)
    assert (one.pairs, one.clusters) == (10, 9)


def test_clusters_of_many_questions_are_flipped_whole():
    # Cluster sums of a - b: 2, 1, -1. Of 8 flips those with a sum of 2 or more either way are 6.
    one = paired_sides([side([1, 1, 1, 0], [0, 0, 0, 1], "xxyz")])
    found = one.tested(rng=rng())
    assert (found.test, found.p) == ("sign flip by cluster", pytest.approx(6 / 8))


def test_models_that_never_differ_have_an_interval_about_as_wide_as_the_rule_of_three():
    for count in (20, 40, 160):
        low, high = paired_sides([side([1] * count, [1] * count)]).interval()[1:]
        assert high == -low
        assert 2.4 / count < high < 3.2 / count


def test_unequal_clusters_do_not_widen_a_difference_that_is_the_same_in_all():
    names = [name for name in range(10) for _ in range(name + 1)]
    one = paired_sides([side([1] * 55, [0] * 55, names)])
    assert np.allclose(one.values, 1.0)


def swapped(sides, mask):
    """Mean over sides of the differences, with a and b swapped in the clusters of the mask."""
    total = 0.0
    for each in sides:
        mine, theirs = [], []
        for scores, names, own, other in (
            (each.a, each.clusters_a, mine, theirs),
            (each.b, each.clusters_b, theirs, mine),
        ):
            for score, name in zip(scores, names, strict=True):
                (other if mask[name] else own).append(score)
        if not mine or not theirs:
            return math.inf
        total += np.mean(mine) - np.mean(theirs)
    return total / len(sides)


def test_sides_that_follow_the_answers_are_tested_by_swapping_clusters():
    draw = np.random.default_rng(3)
    sides = []
    for _ in range(2):
        a, b = draw.integers(0, 9, size=7), draw.integers(0, 9, size=5)
        sides.append(
            Side(draw.random(7), a.tolist(), draw.random(5) / 2, b.tolist(), aligned=False)
        )
    one = paired_sides(sides)
    names = {c for each in sides for own in (each.clusters_a, each.clusters_b) for c in own}
    every = [
        dict(zip(sorted(names), mask, strict=True))
        for mask in itertools.product([False, True], repeat=len(names))
    ]
    assert swapped(sides, every[0]) == pytest.approx(one.difference)
    far = sum(abs(swapped(sides, mask)) >= abs(one.difference) - 1e-12 for mask in every)
    found = one.tested(rng=rng())
    assert (found.test, found.p) == ("swap by cluster", pytest.approx(far / len(every)))


def test_swapping_aligned_clusters_is_flipping_their_signs():
    draw = np.random.default_rng(4)
    a, b, names = draw.random(20), draw.random(20), np.repeat(np.arange(10), 2).tolist()
    flipped = paired_sides([Side(a, names, b, names)]).tested(rng=rng())
    swap = paired_sides([Side(a, names, b, names, aligned=False)]).tested(rng=rng())
    assert swap.p == pytest.approx(flipped.p)
    assert (swap.low, swap.high) == pytest.approx((flipped.low, flipped.high))


def test_with_many_clusters_swaps_are_drawn_and_the_draw_is_seeded():
    draw = np.random.default_rng(5)
    a, b, names = draw.random(60), draw.random(60), list(range(60))
    one = paired_sides([Side(a, names, b, names, aligned=False)])
    assert one.tested(rng=rng()) == one.tested(rng=rng())
    flipped = paired_sides([Side(a, names, b, names)]).tested(rng=rng())
    assert one.tested(rng=rng()).p == pytest.approx(flipped.p, abs=0.015)


def test_nothing_is_unknown_and_one_cluster_is_no_evidence():
    nothing = paired_sides([side([], [])])
    assert math.isnan(nothing.difference)
    assert nothing.interval()[1:] == (-1.0, 1.0)
    assert nothing.tested(rng=rng()).pairs == 0
    one = paired_sides([side([1, 1, 1], [0, 0, 0], "xxx")])
    assert one.interval() == (1.0, -1.0, 1.0)
    assert one.tested(rng=rng()).p == 1.0


def test_the_number_of_clusters_to_find_a_difference_is_that_at_which_it_is_detectable():
    one = paired_sides([side([1, 0] * 40, [0, 0] * 40)])
    needed = one.clusters_to_find(one.detectable(alpha=0.01), alpha=0.01)
    assert needed == pytest.approx(one.clusters, abs=1)


def flips(draw, count, each, rate, whole):
    """a, and b that is right wherever a is and on a share `rate` of the rest as well."""
    a = np.repeat(draw.random(count) < 0.5, each) if whole else draw.random(count * each) < 0.5
    flip = np.repeat(draw.random(count) < rate, each) if whole else draw.random(count * each) < rate
    return a.astype(float), (a | flip).astype(float)


@pytest.mark.slow
@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize(("count", "each"), [(10, 1), (10, 4), (40, 1), (40, 4), (160, 2)])
def test_the_interval_covers_rare_differences_that_all_go_one_way(
    whole, count, each, record_property
):
    draw = np.random.default_rng(6)
    names = np.repeat(np.arange(count), each).tolist()
    for rate in (0.01, 0.03, 0.06, 0.12):
        covered = 0
        for _ in range(400):
            a, b = flips(draw, count, each, rate, whole)
            low, high = paired_sides([Side(a, names, b, names)]).interval()[1:]
            covered += low <= -rate / 2 <= high
        assert covered / 400 >= 0.9, rate


@pytest.mark.slow
def test_the_interval_of_two_sides_that_share_seeds_covers():
    draw = np.random.default_rng(7)
    for first, second, link in itertools.product((0.05, 0.5, 0.9), (0.05, 0.5, 0.9), (0.0, 0.8)):
        covered = 0
        for _ in range(400):
            mood = draw.random((4, 40))
            mood = np.where(draw.random((4, 40)) < link, mood[0], mood)
            scores = (mood < np.array([[first], [second], [first], [second]])).astype(float)
            sides = [side(scores[0], scores[1]), side(scores[2], scores[3])]
            low, high = paired_sides(sides).interval()[1:]
            covered += low <= first - second <= high
        assert covered / 400 >= 0.92, (first, second, link)


def test_the_words_of_a_family_go_by_its_simultaneous_intervals():
    one = paired_sides([side([1] * 40, [0] * 8 + [1] * 32)])
    found = one.tested(rng=rng())
    (alone,) = stats.compare_rows([found], lambda _, level: one.interval(level), margin=0.05)
    assert alone.word is stats.Word.BETTER
    many = stats.compare_rows([found] * 29, lambda _, level: one.interval(level), margin=0.05)
    assert {each.word for each in many} == {stats.Word.UNDECIDED}


def test_a_swap_that_empties_a_side_counts_as_a_difference():
    # Four swaps of two clusters: 1, two without an answer of a or of b, and -1.
    one = paired_sides([Side(np.array([1.0]), ["x"], np.array([0.0]), ["y"], aligned=False)])
    assert one.tested(rng=rng()).p == 1.0
