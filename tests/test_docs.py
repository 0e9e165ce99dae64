"""What the README says is there is there."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from truing.cli import _COMMANDS, cli
from truing.tasks import find_suite, find_task, task_ids

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize("name", task_ids())
def test_the_readme_lists_every_task_with_its_seeds(name):
    line = next(line for line in README.splitlines() if f"| {name} |" in line)
    assert f"| {find_task(name).seed_count} |" in line
    assert find_task(name).card.subcategory in line
    for side in find_task(name).card.sides:
        assert side.name.replace("_", " ") in line


def test_every_command_and_option_the_readme_names_exists():
    for command, rest in re.findall(r"`?truing ([a-z]+)([^`\n#|]*)", README):
        if command == "measures":
            continue
        assert command in _COMMANDS, command
        words = [command, *re.findall(r"^ +([a-z]+) ", rest)[:1]]
        text = "".join(
            CliRunner().invoke(cli, [*words[:n], "--help"]).output for n in range(1, len(words) + 1)
        )
        for option in re.findall(r"(?<![\w-])(--[a-z-]+|-[a-z])\b", rest):
            assert option in text, (command, option)


def test_every_make_target_the_docs_name_exists():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    docs = README + (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    for target in re.findall(r"\bmake ([a-z-]+)", docs):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_no_registry_host_is_named_in_the_pins():
    for file in (ROOT / "requirements").glob("*.txt"):
        assert "://" not in file.read_text("utf-8"), file


@pytest.mark.parametrize("name", find_suite("survey8").tasks)
def test_the_guideline_covers_every_study_of_the_survey(name):
    guideline = (ROOT / "docs/guideline.md").read_text("utf-8")
    assert f"`{name}`" in guideline
    assert f"`{find_task(name).card.subcategory}`" in guideline


def test_the_guidelines_table_of_sample_sizes_is_the_scripts_own_output():
    script = ROOT / "docs/sample_sizes.py"
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    guideline = (ROOT / "docs/guideline.md").read_text("utf-8")
    lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
    assert lines
    missing = [line for line in lines if line not in guideline]
    assert missing == []


def test_the_pages_made_from_the_cards_are_up_to_date():
    spec = importlib.util.spec_from_file_location("pages", ROOT / "docs/tasks.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    for file, text in made.pages().items():
        assert file.read_text("utf-8") == text, f"{file.name}: run python docs/tasks.py"
