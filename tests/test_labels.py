"""People's labels: on the disk at once, taken back by withdrawal, disputed until adjudicated."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from truing import labels
from truing.errors import JournalError, UsageError
from truing.labels import DISPUTED, UNSURE, LabelWriter, held_labels, read_labels


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "labels"


def give(writer, label, by="ada", sample="s1", **more):
    fields = {"epoch": 0, "judged": "h", "rubric": "reply@1", "rubric_hash": "r"} | more
    return writer.give(sample=sample, label=label, labeller=by, **fields)


def held(folder, sample="s1"):
    return held_labels(read_labels(folder)).get((sample, 0))


def test_a_label_is_on_the_disk_before_it_is_acknowledged(folder, monkeypatch):
    synchronised = []
    monkeypatch.setattr(os, "fdatasync", synchronised.append)
    with LabelWriter(folder) as writer:
        for place in range(3):
            given = give(writer, "refused", sample=f"s{place}")
            assert read_labels(folder)[-1] == given
            assert len(synchronised) == place + 1


def test_a_writer_that_gave_no_label_leaves_no_file(folder):
    with LabelWriter(folder):
        pass
    assert read_labels(folder) == []
    assert not folder.exists()


def test_the_last_label_of_a_labeller_holds(folder):
    with LabelWriter(folder) as writer:
        give(writer, "refused")
        give(writer, "partial")
    assert held(folder).label == "partial"
    with LabelWriter(folder) as writer:
        give(writer, "complied")
    assert held(folder).label == "complied"
    assert len(list(folder.glob("*.jsonl"))) == 2


def test_a_later_sitting_counts_as_later_though_the_clock_went_back(folder, monkeypatch):
    with LabelWriter(folder) as writer:
        give(writer, "refused")
    monkeypatch.setattr(labels.time, "time", lambda: 5.0)
    with LabelWriter(folder) as writer:
        give(writer, "partial")
    assert held(folder).label == "partial"


def test_undo_brings_back_what_was_said_before_and_can_be_undone(folder):
    with LabelWriter(folder) as writer:
        give(writer, "refused")
        second = give(writer, "partial")
        undone = writer.withdraw(second)
        assert held(folder).label == "refused"
        writer.withdraw(undone)
        assert held(folder).label == "partial"


def test_an_answer_whose_only_label_is_withdrawn_has_none(folder):
    with LabelWriter(folder) as writer:
        writer.withdraw(give(writer, "refused"))
    assert held(folder) is None


def test_nobody_withdraws_the_label_of_another(folder):
    with LabelWriter(folder) as writer:
        own = give(writer, "refused")
        give(writer, "", by="bo", withdraws=own.id)
    assert held(folder).by == {"ada": "refused"}


def test_two_who_differ_dispute_until_someone_adjudicates(folder):
    with LabelWriter(folder) as writer:
        give(writer, "refused")
        give(writer, "refused", by="bo")
        assert held(folder).label == "refused"
        give(writer, "partial", by="cy")
        assert held(folder).label == DISPUTED
        assert not held(folder).known
        settled = give(writer, "partial", by="di", adjudicates=True)
        give(writer, "refused", by="bo")
        assert held(folder).label == "partial"
        assert held(folder).adjudicated
        writer.withdraw(settled)
        assert held(folder).label == DISPUTED


def test_who_is_unsure_disputes_nobody(folder):
    with LabelWriter(folder) as writer:
        give(writer, UNSURE)
        assert held(folder).label == UNSURE
        assert not held(folder).known
        give(writer, "refused", by="bo")
    assert held(folder).label == "refused"


def test_a_torn_last_line_loses_that_label_alone(folder):
    with LabelWriter(folder) as writer:
        give(writer, "refused")
        give(writer, "partial", sample="s2")
    file = folder / "0001.jsonl"
    file.write_bytes(file.read_bytes()[:-20])
    torn = []
    assert [line.sample for line in read_labels(folder, torn)] == ["s1"]
    assert len(torn) == 1
    with LabelWriter(folder) as writer:
        give(writer, "partial", sample="s2")
    assert held(folder, "s2").label == "partial"


def test_a_full_disk_refuses_the_label_and_the_next_begins_another_file(folder, monkeypatch):
    with LabelWriter(folder) as writer:
        give(writer, "refused")
        write = os.write
        monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:30]))
        with pytest.raises(JournalError, match="the label was not taken"):
            give(writer, "partial")
        monkeypatch.undo()
        assert held(folder).label == "refused"
        give(writer, "complied", sample="s2")
    assert held(folder, "s2").label == "complied"
    assert held(folder).label == "refused"


def test_a_broken_line_in_the_middle_is_damage(folder):
    with LabelWriter(folder) as writer:
        give(writer, "refused")
        give(writer, "partial")
    file = folder / "0001.jsonl"
    first, second = file.read_bytes().splitlines()
    file.write_bytes(first[:40] + b"\n" + second + b"\n")
    with pytest.raises(JournalError, match="line 1 is not a label"):
        read_labels(folder)


def test_labels_of_a_newer_truing_are_refused(folder):
    with LabelWriter(folder) as writer:
        give(writer, "refused")
    file = folder / "0001.jsonl"
    file.write_bytes(file.read_bytes().replace(b'"v":1', b'"v":99'))
    with pytest.raises(JournalError, match="upgrade truing"):
        read_labels(folder)


def test_a_label_without_a_name_is_refused(folder):
    with LabelWriter(folder) as writer, pytest.raises(UsageError, match="name of who gave it"):
        give(writer, "refused", by="  ")


def test_threads_and_processes_write_at_once_and_lose_nothing(folder):
    code = (
        "import sys, pathlib; from truing.labels import LabelWriter\n"
        "with LabelWriter(pathlib.Path(sys.argv[1])) as w:\n"
        " for i in range(20): w.give(sample=f'p{i}', epoch=0, judged='h', label='refused',"
        " labeller='other', rubric='r', rubric_hash='r')"
    )
    other = subprocess.Popen([sys.executable, "-c", code, str(folder)])
    with LabelWriter(folder) as writer:

        def work(who):
            for place in range(20):
                give(writer, "refused", by=f"w{who}", sample=f"s{place}")

        workers = [threading.Thread(target=work, args=(who,)) for who in range(3)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    assert other.wait(30) == 0
    lines = read_labels(folder)
    assert len(lines) == len({line.id for line in lines}) == 80
    assert len(held_labels(lines)) == 40
