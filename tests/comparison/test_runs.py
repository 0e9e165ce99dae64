"""Run folders: rates as the profile has them, groups as wholes, and what two runs share."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from run_folders import ask, copied

from truing.cli import cli
from truing.comparison.comparing import compare
from truing.comparison.of_runs import measured_run
from truing.comparison.pairing import differences_of

SMALL = ("violence/twins", "prompt_attacks/typos")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Model -> its run of ten seeds of a row of samples and of a row of groups."""
    parent = tmp_path_factory.mktemp("runs")
    return {model: ask(parent / model, model, SMALL, 10) for model in ("oracle", "refuse-all")}


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory):
    """Model -> its run of a row of stated probabilities, of 40 seeds."""
    parent = tmp_path_factory.mktemp("calibrated")
    task = ["miscalibration/stated"]
    return {model: ask(parent / model, model, task, 40) for model in ("oracle", "random")}


@pytest.fixture
def changed(tmp_path):
    """Copies a run, each line of its journal changed."""
    return lambda run, change, name="copy": copied(run, tmp_path / name, change)


def rows(a, b):
    return {row.task: row for row in compare(measured_run(a), measured_run(b)).rows}


def summary(run):
    whole = json.loads((run / "summary.json").read_text("utf-8"))
    return {row["task"]: row for row in whole["rows"]}


def nothing_left_out(row):
    left = row.left_out
    return (left.only_a, left.only_b, left.another_question, left.unscored) == (0, 0, 0, 0)


def test_both_rates_are_those_of_the_two_profiles(runs):
    found = rows(runs["oracle"], runs["refuse-all"])
    profiles = summary(runs["oracle"]), summary(runs["refuse-all"])
    twins, typos = found["violence/twins"], found["prompt_attacks/typos"]
    for model, profile in zip("ab", profiles, strict=True):
        sides = profile["violence/twins"]["sides"]
        assert getattr(twins.whole, model) == profile["violence/twins"]["balanced"]["estimate"]
        for name, side in twins.sides.items():
            assert getattr(side, model) == sides[name]["estimate"]
        groups = profile["prompt_attacks/typos"]["headline"]
        assert getattr(typos.whole, model) == groups["estimate"]
        assert typos.whole.pairs == groups["units"] == 10
    assert twins.whole.verdict == typos.whole.verdict == "better"
    # Refusing everything is as good as the oracle where refusing is right.
    assert twins.sides["harmful"].difference == 0
    assert twins.sides["harmless"].verdict == "better"
    # Ten seeds, all for the oracle: 2 / 2^10.
    assert typos.whole.p == pytest.approx(2 / 2**10)
    assert (typos.unit, typos.whole.test) == ("group", "McNemar exact")
    assert nothing_left_out(twins)
    assert nothing_left_out(typos)


def test_a_run_beside_itself_never_differs(runs):
    for row in rows(runs["oracle"], runs["oracle"]).values():
        assert (row.whole.difference, row.whole.p) == (0, 1)
        assert row.whole.verdict == "undecided"  # ten seeds do not show that two are within .05


def test_a_copy_with_three_answers_spoilt_is_worse_by_three(runs, changed):
    spoilt = set()

    def spoil(line):
        if line["kind"] == "judgement" and line["judgement"]["scorer"].startswith("refusal"):
            if len(spoilt) < 3:
                spoilt.add(line["sample"])
            if line["sample"] in spoilt:
                line["judgement"]["outcome"] = "untrustworthy"
        return line

    row = rows(runs["oracle"], changed(runs["oracle"], spoil))["violence/twins"]
    lost = sum(round(side.difference * side.pairs) for side in row.sides.values())
    assert (len(spoilt), lost, row.whole.pairs) == (3, 3, 20)
    assert nothing_left_out(row)


def test_the_last_verdict_counts(runs, changed):
    doubled = changed(runs["oracle"], lambda line: line)
    (file,) = (doubled / "journal").glob("*.jsonl")
    again = [
        line.replace('"outcome": "trustworthy"', '"outcome": "untrustworthy"')
        for line in file.read_text("utf-8").splitlines()
        if '"kind": "judgement"' in line
    ]
    (file.with_name("z.jsonl")).write_text("\n".join(again) + "\n", "utf-8")
    assert rows(runs["oracle"], doubled)["violence/twins"].whole.b == 0


def test_verdicts_of_a_judge_beside_the_rule_change_nothing(runs, changed):
    doubled = changed(runs["oracle"], lambda line: line)
    (file,) = (doubled / "journal").glob("*.jsonl")
    lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    judged = [line for line in lines if line["kind"] == "judgement"]
    for line in judged:
        line["judgement"] |= {"scorer": "judge:strict@1", "outcome": "untrustworthy"}
    (file.with_name("z.jsonl")).write_text("".join(json.dumps(j) + "\n" for j in judged), "utf-8")
    assert rows(runs["oracle"], doubled)["violence/twins"].whole.b == 1


def test_repeats_that_measure_chance_are_no_part_of_the_row(tmp_path):
    noise = ["--with", "typos:0.05"]
    run = ask(tmp_path / "noisy", "oracle", ["violence/twins"], 5, *noise)
    (profile,) = summary(run).values()
    (row,) = rows(run, run).values()
    counted = {"group": profile["headline"], "sample": profile["balanced"]}[row.unit]
    assert (row.whole.a, row.whole.pairs) == (counted["estimate"], counted["units"])
    samples = {sample["id"]: bool(sample.get("control")) for sample in asked(run)}
    assert any(samples.values())


def asked(run):
    for file in (run / "journal").glob("*.jsonl"):
        for line in file.read_text("utf-8").splitlines():
            one = json.loads(line)
            if one["kind"] == "response":
                yield one["sample"]


def test_missing_and_unscored_answers_are_left_out_and_counted(runs, changed):
    seen = []

    def drop(line):
        sample = line["sample"]["id"] if line["kind"] == "response" else line["sample"]
        task = line["sample"]["task"] if line["kind"] == "response" else None
        if task == "violence/twins" and sample not in seen:
            seen.append(sample)
        place = seen.index(sample) if sample in seen else 99
        if place < 4:
            return None
        if place < 6 and line["kind"] == "judgement":
            line["judgement"]["outcome"] = "unscored"
        return line

    row = rows(runs["oracle"], changed(runs["oracle"], drop))["violence/twins"]
    assert (row.left_out.only_a, row.left_out.unscored) == (4, 2)
    assert row.whole.pairs == 14


def test_a_group_that_owes_a_member_is_not_judged_by_the_others(runs, changed):
    dropped = set()

    def drop(line):
        of_groups = line["kind"] == "response" and line["sample"]["task"] == "prompt_attacks/typos"
        if of_groups and not line["sample"].get("control") and not dropped:
            dropped.add(line["sample"]["id"])
        name = line["sample"]["id"] if line["kind"] == "response" else line["sample"]
        return None if name in dropped else line

    for other in (runs["oracle"], None):
        copy = changed(runs["oracle"], drop, str(bool(other)))
        row = rows(other or copy, copy)["prompt_attacks/typos"]
        assert (row.left_out.only_a, row.whole.pairs) == (1 if other else 0, 9)


def test_another_edition_shares_what_it_shares_and_the_rest_is_counted(runs, tmp_path):
    other = ask(tmp_path / "other", "oracle", ["violence/twins"], 10, "--seed", "1")
    ours, theirs = measured_run(runs["oracle"]), measured_run(other)
    assert not differences_of(ours, theirs)  # other seeds are other questions, not another way
    common = set(ours.tasks["violence/twins"].answers) & set(theirs.tasks["violence/twins"].answers)
    result = compare(ours, theirs)
    told = {one.task: one.why for one in result.not_compared}
    assert told["prompt_attacks/typos"] == "only in a"
    if not common:
        assert told["violence/twins"] == "no question in common"
        return
    (row,) = result.rows
    assert row.whole.pairs == len(common)
    assert row.left_out.only_a == row.left_out.only_b == 20 - len(common)


def test_settings_that_change_what_is_asked_are_named(runs, changed):
    def with_settings(name, **told):
        copy = changed(runs["oracle"], lambda line: line, name)
        header = json.loads((copy / "run.json").read_text("utf-8"))
        header["settings"] |= told
        (copy / "run.json").write_text(json.dumps(header), "utf-8")
        return measured_run(copy)

    ours = measured_run(runs["oracle"])
    assert differences_of(ours, with_settings("a", system="Be brief.")) == {
        "system": (None, "Be brief.")
    }
    assert set(differences_of(ours, with_settings("b", temperature=1.0, seed=7))) == {"temperature"}

    def unsent(line):
        if line["kind"] == "response":
            line["response"]["unsent"] = ["temperature"]
        return line

    reasoning = measured_run(changed(runs["oracle"], unsent, "c"))
    assert differences_of(ours, reasoning) == {"temperature": (0.0, "not sent")}


def test_a_calibration_row_is_compared_by_swapping_seeds_and_its_share_right_stands_beside(
    calibrated,
):
    row = rows(calibrated["oracle"], calibrated["random"])["miscalibration/stated"]
    for model, run in (("a", "oracle"), ("b", "random")):
        profile = summary(calibrated[run])["miscalibration/stated"]
        assert getattr(row.whole, model) == pytest.approx(profile["headline"]["estimate"])
        for name, side in row.sides.items():
            assert getattr(side, model) == pytest.approx(profile["sides"][name]["estimate"])
    assert row.by_outcome
    assert row.whole.test == "swap by cluster"
    assert row.whole.verdict == "better"
    assert list(row.beside) == ["share right"]
    assert row.beside["share right"].pairs == 80


def test_a_side_with_few_outcomes_is_not_compared(calibrated, changed):
    def right(line):
        if line["kind"] == "judgement":
            line["judgement"]["outcome"] = "trustworthy"
        return line

    sure = changed(calibrated["oracle"], right)
    (why,) = compare(measured_run(sure), measured_run(calibrated["random"])).not_compared
    assert why.why == "side 'doubt_when_wrong' has fewer than 20 answers to compare"


@pytest.mark.slow
def test_on_every_row_both_rates_are_those_of_the_two_profiles(tmp_path):
    folders = [tmp_path / model for model in ("random", "copy-context")]
    for folder in folders:
        wanted = ["-m", f"scripted/{folder.name}", "-s", "core", "-o", str(folder)]
        assert CliRunner().invoke(cli, ["run", *wanted]).exit_code == 0
    found = rows(*folders)
    assert len(found) >= 27
    for model, folder in zip("ab", folders, strict=True):
        for task, profile in summary(folder).items():
            if task not in found:
                continue
            row = found[task]
            estimate = profile["headline" if row.unit == "group" else "balanced"]["estimate"]
            if row.paired_by == "seed" or nothing_left_out(row):
                assert getattr(row.whole, model) == pytest.approx(estimate), task
    by_seed = {task for task, row in found.items() if row.paired_by == "seed"}
    assert "interventional_effect/limited_places" in by_seed
