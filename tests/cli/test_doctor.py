"""The doctor tries a model for real and says what is missing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "fault_server.py"


@pytest.fixture
def url(tmp_path):
    command = [sys.executable, str(SCRIPT), "--port-file", str(tmp_path / "url")]
    process = subprocess.Popen([*command, "--log", str(tmp_path / "log")])
    try:
        while not (tmp_path / "url").exists():
            time.sleep(0.02)
        yield (tmp_path / "url").read_text()
    finally:
        process.kill()
        process.wait()


def doctor(*arguments, cwd, **environment):
    return subprocess.run(
        [sys.executable, "-m", "truing", "doctor", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, **environment, "NO_COLOR": "1", "COLUMNS": "200"},
        timeout=60,
        check=False,
    )


def test_a_round_trip_and_every_property_are_tried(tmp_path, url):
    done = doctor("-m", "m", "--base-url", url, "--conformance", "--json", cwd=tmp_path)
    assert done.returncode in (0, 1), done.stderr
    results = {check["name"]: check["result"] for check in json.loads(done.stdout)["checks"]}
    assert results["one round trip"] == results["tokens counted"] == "ok"
    assert results["deterministic"] == results["odd text"] == "ok"
    assert results["the cut is said"] == "fails"  # this server answers at its own length
    assert done.returncode == 1


def test_without_a_model_the_installation_is_looked_at(tmp_path):
    done = doctor(cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "folder of runs" in done.stdout


def test_a_missing_key_is_one_line(tmp_path):
    done = doctor("-m", "openai/gpt-4o-mini", cwd=tmp_path)
    assert done.returncode == 1
    assert "OPENAI_API_KEY" in done.stderr
    assert "Traceback" not in done.stderr
