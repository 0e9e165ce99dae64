"""Rounds that depend on answers: a run goes on where it was cut, and adds up."""

from __future__ import annotations

import json
import shutil

import pytest
from click.testing import CliRunner

from truing.cli import cli

TASK = "interventional_effect/limited_places"


def truing(*arguments):
    done = CliRunner().invoke(cli, list(arguments), standalone_mode=False)
    assert done.exception is None, done.output
    return done


def run(folder, *more):
    command = ("run", "-m", "scripted/random", "--task", TASK, "-n", "12", "-o", str(folder))
    return json.loads(truing(*command, "--json", *more).stdout)


def journal(folder):
    return b"".join(file.read_bytes() for file in sorted(folder.glob("journal/*.jsonl")))


@pytest.mark.parametrize("kept", [1, 2, 57, 58, 143])
def test_a_run_that_was_cut_goes_on_in_the_middle_of_a_seeds_rounds(tmp_path, kept):
    whole = run(tmp_path / "whole")
    assert whole["calls"] == 12 * 6
    assert whole["owed"] == 0
    cut = tmp_path / "cut"
    shutil.copytree(tmp_path / "whole", cut)
    (file,) = cut.glob("journal/*.jsonl")
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:kept]))
    resumed = run(cut)
    assert resumed["rows"] == whole["rows"]
    asked = [json.loads(line) for line in journal(cut).splitlines()]
    ids = [line["sample"]["id"] for line in asked if line["kind"] == "response"]
    assert len(ids) == len(set(ids)) == 72


def test_a_run_of_rounds_adds_up_and_a_round_of_another_history_does_not(tmp_path):
    run(tmp_path / "run")
    assert truing("audit", str(tmp_path / "run")).return_value == 0
    (file,) = (tmp_path / "run").glob("journal/*.jsonl")
    lines = file.read_bytes().splitlines(keepends=True)
    kept = [line for line in lines if b'"history":["right"]' not in line]
    assert len(kept) < len(lines)
    file.write_bytes(b"".join(kept))
    assert truing("audit", str(tmp_path / "run")).return_value == 1


def test_the_plan_counts_all_rounds():
    done = truing("run", "-m", "scripted/random", "--task", TASK, "-n", "12", "--dry-run", "--json")
    assert json.loads(done.stdout)["calls"] == 72


def test_epochs_have_histories_of_their_own(tmp_path):
    assert run(tmp_path / "run", "--epochs", "2")["calls"] == 144
