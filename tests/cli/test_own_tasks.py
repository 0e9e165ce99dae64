"""A test set in a folder of the user's own is asked, checked and audited like those that ship."""

from __future__ import annotations

import json
import shutil
from importlib.resources import files
from pathlib import Path

import pytest
from click.testing import CliRunner

from truing.cli import cli


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A folder `mine` below the current one: a shipped task under another id."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(Path(str(files("truing.tasks"))) / "violence" / "twins", "mine")
    card = Path("mine/card.toml")
    card.write_text(card.read_text("utf-8").replace('"violence/twins"', '"violence/mine"'), "utf-8")
    return Path("mine")


def truing(*arguments):
    return CliRunner().invoke(cli, list(arguments))


def run(*more):
    return truing("run", "-m", "scripted/oracle", "-n", "3", "-o", "out", *more)


def test_a_folder_is_run_and_the_run_is_checked_without_it(own):
    assert run("--task", "./mine").exit_code == 0
    row = json.loads(Path("out/summary.json").read_text("utf-8"))["rows"][0]
    assert row["task"] == "violence/mine"
    assert row["headline"]["estimate"] == 1.0
    shutil.rmtree(own)
    audited = truing("audit", "out")
    assert "adds up" in audited.output
    assert "cannot be checked" not in audited.output


def test_a_run_of_a_folder_that_was_changed_since_is_another_run(own):
    assert run("--task", "./mine").exit_code == 0
    seeds = (own / "seeds.jsonl").read_text("utf-8").splitlines()
    (own / "seeds.jsonl").write_text("\n".join(seeds[1:]), "utf-8")
    assert "holds another run" in str(run("--task", "./mine").exception)


def test_a_folder_is_perturbed_like_a_shipped_task(own):
    assert run("--task", "./mine", "--with", "typos:0.05").exit_code == 0
    assert "adds up" in truing("audit", "out").output


def test_a_folder_is_shown_and_checked(own):
    assert "violence/mine" in truing("show", "./mine").output
    assert "oracle" in truing("tasks", "check", "./mine").output


def test_two_tasks_of_one_id_are_refused_before_anything_is_asked(own):
    shutil.copytree(own, "again")
    refused = run("--task", "./mine", "--task", "./again")
    assert "violence/mine is asked for twice" in str(refused.exception)
    assert not Path("out").exists()


def test_a_path_without_a_card_is_said_to_be_none(own):
    refused = run("--task", "./nowhere")
    assert "./nowhere: expected a folder with card.toml" in str(refused.exception)


def test_an_id_that_leads_out_of_the_run_is_refused(own):
    card = own / "card.toml"
    card.write_text(card.read_text("utf-8").replace('"violence/mine"', '"../../etc"'), "utf-8")
    assert "expected an id such as" in str(run("--task", "./mine").exception)
