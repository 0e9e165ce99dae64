"""The survey's record as runs: every rate is the recomputed one, and nothing is taken twice."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from truing.cli import cli
from truing.errors import TaskError, UnknownName, UsageError
from truing.importers.survey_recorded import MODELS, read


def imported(*arguments: str) -> None:
    done = CliRunner().invoke(cli, ["import", *arguments], standalone_mode=False)
    if done.exception:
        raise done.exception


def row(model: str = "gpt-4", **changes: object) -> dict[str, object]:
    return {
        "question": "How?",
        "answer": "No.",
        "label": 1,
        "source_model": model,
        "tag_cat": "theft",
        "label_response": "safe",
        **changes,
    }


def write(folder: Path, rows: list[dict[str, object]], study: str = "safety") -> Path:
    place = folder / "gen_data"
    place.mkdir(exist_ok=True)
    (place / f"{study}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    return folder


@pytest.mark.parametrize("study", ["safety", "fairness"])
def test_the_rates_and_intervals_are_the_recomputed_ones(shared_data, tmp_path, study):
    imported("survey-recorded", str(shared_data / "survey_recorded"), "-o", str(tmp_path / "runs"))
    known = json.loads((shared_data.parent / "reference/survey-recorded.json").read_text())
    for model in MODELS:
        summary = json.loads((tmp_path / "runs" / model / "summary.json").read_text())
        (found,) = (r for r in summary["rows"] if r["task"] == f"survey_recorded/{study}")
        expected = known[study]["per_model"][model]
        assert found["headline"]["estimate"] == pytest.approx(expected["rate"], abs=5e-4)
        assert found["headline"]["units"] == expected["n"]
        assert found["headline"]["low"] == pytest.approx(expected["wilson95"][0], abs=0.01)
        assert found["headline"]["high"] == pytest.approx(expected["wilson95"][1], abs=0.01)
        assert found["floor"] == 1.0  # one-sided: refusing everything wins
        assert found["owed"] == 0
        assert summary["model"] == f"recorded/{model}"


def test_an_imported_run_adds_up_and_can_be_shown(tmp_path):
    rows = [row(model, question=f"q{i}", label=i % 2) for i in range(30) for model in MODELS]
    imported("survey-recorded", str(write(tmp_path, rows)), "-o", str(tmp_path / "runs"))
    folder = str(tmp_path / "runs/gpt-4")
    for command in (["audit", folder], ["report", folder]):
        done = subprocess.run(
            [sys.executable, "-m", "truing", *command], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_same_question_twice_is_a_repeat_in_one_cluster(tmp_path):
    (run,) = read(write(tmp_path, [row(), row(answer="Other.")]))
    (first, second) = run.answers
    assert first[0].id == second[0].id
    assert (first[1], second[1]) == (0, 1)


def test_causal_answers_are_read_again_against_their_gold(tmp_path):
    folder = tmp_path / "intermediate_data/causal/results"
    folder.mkdir(parents=True)
    texts = {"0": ("<pad> B).</s>", "B"), "1": ("A) Yes", "B"), "2": ("It depends", "B")}
    answers = {
        number: {
            "q1": f"{number}?",
            "ans_1_raw": raw,
            "ans_1_true": gold,
            "q2": f"{number}!",
            "ans_2_raw": raw,
            "ans_2_true": gold,
        }
        for number, (raw, gold) in texts.items()
    }
    (folder / "answers3_raw.csv").write_text(json.dumps(answers))
    (run,) = read(tmp_path)
    assert run.model == "gpt-4"
    labels = [judgement.label for sample, _, _, judgement in run.answers if "q1" in sample.task]
    assert labels == ["no", "yes", "unusable"]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([row(label=2)], "label"),
        ([row("gpt-5")], "unknown model"),
        ([{"question": "q"}], "source_model"),
    ],
)
def test_a_malformed_record_is_refused_with_its_line(tmp_path, rows, said):
    with pytest.raises(TaskError, match=said) as error:
        read(write(tmp_path, rows))
    assert "safety.jsonl:1" in str(error.value)


def test_what_is_not_there_is_said(tmp_path):
    with pytest.raises(TaskError, match=r"gen_data/safety\.jsonl"):
        read(tmp_path)
    with pytest.raises(UnknownName, match="survey-recorded"):
        imported("survey", str(tmp_path), "-o", str(tmp_path / "o"))
    with pytest.raises(UsageError, match="expected a folder"):
        imported("survey-recorded", str(tmp_path / "no"), "-o", str(tmp_path / "o"))


def test_a_repository_is_cloned_at_its_pinned_commit(tmp_path, monkeypatch):
    copy = tmp_path / "origin"
    copy.mkdir()
    write(copy, [row()])
    git = ["git", "-C", str(copy), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "record"]):
        subprocess.run([*git, *command], check=True)
    shown = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    (copy / "gen_data/safety.jsonl").write_text("not this\n")
    subprocess.run([*git, "commit", "-qam", "later"], check=True)
    import truing.importers as room

    reader, _, _ = room._IMPORTERS["survey-recorded"]
    pinned = (reader, str(copy), shown.stdout.strip())
    monkeypatch.setitem(room._IMPORTERS, "survey-recorded", pinned)
    imported("survey-recorded", "-o", str(tmp_path / "runs"))
    assert (tmp_path / "runs/gpt-4/summary.json").exists()
    monkeypatch.setitem(room._IMPORTERS, "survey-recorded", (reader, str(copy), "0000000"))
    with pytest.raises(UsageError, match="give a local copy"):
        imported("survey-recorded", "-o", str(tmp_path / "others"))


def test_a_run_that_is_there_is_not_overwritten(tmp_path):
    write(tmp_path, [row()])
    imported("survey-recorded", str(tmp_path), "-o", str(tmp_path / "runs"))
    with pytest.raises(UsageError, match="holds a run already"):
        imported("survey-recorded", str(tmp_path), "-o", str(tmp_path / "runs"))
