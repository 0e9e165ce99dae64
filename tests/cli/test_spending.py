"""What a run will use is said before, and a bound on it holds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conftest import truing_here

SCRIPT = Path(__file__).parents[1] / "fault_server.py"
PRICES = '[prices]\n"m" = { input = 100.0, output = 200.0 }\n'


@pytest.fixture
def url(tmp_path):
    command = [sys.executable, str(SCRIPT), "--port-file", str(tmp_path / "url")]
    process = subprocess.Popen([*command, "--log", str(tmp_path / "log"), "--latency", "0.02"])
    try:
        while not (tmp_path / "url").exists():
            time.sleep(0.02)
        yield (tmp_path / "url").read_text()
    finally:
        process.kill()
        process.wait()


def run(*arguments, cwd):
    return subprocess.run(
        [sys.executable, "-m", "truing", "run", "--no-cache", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "NO_COLOR": "1", "COLUMNS": "150"},
        timeout=100,
        check=False,
    )


TASK = ("--task", "violence/twins", "-n", "20", "--epochs", "2")


def test_a_plan_says_the_calls_that_the_run_then_makes_and_bounds_its_cost(tmp_path, url):
    (tmp_path / "truing.toml").write_text(PRICES)
    model = ("-m", "m", "--base-url", url)
    plan = json.loads(run(*model, *TASK, "--dry-run", "--json", cwd=tmp_path).stdout)
    assert not (tmp_path / "log").exists() or not (tmp_path / "log").read_text()
    assert not (tmp_path / "runs").exists()
    done = json.loads(run(*model, *TASK, "--json", cwd=tmp_path).stdout)
    assert plan["calls"] == done["calls"] == 80
    assert 0 < done["cost_usd"] <= plan["most_usd"]
    # This server counts 10 tokens read and 5 written for every answer.
    assert done["cost_usd"] == pytest.approx(80 * (10 * 100 + 5 * 200) / 1e6)


def test_a_plan_names_the_rows_that_may_cost_the_key_and_the_price_it_does_not_know(tmp_path):
    done = truing_here(
        *("run", "-m", "far/away", "--base-url", "https://h.example/v1", "--dry-run"),
        cwd=tmp_path,
        env={"COLUMNS": "150"},
    )
    assert done.returncode == 0, done.stderr
    for row in ("violence", "unlawful_conduct", "harms_to_minors", "propaganda", "cyberattack"):
        assert f"{row}/twins" in done.stdout.split("these rows ask for harm")[1]
    assert "causal/graphs" not in done.stdout.split("these rows ask for harm")[1]
    assert "no price is known for far/away" in done.stdout
    assert "nothing was called" in done.stdout


def test_a_run_stops_before_its_bound_keeps_what_it_has_and_goes_on_with_more(tmp_path, url):
    (tmp_path / "truing.toml").write_text(PRICES)
    command = ("-m", "m", "--base-url", url, *TASK, "-o", "r", "--json")
    first = run(*command, "--max-cost", "0.12", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    assert "--max-cost" in first.stderr
    summary = json.loads(first.stdout)
    assert 0 < summary["cost_usd"] <= 0.12
    assert summary["owed"] > 0
    whole = json.loads(run(*command, cwd=tmp_path).stdout)
    assert (whole["owed"], whole["calls"]) == (0, 80)


def test_a_cost_cannot_be_bounded_without_a_price(tmp_path):
    done = truing_here(
        *("run", "-m", "x/y", "--base-url", "https://h.example/v1", "--max-cost", "1"),
        cwd=tmp_path,
    )
    assert done.returncode == 2
    assert "[prices]" in done.stderr


@pytest.mark.parametrize("given", ["soon", "-3", "0", "5 weeks"])
def test_a_time_that_is_none_is_refused(tmp_path, given):
    done = truing_here("run", "-m", "scripted/random", f"--max-time={given}", cwd=tmp_path)
    assert done.returncode == 2
    assert "90s, 30m or 2h" in done.stderr


def test_answers_out_of_the_cache_are_said_to_be(tmp_path, url):
    def again(folder):
        return subprocess.run(
            [
                *(sys.executable, "-m", "truing", "run", "-m", "m", "--base-url", url),
                *("--task", "violence/twins", "-n", "10", "-o", folder),
            ],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "NO_COLOR": "1"},
            timeout=100,
            check=False,
        )

    assert "cache" not in again("one").stdout
    second = again("two")
    assert "20 answers came out of the cache" in second.stdout
    assert "0 calls" in second.stdout
    assert "20 answers came out of the cache" in (tmp_path / "two/report.html").read_text()
