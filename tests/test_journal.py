"""The journal: append-only, byte for byte, readable after any end, one writer at a time."""

from __future__ import annotations

import errno
import json
import os
import threading
import time

import msgspec
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


def named(sample: str) -> ResponseLine:
    line = answer()
    return msgspec.structs.replace(line, sample=msgspec.structs.replace(line.sample, id=sample))


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

    def short(descriptor, data):
        # Of a line seven bytes; of the megabytes set aside the half.
        return real(descriptor, data[: 7 if len(data) < 1 << 16 else len(data) // 2])

    monkeypatch.setattr(os, "write", short)
    with JournalWriter(tmp_path) as journal:
        journal.append(answer(), verdict())
    assert list(read_journal(tmp_path)) == [answer(), verdict()]


def test_a_full_disk_loses_no_answer_in_flight_and_stops_the_run(tmp_path, monkeypatch):
    from truing import journal as module

    real = os.write
    with JournalWriter(tmp_path / "journal") as writer:
        reserve = tmp_path / "journal" / ".reserve"
        assert reserve.stat().st_size == module.RESERVE_BYTES

        calls = 0

        def full(descriptor, data):
            nonlocal calls
            calls += 1
            if calls == 1:
                return real(descriptor, data[:7])  # the last bytes that fit
            if reserve.exists():
                raise OSError(errno.ENOSPC, "No space left on device")
            return real(descriptor, data)

        assert writer.failure is None
        monkeypatch.setattr(os, "write", full)
        writer.append(named("a"))
        writer.append(named("b"))
        monkeypatch.undo()
        assert "No space left" in str(writer.failure)
    kept = [found.sample.id for found in read_journal(tmp_path / "journal")]
    assert kept == ["a", "b"]
    assert not reserve.exists()


def test_no_room_is_said_before_anything_is_asked(tmp_path, monkeypatch):
    def full(_descriptor, _data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(JournalError, match="nothing was asked yet"):
        JournalWriter(tmp_path / "journal")


def test_a_really_full_disk_is_survived(tmp_path):
    import subprocess

    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=5m", "tmpfs", str(small)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount a small disk")
    try:
        with JournalWriter(small / "journal") as writer:
            wrote = 0
            while writer.failure is None:
                writer.append(named(f"s{wrote}"))
                wrote += 1
            for number in range(500):  # what was in flight
                writer.append(named(f"late{number}"))
        kept = [found.sample.id for found in read_journal(small / "journal")]
        assert len(kept) == wrote + 500
        with pytest.raises(JournalError, match="nothing was asked yet"):
            JournalWriter(small / "journal")
    finally:
        subprocess.run(["umount", str(small)], check=False)


def test_a_disk_that_is_slow_to_synchronise_keeps_no_answer_waiting(tmp_path, monkeypatch):
    free = threading.Event()
    monkeypatch.setattr("truing.journal.SYNC_SECONDS", -1.0)
    monkeypatch.setattr(os, "fdatasync", lambda _: free.wait(30))
    with JournalWriter(tmp_path / "journal") as journal:
        for number in range(5):
            journal.append(named(f"s{number}"))
        assert len(list(read_journal(tmp_path / "journal"))) == 5
        assert not free.is_set()
        free.set()


def test_a_failed_synchronisation_is_said(tmp_path, monkeypatch):
    def broken(_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("truing.journal.SYNC_SECONDS", -1.0)
    monkeypatch.setattr(os, "fdatasync", broken)
    journal = JournalWriter(tmp_path / "journal")

    def go_on():
        for number in range(1000):
            journal.append(named(f"s{number}"))
            time.sleep(0.001)

    with pytest.raises(JournalError, match="Input/output error"):
        go_on()
