"""A run survives `kill -9` and Ctrl-C: nothing journalled is lost or asked for again."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from truing.journal import ResponseLine, read_journal

TASKS = ("--task", "hallucination/grounded_choice", "--task", "prompt_attacks/typos")
SEEDS = 24
ANSWERS = SEEDS * (2 + 5)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    script = Path(__file__).parent / "fault_server.py"
    log = folder / "log.jsonl"
    process = subprocess.Popen(
        [
            *(sys.executable, str(script), "--port-file", str(folder / "url")),
            *("--log", str(log), "--latency", "0.04"),
        ]
    )
    try:
        for _ in range(200):
            if (folder / "url").exists():
                break
            time.sleep(0.05)
        yield (folder / "url").read_text(), log
    finally:
        process.kill()
        process.wait()


def command(url: str, folder: Path | None, *more: str) -> list[str]:
    out = ["-o", str(folder)] if folder else []
    return [
        *(sys.executable, "-m", "truing", "run", "--no-cache", "-m", "m", "--base-url", url),
        *TASKS,
        *("-n", str(SEEDS), "-j", "6", *out, *more),
    ]


def start(arguments: list[str], cwd: Path) -> subprocess.Popen[bytes]:
    with (cwd / "stderr.txt").open("wb") as errors:
        return subprocess.Popen(
            arguments, cwd=cwd, stdout=subprocess.DEVNULL, stderr=errors, env=os.environ
        )


def journal_bytes(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in (folder / "journal").glob("*.jsonl")}


def wait_for_answers(folder: Path, count: int) -> None:
    for _ in range(600):
        if (
            sum(data.count(b'"kind":"response"') for data in journal_bytes(folder).values())
            >= count
        ):
            return
        time.sleep(0.01)
    raise AssertionError("the run made no progress")


def rows(folder: Path) -> list[dict]:
    return json.loads((folder / "summary.json").read_text())["rows"]


def asked(log: Path, since: int) -> Counter[str]:
    lines = log.read_text().splitlines()[since:]
    return Counter(json.loads(line)["key"] for line in lines)


def audit(folder: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "truing", "audit", str(folder)],
        capture_output=True,
        text=True,
        cwd=cwd,
        check=False,
    )


@pytest.fixture(scope="module")
def undisturbed(server, tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed") / "run"
    process = start(command(server[0], folder), folder.parent)
    assert process.wait(60) == 0
    return rows(folder)


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_again_and_again_it_keeps_every_answer_and_ends_the_same(
    server, undisturbed, tmp_path, seed
):
    url, log = server
    before_all = len(log.read_text().splitlines())
    draw = random.Random(seed)
    folder = tmp_path / "run"
    kept: dict[str, bytes] = {}
    flights = 0
    for kill in range(4):
        process = start(command(url, folder), tmp_path)
        wait_for_answers(folder, (kill + 1) * ANSWERS // 6 + draw.randrange(8))
        time.sleep(draw.random() * 0.05)
        process.kill()
        process.wait()
        flights += 1
        now = journal_bytes(folder)
        for name, data in kept.items():
            assert now[name].startswith(data)
        kept = now
    assert start(command(url, folder), tmp_path).wait(60) == 0
    final = journal_bytes(folder)
    assert all(final[name] == data for name, data in kept.items())
    answered = Counter(
        line.sample.id
        for line in read_journal(folder / "journal")
        if isinstance(line, ResponseLine)
    )
    assert len(answered) == ANSWERS
    assert set(answered.values()) == {1}
    # By the server's own log: more calls than answers only for those in flight at a kill.
    total = asked(log, before_all).total()
    assert ANSWERS <= total <= ANSWERS + flights * 6
    assert rows(folder) == undisturbed
    done = audit(folder, tmp_path)
    assert done.returncode == 0, done.stdout


def test_ctrl_c_finishes_what_is_in_flight_reports_and_resumes_without_o(server, tmp_path):
    url, _ = server
    process = start(command(url, None), tmp_path)
    for _ in range(400):
        folders = list((tmp_path / "runs").glob("*"))
        if folders and (folders[0] / "journal").exists():
            break
        time.sleep(0.02)
    (folder,) = folders
    wait_for_answers(folder, 20)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130
    summary = json.loads((folder / "summary.json").read_text())
    assert 0 < summary["owed"] < ANSWERS
    assert (folder / "report.html").exists()
    lines = list(read_journal(folder / "journal"))
    assert sum(isinstance(line, ResponseLine) for line in lines) * 2 == len(lines)
    again = start(command(url, None), tmp_path)
    assert again.wait(60) == 0
    assert list((tmp_path / "runs").glob("*")) == [folder]
    assert json.loads((folder / "summary.json").read_text())["owed"] == 0
    assert audit(folder, tmp_path).returncode == 0


def test_an_answer_whose_verdict_was_lost_is_judged_without_asking(server, undisturbed, tmp_path):
    url, log = server
    folder = tmp_path / "run"
    assert start(command(url, folder), tmp_path).wait(60) == 0
    file = folder / "journal" / "0001.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    kept = [line for line in lines if b'"kind":"response"' in line[:20]] + lines[1:5:2]
    file.write_bytes(b"".join(kept))
    calls = len(log.read_text().splitlines())
    assert start(command(url, folder), tmp_path).wait(60) == 0
    assert len(log.read_text().splitlines()) == calls
    assert rows(folder) == undisturbed


def test_another_setting_in_the_same_folder_is_refused_with_its_name(server, tmp_path):
    url, _ = server
    folder = tmp_path / "run"
    assert start(command(url, folder), tmp_path).wait(60) == 0
    process = start(command(url, folder, "--temperature", "0.5"), tmp_path)
    assert process.wait(30) == 1
    error = (tmp_path / "stderr.txt").read_text()
    assert "--temperature" in error
    assert "Traceback" not in error


def test_an_answer_that_failed_is_asked_again_and_the_new_one_holds(tmp_path, server):
    url, _ = server
    folder = tmp_path / "run"
    assert start(command(url, folder), tmp_path).wait(60) == 0
    file = folder / "journal" / "0001.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    first = msgspec.json.decode(lines[0])
    first["response"] = {"fault": {"kind": "timeout", "detail": "no answer in time"}}
    file.write_bytes(b"".join([msgspec.json.encode(first) + b"\n", *lines[2:]]))
    assert start(command(url, folder), tmp_path).wait(60) == 0
    assert sum(row["unscored"] for row in rows(folder)) == 0
