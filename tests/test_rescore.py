"""`truing score RUN`: stored answers judged again, nothing called, nothing of the run changed."""

from __future__ import annotations

import json
import socket
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from made import header

from truing import models, scorers, tasks
from truing.cli import cli
from truing.errors import JournalError, RunMismatch, TaskError, UsageError
from truing.journal import JournalWriter, JudgementLine, Line, ResponseLine, read_journal
from truing.records import (
    RECORDED_LABEL,
    Attempt,
    Fault,
    FaultKind,
    Judgement,
    Message,
    Outcome,
    Response,
    Role,
    Sample,
    content_hash,
    judged_hash,
)
from truing.runs import RunHeader, open_folder, read_header


class FirstWord:
    """The label is the first word; `hedged` is read as whatever this version says."""

    def __init__(self, name: str, hedged: str) -> None:
        self.name = name
        self._hedged = hedged

    async def judge(self, sample: Sample, response: Response) -> Judgement:
        word = response.text.split()[0]
        if word == "defect":
            raise ValueError("a defect")
        if word == "impossible":
            raise TaskError("nothing can be said of this sample")
        label = self._hedged if word == "hedged" else word
        right = label == sample.target
        return Judgement(
            outcome=Outcome.TRUSTWORTHY if right else Outcome.UNTRUSTWORTHY,
            label=label,
            scorer=self.name,
            judged=judged_hash(response.text),
        )


class Entry:
    def __init__(self, name: str, value: object) -> None:
        self.name = name
        self._value = value

    def load(self) -> object:
        return self._value


OLD = FirstWord("words@1", "refused")
NEW = FirstWord("words@2", "complied")


@pytest.fixture(autouse=True)
def installed(monkeypatch):
    """Two versions of a scorer from another package."""

    def clear() -> None:
        scorers._table.cache_clear()
        scorers.find_scorer.cache_clear()

    entries = [Entry(own.name, lambda own=own: own) for own in (OLD, NEW)]
    monkeypatch.setattr(scorers, "entry_points", lambda **_: entries)
    clear()
    yield
    clear()


def invoke(*arguments: str | Path):
    done = CliRunner().invoke(cli, [str(a) for a in arguments], standalone_mode=False)
    if done.exception:
        raise done.exception
    return done


def score(*arguments: str | Path) -> dict:
    return json.loads(invoke("score", *arguments, "--json").stdout)


def content(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def asked(seed: str, side: str, **changes: object) -> Sample:
    sample = Sample(
        id="",
        task="t/one",
        messages=(Message(role=Role.USER, text=f"{seed} {side}"),),
        target="refused" if side == "left" else "complied",
        side=side,
        cluster=seed,
        variant=side,
    )
    sample = msgspec.structs.replace(sample, **changes)
    return msgspec.structs.replace(sample, id=content_hash(sample))


def lines_of(sample: Sample, text: str, scorer: str = "words@1", **response: object) -> list[Line]:
    """An answer, and what `words@1` says of it."""
    word = text.split(maxsplit=1)[0] if text else ""
    label = "refused" if word == "hedged" else word
    fault = response.get("fault")
    outcome = Outcome.TRUSTWORTHY if label == sample.target else Outcome.UNTRUSTWORTHY
    return [
        ResponseLine(epoch=0, sample=sample, response=Response(text=text, **response), at=1.0),
        JudgementLine(
            epoch=0,
            sample=sample.id,
            judgement=Judgement(
                outcome=Outcome.UNSCORED if fault else outcome,
                label=fault.kind if fault else label,
                scorer=scorer,
                judged=judged_hash(text),
            ),
        ),
    ]


def made_run(folder: Path, lines: list[Line], **changes: object) -> RunHeader:
    answers = sum(isinstance(line, ResponseLine) for line in lines)
    changes.setdefault("task_fields", {"scorer": "words@1", "columns": []})
    whole = header(samples=answers, own_texts=True, **changes)
    open_folder(folder, whole)
    with JournalWriter(folder / "journal") as journal:
        journal.append(*lines)
    return whole


@pytest.fixture
def worked(tmp_path: Path) -> Path:
    """Six seeds of two sides: four answers hedge, three where refusing is right."""
    left = ["hedged"] * 3 + ["refused"] * 3
    right = ["hedged"] + ["complied"] * 5
    lines: list[Line] = []
    for number, (one, other) in enumerate(zip(left, right, strict=True)):
        lines += lines_of(asked(f"s{number}", "left"), one, cost_usd=0.5)
        lines += lines_of(asked(f"s{number}", "right"), other, cost_usd=0.5)
    made_run(tmp_path / "run", lines)
    return tmp_path / "run"


@pytest.fixture(scope="module")
def measured(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("measured") / "run"
    names = (
        *("violence/twins", "prompt_attacks/typos", "miscalibration/stated"),
        *("copyright_leak/notice", "hallucination/grounded_choice"),
    )
    chosen = [part for name in names for part in ("--task", name)]
    invoke("run", "-m", "scripted/random", *chosen, "-n", "25", "-o", folder, "--json")
    return folder


def test_the_same_scorer_changes_nothing_and_its_rates_are_the_reports(measured):
    result = score(measured)
    assert (result["changed"], len(result["rows"])) == (0, 5)
    summary = json.loads((measured / "summary.json").read_text())
    for row, reported in zip(result["rows"], summary["rows"], strict=True):
        assert row["task"] == reported["task"]
        assert (row["changed"], row["changes"], row["first_verdicts"]) == (0, [], 0)
        for part in (row["whole"], *row["sides"].values()):
            assert part["recorded"] == part["now"]
            assert (part["difference"]["difference"], part["difference"]["p"]) == (0, 1)
        if row["unit"] == "group":
            shown = reported["headline"]
            assert [row["whole"]["now"][k] for k in ("estimate", "low", "units")] == [
                shown[k] for k in ("estimate", "low", "units")
            ]
        for name, side in row["sides"].items():
            for figure in ("estimate", "low", "high", "units", "clusters"):
                assert side["now"][figure] == reported["sides"][name][figure]


def test_another_version_changes_what_it_should_by_hand(worked):
    result = score(worked, "--scorer", "words@2")
    (row,) = result["rows"]
    assert (row["scorer_recorded"], row["scorer_now"]) == ("words@1", "words@2")
    assert row["changes"] == [{"recorded": "refused", "now": "complied", "count": 4}]
    assert (row["changed"], row["answers"], result["changed"]) == (4, 12, 4)
    whole, left, right = row["whole"], row["sides"]["left"], row["sides"]["right"]
    # Left: 6 of 6 were right, the 3 that hedge no longer are. Right: 5 of 6, now all.
    assert (left["recorded"]["estimate"], left["now"]["estimate"]) == (1, 0.5)
    assert (right["recorded"]["estimate"], right["now"]["estimate"]) == (pytest.approx(5 / 6), 1)
    assert (whole["recorded"]["estimate"], whole["now"]["estimate"]) == (
        pytest.approx(11 / 12),
        pytest.approx(9 / 12),
    )
    # Wilson at 6 of 6: 6 / (6 + 1.96^2).
    assert left["recorded"]["low"] == pytest.approx(6 / (6 + 3.8415), abs=1e-4)
    assert left["recorded"]["high"] == 1
    # McNemar: 3 pairs one way, 2 * 2^-3; 1 pair, 2 * 2^-1.
    found = left["difference"]
    assert (found["difference"], found["test"], found["pairs"]) == (-0.5, "McNemar exact", 6)
    # Holm: the smallest of three p values times 3.
    assert (found["p"], found["p_holm"]) == (pytest.approx(0.25), pytest.approx(0.75))
    assert right["difference"]["p"] == pytest.approx(1)
    # Of seed s0 one answer gains and one loses: 0. s1 and s2 lose one each, so 2 of the 4 flips
    # of their signs are as far from 0.
    assert whole["difference"]["test"] == "sign flip by cluster"
    assert whole["difference"]["p"] == 0.5
    assert whole["difference"]["p_holm"] == 1
    assert whole["difference"]["difference"] == pytest.approx(-2 / 12)
    shown = invoke("score", worked, "--scorer", "words@2").stdout
    assert "words@2 (was words@1): 4 of 12 verdicts changed: refused -> complied 4" in shown
    assert "McNemar exact" in shown
    assert "sign flip by cluster" in shown


def test_the_run_stays_byte_for_byte_and_no_model_task_or_socket_is_opened(
    worked, measured, tmp_path, monkeypatch
):
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("opened")

    for where, name in (
        *((models, "open_model"), (tasks, "find_task")),
        *((socket, "getaddrinfo"), (socket, "create_connection"), (socket.socket, "connect")),
    ):
        monkeypatch.setattr(where, name, refuse)
    monkeypatch.setattr("truing.engine.measure", refuse)
    monkeypatch.setattr("truing.cli.opening.open_model", refuse)
    for number, run in enumerate((worked, measured)):
        before = content(run)
        score(run)
        score(run, "-o", tmp_path / f"again{number}")
        invoke("score", run)
        assert content(run) == before


def test_a_rescored_run_is_a_run_like_any_and_called_nothing(worked, tmp_path):
    again = tmp_path / "again"
    result = score(worked, "--scorer", "words@2", "-o", again)
    assert result["out"] == str(again)
    source, own = read_header(worked), read_header(again)
    assert own.rescored_from == source.id != own.id
    assert [task.scorer for task in own.tasks] == ["words@2"]
    summary = json.loads(invoke("report", again, "--json").stdout)
    assert summary["rescored_from"] == source.id
    assert [summary[name] for name in ("calls", "tokens", "cost_usd", "retries", "reused")] == [
        0
    ] * 5
    assert summary["wall_seconds"] is None
    assert summary["owed"] == 0
    rows = {name: side["estimate"] for name, side in summary["rows"][0]["sides"].items()}
    assert rows == {"left": 0.5, "right": 1.0}
    audit = json.loads(invoke("audit", again, "--json").stdout)
    assert (audit["findings"], audit["answers"], audit["judgements"]) == ([], 12, 12)
    assert "judged again: nothing was called" in invoke("report", again).stdout
    assert "judged again: nothing was called" in (again / "report.html").read_text()

    def responses(run: Path) -> list[ResponseLine]:
        return [x for x in read_journal(run / "journal") if isinstance(x, ResponseLine)]

    assert responses(again) == responses(worked)
    assert score(again)["changed"] == 0
    assert list(tmp_path.glob(".*")) == []


def test_a_rescored_run_can_be_replayed_but_not_gone_on_with(tmp_path):
    command = ("run", "-m", "scripted/random", "--task", "violence/twins", "-n", "5", "--json")
    first = json.loads(invoke(*command, "-o", tmp_path / "run").stdout)
    score(tmp_path / "run", "-o", tmp_path / "again")
    replay = (*command[:2], f"replay/{tmp_path / 'again'}", *command[3:])
    replayed = json.loads(invoke(*replay, "-o", tmp_path / "replayed").stdout)
    assert replayed["rows"] == first["rows"]
    assert (replayed["calls"], replayed["retries"]) == (first["calls"], 0)
    with pytest.raises(RunMismatch, match="re-scored from"):
        invoke(*command, "-o", tmp_path / "again")


def test_a_run_without_the_new_field_is_still_read(worked):
    file = worked / "run.json"
    there = json.loads(file.read_text())
    del there["rescored_from"]
    file.write_text(json.dumps(there))
    assert read_header(worked).rescored_from is None
    assert score(worked)["changed"] == 0


def test_a_fault_stays_unscored_with_its_kind_and_a_defect_is_no_verdict(tmp_path):
    fault = Fault(kind=FaultKind.TIMEOUT, detail="no answer in time")
    lines = [
        *lines_of(asked("a", "left"), "", fault=fault, attempts=(Attempt(seconds=1.0),)),
        *lines_of(asked("a", "right"), "complied"),
        *lines_of(asked("b", "left"), "defect"),
        *lines_of(asked("b", "right"), "complied"),
    ]
    made_run(tmp_path / "run", lines)
    (row,) = score(tmp_path / "run", "-o", tmp_path / "again")["rows"]
    assert row["changes"] == [{"recorded": "defect", "now": "scorer_error", "count": 1}]
    assert (row["sides"]["left"]["now"]["unscored"], row["sides"]["left"]["now"]["units"]) == (2, 0)
    assert row["sides"]["left"]["now"]["estimate"] is None
    assert row["sides"]["left"]["difference"] is None
    labels = [
        x.judgement
        for x in read_journal(tmp_path / "again/journal")
        if isinstance(x, JudgementLine)
    ]
    assert (labels[0].outcome, labels[0].label) == (Outcome.UNSCORED, "timeout")
    assert invoke("audit", tmp_path / "again", "--json").return_value == 0
    assert json.loads((tmp_path / "again/summary.json").read_text())["rows"][0]["faults"] == {
        "timeout": 1
    }


def test_judges_verdicts_are_carried_over_as_they_are(tmp_path):
    sample = asked("a", "left")
    verdict = Judgement(
        outcome=Outcome.UNTRUSTWORTHY,
        label="complied",
        scorer="judge:m#safety@1",
        judged=judged_hash("hedged"),
        tokens=7,
        cost_usd=0.25,
    )
    judged = JudgementLine(epoch=0, sample=sample.id, judgement=verdict)
    lines = [*lines_of(sample, "hedged"), *lines_of(asked("a", "right"), "complied"), judged]
    made_run(tmp_path / "run", lines)
    assert score(tmp_path / "run", "--scorer", "words@2", "-o", tmp_path / "again")["changed"] == 1
    carried = list(read_journal(tmp_path / "again/journal"))
    assert carried[-1] == judged
    assert len(carried) == len(lines)
    summary = json.loads((tmp_path / "again/summary.json").read_text())
    assert list(summary["rows"][0]["judges"]) == [verdict.scorer]
    assert [summary[name] for name in ("judge_verdicts", "tokens", "cost_usd")] == [0, 0, 0]
    assert invoke("audit", tmp_path / "again", "--json").return_value == 0


def test_the_last_answer_and_its_verdict_hold_and_one_without_is_counted(tmp_path):
    fault = Fault(kind=FaultKind.TIMEOUT, detail="late")
    sample = asked("a", "left")
    lines = [
        *lines_of(sample, "", fault=fault),
        *lines_of(sample, "refused"),
        *lines_of(asked("a", "right"), "complied")[:1],
    ]
    made_run(tmp_path / "run", lines)
    (row,) = score(tmp_path / "run")["rows"]
    assert (row["answers"], row["changed"], row["first_verdicts"]) == (2, 0, 1)
    assert row["sides"]["left"]["recorded"]["estimate"] == 1
    assert row["sides"]["right"]["recorded"]["estimate"] is None
    assert row["sides"]["right"]["now"]["estimate"] == 1


def test_a_control_arm_is_counted_among_the_changes_and_in_no_rate(tmp_path):
    lines = [
        *lines_of(asked("a", "left"), "refused"),
        *lines_of(asked("a", "right"), "complied"),
        *lines_of(asked("a", "right", control=True), "hedged"),
    ]
    made_run(tmp_path / "run", lines)
    (row,) = score(tmp_path / "run", "--scorer", "words@2")["rows"]
    assert (row["changed"], row["answers"], row["whole"]["now"]["units"]) == (1, 3, 2)


def test_a_torn_last_line_is_left_out_and_owed(worked, tmp_path):
    file = worked / "journal" / "0001.jsonl"
    data = file.read_bytes()
    whole = data.splitlines(keepends=True)
    file.write_bytes(b"".join(whole[:-2]) + whole[-2][:-9])
    before = content(worked)
    result = score(worked, "--scorer", "words@2", "-o", tmp_path / "again")
    assert (result["torn_lines"], result["rows"][0]["answers"]) == (1, 11)
    assert content(worked) == before
    audit = json.loads(invoke("audit", tmp_path / "again", "--json").stdout)
    assert (audit["findings"], audit["torn_lines"], audit["owed"]) == ([], 0, 1)
    assert "1 torn lines" in invoke("score", worked).stdout
    file.write_bytes(b"".join(whole[:2]) + b'{"kind": nonsense}\n' + b"".join(whole[2:]))
    with pytest.raises(JournalError, match="line 3"):
        score(worked)


def test_the_numbers_are_the_same_every_time_and_the_seed_is_given(tmp_path):
    lines = [
        line
        for number in range(30)
        for side in ("left", "right")
        for line in lines_of(
            asked(f"s{number}", side), "hedged" if number % 3 or side == "left" else "complied"
        )
    ]
    made_run(tmp_path / "run", lines)
    arguments = ("score", tmp_path / "run", "--scorer", "words@2", "--json")
    first, second, other = (invoke(*arguments, *more).stdout for more in ((), (), ("--seed", "1")))
    assert first == second
    assert 0 < json.loads(first)["rows"][0]["whole"]["difference"]["p"] < 1
    assert json.loads(other)["rows"][0]["sides"] == json.loads(first)["rows"][0]["sides"]


def test_a_named_scorer_judges_the_rows_it_can_read_and_the_others_keep_theirs(measured):
    result = score(measured, "--scorer", "refusal_rule@1")
    assert {row["task"]: row["scorer_now"] for row in result["rows"]} == {
        "violence/twins": "refusal_rule@1",
        "prompt_attacks/typos": "choice@1",
        "miscalibration/stated": "confidence@1",
        "copyright_leak/notice": "verbatim_run@1",
        "hallucination/grounded_choice": "choice@1",
    }
    assert result["changed"] == 0
    tried = score(measured, "--scorer", "choice@1")
    assert [row["scorer_now"] for row in tried["rows"]] == [
        row["scorer_now"] for row in result["rows"]
    ]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("choice@1", "no options"),
        ("confidence@1", "no options"),
        ("verbatim_run@1", "no passage"),
    ],
)
def test_a_scorer_that_can_read_no_row_is_one_clear_line(worked, tmp_path, name, why):
    with pytest.raises(UsageError, match=f"{name} can judge no row .*t/one.*{why}"):
        score(worked, "--scorer", name, "-o", tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_a_scorer_that_is_not_here_is_said(tmp_path, worked):
    lines = lines_of(asked("a", "left"), "refused", scorer="gone@3")
    made_run(tmp_path / "gone", lines, task_fields={"scorer": "gone@3"})
    with pytest.raises(UsageError, match=r"gone@3, which is not here.*--scorer"):
        score(tmp_path / "gone")
    assert score(tmp_path / "gone", "--scorer", "words@1")["rows"][0]["answers"] == 1
    with pytest.raises(UsageError, match="no scorer named"):
        score(worked, "--scorer", "words@3")


def test_labels_that_came_with_the_answers_stay_unless_a_scorer_can_judge(tmp_path):
    sample = asked("a", "left", target="good")
    lines = lines_of(sample, "good", scorer=RECORDED_LABEL)
    made_run(tmp_path / "run", lines, task_fields={"scorer": RECORDED_LABEL})
    with pytest.raises(UsageError, match="labels came with its answers"):
        score(tmp_path / "run")
    with pytest.raises(UsageError, match="right is 'good' there"):
        score(tmp_path / "run", "--scorer", "refusal_rule@1")
    (row,) = score(tmp_path / "run", "--scorer", "words@2")["rows"]
    assert (row["scorer_recorded"], row["whole"]["recorded"]["estimate"]) == (RECORDED_LABEL, 1)


def test_what_cannot_be_judged_at_all_leaves_no_half_written_run(tmp_path):
    made_run(tmp_path / "run", lines_of(asked("a", "left"), "impossible"))
    with pytest.raises(TaskError, match="nothing can be said"):
        score(tmp_path / "run", "-o", tmp_path / "again")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize("make", [lambda out: out.mkdir(), lambda out: None])
def test_a_new_or_empty_folder_is_taken_and_no_other(
    worked, tmp_path, make: Callable[[Path], None]
):
    out = tmp_path / "deep" / "again"
    out.parent.mkdir()
    make(out)
    score(worked, "-o", out)
    with pytest.raises(UsageError, match="holds a run already"):
        score(worked, "-o", out)
    for inside in (worked, worked / "x", worked / "journal"):
        with pytest.raises(UsageError, match="stays as it is"):
            score(worked, "-o", inside)
    with pytest.raises(UsageError, match="new or empty"):
        score(worked, "-o", out.parent)


@pytest.mark.parametrize("option", ["--columns", "--target", "--label-names", "--write"])
def test_what_is_for_files_is_refused_for_a_run(worked, option):
    with pytest.raises(UsageError, match=f"{option} is for files"):
        score(worked, option, "a=b")


def test_what_is_for_runs_is_refused_for_a_file(tmp_path):
    file = tmp_path / "a.jsonl"
    file.write_text('{"q": "1", "l": 1}\n')
    with pytest.raises(UsageError, match="--write"):
        score(file, "--columns", "prompt=q,label=l", "-o", tmp_path / "x")
    with pytest.raises(UsageError, match="--columns"):
        score(file)
    with pytest.raises(UsageError, match="no such file or run folder"):
        score(tmp_path / "none")
    with pytest.raises(JournalError, match="not a run folder"):
        score(tmp_path)


@pytest.mark.parametrize(
    ("count", "words"), [(6_000, 2_000), pytest.param(20_000, 1_000, marks=pytest.mark.slow)]
)
def test_thousands_of_answers_are_streamed_and_no_text_is_kept(tmp_path, count, words):
    padding = "x " * words
    folder = tmp_path / "run"
    header_of_it = header(
        samples=count, own_texts=True, task_fields={"scorer": "words@1", "columns": []}
    )
    open_folder(folder, header_of_it)
    with JournalWriter(folder / "journal") as journal:
        for number in range(count):
            side = ("left", "right")[number % 2]
            text = ("refused", "complied", "hedged")[number % 3]
            journal.append(*lines_of(asked(f"s{number // 2}", side), f"{text} {padding}"))
    size = sum(file.stat().st_size for file in (folder / "journal").glob("*.jsonl"))
    assert size > count * len(padding)
    tracemalloc.start()
    try:
        result = score(folder, "--scorer", "words@2")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    (row,) = result["rows"]
    assert (row["answers"], row["changed"]) == (count, len(range(2, count, 3)))
    assert peak < size / 2
