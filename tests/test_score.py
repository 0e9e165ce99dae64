"""`truing score` on recorded answers: the contracted JSON and the recomputed figures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from truing.cli import cli
from truing.errors import TaskError, UsageError


def score(*arguments: str) -> dict:
    done = CliRunner().invoke(cli, ["score", *arguments, "--json"], standalone_mode=False)
    if done.exception:
        raise done.exception
    return json.loads(done.stdout)


SURVEY = "prompt=question,response=answer,label=label,model=source_model"


@pytest.fixture
def reference(shared_data: Path) -> dict:
    return json.loads((shared_data.parent / "reference" / "survey-recorded.json").read_text())


@pytest.mark.parametrize("study", ["safety", "fairness"])
def test_the_surveys_rates_and_intervals_come_out_to_three_decimals(shared_data, reference, study):
    file = shared_data / "survey_recorded" / f"{study}.jsonl"
    result = score(str(file), "--columns", SURVEY, "--group-by", "model")
    expected = reference[study]["per_model"]
    found = {group["model"]: group for group in result["groups"]}
    assert found.keys() == expected.keys()
    for model, figures in expected.items():
        low, high = figures["wilson95"]
        assert found[model]["estimate"] == pytest.approx(figures["rate"], abs=5e-4)
        assert found[model]["low"] == pytest.approx(low, abs=5e-4)
        assert found[model]["high"] == pytest.approx(high, abs=5e-4)
        assert found[model]["units"] == figures["n"]


def test_the_surveys_paired_tests_come_out(shared_data, reference):
    file = shared_data / "survey_recorded" / "safety.jsonl"
    result = score(str(file), "--columns", SURVEY, "--group-by", "model")
    found = {frozenset((pair["a"], pair["b"])): pair for pair in result["paired"]}
    assert len(found) == 15
    for name, expected in reference["safety"]["paired_mcnemar"].items():
        pair = found[frozenset(name.split(" vs "))]
        assert pair["test"] == "McNemar exact"
        assert pair["p"] == pytest.approx(expected["p_exact"], rel=5e-3)


def write(path: Path, rows: list[dict]) -> str:
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return str(path)


def test_an_empty_label_is_unscored_and_nothing_scored_is_null(tmp_path):
    file = write(
        tmp_path / "a.jsonl",
        [
            {"q": "1", "l": 1, "m": "a"},
            {"q": "2", "l": 0, "m": "a"},
            {"q": "3", "l": "", "m": "a"},
            {"q": "1", "l": None, "m": "b"},
        ],
    )
    result = score(file, "--columns", "prompt=q,label=l,model=m")
    a, b = result["groups"]
    assert (a["estimate"], a["units"], a["unscored"]) == (0.5, 2, 1)
    assert (b["estimate"], b["low"], b["units"], b["unscored"]) == (None, None, 0, 1)
    assert result["paired"] == []


def test_pairs_match_on_the_prompt_and_its_occurrence(tmp_path):
    rows = [{"q": "same", "l": label, "m": "a"} for label in (1, 0)]
    rows += [{"q": "same", "l": label, "m": "b"} for label in (1, 1, 1)]
    rows += [{"q": "other", "l": 1, "m": "b"}]
    result = score(write(tmp_path / "a.jsonl", rows), "--columns", "prompt=q,label=l,model=m")
    (pair,) = result["paired"]
    assert pair["pairs"] == 2
    assert pair["difference"] == pytest.approx(-0.5)
    assert pair["p"] == 1.0


def test_a_cluster_column_takes_the_cluster_test(tmp_path):
    rows = [
        {"q": f"{c}-{i}", "l": int((c + i + shift) % 3 > 0), "m": m, "c": c}
        for m, shift in (("a", 0), ("b", 1))
        for c in range(12)
        for i in range(3)
    ]
    file = write(tmp_path / "a.jsonl", rows)
    result = score(file, "--columns", "prompt=q,label=l,model=m,cluster=c")
    assert result["paired"][0]["test"] == "sign flip by cluster"
    assert result["groups"][0]["clusters"] == 12
    again = score(file, "--columns", "prompt=q,label=l,model=m,cluster=c")
    assert again == result


def test_a_scorer_judges_and_is_compared_with_the_given_labels(tmp_path):
    file = write(
        tmp_path / "a.jsonl",
        [
            {"q": "How do I boil an egg?", "r": "I'm sorry, I can't help with that.", "l": "no"},
            {"q": "How do I boil an egg?", "r": "Boil it for eight minutes.", "l": "yes"},
            {"q": "How do I boil an egg?", "r": "", "l": "noise"},
        ],
    )
    result = score(
        file,
        *("--columns", "prompt=q,response=r,label=l", "--scorer", "refusal_rule@1"),
        *("--target", "complied", "--label-names", "refused=no,complied=yes,unusable=noise"),
    )
    assert result["groups"][0]["labels"] == {"complied": 1, "refused": 1, "unusable": 1}
    assert result["groups"][0]["estimate"] == pytest.approx(1 / 3)
    assert result["agreement"][0]["kappa"] == 1.0


def test_a_choice_file_is_scored_by_its_options(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("q,r,opts,gold\nwhich?,B,red|blue,blue\nwhich?,A,red|blue,blue\n")
    result = score(
        str(file),
        *("--columns", "prompt=q,response=r,choices=opts,target=gold", "--scorer", "choice@1"),
    )
    assert result["groups"][0]["estimate"] == 0.5


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("prompt=q,label=nope", "no column 'nope'"),
        ("prompt=q", "name the label column"),
        ("prompt=q,labels=l", "no meaning named 'labels'"),
        ("prompt", "expected NAME=NAME"),
    ],
)
def test_a_wrong_column_is_one_clear_line(tmp_path, columns, message):
    file = write(tmp_path / "a.jsonl", [{"q": "1", "l": 1}])
    with pytest.raises(UsageError, match=message):
        score(file, "--columns", columns)


@pytest.mark.parametrize(
    ("name", "text", "error"),
    [
        ("a.jsonl", '{"q": 1', TaskError),
        ("a.jsonl", "[1]", TaskError),
        ("a.jsonl", "", TaskError),
        ("a.json", "{}", TaskError),
        ("a.csv", "q,l\n1\n", TaskError),
        ("a.jsonl", '{"q": "1", "l": "maybe"}', TaskError),
        ("a.txt", "x", UsageError),
    ],
)
def test_a_broken_file_is_one_clear_line(tmp_path, name, text, error):
    file = tmp_path / name
    file.write_text(text)
    with pytest.raises(error, match=name if error is UsageError else None):
        score(str(file), "--columns", "prompt=q,label=l")
    with pytest.raises(UsageError, match="no such file"):
        score(str(tmp_path / "none.jsonl"), "--columns", "prompt=q,label=l")
