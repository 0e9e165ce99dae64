"""`truing reproduce` on the command line: what it plans, asks, goes on with, refuses and says."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from truing.cli import cli
from truing.journal import JournalWriter, JudgementLine, ResponseLine, read_journal
from truing.records import Outcome
from truing.runs import read_header

SERVER = Path(__file__).parents[1] / "fault_server.py"
TASK = "violence/twins"
FLAKY = """
REFUSAL = "I'm sorry, but I can't help with that request."
asked = 0

def always(messages):
    return REFUSAL

def fifth(messages):
    global asked
    asked += 1
    return "Sure! First, get everything you need ready." if asked % 5 == 0 else REFUSAL
"""


def invoke(*arguments):
    return CliRunner().invoke(cli, list(map(str, arguments)))


def measured(folder, *arguments, model="scripted/longest-option", seeds=6):
    done = invoke("run", "-m", model, "-n", seeds, "-o", folder, *arguments)
    assert done.exit_code == 0, done.output
    return folder


def reproduced(folder, *arguments):
    done = invoke("reproduce", folder, *arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def told(*arguments):
    done = invoke("reproduce", *arguments)
    assert done.exception is not None
    return " ".join(str(done.exception).split())


def content_of(folder):
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """A run of a scripted model on a row of choices, an open one and one of rounds."""
    folder = tmp_path_factory.mktemp("runs") / "stored"
    tasks = ("hallucination/grounded_choice", TASK, "interventional_effect/limited_places")
    return measured(folder, *(part for task in tasks for part in ("--task", task)))


@pytest.fixture(scope="module")
def result(stored):
    before = content_of(stored)
    found = reproduced(stored, "-k", "2")
    assert content_of(stored) == before, "the run itself stays as it is"
    return found, stored.with_name("stored-reproduced")


def test_a_dry_run_says_what_it_would_call_and_calls_nothing(stored, tmp_path):
    done = invoke("reproduce", stored, "-o", tmp_path / "out", "--dry-run")
    lines = [line.split() for line in done.stdout.splitlines()]
    # 6 seeds: 24 choices (four a seed, two of them control arms), 12 open, 6 rounds or more.
    assert [line[0] for line in lines[2:7]] == [
        "again-1",
        "form-preface",
        "form-wording",
        "form-layout",
        "in",
    ]
    assert lines[0] == ["asked:", "scripted/longest-option"]
    assert lines[-1] == ["nothing", "was", "called:", "this", "was", "a", "dry", "run"]
    assert not (tmp_path / "out").exists()
    plans = json.loads(invoke("reproduce", stored, "--dry-run", "--json").stdout)
    samples = {task.id: task.samples for task in read_header(stored).tasks}
    assert plans[0]["calls"] + plans[0]["answers_there"] <= sum(samples.values())


def test_a_deterministic_model_moves_by_nothing_asked_again(result):
    found, _ = result
    for row in found["rows"]:
        again = next(one for one in row["whole"]["sources"] if one["source"] == "again")
        assert again["sd"] == again["flip_rate"] == again["share"] == 0
        assert [move["move"] for move in again["moves"]] == [0, 0]
        assert [move["level"] for move in again["moves"]] == ["again-1", "again-2"]


def test_what_was_not_varied_says_why(result):
    found, _ = result
    assert found["not_varied"] == {
        "seed": "temperature 0: nothing is drawn",
        "epoch": "temperature 0: nothing is drawn",
        "quantisation": "no other number format of the model is at hand",
    }
    rounds = found["rows"][2]["not_varied"]
    assert rounds["form"] == "its questions follow the answers, or are perturbed"
    assert rounds["judge"] == "no judge's verdicts are in the run"
    assert found["findings"] == []


def test_arms_are_ordinary_runs_without_a_reused_answer(result):
    _, out = result
    names = sorted(file.parent.name for file in out.glob("*/run.json"))
    assert names == ["again-1", "again-2", "form-layout", "form-preface", "form-wording"]
    header = read_header(out / "form-layout")
    assert [task.id for task in header.tasks][1] == f"{TASK}+form_layout"
    for name in ("again-1", "form-layout"):
        assert invoke("audit", out / name).exit_code == 0
    assert (out / "reproduce.json").exists()
    assert not any(
        line.response.cached
        for line in read_journal(out / "again-1" / "journal")
        if isinstance(line, ResponseLine)
    )


def test_the_same_command_again_asks_nothing_twice_and_says_the_same(result, stored):
    found, out = result
    before = [file.read_bytes() for file in sorted(out.glob("again-1/journal/*.jsonl"))]
    again = reproduced(stored, "-k", "2")
    after = [file.read_bytes() for file in sorted(out.glob("again-1/journal/*.jsonl"))]
    assert b"".join(before) == b"".join(after)
    assert again["rows"] == found["rows"]


def test_another_number_of_seeds_is_another_folder(result, stored):
    _ = result
    assert "seeds a task (-n) is 6" in told(stored, "-n", "4")


@pytest.fixture
def flaky(tmp_path, monkeypatch):
    (tmp_path / "flaky_target.py").write_text(FLAKY, "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    sys.modules.pop("flaky_target", None)
    yield
    sys.modules.pop("flaky_target", None)


def test_a_model_that_answers_otherwise_every_fifth_time_flips_a_fifth(flaky, tmp_path):
    model = "target/py:flaky_target."
    run = measured(tmp_path / "run", "--task", TASK, model=f"{model}always", seeds=30)
    found = reproduced(run, "--arms", "again", "-m", f"{model}fifth", "-j", "1", "-o", "out")
    (row,) = found["rows"]
    (again,) = row["whole"]["sources"]
    assert again["flip_rate"] == pytest.approx(0.2)
    assert again["flip_low"] < 0.2 < again["flip_high"]
    assert again["sd"] > 0
    # Refusing all is right on the harmful side alone, and so every fifth time wrong there.
    sides = row["sides"]
    assert sides["harmful"]["sources"][0]["moves"][0]["move"] < 0
    assert sides["harmless"]["sources"][0]["moves"][0]["move"] > 0
    assert found["changed_since"] == [
        "the model's name was target/py:flaky_target.always, is target/py:flaky_target.fifth"
    ]
    shown = invoke("reproduce", run, "--arms", "again", "-m", f"{model}fifth", "-o", "out").stdout
    assert ".20 [" in shown
    assert "not as it was: the model's name was" in shown


def test_epochs_and_seeds_are_varied_where_answers_are_drawn(tmp_path):
    run = measured(tmp_path / "run", "--task", TASK, "--temperature", "1", model="scripted/random")
    found = reproduced(run, "--arms", "again,seed,epoch")
    (row,) = found["rows"]
    levels = {
        one["source"]: [move["level"] for move in one["moves"]] for one in row["whole"]["sources"]
    }
    # The first epoch of the arm of epochs is the run once more.
    assert levels == {"again": ["again-1", "epochs"], "seed": ["seed-1"], "epoch": ["epoch 1"]}
    flips = {one["source"]: one["flip_rate"] for one in row["whole"]["sources"]}
    assert flips["again"] == 0  # scripted/random draws by request and edition alone
    assert flips["epoch"] > 0
    assert read_header(tmp_path / "run-reproduced" / "seed-1").settings.seed == 1000


def test_a_run_of_several_epochs_holds_that_source_itself(tmp_path):
    run = measured(
        tmp_path / "run", "--task", TASK, "--epochs", "3", "--temperature", "1", seeds=3,
        model="scripted/random",
    )  # fmt: skip
    found = reproduced(run, "--arms", "epoch")
    assert found["arms"] == []
    (source,) = found["rows"][0]["whole"]["sources"]
    assert [move["level"] for move in source["moves"]] == ["epoch 1", "epoch 2"]


def test_verdicts_of_judges_that_are_there_are_a_source_without_a_call(tmp_path):
    run = measured(tmp_path / "run", "--task", TASK, model="scripted/comply-all", seeds=20)
    lines = [line for line in read_journal(run / "journal") if isinstance(line, JudgementLine)]
    with JournalWriter(run / "journal") as journal:
        for number, line in enumerate(lines):
            outcome = line.judgement.outcome
            if number % 4 == 0:
                turned = outcome is Outcome.UNTRUSTWORTHY
                outcome = Outcome.TRUSTWORTHY if turned else Outcome.UNTRUSTWORTHY
            judged = msgspec.structs.replace(
                line.judgement, scorer="judge:reply@1:other", outcome=outcome
            )
            journal.append(msgspec.structs.replace(line, judgement=judged))
    found = reproduced(run, "--arms", "judge")
    assert found["arms"] == []
    (source,) = found["rows"][0]["whole"]["sources"]
    assert (source["source"], source["flip_rate"]) == ("judge", pytest.approx(0.25))
    assert source["moves"][0]["level"] == "judge:reply@1:other"


def changed(stored: Path, tmp_path: Path, **fields: object) -> Path:
    """A copy of a run whose header says something else."""
    copy = tmp_path / "copy"
    shutil.copytree(stored, copy)
    header = json.loads((copy / "run.json").read_text("utf-8"))
    header |= {name: value for name, value in fields.items() if name != "task"}
    header["tasks"][1] |= fields.get("task", {})
    (copy / "run.json").write_text(json.dumps(header), "utf-8")
    return copy


def test_a_task_that_has_changed_is_refused_with_what_differs(stored, tmp_path):
    copy = changed(stored, tmp_path, task={"content": "0123456789abcdef", "edition": "2025.1"})
    line = told(copy, "--dry-run")
    assert f"{TASK} is not the task that was run: edition was 2025.1, is" in line
    assert "content was 0123456789abcdef, is" in line
    other = invoke("reproduce", copy, "--task", "hallucination/grounded_choice", "--dry-run")
    assert other.exit_code == 0


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"rescored_from": "another"}, "holds the answers of another, judged again"),
        ({"task": {"scorer": "recorded_label@1"}}, "its labels came with its answers"),
        ({"task": {"id": "violence/gone"}}, "violence/gone cannot be asked again: no task named"),
    ],
)
def test_what_cannot_be_asked_again_is_refused(stored, tmp_path, fields, says):
    assert says in told(changed(stored, tmp_path, **fields), "--dry-run")


def test_a_model_that_cannot_be_opened_by_its_name_asks_for_another(stored, tmp_path):
    copy = changed(stored, tmp_path, model="gpt-of-then")
    line = told(copy, "--arms", "again")
    assert "no model named 'gpt-of-then'" in line
    assert "say how it is asked today with -m and --base-url" in line


@pytest.mark.slow
def test_a_task_of_the_users_own_is_asked_again_from_the_copy_in_the_run(tmp_path):
    own = tmp_path / "mine"
    source = Path(sys.modules["truing"].__file__).parent / "tasks" / "violence" / "twins"
    shutil.copytree(source, own, ignore=shutil.ignore_patterns("*.pyc", "evidence.json"))
    card = (own / "card.toml").read_text("utf-8").replace("violence/twins", "violence/mine", 1)
    (own / "card.toml").write_text(card, "utf-8")
    run = measured(tmp_path / "run", "--task", own)
    shutil.rmtree(own)
    found = reproduced(run, "--arms", "again,form")
    assert found["rows"][0]["task"] == "violence/mine"
    assert [arm["answers"] for arm in found["arms"]] == [12] * 4


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--arms", "again,weather"], "got 'weather'"),
        (["--arms", ","], "got nothing"),
        (["--task", "violence/none"], "--task violence/none: the run has"),
    ],
)
def test_what_is_asked_for_and_is_not_there_is_refused(stored, arguments, says):
    assert says in told(stored, *arguments)


def test_the_folder_does_not_lie_in_the_run(stored):
    assert "lies in the run itself" in told(stored, "-o", stored / "again")


def test_a_bound_stops_it_with_what_is_there(stored, tmp_path):
    done = invoke(
        "reproduce", stored, "-o", tmp_path / "out", "--arms", "again", "--max-tokens-total", "600"
    )
    assert done.exit_code == 0
    assert "stopped by --max-tokens-total 600" in done.stderr
    assert "again-1 owes" in done.stdout


@pytest.mark.slow
def test_of_a_run_that_was_decided_early_what_it_came_to_is_asked_again(tmp_path):
    policy = tmp_path / "policy.toml"
    policy.write_text(
        f'name = "p"\nabout = "a"\n[[requirements]]\nrows = "{TASK}"\nat_least = 0.5\n', "utf-8"
    )
    run = tmp_path / "run"
    done = invoke(
        "run", "-m", "scripted/oracle", "--task", TASK, "--policy", policy, "--until-decided",
        "-o", run,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    asked = sum(isinstance(line, ResponseLine) for line in read_journal(run / "journal"))
    found = reproduced(run, "--arms", "again,form")
    assert 0 < asked < read_header(run).planned
    assert {arm["answers"] for arm in found["arms"]} == {asked}
    assert "until it was decided" in told(run, "-n", "5")


@pytest.mark.slow
def test_a_server_is_asked_again_at_the_address_of_the_run_and_never_out_of_the_cache(
    tmp_path, monkeypatch
):
    port = tmp_path / "port"
    command = [
        sys.executable,
        str(SERVER),
        "--port-file",
        str(port),
        "--log",
        str(tmp_path / "log"),
    ]
    server = subprocess.Popen(command)
    try:
        while not port.exists() or not port.read_text():
            time.sleep(0.05)
        address = port.read_text().strip()
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        run = measured(tmp_path / "run", "--task", TASK, "--base-url", address, model="m", seeds=4)
        plan = invoke("reproduce", run, "--arms", "again", "--dry-run").stdout
        assert plan.startswith(f"asked: m at {address}")
        found = reproduced(run, "--arms", "again")
    finally:
        server.kill()
        server.wait()
    assert found["rows"][0]["whole"]["sources"][0]["flip_rate"] == 0
    assert found["changed_since"] == []
    again = read_header(tmp_path / "run-reproduced" / "again-1")
    assert again.address == read_header(run).address == address
    lines = read_journal(tmp_path / "run-reproduced" / "again-1" / "journal")
    answers = [line.response for line in lines if isinstance(line, ResponseLine)]
    assert len(answers) == 8
    assert not any(answer.cached for answer in answers)
