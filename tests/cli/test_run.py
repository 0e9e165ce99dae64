"""`truing run` and its fellows as a user meets them: output, errors, exit codes.

`truing` starts a process, `truing_here` calls the entry point of the same process.
"""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import truing_here
from truing.tasks import task_ids


def truing(*arguments: str, cwd: Path, env: dict[str, str] | None = None):
    return subprocess.run(
        [sys.executable, "-m", "truing", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, **(env or {}), "NO_COLOR": "1", "COLUMNS": "100"},
        timeout=100,
        check=False,
    )


def one_line(done, code: int) -> str:
    """The error as a user sees it: one line, no traceback, the right exit code."""
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith(("truing:", "Error:"))]
    assert len(lines) == 1, done.stderr
    return lines[0]


def test_a_scripted_run_shows_the_profile_the_paths_and_what_to_try_next(tmp_path):
    done = truing("run", "-m", "scripted/refuse-all", "-n", "10", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for text in ("safety.violence", "1.00", "report.html", "truing audit", "Try next"):
        assert text in done.stdout
    (folder,) = (tmp_path / "runs").iterdir()
    assert {path.name for path in folder.iterdir()} >= {
        "run.json",
        "journal",
        "summary.json",
        "report.html",
    }
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for file in folder.rglob("*"):
        if file.is_file():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_json_is_the_contracted_summary_and_nothing_else_on_standard_output(tmp_path):
    done = truing("run", "-m", "scripted/random", "-n", "30", "-o", "r", "--json", cwd=tmp_path)
    summary = json.loads(done.stdout)
    assert set(summary) >= {
        *("truing", "run", "model", "suite", "rows"),
        *("calls", "tokens", "cost_usd", "wall_seconds"),
    }
    for row in summary["rows"]:
        assert set(row) >= {
            *("task", "subcategory", "headline", "balanced", "sides", "floor", "unit"),
            *("elicitation", "unscored", "unusable", "verdict"),
        }
        estimates = [row["headline"], row["balanced"], *row["sides"].values()]
        for estimate in estimates:
            assert set(estimate) == {
                *("estimate", "low", "high", "simultaneous", "level", "units", "clusters"),
            }
            low, high = estimate["simultaneous"]
            assert low <= estimate["low"] <= estimate["estimate"] <= estimate["high"] <= high
    assert json.loads((tmp_path / "r" / "summary.json").read_text()) == summary


def test_the_same_command_on_a_finished_folder_asks_nothing_again(tmp_path):
    command = ("run", "-m", "scripted/random", "--task", "violence/twins", "-n", "9", "-o", "r")
    truing(*command, cwd=tmp_path)
    before = {f.name: f.read_bytes() for f in (tmp_path / "r" / "journal").glob("*.jsonl")}
    again = truing(*command, cwd=tmp_path)
    assert again.returncode == 0
    assert {f.name: f.read_bytes() for f in (tmp_path / "r" / "journal").glob("*.jsonl")} == before


def test_a_finished_run_adds_up_and_a_changed_one_does_not(tmp_path):
    truing_here("run", "-m", "scripted/oracle", "-n", "5", "-o", "r", cwd=tmp_path)
    good = truing_here("audit", "r", cwd=tmp_path)
    assert (good.returncode, good.stdout.splitlines()[-1]) == (0, "adds up")
    journal = tmp_path / "r" / "journal" / "0001.jsonl"
    text = journal.read_text()
    journal.write_text(text.replace('"outcome":"trustworthy"', '"outcome":"untrustworthy"', 1))
    bad = truing_here("audit", "r", cwd=tmp_path)
    assert bad.returncode == 1
    assert "does not add up" in bad.stdout
    journal.write_text(text.replace('"response":{"text":"', '"response":{"text":"So: ', 1))
    assert "another text" in truing_here("audit", "r", cwd=tmp_path).stdout


def test_a_changed_summary_is_found_and_report_mends_it(tmp_path):
    truing_here("run", "-m", "scripted/oracle", "-n", "5", "-o", "r", cwd=tmp_path)
    file = tmp_path / "r" / "summary.json"
    summary = json.loads(file.read_text())
    summary["rows"][0]["headline"]["estimate"] = 0.5
    file.write_text(json.dumps(summary))
    found = truing_here("audit", "r", cwd=tmp_path)
    assert found.returncode == 1
    assert "headline" in found.stdout
    assert truing_here("report", "r", cwd=tmp_path).returncode == 0
    assert truing_here("audit", "r", cwd=tmp_path).returncode == 0


def test_replay_gives_the_same_rows_as_the_run(tmp_path):
    first = truing_here(
        "run", "-m", "scripted/random", "-n", "6", "-o", "r", "--json", cwd=tmp_path
    )
    again = truing_here("run", "-m", "replay/r", "-n", "6", "-o", "s", "--json", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["rows"] == json.loads(first.stdout)["rows"]


def test_replay_of_a_question_not_asked_then_is_unscored(tmp_path):
    truing_here("run", "-m", "scripted/random", "-n", "3", "-o", "r", cwd=tmp_path)
    more = truing_here("run", "-m", "replay/r", "-n", "4", "-o", "s", "--json", cwd=tmp_path)
    assert all(row["unscored"] > 0 for row in json.loads(more.stdout)["rows"])


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["run", "-m", "scripted/refuse-al"], 2, "did you mean refuse-all"),
        (["run", "-m", "nobody/none"], 2, "no model named"),
        (["run", "-m", "gpt-4o"], 2, "no model named"),
        (["run", "-m", "embedded/none"], 2, "smollm2-135m"),
        (["run", "-m", "openai/gpt-4o-mini"], 1, "set OPENAI_API_KEY"),
        (["run", "-m", "x", "--base-url", "localhost:1"], 2, "--base-url"),
        (["run", "-m", "x", "--base-url", "http://127.0.0.1:9/v1"], 1, "no server answered"),
        (
            ["run", "-m", "x", "--base-url", "http://127.0.0.1:9/v1", "--key-env", "NO_KEY"],
            1,
            "NO_KEY",
        ),
        (["run", "-s", "survey"], 2, "survey8"),
        (["run", "--task", "violence/twin"], 2, "violence/twins"),
        (["run", "--task", "violence/twins", "-s", "smoke"], 2, "not both"),
        (["run", "-n", "0"], 2, "--seeds"),
        (["run", "--param", "x"], 2, "NAME=VALUE"),
        (["run", "--system", "nowhere.txt"], 2, "nowhere.txt"),
        (["run", "--config", "nowhere.toml"], 2, "nowhere.toml"),
        (["run", "-m", "replay/nowhere"], 1, "nowhere"),
        (["show", "reliability.halucination"], 2, "reliability.hallucination"),
        (["audit", "nowhere"], 1, "not a run folder"),
        (["report", "nowhere"], 1, "not a run folder"),
    ],
)
def test_what_cannot_be_done_is_one_clear_line(tmp_path, arguments, code, says):
    assert says in one_line(truing_here(*arguments, cwd=tmp_path), code)
    assert not list(tmp_path.glob("**/journal/*.jsonl"))


@pytest.mark.parametrize(
    ("arguments", "code"), [(["run", "-m", "scripted/refuse-al"], 2), (["audit", "nowhere"], 1)]
)
def test_a_process_of_its_own_ends_in_the_same_line_and_code(tmp_path, arguments, code):
    line = one_line(truing(*arguments, cwd=tmp_path), code)
    assert line == one_line(truing_here(*arguments, cwd=tmp_path), code)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("model = 3", "model"),
        ("modell = 'x'", "modell"),
        ("[suites", "not a config file"),
        ("seeds_per_task = 'many'", "seeds_per_task"),
    ],
)
def test_a_bad_config_is_one_clear_line(tmp_path, text, says):
    (tmp_path / "truing.toml").write_text(text)
    assert says in one_line(truing_here("run", "-m", "scripted/empty", cwd=tmp_path), 2)


def test_a_config_file_gives_suites_and_defaults_and_the_command_line_goes_first(tmp_path):
    (tmp_path / "truing.toml").write_text(
        'model = "scripted/empty"\nsuite = "mine"\nseeds_per_task = 3\n'
        '[suites]\nmine = ["violence/twins"]\n'
    )
    summary = json.loads(truing_here("run", "--json", cwd=tmp_path).stdout)
    assert (summary["model"], summary["suite"]) == ("scripted/empty", "mine")
    assert [row["headline"]["clusters"] for row in summary["rows"]] == [3]
    other = json.loads(truing_here("run", "-m", "scripted/echo", "--json", cwd=tmp_path).stdout)
    assert other["model"] == "scripted/echo"


def test_a_folder_that_holds_another_run_is_refused_with_the_difference(tmp_path):
    truing_here("run", "-m", "scripted/empty", "-n", "2", "-o", "r", cwd=tmp_path)
    line = one_line(
        truing_here("run", "-m", "scripted/echo", "-n", "2", "-o", "r", cwd=tmp_path), 1
    )
    assert "scripted/empty" in line
    assert "scripted/echo" in line
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("dear")
    line = one_line(truing_here("run", "-m", "scripted/empty", "-o", "other", cwd=tmp_path), 1)
    assert "not a run" in line


def test_a_system_message_is_sent_and_is_part_of_the_run(tmp_path):
    (tmp_path / "system.txt").write_text("Answer in one word.")
    truing_here(
        *("run", "-m", "scripted/empty", "-n", "2", "-o", "r", "--system", "system.txt"),
        cwd=tmp_path,
    )
    header = json.loads((tmp_path / "r" / "run.json").read_text())
    assert header["settings"]["system"] == "Answer in one word."
    line = one_line(
        truing_here("run", "-m", "scripted/empty", "-n", "2", "-o", "r", cwd=tmp_path), 1
    )
    assert "--system" in line


def test_listing_and_showing_cover_all_there_is(tmp_path):
    listed = json.loads(truing_here("list", "categories", "--json", cwd=tmp_path).stdout)
    assert len(listed) == 29
    for kind in ("tasks", "suites", "scorers", "models", "runs", "categories"):
        done = truing_here("list", kind, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    shown = truing_here("show", "reliability.hallucination", cwd=tmp_path).stdout
    assert "side 1" in shown
    assert "hallucination/grounded_choice" in shown
    for name in task_ids():
        assert "side" in truing_here("show", name, cwd=tmp_path).stdout


def test_help_answers_for_every_command(tmp_path):
    from truing.cli import _COMMANDS

    everything = truing("--help", cwd=tmp_path).stdout
    for name in _COMMANDS:
        assert name in everything
        done = truing_here(name, "--help", cwd=tmp_path)
        assert done.returncode == 0
        assert "Usage" in done.stdout
