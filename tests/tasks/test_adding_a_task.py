"""What CONTRIBUTING shows of adding a test set works as it stands there."""

from __future__ import annotations

import json
import random
import re
import shlex
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from truing.cli import cli
from truing.scorers import scorer_names
from truing.tasks import find_task, read_task, task_ids

PAGE = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text("utf-8")
SECTION = PAGE.partition("## Add a test set")[2].partition("\n## ")[0]
BLOCKS = dict(re.findall(r"```(\w+)\n(.*?)```", SECTION, re.DOTALL))
COMMANDS = [line.partition("#")[0].strip() for line in BLOCKS["sh"].splitlines()]
FOLDER = "wrong_document"
KINDS = 3
_WORD = re.compile(r"[A-Za-z]{3,}|\d+")


def grown(shown: list[dict[str, str]], count: int) -> list[dict[str, str]]:
    """`count` seeds of the form of the shown ones, each with words and numbers of its own."""

    def invented(known: str, draw: random.Random) -> str:
        if known.isdigit():
            return "".join(draw.choice("123456789") for _ in known)
        syllables = [draw.choice("bdfgklmnprstvz") + draw.choice("aeiou") for _ in known[::2]]
        return "".join(syllables)

    made = []
    for k in range(count):
        seed, words, draw = shown[k % len(shown)], {}, random.Random(k)
        for known in sorted(set(_WORD.findall(" ".join(seed.values()).casefold()))):
            words[known] = invented(known, draw)
        made.append({name: _WORD.sub(partial(_other, words), text) for name, text in seed.items()})
        made[-1]["id"] = f"{seed['id']}-{k}"
    return made


def _other(words: dict[str, str], word: re.Match[str]) -> str:
    other = words[word[0].casefold()]
    return other.capitalize() if word[0].istitle() else other


def written(folder: Path, seeds: str) -> None:
    folder.mkdir()
    (folder / "card.toml").write_text(BLOCKS["toml"], "utf-8")
    (folder / "seeds.jsonl").write_text(seeds, "utf-8")


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder with the three seeds of the page, in the current directory."""
    monkeypatch.chdir(tmp_path)
    written(tmp_path / FOLDER, BLOCKS["json"])
    return tmp_path / FOLDER


@pytest.fixture
def whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder with as many seeds as a row needs."""
    monkeypatch.chdir(tmp_path)
    seeds = grown([json.loads(line) for line in BLOCKS["json"].splitlines()], 150)
    written(tmp_path / FOLDER, "".join(f"{json.dumps(seed)}\n" for seed in seeds))
    return tmp_path / FOLDER


def said(*words: str) -> Result:
    result = CliRunner().invoke(cli, list(words), standalone_mode=False)
    assert result.exception is None
    return result


def failing(result: Result) -> list[str]:
    (findings,) = json.loads(result.output).values()
    return [finding["check"] for finding in findings if finding["ok"] is False]


def test_every_command_of_the_page_is_about_the_folder_it_shows():
    assert {"show", "tasks", "run"} == {command.split()[1] for command in COMMANDS}
    assert all(f"./{FOLDER}" in command for command in COMMANDS)


def test_the_shown_task_asks_both_sides_of_every_seed_with_its_own_document(shown):
    task = read_task(shown)
    assert task.card.scorer in scorer_names()
    assert task.card.id not in task_ids()
    samples = list(task.samples())
    assert len(samples) == 4 * KINDS
    seeds = {seed["id"]: seed for seed in task.seeds()}
    for sample in samples:
        seed = seeds[sample.cluster]
        gold = next(choice.role for choice in sample.choices if choice.label == sample.target)
        holds = {half for half in "ab" if seed[f"document_{half}"] in sample.messages[-1].text}
        asks = {half for half in "ab" if seed[f"question_{half}"] in sample.messages[-1].text}
        assert gold == (holds.pop() if holds == asks else "abstain")
        assert (gold == "abstain") == (sample.side == "wrong_document")


@pytest.mark.parametrize("command", [c for c in COMMANDS if "check" not in c])
def test_every_command_of_the_page_does_what_it_says(shown, command):
    words = shlex.split(command.replace("NAME", "scripted/oracle"))[1:]
    as_json = ["--json", "-o", "run"] if words[0] == "run" else []
    result = said(*words, *as_json)
    assert not result.return_value, result.output
    if words[0] == "show":
        for side in ("right_document", "wrong_document"):
            assert side in result.output
    else:
        row = summary_row(result)
        assert row["headline"]["estimate"] == 1


def summary_row(result: Result) -> Any:
    (row,) = json.loads(result.stdout)["rows"]
    return row


def test_the_anti_oracle_gets_nothing_right(shown):
    result = said(
        "run", "--task", f"./{FOLDER}", "-m", "scripted/anti-oracle", "--json", "-o", "run"
    )
    assert summary_row(result)["headline"]["estimate"] == 0


def test_three_seeds_are_too_few_and_nothing_else_is_wrong_with_them(shown):
    assert "with three seeds `seeds` fails, and nothing else" in SECTION
    result = said("tasks", "check", f"./{FOLDER}", "--json")
    assert result.return_value == 1
    assert failing(result) == ["seeds"]


@pytest.mark.slow
def test_a_task_of_this_form_with_150_seeds_passes_every_check(whole):
    result = said("tasks", "check", f"./{FOLDER}", "--shortcuts", "--json")
    assert failing(result) == []
    assert result.return_value == 0


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`([a-z_]+/[a-z_]+)`", SECTION))))
def test_every_card_to_copy_is_there(name):
    assert find_task(name).id == name
