"""`truing compare` on the command line: what it prints, refuses and never lets through."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from truing.cli import cli, main

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "interop" / "data"
PLAIN, ALOUD = (str(DATA / f"lm_eval_{name}") for name in ("plain", "aloud"))


def compare(*arguments):
    return CliRunner().invoke(cli, ["compare", *map(str, arguments)])


def told(*arguments):
    """The one line of a refusal, and its exit code."""
    done = compare(*arguments)
    assert done.exception is not None
    return " ".join(str(done.exception).split())


def test_other_settings_are_refused_by_name_and_compared_on_request():
    line = told(PLAIN, ALOUD)
    assert "doc_to_text: What is {{a}} plus {{b}}? and Think aloud before you answer." in line
    assert "--despite-settings" in line
    done = compare(PLAIN, ALOUD, "--despite-settings")
    assert done.exit_code == 0
    assert "asked differently: doc_to_text is" in done.output


def test_the_table_of_two_logs():
    done = compare(PLAIN, ALOUD, "--despite-settings")
    lines = [line.rstrip() for line in done.output.splitlines()]
    assert lines[lines.index("") + 1 :][:3] == [
        "       a   b a - b all at once     p pairs",
        "sums .25 .67  -.42 [-.64, -.13] .006    24 worse",
        "",
    ]


def test_json_holds_what_the_table_shows():
    done = compare(DATA / "promptfoo.json", "--json")
    found = json.loads(done.stdout)
    (row,) = found["rows"]
    assert (found["model_a"], found["model_b"]) == ("carries", "forgets-the-carry")
    assert found["verdicts"] == {"better": 1, "worse": 0, "equivalent": 0, "undecided": 0}
    assert row["whole"]["p"] == pytest.approx(2 / 2**7)
    assert row["left_out"]["unscored"] == 1


def test_the_order_of_models_in_one_file_can_be_turned():
    turned = compare(
        DATA / "promptfoo.json", "--model-a", "forgets-the-carry", "--model-b", "carries", "--json"
    )
    assert json.loads(turned.stdout)["rows"][0]["whole"]["verdict"] == "worse"
    assert "--model-a nobody" in told(DATA / "promptfoo.json", PLAIN, "--model-a", "nobody")
    assert "name one with --model-a" in told(DATA / "promptfoo.json", PLAIN)
    assert "holds one model (smollm2): name a second" in told(PLAIN)
    assert "expected one or two things" in told(PLAIN, PLAIN, PLAIN)


def test_two_models_of_a_table_are_paired_by_prompt_and_occurrence(tmp_path):
    table = tmp_path / "answers.csv"
    rows = [("a", f"q{i // 2}", 1) for i in range(12)] + [("b", f"q{i // 2}", 0) for i in range(10)]
    lines = ["model,q,ok", *(f"{model},{q},{ok}" for model, q, ok in rows)]
    table.write_text("\n".join(lines) + "\n", "utf-8")
    done = compare(table, "--columns", "prompt=q,label=ok,model=model", "--json")
    (row,) = json.loads(done.stdout)["rows"]
    # Five prompts, each answered twice: all five clusters go one way, 2 / 2^5.
    assert (row["whole"]["pairs"], row["whole"]["clusters"]) == (10, 5)
    assert row["whole"]["p"] == pytest.approx(2 / 2**5)
    assert row["left_out"]["only_a"] == 2


def test_where_nothing_can_be_compared_the_reason_is_the_last_line(tmp_path):
    other = tmp_path / "other"
    shutil.copytree(ALOUD, other)
    samples = other / "samples_sums.jsonl"
    samples.write_text(samples.read_text("utf-8").replace("exact_match", "f1"), "utf-8")
    line = told(PLAIN, other, "--despite-settings")
    assert line.startswith("nothing could be compared; sums: another scorer: exact_match")


def test_hostile_names_reach_the_terminal_as_text_only(tmp_path, capsys):
    whole = json.loads((DATA / "promptfoo.json").read_text("utf-8"))
    evil = "\x1b]0;owned\x07\x1b[31m\u202egnp[bold]\nnext line"
    whole["config"]["description"] = evil
    for row in whole["results"]["results"]:
        row["provider"]["label"] = evil + row["provider"]["label"]
    (tmp_path / "evil.json").write_text(json.dumps(whole), "utf-8")
    done = compare(tmp_path / "evil.json")
    assert done.exit_code == 0
    for character in ("\x1b", "\x07", "\u202e", "\x9b"):
        assert character not in done.output
    assert "\\x1b" in done.output
    assert "[bold]" in done.output  # not taken as markup either
    with pytest.raises(SystemExit):
        main(["compare", str(tmp_path / "evil.json"), PLAIN])
    shown = capsys.readouterr().err
    assert "\x1b" not in shown
    assert len(shown.splitlines()) == 1


def test_hostile_settings_are_shown_as_text_only(tmp_path):
    other = tmp_path / "other"
    shutil.copytree(PLAIN, other)
    results = json.loads((other / "results.json").read_text("utf-8"))
    results["configs"]["sums"]["doc_to_text"] = "\x1b[2J{{a}}"
    (other / "results.json").write_text(json.dumps(results), "utf-8")
    done = compare(PLAIN, other, "--despite-settings")
    assert "\\x1b[2J{{a}}" in done.output
    assert "\x1b" not in done.output


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    parent = tmp_path_factory.mktemp("runs")
    for model in ("refuse-all", "comply-all"):
        wanted = ["-m", f"scripted/{model}", "--task", "violence/twins", "-n", "40"]
        assert CliRunner().invoke(cli, ["run", *wanted, "-o", str(parent / model)]).exit_code == 0
    return parent


def test_opposite_sides_under_an_equal_mean_are_said(runs):
    done = compare(runs / "refuse-all", runs / "comply-all")
    assert done.exit_code == 0
    text = " ".join(done.output.split())
    assert "violence/twins .50 .50 +.00" in text
    assert "opposite sides of violence/twins: harmful better, harmless worse" in text
    assert "0 better, 0 worse, 0 equivalent, 1 undecided" in text
    assert "with 40 clusters, .05 needs" in text


def test_the_readmes_table_is_what_is_printed(runs):
    readme = (ROOT / "README.md").read_text("utf-8")
    done = compare(runs / "refuse-all", runs / "comply-all")
    table = done.output.partition("pairs")[2].splitlines()[1:4]
    assert len(table) == 3
    for line in table:
        assert f"    {line.rstrip()}\n" in readme


def test_the_same_comparison_gives_the_same_bytes(runs):
    once, again = (compare(runs / "refuse-all", runs / "comply-all", "--json") for _ in range(2))
    assert once.stdout == again.stdout


def test_a_broken_run_folder_is_one_line(tmp_path):
    (tmp_path / "run.json").write_text("{", "utf-8")
    assert "not a run header" in told(tmp_path, PLAIN)
    assert "there is no such file or folder" in told(tmp_path / "nowhere", PLAIN)


EXAMPLES = [
    block.partition("\n")[::2]
    for block in (ROOT / "docs/comparing.md").read_text("utf-8").split("```")[1::2]
    for block in [block.strip()]
]


@pytest.mark.parametrize(("command", "output"), EXAMPLES, ids=lambda text: text[:60])
def test_the_page_shows_what_the_commands_print(command, output, monkeypatch, capfd):
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        main(command.removeprefix("$ truing ").split())
    shown = capfd.readouterr()
    lines = [line.rstrip() for line in (shown.out + shown.err).strip("\n").splitlines()]
    assert "\n".join(lines) == output
