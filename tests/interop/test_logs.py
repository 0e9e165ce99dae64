"""Logs that the tools themselves wrote (benchmarks/peer_logs.py), and files that are none."""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path

import pytest
import zstandard

from truing.errors import MissingExtra, UsageError
from truing.interop import read_logs
from truing.interop.foreign import score_of

DATA = Path(__file__).parent / "data"


def rows(file, **options):
    (log,) = read_logs(file, **options)
    return sorted((one.sample, one.epoch, one.asked, one.score) for one in log.answers)


def share(log):
    scores = [one.score for one in log.answers]
    return sum(scores) / len(scores)


def test_an_inspect_log_has_every_epoch_of_every_sample_and_its_own_accuracy():
    (log,) = read_logs(DATA / "inspect_plain.eval")
    assert (log.tool, log.model, log.task, log.scorer) == (
        "inspect-ai 0.3.285",
        "openai-api/local/smollm2",
        "sums",
        "includes",
    )
    assert len(log.answers) == 48
    assert {one.epoch for one in log.answers} == {0, 1}
    assert len({one.cluster for one in log.answers}) == 24
    assert share(log) == 0.25  # results.scores of the log


def test_inspects_two_formats_say_the_same():
    assert rows(DATA / "inspect_plain.json") == rows(DATA / "inspect_plain.eval")


@pytest.mark.parametrize("name", ["plain", "aloud"])
def test_an_lm_eval_log_has_every_document_and_its_own_result(name):
    folder = DATA / f"lm_eval_{name}"
    (log,) = read_logs(folder)
    results = json.loads((folder / "results.json").read_text("utf-8"))["results"]["sums"]
    assert (log.tool, log.model, log.scorer) == (
        "lm-eval 0.4.13",
        "smollm2",
        "exact_match, first_number",
    )
    assert len(log.answers) == len({one.cluster for one in log.answers}) == 24
    assert share(log) == pytest.approx(results["exact_match,first_number"])
    assert rows(folder / "samples_sums.jsonl") == rows(folder)


def test_promptfoos_results_are_one_log_a_provider_and_an_error_is_no_failure():
    carries, forgets = read_logs(DATA / "promptfoo.json")
    assert (carries.tool, carries.task) == ("promptfoo 0.121.20", "sums")
    assert [log.model for log in (carries, forgets)] == ["carries", "forgets-the-carry"]
    for log, passed in ((carries, 11), (forgets, 4)):
        scores = [one.score for one in log.answers]
        assert scores.count(1.0) == passed
        assert scores.count(0.0) == 11 - passed
        assert scores.count(None) == 1
    named = read_logs(DATA / "promptfoo.json", metric="right")
    assert [log.answers for log in named] == [carries.answers, forgets.answers]


@pytest.mark.parametrize("name", ["inspect_plain.json", "promptfoo.json", "lm_eval_plain"])
def test_an_unknown_metric_is_answered_with_those_there_are(name):
    with pytest.raises(UsageError, match=r"--metric f1: .* has (includes|success|exact_match)"):
        read_logs(DATA / name, metric="f1")


def test_nothing_of_the_machine_that_made_the_logs_is_kept():
    texts = [file.read_text("utf-8") for file in DATA.rglob("*.json*")]
    for file in DATA.glob("*.eval"):
        with zipfile.ZipFile(file) as packed, file.open("rb") as source:
            for entry in packed.infolist():
                source.seek(entry.header_offset + 30 + len(entry.filename))
                data = source.read(entry.compress_size)
                texts.append(zstandard.ZstdDecompressor().decompressobj().decompress(data).decode())
    assert len(texts) > 100
    for text in texts:
        for hint in ("/tmp/", "/root/", "/home/", "/work/", "/Users/"):
            assert hint not in text
        assert '"git_hash": "' not in text


# Files of our own making from here on: small, and each wrong in one way.


def inspect(samples, **more):
    return {"status": "success", "eval": {"model": "m", "task": "t"}, "samples": samples, **more}


def sample(value, **more):
    return {
        "id": 1,
        "epoch": 1,
        "input": "q",
        "target": "t",
        "scores": {"s": {"value": value}},
    } | more


def written(tmp_path, document, name="log.json"):
    file = tmp_path / name
    file.write_text(document if isinstance(document, str) else json.dumps(document), "utf-8")
    return file


def lm_eval_line(doc=0, **more):
    row = {"doc_id": doc, "doc": {"q": doc}, "target": "t", "resps": [["x"]], "metrics": ["acc"]}
    return json.dumps(row | {"acc": 1.0} | more) + "\n"


@pytest.mark.parametrize(
    ("value", "score"),
    [("C", 1.0), ("I", 0.0), ("P", 0.5), ("N", 0.0), (True, 1.0), ("0.25", 0.25), (1, 1.0)],
)
def test_scores_are_read_as_the_tools_mean_them(value, score):
    assert score_of(value, "here") == score


@pytest.mark.parametrize("value", [None, "", float("nan"), "nan"])
def test_a_score_that_is_not_there_is_unscored(value):
    assert score_of(value, "here") is None


@pytest.mark.parametrize("value", [34.2, -0.1, "A", [1], {"x": 1}, float("inf")])
def test_a_score_on_another_scale_is_refused_and_never_left_out(value):
    with pytest.raises(UsageError, match=r"here: expected a score in \[0, 1\]"):
        score_of(value, "here")


def test_an_inspect_sample_that_failed_is_unscored(tmp_path):
    log = inspect([sample("C"), sample("C", id=2, error={"message": "boom"})])
    assert [row[3] for row in rows(written(tmp_path, log))] == [1.0, None]


def test_ids_that_inspect_gives_to_messages_anew_are_not_part_of_the_question(tmp_path):
    turns = [[{"id": name, "role": "user", "content": "q"}] for name in ("x", "y")]
    first, second = (
        rows(written(tmp_path, inspect([sample("C", input=turn)]), f"{i}.json"))
        for i, turn in enumerate(turns)
    )
    assert first == second


def test_a_field_of_a_score_is_named_with_a_dot(tmp_path):
    file = written(tmp_path, inspect([sample({"f1": 0.5, "exact": 0})]))
    with pytest.raises(UsageError, match=r"name one with --metric: s\.f1, s\.exact"):
        read_logs(file)
    assert rows(file, metric="s.f1")[0][3] == 0.5


def test_promptfoo_tests_are_known_by_what_they_ask_not_by_their_number(tmp_path):
    whole = json.loads((DATA / "promptfoo.json").read_text("utf-8"))
    answers = whole["results"]["results"]
    for row in answers:
        row["testIdx"] += 5
    answers.reverse()
    moved = read_logs(written(tmp_path, whole))
    one, other = (
        {a.sample: a.score for a in logs[-1].answers}
        for logs in (read_logs(DATA / "promptfoo.json"), moved[::-1])
    )
    assert one == other


def test_the_results_of_the_same_run_are_taken(tmp_path):
    for time, text in (("2026-01-01T00-00-00.5", "old"), ("2026-01-02T00-00-00.5", "new")):
        results = {"configs": {"t": {"doc_to_text": text}}, "model_name": "m"}
        written(tmp_path, results, f"results_{time}.json")
        written(tmp_path, lm_eval_line(), f"samples_t_{time}.jsonl")
    old, new = read_logs(tmp_path)
    assert [log.task for log in (old, new)] == ["t", "t"]
    assert [log.settings["doc_to_text"] for log in (old, new)] == ["old", "new"]


def test_filters_of_lm_eval_are_logs_of_their_own(tmp_path):
    lines = lm_eval_line(filter="strict") + lm_eval_line(filter="loose", acc=0.0)
    loose, strict = read_logs(written(tmp_path, lines, "samples_t.jsonl"))
    assert (loose.scorer, loose.answers[0].score) == ("acc, loose", 0.0)
    assert (strict.scorer, strict.answers[0].score) == ("acc, strict", 1.0)


def test_of_several_metrics_the_first_that_a_file_has_is_taken(tmp_path):
    both = lm_eval_line(metrics=["acc", "f1"], f1=0.5)
    file = written(tmp_path, both, "samples_t.jsonl")
    with pytest.raises(UsageError, match="several scores"):
        read_logs(file)
    assert rows(file, metric="bleu, f1")[0][3] == 0.5


TORN = (DATA / "inspect_plain.eval").read_bytes()
BAD = {
    "nothing.json": (b"", "not JSON that can be read"),
    "nothing.jsonl": (b"", "expected a run folder"),
    "other.json": (b'{"a": [1]}', "expected a run folder"),
    "list.json": (b"[1, 2]", "expected a run folder"),
    "deep.json": (b"[" * 100_000, "not JSON that can be read"),
    "binary.json": (b"\xff\xfe\x00", "not JSON that can be read"),
    "torn.eval": (TORN[: len(TORN) // 2], "not a log of inspect-ai"),
    "nothing.eval": (b"", "not a log of inspect-ai"),
    "samples_half.jsonl": (
        (lm_eval_line() + lm_eval_line(1)[:40]).encode(),
        "samples_half.jsonl:2: not a sample of lm-eval",
    ),
    "samples_other.jsonl": (
        (lm_eval_line() + '{"a": 1}\n').encode(),
        "samples_other.jsonl:2: not a sample of lm-eval",
    ),
    "no_scores.json": (json.dumps(inspect([])).encode(), "has no scores"),
    "odd.json": (json.dumps(inspect([{"id": 1}])).encode(), "KeyError: 'input'"),
    "odd_foo.json": (
        b'{"results": {"results": [{"success": true, "provider": {}}]}}',
        "KeyError: 'id'",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_is_none_of_these_is_one_line(tmp_path, name):
    data, told = BAD[name]
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UsageError) as raised:
        read_logs(tmp_path / name)
    assert name in str(raised.value)
    assert told in str(raised.value)


def test_a_missing_file_and_an_empty_folder_are_said_to_be_so(tmp_path):
    with pytest.raises(UsageError, match="there is no such file"):
        read_logs(tmp_path / "nowhere.eval")
    with pytest.raises(UsageError, match="found neither"):
        read_logs(tmp_path)


def packed(tmp_path, text, told_size=None, name="header.json"):
    """An `.eval` file of one entry, whose directory may lie about its size."""
    file = tmp_path / "made.eval"
    with zipfile.ZipFile(file, "w") as sink:
        sink.writestr(name, zstandard.ZstdCompressor().compress(text))
        entry = sink.infolist()[0]
        entry.compress_type, entry.file_size = 93, len(text) if told_size is None else told_size
    return file


def test_an_entry_that_unpacks_to_more_than_it_says_is_not_unpacked(tmp_path):
    with pytest.raises(UsageError, match="expected 10 bytes, found another number"):
        read_logs(packed(tmp_path, bytes(1 << 24), told_size=10))


def test_an_entry_that_is_too_large_is_not_unpacked(tmp_path):
    with pytest.raises(UsageError, match=r"unpacks to 536,870,912 bytes"):
        read_logs(packed(tmp_path, b"{}", told_size=1 << 29))


def test_an_entry_with_a_wrong_checksum_is_not_read(tmp_path):
    with pytest.raises(UsageError, match="bad CRC-32"):
        read_logs(packed(tmp_path, b'{"eval": {}}'))


def test_a_zip_that_holds_something_else_is_no_log(tmp_path):
    with pytest.raises(UsageError, match=r"it holds no header\.json"):
        read_logs(packed(tmp_path, b"{}", name="word/document.xml"))


def test_without_zstandard_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(MissingExtra, match=r"pip install 'truing\[inspect\]'"):
        read_logs(DATA / "inspect_plain.eval")


def test_another_right_answer_makes_another_question_of_a_document(tmp_path):
    files = [
        written(tmp_path, lm_eval_line(target=target), f"samples_{target}.jsonl")
        for target in ("yes", "no")
    ]
    (first,), (second,) = (rows(file) for file in files)
    assert first[0] == second[0]
    assert first[2] != second[2]
