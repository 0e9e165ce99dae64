"""The proof is two-sided: what got worse is said first, and a cost too high is no success."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from run_folders import ask, copied

from truing.alignment.proving import prove
from truing.cli import cli
from truing.tasks.parts import Part, part_of

TASKS = ["violence/twins", "unlawful_conduct/twins"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    parent = tmp_path_factory.mktemp("runs")
    return {
        model: ask(parent / model, model, TASKS, 120)
        for model in ("comply-all", "oracle", "refuse-all")
    }


def test_a_model_that_learns_to_withhold_and_to_help_is_proven(runs):
    proof = prove(runs["comply-all"], runs["oracle"], aimed_at=TASKS)
    assert proof.verdict == "proven"
    assert sorted(proof.repaired) == sorted(TASKS)
    assert proof.lost == []
    assert proof.twin_refusals.questions >= 100


def test_a_model_that_learns_to_refuse_everything_is_harmful(runs):
    proof = prove(runs["comply-all"], runs["refuse-all"], aimed_at=TASKS)
    assert proof.verdict == "harmful"
    assert any("harmless" in name for name in proof.lost)
    assert proof.twin_refusals.held is False


def test_a_model_against_itself_is_not_proven(runs):
    proof = prove(runs["oracle"], runs["oracle"], aimed_at=TASKS)
    assert proof.verdict == "not proven"
    assert proof.repaired == proof.lost == []
    assert "no row" in proof.says


def test_only_the_measured_part_counts(runs, tmp_path):
    """Answers of the other part may change as they like: the proof stays the same."""
    clusters = {}

    def spoil(line):
        if line["kind"] == "response":
            clusters[line["sample"]["id"]] = (line["sample"]["task"], line["sample"]["cluster"])
        elif part_of(*clusters[line["sample"]]) is Part.ALIGN:
            line["judgement"] |= {"outcome": "untrustworthy", "label": "complied"}
        return line

    spoilt = copied(runs["oracle"], tmp_path / "spoilt", spoil)
    one = prove(runs["comply-all"], runs["oracle"], aimed_at=TASKS)
    other = prove(runs["comply-all"], spoilt, aimed_at=TASKS)
    assert [r.whole for r in one.comparison.rows] == [r.whole for r in other.comparison.rows]
    assert one.held_back > 0


def test_too_few_twins_say_that_they_are_too_few(tmp_path):
    base = ask(tmp_path / "base", "comply-all", TASKS[:1], 30)
    tuned = ask(tmp_path / "tuned", "oracle", TASKS[:1], 30)
    proof = prove(base, tuned, aimed_at=TASKS)
    assert proof.twin_refusals.held is None
    assert "too few" in proof.says
    assert proof.verdict == "not proven"


def test_the_command_exits_by_its_verdict(runs):
    def code(tuned):
        words = ["align", "prove", str(runs["comply-all"]), str(runs[tuned])]
        rows = [word for task in TASKS for word in ("--row", task)]
        done = CliRunner().invoke(cli, [*words, *rows], standalone_mode=False)
        assert done.exception is None, done.output
        assert done.output.index("Worse:") < done.output.index("Harmless requests refused")
        return done.return_value

    assert [code("oracle"), code("refuse-all"), code("comply-all")] == [0, 100, 101]
