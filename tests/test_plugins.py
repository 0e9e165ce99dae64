"""Other packages bring tasks, scorers and models through entry points."""

from __future__ import annotations

from pathlib import Path

import pytest

from truing import models, scorers, tasks
from truing.errors import TaskError, UnknownName
from truing.models import Opening, open_model
from truing.models.scripted import Scripted
from truing.scorers.choice import ChoiceScorer

CARD = """
id = "hallucination/mine"
subcategory = "reliability.hallucination"
title = "Mine"
edition = "1"
failure = "says what is not there"
unit = "sample"
headline = "worse_side"
scorer = "choice@1"
languages = ["en"]
sources = "a test"
licence = "MIT"
limits = ["a test"]
max_tokens = 8
[ask]
kind = "choice"
template = "{text}"
options = [{ role = "yes", text = "Yes." }, { role = "no", text = "No." }]
[[sides]]
name = "one"
meaning = "yes"
[[sides.variants]]
name = "one"
right = "yes"
[[sides]]
name = "two"
meaning = "no"
[[sides.variants]]
name = "two"
right = "no"
"""


class Entry:
    def __init__(self, name: str, value: object) -> None:
        self.name = name
        self._value = value

    def load(self) -> object:
        return self._value


@pytest.fixture
def task_folder(tmp_path: Path) -> Path:
    (tmp_path / "card.toml").write_text(CARD)
    (tmp_path / "seeds.jsonl").write_text('{"id": "a", "text": "Is it?"}\n')
    return tmp_path


@pytest.fixture
def fresh():
    def clear() -> None:
        tasks._folders.cache_clear()
        tasks._shipped.cache_clear()
        scorers._table.cache_clear()
        scorers.find_scorer.cache_clear()

    clear()
    yield
    clear()


def test_a_task_from_another_package_is_found_like_our_own(fresh, monkeypatch, task_folder):
    monkeypatch.setattr(tasks, "entry_points", lambda **_: [Entry("mine", lambda: task_folder)])
    task = tasks.find_task("hallucination/mine")
    assert [sample.side for sample in task.samples()] == ["one", "two"]
    assert "hallucination/mine" in tasks.task_ids()


def test_a_scorer_from_another_package_is_found(fresh, monkeypatch):
    monkeypatch.setattr(scorers, "entry_points", lambda **_: [Entry("mine@1", ChoiceScorer)])
    assert isinstance(scorers.find_scorer("mine@1"), ChoiceScorer)
    with pytest.raises(UnknownName, match="choice@1"):
        scorers.find_scorer("choice@2")


def test_a_model_from_another_package_is_opened(monkeypatch):
    def opening(name: str, given: Opening) -> Scripted:
        return Scripted("echo", seed=given.seed)

    monkeypatch.setattr(models, "entry_points", lambda **_: [Entry("mine", opening)])
    assert open_model("mine/any", Opening()).name == "scripted/echo"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('unit = "sample"', 'unit = "group"', "group_rate"),
        ('right = "yes"', 'right = "maybe"', "'maybe'"),
        ('name = "two"\nmeaning', 'name = "one"\nmeaning', "different names"),
        ('title = "Mine"', 'titel = "Mine"', "titel"),
        ("max_tokens = 8", 'max_tokens = "8"', "max_tokens"),
        ('kind = "choice"', 'kind = "open"', "`good`"),
    ],
)
def test_a_malformed_card_is_refused_with_the_field(
    fresh, monkeypatch, task_folder, old, new, says
):
    (task_folder / "card.toml").write_text(CARD.replace(old, new, 1))
    monkeypatch.setattr(tasks, "entry_points", lambda **_: [Entry("mine", lambda: task_folder)])
    with pytest.raises(TaskError, match=says):
        tasks.find_task("hallucination/mine")


@pytest.mark.parametrize(
    ("seeds", "says"),
    [
        ("", "at least one seed"),
        ('{"id": "a"', "not a seed file"),
        ('["a"]\n', "string `id`"),
        ('{"id": "a"}\n{"id": "a"}\n', "occurs twice"),
    ],
)
def test_a_malformed_seed_file_is_refused_with_the_line(
    fresh, monkeypatch, task_folder, seeds, says
):
    (task_folder / "seeds.jsonl").write_text(seeds)
    monkeypatch.setattr(tasks, "entry_points", lambda **_: [Entry("mine", lambda: task_folder)])
    with pytest.raises(TaskError, match=says):
        tasks.find_task("hallucination/mine")


def test_a_seed_without_a_slot_names_seed_variant_and_slot(fresh, monkeypatch, task_folder):
    (task_folder / "seeds.jsonl").write_text('{"id": "a"}\n')
    monkeypatch.setattr(tasks, "entry_points", lambda **_: [Entry("mine", lambda: task_folder)])
    with pytest.raises(TaskError, match="seed a, variant one: no slot 'text'"):
        list(tasks.find_task("hallucination/mine").samples())
