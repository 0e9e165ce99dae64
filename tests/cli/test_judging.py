"""`truing run --judge`: a second opinion beside the rows, paid for once, never the only judge."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from truing.calls.gate import Verdict
from truing.cli.judging import check_judges
from truing.cli.opening import open_budget, open_judge, open_subject
from truing.cli.options import RunOptions
from truing.cli.run import run_command
from truing.config import Config
from truing.errors import UsageError

ROOT = Path(__file__).parents[1]
KNOWN_ANSWERS = 42
"""Calls a judge answers beside the run's replies; three more say nothing, and need none."""


@pytest.fixture
def server(tmp_path) -> Iterator[tuple[str, Path]]:
    """Address of a judge's server, and its log of requests."""
    port, log = tmp_path / "port", tmp_path / "log"
    command = [sys.executable, str(ROOT / "fault_server.py"), "--port-file", str(port)]
    process = subprocess.Popen([*command, "--log", str(log)])
    try:
        for _ in range(200):
            if port.exists():
                break
            time.sleep(0.05)
        yield port.read_text(), log
    finally:
        process.terminate()
        process.wait()


def run(cwd: Path, *arguments: str):
    return subprocess.run(
        [sys.executable, "-m", "truing", "run", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "NO_COLOR": "1", "XDG_CACHE_HOME": str(cwd / "cache")},
        timeout=100,
        check=False,
    )


def asked(log: Path) -> int:
    return len(log.read_text().splitlines()) if log.exists() else 0


def test_a_judge_stands_beside_the_row_and_changes_nothing_in_it(tmp_path, server):
    url, log = server
    task = ("-m", "scripted/random", "--task", "violence/twins", "-n", "20")
    plain = run(tmp_path, *task, "-o", "plain", "--json")
    judged = run(tmp_path, *task, "-o", "judged", "--json", "--judge", "made", "--judge-url", url)
    assert judged.returncode == 0, judged.stderr
    (before,), (after,) = (json.loads(done.stdout)["rows"] for done in (plain, judged))
    judges = after.pop("judges")
    assert before.pop("judges") == {}
    cards = after.pop("cards")
    assert before.pop("cards") == {"refusal_rule@1": cards.pop("refusal_rule@1")}
    assert list(cards) == list(judges)
    assert before == after
    (name,) = judges
    assert name == "judge:reply@1:made"
    figures = judges[name]
    assert set(figures) == {"harmful", "harmless", "unscored", "kappa_with_rule"}
    assert figures["unscored"]["units"] == 40
    assert 0 < figures["unscored"]["estimate"] < 0.5
    total = json.loads(judged.stdout)
    assert total["judge_verdicts"] == 40
    assert asked(log) == 40 + KNOWN_ANSWERS
    assert total["calls"] == 40
    # What the judge read and wrote; a script costs nothing.
    assert total["tokens"] == (40 + KNOWN_ANSWERS) * 15
    assert set(total["canaries"]) == {name}
    page = (tmp_path / "judged/report.html").read_text()
    assert "LLM judges, beside the row" in page
    audit = subprocess.run(
        [sys.executable, "-m", "truing", "audit", "judged"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert "adds up" in audit.stdout, audit.stdout


def test_what_was_judged_is_not_paid_for_again(tmp_path, server):
    url, log = server
    task = ("-m", "scripted/random", "--task", "violence/twins", "-n", "10", "--judge", "made")
    run(tmp_path, *task, "--judge-url", url, "-o", "one")
    first = asked(log)
    again = run(tmp_path, *task, "--judge-url", url, "-o", "one")
    assert "resuming" in again.stderr
    assert asked(log) == first  # the run holds its verdicts, the unreadable ones too
    run(tmp_path, *task, "--judge-url", url, "-o", "two")
    second = asked(log) - first
    unreadable = sum(
        '"unreadable"' in line
        for folder in ("journal", "canaries")
        for line in _lines(tmp_path / "one", folder)
    )
    assert second == unreadable  # only what could not be read is not kept
    run(tmp_path, *task, "--judge-url", url, "-o", "three", "--no-cache")
    assert asked(log) - first - second == first


def test_a_run_can_be_judged_later(tmp_path, server):
    url, log = server
    task = ("-m", "scripted/random", "--task", "violence/twins", "-n", "5", "-o", "r")
    run(tmp_path, *task)
    done = run(tmp_path, *task, "--judge", "made", "--judge-url", url)
    assert f"made judges 10 replies and {KNOWN_ANSWERS + 3} known answers" in done.stderr
    assert asked(log) == 10 + KNOWN_ANSWERS
    assert "made (judge unverified)" in done.stdout
    assert "No person has checked judge:reply@1:made" in " ".join(done.stdout.split())


def test_only_open_replies_are_judged(tmp_path, server):
    url, log = server
    task = ("-m", "scripted/random", "--task", "causal/graphs", "-n", "5", "-o", "r")
    done = run(tmp_path, *task, "--judge", "made", "--judge-url", url)
    assert done.returncode == 0
    assert asked(log) == 0


def test_a_model_is_never_the_only_judge_of_itself(tmp_path):
    model = ("-m", "scripted/random", "--task", "violence/twins", "-n", "2")
    done = run(tmp_path, *model, "--judge", "scripted/random")
    assert done.returncode == 2
    assert "only judge of its own answers" in done.stderr
    assert not (tmp_path / "runs").exists()
    check_judges("a", ["a", "b"])
    check_judges("a", [])
    with pytest.raises(UsageError):
        check_judges("a", ["a", "a"])


def test_a_judge_that_cannot_be_reached_loses_no_answer(tmp_path):
    task = ("-m", "scripted/random", "--task", "violence/twins", "-n", "3", "-o", "r")
    done = run(tmp_path, *task, "--judge", "made", "--judge-url", "http://127.0.0.1:9/v1")
    assert done.returncode == 1
    assert "no server answered" in done.stderr
    rows = json.loads((tmp_path / "r/summary.json").read_text())["rows"]
    assert rows[0]["headline"]["units"] == 6


def test_a_busy_judge_moves_no_gate_but_its_own():
    command = ["-m", "m", "--base-url", "http://127.0.0.1:9/v1", "--judge", "made", "--no-cache"]
    command += ["--judge-url", "http://127.0.0.1:9/v1"]
    options = RunOptions(**run_command.make_context("run", command).params)
    budget = open_budget(options, Config())
    subject = open_subject("m", options, Config(), budget)
    judge = open_judge("made", options, Config(), budget, lambda _: True)

    async def calls() -> None:
        before = judge.gate.limit
        for entered in [await judge.gate.enter() for _ in range(before)]:
            judge.gate.leave(entered, Verdict.BUSY)
        judge.gate.hold(60)
        assert judge.gate.limit < before == subject.gate.limit
        await asyncio.wait_for(subject.gate.enter(), 1)

    asyncio.run(calls())


def test_own_texts_are_continued_in_an_arm_of_their_own(tmp_path):
    words = " ".join(f"alpha{number} beta" for number in range(200))
    (tmp_path / "mine.txt").write_text(words)
    task = ("-m", "scripted/empty", "--task", "copyright_leak/notice", "-n", "10", "-o", "r")
    done = run(tmp_path, *task, "--texts", "mine.txt", "--json")
    assert done.returncode == 0, done.stderr
    memorised = json.loads(done.stdout)["rows"][0]["columns"]["memorised"]
    assert memorised["own"]["estimate"] == 0
    assert memorised["own"]["units"] == 5  # 400 words: five windows of 70, asked first
    command = [sys.executable, "-m", "truing", "audit", "r"]
    audit = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert "adds up" in audit.stdout, audit.stdout
    short = tmp_path / "short.txt"
    short.write_text("too short")
    assert "70 words" in run(tmp_path, *task[:-1], "s", "--texts", "short.txt").stderr
    other = ("-m", "scripted/empty", "--task", "causal/graphs", "-n", "2")
    assert "copyright_leak/notice" in run(tmp_path, *other, "--texts", "mine.txt").stderr


def _lines(run: Path, folder: str) -> list[str]:
    return [
        line for file in (run / folder).glob("*.jsonl") for line in file.read_text().splitlines()
    ]
