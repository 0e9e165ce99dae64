"""The journal: append-only, byte for byte, readable after any end, one writer at a time."""

from __future__ import annotations

import errno
import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truing.errors import JournalError, RunLocked
from truing.journal import (
    JournalWriter,
    JudgementLine,
    ResponseLine,
    TornLines,
    read_journal,
    seconds_spent,
)
from truing.models.model import clean_text
from truing.records import (
    Attempt,
    Choice,
    Fault,
    FaultKind,
    Judgement,
    Message,
    Outcome,
    Response,
    Role,
    Sample,
)

TEXT = st.text(max_size=60).map(clean_text)


def answer(text: str = "yes", at: float = 10.0, **kwargs) -> ResponseLine:
    sample = Sample(
        id="s1",
        task="t",
        messages=(Message(role=Role.USER, text="?"),),
        target="A",
        side="one",
        cluster="c",
        choices=(Choice(label="A", text="x", role="right"),),
    )
    return ResponseLine(
        epoch=0, sample=sample, response=Response(text=text, latency_seconds=2.0, **kwargs), at=at
    )


def verdict() -> JudgementLine:
    judgement = Judgement(outcome=Outcome.TRUSTWORTHY, label="right", scorer="s@1", judged="0")
    return JudgementLine(epoch=0, sample="s1", judgement=judgement)


@given(TEXT, TEXT, st.sampled_from(list(FaultKind)), st.floats(0, 1e9))
def test_every_line_comes_back_as_it_was(tmp_path_factory, text, detail, kind, at):
    folder = tmp_path_factory.mktemp("journal")
    fault = Fault(kind=kind, detail=detail)
    attempts = (Attempt(seconds=0.1, fault=kind, detail=detail), Attempt(seconds=0.2))
    lines = [
        answer(text, at, attempts=attempts),
        answer("", at, fault=fault, option_logprobs={"A": -1.5}),
        verdict(),
    ]
    with JournalWriter(folder) as journal:
        journal.append(*lines)
    assert list(read_journal(folder)) == lines


def test_each_sitting_writes_a_file_of_its_own_and_touches_no_other(tmp_path):
    with JournalWriter(tmp_path) as journal:
        journal.append(answer(at=10.0), answer(at=14.0))
    before = (tmp_path / "0001.jsonl").read_bytes()
    with JournalWriter(tmp_path) as journal:
        journal.append(answer(at=100.0))
    with JournalWriter(tmp_path):
        pass
    assert (tmp_path / "0001.jsonl").read_bytes() == before
    assert sorted(file.name for file in tmp_path.glob("*.jsonl")) == ["0001.jsonl", "0002.jsonl"]
    # First sitting 14 - 10 + 2 s of latency, second 0 + 2.
    assert seconds_spent(tmp_path) == pytest.approx(8.0)


def test_a_torn_last_line_is_owed_again_and_counted(tmp_path):
    with JournalWriter(tmp_path) as journal:
        journal.append(answer(), verdict())
    file = tmp_path / "0001.jsonl"
    whole = file.read_bytes()
    file.write_bytes(whole + whole[:50])
    torn = TornLines()
    assert len(list(read_journal(tmp_path, torn))) == 2
    assert torn.count == 1
    with JournalWriter(tmp_path) as journal:
        journal.append(verdict())
    assert len(list(read_journal(tmp_path))) == 3
    assert file.read_bytes() == whole + whole[:50]
    assert seconds_spent(tmp_path) == pytest.approx(2.0)


def test_a_broken_line_in_the_middle_is_damage_and_refused(tmp_path):
    with JournalWriter(tmp_path) as journal:
        journal.append(answer(), verdict())
    file = tmp_path / "0001.jsonl"
    first, second = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(first[:30] + b"\n" + second)
    with pytest.raises(JournalError, match=r"0001\.jsonl: line 1"):
        list(read_journal(tmp_path))


@pytest.mark.parametrize("kind", ["response", "other"])
def test_a_line_of_a_newer_schema_is_refused_with_what_to_do(tmp_path, kind):
    (tmp_path / "0001.jsonl").write_text(json.dumps({"kind": kind, "v": 99}) + "\n")
    with pytest.raises(JournalError, match="upgrade truing"):
        list(read_journal(tmp_path))


def test_a_second_writer_is_refused(tmp_path):
    with JournalWriter(tmp_path / "journal"), pytest.raises(RunLocked, match="another"):
        JournalWriter(tmp_path / "journal")
    with JournalWriter(tmp_path / "journal"):
        pass


def test_a_folder_that_cannot_be_made_is_said_before_anything_is_asked(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(JournalError, match="cannot write to"):
        JournalWriter(tmp_path / "file" / "journal")


def test_a_full_disk_stops_with_one_line_and_keeps_what_is_there(tmp_path, monkeypatch):
    journal = JournalWriter(tmp_path)
    journal.append(answer())
    real = os.write

    def full(descriptor: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(JournalError, match="No space left on device"):
        journal.append(answer())
    monkeypatch.setattr(os, "write", real)
    journal.close()
    assert len(list(read_journal(tmp_path))) == 1


def test_a_short_write_is_completed(tmp_path, monkeypatch):
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:7]))
    with JournalWriter(tmp_path) as journal:
        journal.append(answer(), verdict())
    assert list(read_journal(tmp_path)) == [answer(), verdict()]
