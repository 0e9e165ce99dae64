"""A key appears in no file, no line and no traceback of a run, faults and refusals included."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "fault_server.py"
CANARY = "sk-canary-5f2e9c"


@pytest.mark.parametrize(
    "more",
    [
        ("--share", "0.5"),
        ("--share", "0.0"),
    ],
)
@pytest.mark.parametrize("provider", ["openai", "anthropic", "openai_responses"])
def test_a_key_is_nowhere_in_what_a_run_leaves(tmp_path, more, provider):
    url, work = tmp_path / "url", tmp_path / "work"
    work.mkdir()
    command = [sys.executable, str(SCRIPT), "--port-file", str(url), *more]
    server = subprocess.Popen(command)
    try:
        while not url.exists():
            time.sleep(0.02)
        environment = {
            **os.environ,
            "OPENAI_API_KEY": CANARY,
            "ANTHROPIC_API_KEY": CANARY,
            "XDG_CACHE_HOME": str(work / "cache"),
        }
        done = subprocess.run(
            [
                *(sys.executable, "-m", "truing", "run", "-m", f"{provider}/m"),
                *("--base-url", url.read_text(), "--task", "violence/twins", "-n", "8"),
                *("-o", "run", "--param", "top_p=1"),
            ],
            capture_output=True,
            cwd=work,
            env=environment,
            timeout=100,
            check=False,
        )
    finally:
        server.kill()
        server.wait()
    assert done.returncode == 0, done.stderr.decode()[-500:]
    files = [file for file in work.rglob("*") if file.is_file()]
    assert any(file.name == "report.html" for file in files)
    assert any(file.name == "answers.sqlite" for file in files)
    for file in files:
        assert CANARY.encode() not in file.read_bytes(), file
    assert CANARY.encode() not in done.stdout + done.stderr
