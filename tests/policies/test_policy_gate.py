"""The verdict: what passes, what fails, what is undecided and what would decide it."""

from __future__ import annotations

import math

import pytest
from judged import judge, lines_of, policy
from made import answered, header, sample

from truing.policies.gate import apply_policy
from truing.records import Outcome
from truing.reports.profile import summarise_counted

ALL_SIDES = {"rows": "safety.violence", "at_least": 0.9}


def only(summary, side="left"):
    return next(own for own in summary.policy.sides if own.side == side)


def test_a_side_passes_by_its_lower_bound_and_not_by_its_rate():
    below = judge(policy(ALL_SIDES), 160, 14)  # .9125 is above .9, its bound is not
    assert only(below).estimate > 0.9 > only(below).low
    assert only(below).verdict == "undecided"
    assert below.policy.verdict == "undecided"
    good = judge(policy(ALL_SIDES), 160, 8)
    assert only(good).low >= 0.9
    assert (good.policy.verdict, good.rows[0].verdict) == ("pass", "pass")


def test_a_side_fails_by_its_upper_bound_and_one_failing_side_is_enough():
    slight = judge(policy(ALL_SIDES), 160, 18)  # .8875
    assert only(slight).verdict == "undecided"
    clear = judge(policy(ALL_SIDES), 160, 40)
    assert only(clear).high < 0.9
    assert [side.verdict for side in clear.policy.sides] == ["fail", "pass"]
    assert (clear.policy.verdict, clear.rows[0].verdict) == ("fail", "fail")


def test_a_failure_that_holm_does_not_confirm_is_undecided():
    alone = policy({**ALL_SIDES, "sides": ["left"]})
    among = policy(
        {**ALL_SIDES, "sides": ["left"]},
        *({"rows": f"other/{n}", "at_least": 0.5} for n in range(28)),
    )
    assert only(judge(alone, 160, 25)).verdict == "fail"
    held = only(judge(among, 160, 25))
    assert held.high < 0.9
    assert held.verdict == "undecided"
    assert "name it failing" in held.says


def test_the_bounds_are_those_of_the_rows_interval_or_wider():
    from truing import stats

    summary = judge(policy(ALL_SIDES), 150, 30)
    own = stats.rate_interval([n >= 30 for n in range(150)], range(150), level=0.9)
    assert only(summary).low == pytest.approx(own.low, abs=0.005)
    assert only(summary).low <= own.low
    assert only(summary).high >= own.high


def test_no_failure_in_150_seeds_proves_98_and_not_more():
    assert only(judge(policy({**ALL_SIDES, "at_least": 0.98}), 150, 0)).verdict == "pass"
    # Exact: .05 ** (1/150) = .98023
    assert only(judge(policy({**ALL_SIDES, "at_least": 0.981}), 150, 0)).verdict == "undecided"


def test_an_undecided_side_says_how_many_more_seeds_would_decide_it_and_their_cost():
    says = only(judge(policy(ALL_SIDES), 100, 6, there=900)).says
    more = int(says.split(" more seeds")[0].split("about ")[1])
    # 2 answers a seed, 4 tokens and .25 dollars an answer
    assert says == (
        f"at this rate about {more} more seeds would prove it ({2 * more} calls, "
        f"about {8 * more} tokens, ${0.5 * more:.2f}): -n {100 + more}"
    )
    # What it says is so: at the same rate that many pass, and a fifth fewer do not.
    enough, short = 100 + more, 100 + more - more // 5
    assert only(judge(policy(ALL_SIDES), enough, math.floor(0.06 * enough))).verdict == "pass"
    assert only(judge(policy(ALL_SIDES), short, math.ceil(0.06 * short))).verdict == "undecided"


def test_a_set_with_too_few_seeds_is_said_to_be_so():
    says = only(judge(policy(ALL_SIDES), 100, 6, there=100)).says
    assert "the set has 100 in all" in says
    hopeless = only(judge(policy({**ALL_SIDES, "at_least": 0.99}), 100, 0, there=160))
    assert hopeless.says.startswith("no number of seeds of this set could prove it: all 160")
    assert "reach .981" in hopeless.says
    level = only(judge(policy({**ALL_SIDES, "at_least": 0.75}), 100, 25, there=500))
    assert "no number of seeds would tell them apart" in level.says


def test_unknown_cost_is_said_and_is_not_zero():
    assert "cost unknown" in only(judge(policy(ALL_SIDES), 100, 6, cost=None)).says


def test_too_many_unscored_are_undecided_whatever_the_rest_says():
    for failures in (0, 60):
        summary = judge(policy(ALL_SIDES), 100, failures, failures, unscored=6)
        assert summary.policy.verdict == "undecided"
        assert only(summary).says.startswith("12 of 200 answers are unscored")
    assert judge(policy(ALL_SIDES), 100, 0, unscored=5).policy.verdict == "pass"
    allowed = policy(ALL_SIDES, most_unscored=0.1)
    assert judge(allowed, 100, 0, unscored=6).policy.verdict == "pass"


def test_too_many_unusable_are_undecided_where_the_policy_says_so():
    lines = lines_of(100, {"left": 0})
    for seed in range(100):
        own = sample(f"right{seed}", "right", f"c{seed}")
        lines += answered(own, Outcome.UNTRUSTWORTHY, label="unusable")
    summary, counted = summarise_counted(header(samples=200), lines)
    strict = apply_policy(policy(ALL_SIDES, most_unusable=0.1), summary, counted, {})
    assert {side.verdict for side in strict.policy.sides} == {"undecided"}
    assert "100 of 200 answers are unusable" in only(strict).says
    assert apply_policy(policy(ALL_SIDES), summary, counted, {}).policy.verdict == "fail"


def test_owed_answers_and_few_seeds_are_undecided():
    lines = lines_of(100, {"left": 0, "right": 0})
    summary, counted = summarise_counted(header(samples=204), lines)
    owed = apply_policy(policy(ALL_SIDES), summary, counted, {})
    assert "4 answers are owed" in only(owed).says
    few = judge(policy(ALL_SIDES), 39, 39)
    assert few.policy.verdict == "undecided"
    assert "39 seeds, the policy wants 40" in only(few).says
    assert judge(policy(ALL_SIDES, fewest_seeds=39), 39, 39).policy.verdict == "fail"


@pytest.mark.parametrize("name", ["safety.adult_content", "t/other", "safety", "all"])
def test_a_row_that_was_not_measured_is_undecided(name):
    summary = judge(policy({"rows": name, "at_least": 0.5}), 100, 0)
    assert summary.policy.verdict == "undecided"
    absent = [side for side in summary.policy.sides if side.task is None]
    assert absent
    assert all(side.says.startswith("not measured") for side in absent)
    assert len(absent) == {"safety": 5, "all": 28}.get(name, 1)


def test_a_row_that_fails_is_found_failing_although_others_were_not_measured():
    assert judge(policy({"rows": "all", "at_least": 0.9}), 100, 50).policy.verdict == "fail"


def test_a_side_that_no_row_has_is_undecided():
    summary = judge(policy({**ALL_SIDES, "sides": ["left", "lefft"]}), 100, 0)
    assert summary.policy.verdict == "undecided"
    assert "no row of safety.violence has a side 'lefft'" in only(summary, "lefft").says


def test_later_lines_hold_for_the_rows_and_sides_that_they_name():
    lines = [
        {"rows": "safety.violence", "at_least": 0.99},
        {"rows": ["t/one"], "at_least": 0.8},
        {"rows": ["safety.violence"], "sides": ["right"], "at_least": 0.5},
    ]
    summary = judge(policy(*lines), 100, 5)
    assert {side.side: side.at_least for side in summary.policy.sides} == {
        "left": 0.8,
        "right": 0.5,
    }
    whole = judge(policy(*lines, {"rows": "t/one", "headline": True, "at_least": 0.6}), 100, 5)
    assert {side.side: side.at_least for side in whole.policy.sides} == {"headline": 0.6}


def test_the_headline_of_sides_is_the_worse_one_and_of_groups_the_group():
    wanted = policy({"rows": "t/one", "headline": True, "at_least": 0.9})
    summary = judge(wanted, 100, 5, 30)
    assert only(summary, "headline").estimate == summary.rows[0].headline.estimate == 0.7
    assert summary.policy.verdict == "fail"
    lines = []
    for seed in range(100):
        for side, good in (("left", seed >= 20), ("right", 20 <= seed < 95)):
            own = sample(f"{side}{seed}", side, f"c{seed}", group=f"g{seed}")
            outcome = Outcome.TRUSTWORTHY if good else Outcome.UNTRUSTWORTHY
            lines += answered(own, outcome)
    whole = header(samples=200, task_fields={"unit": "group", "headline": "group_rate"})
    made, counted = summarise_counted(whole, lines)
    groups = apply_policy(wanted, made, counted, {})
    assert only(groups, "headline").estimate == groups.rows[0].headline.estimate == 0.75


def test_a_row_that_no_line_names_has_no_verdict():
    own = policy({"rows": "other/task", "at_least": 0.5})
    assert judge(own, 100, 0).rows[0].verdict == "none"


def test_the_mean_of_sides_is_held_to_its_own_few_answers():
    from truing.policies.bounds import Rate

    many = ([1.0] * 150, [f"c{n}" for n in range(150)])
    few = ([1.0] * 20, [f"c{n}" for n in range(20)])
    assert Rate([[many, few]]).low(0.05) < Rate([[many, many]]).low(0.05)
    # Of 20 without a failure at least .861 (.05 ** (1/20)); the other side is at most 1.
    assert Rate([[many, few]]).low(0.05) < (1 + 0.861) / 2
