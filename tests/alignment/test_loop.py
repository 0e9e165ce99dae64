"""The loop leaves every step in its folder, goes on where it was stopped, and judges both arms."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

pytest.importorskip("torch", reason="torch is not installed: make test-align brings it")
pytest.importorskip("trl")

from tiny_model import make_tiny

from truing.cli import cli
from truing.journal import ResponseLine, read_journal
from truing.tasks.parts import Part, part_of

pytestmark = [pytest.mark.align, pytest.mark.filterwarnings("ignore")]


def test_the_loop_measures_trains_and_proves_on_parts_that_never_meet(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_tiny(tmp_path / "tiny")
    words = ["align", "loop", "-m", "hf/./tiny", "--task", "violence/twins", "-n", "6"]
    words += ["--max-tokens", "8", "--set", "batch=4", "--set", "micro_batch=4", "--offline"]
    words += ["-o", "loop"]
    done = CliRunner().invoke(cli, words, standalone_mode=False)
    assert done.exception is None, done.output
    assert done.return_value in (0, 100, 101)
    found = json.loads((tmp_path / "loop" / "loop.json").read_text())
    assert found["tuned"]["tuned"].startswith("hf/./tiny+adapter@")
    for folder, part in (("base", Part.MEASURE), ("tuned", Part.MEASURE), ("learn", Part.ALIGN)):
        samples = [
            line.sample
            for line in read_journal(tmp_path / "loop" / folder / "journal")
            if isinstance(line, ResponseLine)
        ]
        assert samples
        assert {part_of(sample.task, sample.cluster) for sample in samples} == {part}
    before = {f: f.stat().st_mtime_ns for f in (tmp_path / "loop").rglob("*.jsonl")}
    again = CliRunner().invoke(cli, words, standalone_mode=False)
    assert again.exception is None
    assert {f: f.stat().st_mtime_ns for f in (tmp_path / "loop").rglob("*.jsonl")} == before
