"""`truing tasks validate` on a small task folder: what it writes, prints and keeps."""

from __future__ import annotations

import json
import shutil

import msgspec
import pytest
from click.testing import CliRunner

from truing.cli import cli
from truing.tasks import find_task
from truing.validation.evidence import read_evidence, shipped_folder
from truing.validation.relabelling import blind_items, given_of

SEEDS = 12


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A folder `mine` with twelve seeds of a shipped task."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "mine"
    shutil.copytree(shipped_folder("violence/twins"), folder)
    card = folder / "card.toml"
    card.write_text(card.read_text("utf-8").replace('"violence/twins"', '"violence/mine"'), "utf-8")
    seeds = (folder / "seeds.jsonl").read_text("utf-8").splitlines()
    (folder / "seeds.jsonl").write_text("\n".join(seeds[:SEEDS]) + "\n", "utf-8")
    (folder / "evidence.json").unlink(missing_ok=True)
    (folder / "relabelled.jsonl").unlink(missing_ok=True)
    return folder


def validate(*arguments):
    return CliRunner().invoke(cli, ["tasks", "validate", *arguments], standalone_mode=False)


def read_by_one_who_is_wrong_once(task, file):
    """A filled file."""
    items = blind_items(task)
    ones = given_of(task, {item.id: ("1", "") for item in items})
    answers = ["1" if one.agrees else "2" for one in ones]
    answers[0] = "2" if answers[0] == "1" else "1"
    filled = [
        msgspec.structs.replace(item, answer=answer)
        for item, answer in zip(items, answers, strict=True)
    ]
    file.write_bytes(b"\n".join(map(msgspec.json.encode, filled)))


def test_evidence_is_gathered_kept_and_shown(mine, tmp_path):
    blind = validate("./mine", "--blind", "blind.jsonl")
    assert blind.return_value == 0
    assert "24 items of 1 tasks" in blind.output
    assert not (mine / "evidence.json").exists()

    task = find_task("./mine")
    read_by_one_who_is_wrong_once(task, tmp_path / "filled.jsonl")
    run = ["run", "-m", "scripted/random", "--task", "./mine", "-o", "out"]
    assert CliRunner().invoke(cli, run).exit_code == 0
    with_all = ["--labels", "filled.jsonl", "--reader", "one person, 2026-11", "--run", "out"]
    done = validate("./mine", *with_all)
    assert done.return_value == 1  # twelve seeds are no test set
    assert "FAILS" in next(line for line in done.output.splitlines() if "  seeds " in line)
    found = read_evidence(mine)
    assert found.content == task.content_hash()
    # 23 of 24 with both margins even but for one: kappa (23/24 - 1/2) / (1/2).
    assert found.relabelled.present.kappa == pytest.approx(2 * 23 / 24 - 1)
    assert found.relabelled.readers == ["one person, 2026-11"]
    assert found.split_halves.runs[0].model == "scripted/random"
    assert found.missing["overlap"].startswith("no public set")
    assert len((mine / "relabelled.jsonl").read_text("utf-8").splitlines()) == 24

    again = json.loads(validate("./mine", "--json").output)
    kept = again["tasks"]["violence/mine"]
    assert kept["split_halves"] == msgspec.to_builtins(found.split_halves)
    assert kept["relabelled"] == msgspec.to_builtins(found.relabelled)
    worst = {finding["check"]: finding for finding in again["worst"]}
    assert worst["lowest kappa"]["value"] == pytest.approx(2 * 23 / 24 - 1)

    shown = CliRunner().invoke(cli, ["show", "./mine"]).output
    assert "read by one person, 2026-11" in " ".join(shown.split())
    assert "does not hold: seeds" in " ".join(shown.split())


def test_what_does_not_go_together_is_refused_before_anything_is_computed(mine, tmp_path):
    (tmp_path / "empty.jsonl").write_text("", "utf-8")
    for arguments, message in (
        (["./mine", "--labels", "empty.jsonl"], "--labels and --reader go together"),
        (
            ["./mine", "--labels", "empty.jsonl", "--reader", "me"],
            "has no answer about these tasks",
        ),
        (["./mine", "--labels", "none.jsonl", "--reader", "me"], "cannot read none.jsonl"),
        (["./mine", "--blind", "b", "--run", "out"], "does nothing else"),
        (["./mine", "--run", "out"], "not a run folder"),
        (["./mine", "--public", "nowhere"], "expected a folder, got nowhere"),
        (["violence/twins+typos:0.05"], "evidence is kept beside a card"),
    ):
        assert message in str(validate(*arguments).exception), arguments
    assert not (mine / "evidence.json").exists()


def test_a_folder_that_cannot_be_written_is_said_to_be(mine, monkeypatch):
    monkeypatch.setattr("truing.cli.tasks_validate.os.access", lambda *_: False)
    assert "cannot be written: give a copy" in str(validate("./mine").exception)
