"""The numbers of a profile, worked by hand from hand-made journals."""

from __future__ import annotations

import msgspec
import pytest
from made import answered, failed, header, sample

from truing.records import Choice, Outcome
from truing.reports.evidence import gather_evidence
from truing.reports.profile import summarise

GOOD, BAD = Outcome.TRUSTWORTHY, Outcome.UNTRUSTWORTHY


def row_of(lines, **kwargs):
    return summarise(header(**kwargs), lines).rows[0]


def test_the_headline_is_the_worse_side_and_balanced_is_their_mean():
    lines = [
        *answered(sample("1", "left", "a"), GOOD),
        *answered(sample("2", "left", "b"), GOOD),
        *answered(sample("3", "right", "a"), GOOD),
        *answered(sample("4", "right", "b"), BAD, label="wrong"),
    ]
    row = row_of(lines)
    assert row.sides["left"].estimate == 1.0
    assert row.sides["right"].estimate == 0.5
    assert row.headline.estimate == 0.5
    assert row.balanced.estimate == 0.75
    assert (row.headline.units, row.headline.clusters) == (4, 2)
    # The worse side's bounds are the smaller ones of the two sides'.
    assert row.headline.low == row.sides["right"].low
    assert row.headline.high == row.sides["right"].high


def test_unscored_is_outside_the_rate_and_counted():
    lines = [
        *answered(sample("1"), GOOD),
        *failed(sample("2", cluster="d")),
        *answered(sample("3", "right"), BAD),
    ]
    row = row_of(lines)
    assert row.sides["left"].estimate == 1.0
    assert row.sides["left"].units == 1
    assert row.unscored == 1
    assert row.faults == {"timeout": 1}
    assert row.owed == 1


def test_unusable_is_inside_the_rate_and_counted():
    lines = [
        *answered(sample("1"), BAD, label="unusable", text=""),
        *answered(sample("2", "right"), GOOD),
    ]
    row = row_of(lines)
    assert row.sides["left"].estimate == 0.0
    assert row.unusable == 1
    assert row.labels == {"left": {"unusable": 1}, "right": {"right": 1}}


def test_nothing_measured_is_null_never_zero():
    row = row_of([])
    for estimate in (row.headline, row.balanced, *row.sides.values()):
        assert estimate.estimate is None
        assert estimate.low is None
        assert estimate.simultaneous is None
    assert row.floor is None
    assert row.above_floor is None
    assert row.elicitation is None
    assert row.owed == 4


def test_one_side_alone_leaves_the_headline_unknown():
    row = row_of(answered(sample("1"), GOOD))
    assert row.headline.estimate is None
    assert row.balanced.estimate is None
    assert row.sides["left"].estimate == 1.0


def test_the_last_answer_and_its_verdict_hold():
    own = sample("1")
    lines = [*failed(own), *answered(own, GOOD), *answered(sample("2", "right"), GOOD)]
    row = row_of(lines)
    assert row.unscored == 0
    assert row.sides["left"].estimate == 1.0


def test_an_answer_without_its_verdict_is_still_owed():
    lines = answered(sample("1"), GOOD)[:1]
    assert row_of(lines).owed == 4


def test_control_arms_are_outside_the_row():
    lines = [
        *answered(sample("1"), GOOD),
        *answered(sample("2", control=True), BAD),
        *answered(sample("3", "right"), GOOD),
    ]
    row = row_of(lines)
    assert row.sides["left"].units == 1
    assert row.headline.estimate == 1.0
    assert row.owed == 1


def test_a_group_counts_as_a_whole_and_only_when_it_is_complete():
    def member(name, group, side, outcome):
        return answered(sample(name, side, group, group=group), outcome)

    lines = [
        *member("1", "g1", "left", GOOD),
        *member("2", "g1", "right", GOOD),
        *member("3", "g2", "left", GOOD),
        *member("4", "g2", "right", BAD),
        *member("5", "g3", "left", BAD),
    ]
    row = row_of(lines, task_fields={"unit": "group", "headline": "group_rate"})
    assert row.headline.estimate == 0.5
    assert row.headline.units == 2
    assert row.sides["left"].units == 3


def test_a_group_with_an_unscored_member_is_left_out():
    lines = [
        *answered(sample("1", "left", "g", group="g"), BAD),
        *failed(sample("2", "right", "g", group="g")),
    ]
    row = row_of(lines, task_fields={"unit": "group", "headline": "group_rate"})
    assert row.headline.estimate is None


def test_the_floor_is_computed_from_the_samples():
    # Gold is A on the left and B on the right: any constant letter gets .5 balanced; mixing both
    # evenly gets .5 on the worse side; guessing does as well.
    lines = [
        *answered(sample("1", "left"), GOOD),
        *answered(sample("2", "right", target="B"), GOOD),
    ]
    row = row_of(lines)
    assert row.floor == 0.5
    assert row.floor_worse_side == pytest.approx(0.5)
    # Gold always A: always choosing the first option wins everything, and the floor says so.
    lines = [*answered(sample("1", "left"), GOOD), *answered(sample("2", "right"), GOOD)]
    assert row_of(lines).floor == 1.0


def test_the_floor_knows_the_option_that_abstains():
    options = (
        Choice(label="A", text="x", role="right"),
        Choice(label="B", text="y", role="wrong"),
        Choice(label="C", text="not stated", role="abstain"),
    )
    lines = [
        *answered(sample("1", "left", choices=options, target="A"), GOOD),
        *answered(sample("2", "right", choices=options, target="C"), GOOD),
    ]
    row = row_of(lines)
    assert row.floor == pytest.approx(0.5)
    # The first option half of the time and the one that abstains otherwise: .5 on either side.
    assert row.floor_worse_side == pytest.approx(0.5)


def test_calls_tokens_and_cost_add_up_and_unknown_is_null():
    lines = [*answered(sample("1"), GOOD), *answered(sample("2", "right"), GOOD)]
    summary = summarise(header(), lines)
    assert (summary.calls, summary.tokens, summary.cost_usd) == (2, 8, 0.5)
    lines += answered(sample("3"), GOOD, cost_usd=None, prompt_tokens=None)
    summary = summarise(header(), lines)
    assert (summary.calls, summary.tokens, summary.cost_usd) == (3, None, None)


def test_the_simultaneous_interval_is_never_narrower():
    lines = [
        line
        for n in range(20)
        for side in ("left", "right")
        for line in answered(sample(f"{side}{n}", side, str(n)), GOOD if n % 3 else BAD)
    ]
    row = row_of(lines)
    for estimate in (row.headline, row.balanced, *row.sides.values()):
        low, high = estimate.simultaneous
        assert low <= estimate.low <= estimate.high <= high


def test_the_order_of_the_journal_changes_nothing():
    lines = [
        line
        for n in range(12)
        for side in ("left", "right")
        for line in answered(sample(f"{side}{n}", side, str(n)), GOOD if n % 5 else BAD)
    ]
    pairs = [lines[i : i + 2] for i in range(0, len(lines), 2)]
    backwards = [line for pair in reversed(pairs) for line in pair]
    assert msgspec.json.encode(row_of(lines)) == msgspec.json.encode(row_of(backwards))


def test_evidence_shows_failing_seeds_whole_and_no_more_than_asked():
    lines = [
        line
        for n in range(9)
        for side in ("right", "left")
        for line in answered(
            sample(f"{side}{n}", side, f"seed{n}"), BAD if n % 2 and side == "left" else GOOD
        )
    ]
    found = gather_evidence(header(), lambda: iter(lines), seeds_a_row=3)["t/one"]
    assert [seed[0].sample.cluster for seed in found] == ["seed1", "seed3", "seed5"]
    assert [item.sample.side for item in found[0]] == ["left", "right"]
    assert [item.failed for item in found[0]] == [True, False]
