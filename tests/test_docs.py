"""What the README says is there is there."""

from __future__ import annotations

import importlib.util
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from truing import stats, taxonomy
from truing.cli import _COMMANDS, cli
from truing.generation.forms import read_policy
from truing.reports.columns import COLUMNS
from truing.tasks import find_suite, find_task, task_ids
from truing.tasks.perturbed import perturbed_card
from truing.tasks.public import benchmark_names, find_benchmark

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
GUIDELINE = (ROOT / "docs/guideline.md").read_text("utf-8")
PARTS = [
    "What it is",
    "A failure looks like",
    "How truing asks",
    "Read beside it",
    "If it fails",
    "What it does not show",
]


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


def sections() -> list[tuple[str, str, str]]:
    """Category, sub-category and text of each section of the guideline, in its order."""
    found = []
    for chapter in re.split(r"^## ", GUIDELINE, flags=re.MULTILINE)[1:]:
        category, _, body = chapter.partition("\n")
        for section in re.split(r"^### ", body, flags=re.MULTILINE)[1:]:
            name, _, text = section.partition("\n")
            if re.fullmatch(r"[a-z_]+\.[a-z_]+", name):
                found.append((category, name, text))
    return found


TEXTS = {name: " ".join(text.split()) for _, name, text in sections()}


def backticked(pattern: str, text: str) -> list[str]:
    return [hit for code in re.findall(r"`([^`]+)`", text) for hit in re.findall(pattern, code)]


def guideline_commands() -> list[str]:
    inline = backticked(r"^truing [^`]+$", " ".join(GUIDELINE.split()))
    blocks = re.findall(r"^    (truing (?:.*\\\n)*.*)$", GUIDELINE, re.MULTILINE)
    return sorted({*inline, *(block.replace("\\\n", " ") for block in blocks)})


def test_the_guideline_has_one_section_for_each_sub_category_in_the_taxonomys_order():
    assert [name for _, name, _ in sections()] == list(taxonomy.subcategories())
    assert all(name.startswith(f"{category}.") for category, name, _ in sections())


@pytest.mark.parametrize("name", taxonomy.subcategories())
def test_a_section_of_the_guideline_has_all_its_parts_and_each_says_something(name):
    parts = re.split(r"\*\*([^*]+)\.\*\* ", TEXTS[name])
    assert parts[1::2] == PARTS
    assert all(len(text.split()) >= 5 for text in parts[2::2])


@pytest.mark.parametrize("name", taxonomy.subcategories())
def test_a_section_of_the_guideline_names_its_tasks_their_columns_and_public_sets(name):
    text = TEXTS[name]
    cards = [find_task(task).card for task in task_ids()]
    own = [card for card in cards if card.subcategory == name]
    asked = text.partition("**How truing asks.**")[2].partition("**Read beside it.**")[0]
    for card in own:
        assert f"`{card.id}`" in asked
        assert f"`{card.scorer}`" in asked
        for side in card.sides:
            assert f"*{side.name.replace('_', ' ')}*" in asked, side.name
    columns = {column for card in own for column in card.columns}
    named = set(backticked(r"^\w+$", text)) & set(COLUMNS)
    assert named <= columns
    public = [card for set_ in benchmark_names() for card in find_benchmark(set_).cards.values()]
    there = {card.id for card in public if card.subcategory == name}
    assert set(backticked(r"^import:[\w/]+$", text)) == there


def test_every_task_and_public_set_that_the_guideline_names_exists():
    public = {task for name in benchmark_names() for task in find_benchmark(name).cards}
    named = backticked(r"^(?:import:)?[a-z0-9_]+/[a-z0-9_]+$", GUIDELINE)
    assert named
    assert set(named) <= {*task_ids(), *public}


@pytest.mark.parametrize("command", guideline_commands())
def test_every_command_of_the_guideline_parses_and_its_task_can_be_asked_so(
    command, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    for name in ("FILE", "FOLDER", "RUN", "safety.jsonl"):  # what the page stands them for
        (tmp_path / name).touch()
    words = shlex.split(command.replace("[PATH]", ""))[1:]
    found = cli.get_command(None, words[0])
    options = found.make_context(words[0], words[1:], resilient_parsing=False).params
    for task in options.get("tasks") or ():
        card = find_task(task).card
        for spec in options["perturbations"]:
            assert perturbed_card(card, spec).id == f"{task}+{spec}"
    if options.get("suite"):
        assert find_suite(options["suite"]).tasks


def shown(rate: float) -> str:
    return f"{rate:.3f}".removeprefix("0")


@pytest.mark.parametrize("seeds", [40, 150, 400, 1000])
def test_the_guidelines_bounds_are_those_of_the_profile(seeds):
    levels = (0.95, stats.sidak_level(0.95, len(taxonomy.subcategories())))

    def lowest(failures: int, level: float) -> float:
        return stats.wilson_interval((seeds - failures) / seeds, seeds, level=level).low

    def allowed(least: float, level: float) -> str:
        enough = [k for k in range(seeds) if lowest(k, level) >= least]
        return str(max(enough)) if enough else "-"

    cells = [" / ".join(shown(lowest(0, level)) for level in levels)]
    cells += [
        " / ".join(allowed(least, level) for level in levels) for least in (0.80, 0.90, 0.95, 0.98)
    ]
    assert f"| {seeds} | {' | '.join(cells)} |" in GUIDELINE


def test_the_guidelines_row_to_read_has_the_intervals_of_its_counts():
    seeds = range(162)
    harmful = [seed >= 8 for seed in seeds]
    harmless = [not 100 <= seed < 118 for seed in seeds]
    both = stats.balanced_interval([(harmful, seeds), (harmless, seeds)])
    for name, interval in (
        ("harmful", stats.rate_interval(harmful, seeds)),
        ("harmless", stats.rate_interval(harmless, seeds)),
        ("balanced", both),
    ):
        figures = f"{interval.estimate:.2f} [{interval.low:.2f}, {interval.high:.2f}]"
        assert f"{name} {figures}".replace("0.", ".") in GUIDELINE


@pytest.mark.parametrize("name", find_suite("survey8").tasks)
def test_the_guideline_covers_every_study_of_the_survey(name):
    studies = GUIDELINE.partition("\n## The survey's eight studies\n")[2]
    assert f"`{find_task(name).card.subcategory}`" in studies


def test_the_policy_of_the_page_on_generating_is_one():
    page = (ROOT / "docs/generating.md").read_text("utf-8")
    (shown,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    assert [rule.id for rule in read_policy(shown, "docs/generating.md").rules] == ["no_doses"]


def test_every_option_of_generate_that_the_docs_name_exists():
    page = (ROOT / "docs/generating.md").read_text("utf-8")
    known = {"generate": "", "tasks": "validate check", "run": ""}
    told = "".join(
        CliRunner().invoke(cli, [command, *words[:1], "--help"]).output
        for command, subs in known.items()
        for words in ([[sub] for sub in subs.split()] or [[]])
    )
    for option in re.findall(r"(?<![\w-])(--[a-z-]+)", page):
        assert option in told, option


@pytest.mark.slow
def test_the_guidelines_table_of_sample_sizes_is_the_scripts_own_output():
    script = ROOT / "docs/sample_sizes.py"
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
    assert lines
    missing = [line for line in lines if line not in GUIDELINE]
    assert missing == []


def test_the_pages_made_from_the_cards_are_up_to_date():
    spec = importlib.util.spec_from_file_location("pages", ROOT / "docs/tasks.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    for file, text in made.pages().items():
        assert file.read_text("utf-8") == text, f"{file.name}: run python docs/tasks.py"
