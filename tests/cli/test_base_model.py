"""A model that cannot chat is called a base model wherever its numbers are shown."""

from __future__ import annotations

import json

import msgspec
import pytest
from click.testing import CliRunner

from truing import models
from truing.cli import cli
from truing.models.scripted import Scripted


class Base(Scripted):
    """Answers as the script does; only what it says of itself differs."""

    def __init__(self) -> None:
        super().__init__("constant-first", seed=0)
        self.name = "base/one"
        self.capabilities = msgspec.structs.replace(self.capabilities, chat=False)


def truing(*arguments):
    done = CliRunner().invoke(cli, list(map(str, arguments)), env={"COLUMNS": "100"})
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(models._KINDS, "base", lambda *_: Base())
        told = {
            name: truing(
                "run", "-m", model, "--task", "logical/validity", "-n", 3, "-o", folder / name
            )
            for name, model in (("base", "base/one"), ("chat", "scripted/constant-last"))
        }
    return folder, told


def test_the_run_its_table_and_its_page_say_so(runs):
    folder, told = runs
    for name in ("base", "chat"):
        said = name == "base"
        assert json.loads((folder / name / "run.json").read_text())["base_model"] is said
        assert ("A base model without a chat template" in told[name]) is said
        page = (folder / name / "report.html").read_text()
        assert ("A base model without a chat template" in page) is said


def test_a_comparison_names_the_one_that_is_and_compares(runs):
    folder, _ = runs
    told = truing("compare", folder / "chat", folder / "base")
    assert "b is a base model: asked to continue a transcript" in told
    assert "a is a base model" not in told
    assert "logical/validity" in told


def test_a_study_names_them(runs):
    folder, _ = runs
    told = truing("study", folder / "chat", folder / "base")
    assert "base models, asked to continue a transcript: base/one" in told


def test_judging_again_keeps_it(runs, tmp_path):
    folder, _ = runs
    truing("score", folder / "base", "-o", tmp_path / "again")
    assert json.loads((tmp_path / "again" / "run.json").read_text())["base_model"] is True
