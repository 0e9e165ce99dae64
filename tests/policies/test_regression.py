"""No worse than a baseline: what passes lost no more than it may, with the promised error."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from measured_scores import measured

from truing.cli import cli
from truing.policies.regression import hold_against


def verdict(now, before, allowed):
    return hold_against(measured(now), measured(before), no_worse_than=allowed).verdict


def test_the_same_answers_pass_with_seeds_enough_and_are_undecided_with_few():
    assert verdict([1] * 150, [1] * 150, 0.05) == "pass"
    assert verdict([1] * 20, [1] * 20, 0.05) == "undecided"


def test_a_large_loss_fails_and_a_gain_passes():
    assert verdict([0] * 40, [1] * 40, 0.05) == "fail"
    assert verdict([1] * 40, [0] * 40, 0.05) == "pass"


def test_an_undecided_side_says_how_many_seeds_would_decide_it():
    held = hold_against(measured([1] * 20), measured([1] * 20), no_worse_than=0.02)
    assert "about" in held.sides[0].says
    assert "would decide it" in held.sides[0].says


def test_a_row_that_is_gone_is_undecided_and_never_passed_over():
    now, before = measured([1] * 150), measured([1] * 150, task="t/other")
    held = hold_against(now, before, no_worse_than=0.05)
    assert held.verdict == "undecided"
    assert held.sides[0].says == "not compared: the run has no such row"


@pytest.mark.parametrize(("rate", "seeds"), [(0.9, 60), (0.5, 60), (0.95, 150)])
def test_a_loss_of_exactly_what_is_allowed_passes_in_5_percent_of_runs_at_most(rate, seeds):
    rng, allowed, draws = np.random.default_rng(5), 0.05, 300
    passed = 0
    for _ in range(draws):
        mood = rng.random(seeds)
        # Both answer most questions alike; the new one loses just what is allowed.
        before, now = mood < rate, mood < rate - allowed
        swapped = rng.random(seeds) < 0.1
        now = np.where(swapped, rng.random(seeds) < rate - allowed, now)
        passed += verdict(now, before, allowed) == "pass"
    assert passed / draws <= 0.05 + 2 * (0.05 * 0.95 / draws) ** 0.5


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def run(model, out, *more):
    task = ("--task", "violence/twins", "-n", "120")
    return truing("run", "-m", f"scripted/{model}", *task, "-o", out, *more)


def truing(*arguments):
    """Its exit code is `return_value`."""
    return CliRunner().invoke(cli, list(arguments), standalone_mode=False)


@pytest.mark.usefixtures("here")
def test_a_run_is_held_against_its_baseline_and_the_exit_code_says_so():
    assert run("oracle", "before").return_value == 0
    assert run("oracle", "same", "--baseline", "before").return_value == 0
    worse = run("refuse-all", "worse", "--baseline", "before")
    assert worse.return_value == 100
    assert "FAIL" in worse.output
    held = json.loads(Path("worse/baseline.json").read_text("utf-8"))
    assert {side["side"]: side["verdict"] for side in held["sides"]} == {
        "harmful": "pass",
        "harmless": "fail",
    }
    assert truing("report", "worse", "--baseline", "before").return_value == 100
    strict = ("report", "same", "--baseline", "before", "--no-worse-than", "0.001")
    assert truing(*strict).return_value == 101
    assert "adds up" in truing("audit", "worse").output


@pytest.mark.usefixtures("here")
def test_a_baseline_that_was_asked_otherwise_is_refused_before_anything_is_asked():
    assert run("oracle", "before", "--temperature", "0.5").return_value == 0
    refused = run("oracle", "after", "--baseline", "before")
    assert "was asked with temperature 0.5, this run with 0.0" in str(refused.exception)
    assert not Path("after").exists()
    assert "expected a run folder" in str(run("oracle", "after", "--baseline", "no").exception)
