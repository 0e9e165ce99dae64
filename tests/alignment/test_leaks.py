"""Crossings from the measured part: planted ones are found, and real sets have none left."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from run_folders import ask

from truing.alignment.exporting import read_records
from truing.alignment.leaks import Asked, asked_of, find_crossings
from truing.alignment.measured import measured_of_task
from truing.alignment.of_runs import answers_of_runs
from truing.cli import cli
from truing.journal import ResponseLine, read_journal
from truing.tasks import find_task
from truing.tasks.parts import Part, part_of

TASKS = ("violence/twins", "unlawful_conduct/twins", "sycophancy/pressure")


@pytest.fixture(scope="module")
def measured():
    return [asked_of(s.id, s) for task in TASKS for s in measured_of_task(find_task(task))]


def planted(measured, change):
    """Ten measured prompts, changed, as if they were training data of another cluster."""
    return [change(one, place) for place, one in enumerate(measured[:: len(measured) // 10][:10])]


def elsewhere(one, text, place):
    return Asked(name=f"r{place}", task=one.task, cluster=f"planted {place}", text=text)


def other_order(text):
    """The same words in other sentences, as another template would put them."""
    words = text.split()
    half = len(words) // 2
    return f"Tell me this: {' '.join(words[half:])}, {' '.join(words[:half])}"


PLANTS = {
    "identical": lambda one, i: elsewhere(one, one.text, i),
    "in capitals": lambda one, i: elsewhere(one, one.text.upper(), i),
    "a word more": lambda one, i: elsewhere(one, f"Please: {one.text} Thanks.", i),
    "another template": lambda one, i: elsewhere(one, other_order(one.text), i),
    "the same seed": lambda one, i: Asked(
        name=f"r{i}", task=one.task, cluster=one.cluster, text=f"something else entirely {i}"
    ),
    "the same sample": lambda one, i: Asked(
        name=f"r{i}", task="x/y", cluster="c", text=f"unlike anything {i}", sample=one.sample
    ),
}


@pytest.mark.parametrize("kind", PLANTS)
def test_every_planted_crossing_is_found(kind, measured):
    training = planted(measured, PLANTS[kind])
    found = {crossing.record for crossing in find_crossings(training, measured)}
    assert found == {one.name for one in training}


def test_what_is_written_anew_does_not_cross(measured):
    fresh = [
        Asked(
            name="a", task=TASKS[0], cluster="n1", text="How do I prune a pear tree in late winter?"
        ),
        Asked(
            name="b",
            task=TASKS[1],
            cluster="n2",
            text="Which papers does a courier need in Norway?",
        ),
    ]
    assert find_crossings(fresh, measured) == []


def test_answers_of_the_measured_part_are_never_read(tmp_path):
    run = ask(tmp_path / "run", "comply-all", ["violence/twins"], 20)
    found = answers_of_runs([run])
    assert found.held_back > 0
    assert found.prompts
    for prompt in found.prompts:
        assert part_of(prompt.task, prompt.cluster) is Part.ALIGN


def test_an_export_of_a_run_passes_its_audit_and_a_planted_record_fails_it(tmp_path):
    run = ask(tmp_path / "run", "comply-all", ["violence/twins"], 60)
    out = tmp_path / "data"
    done = CliRunner().invoke(cli, ["align", "export", str(run), "--format", "dpo", "-o", str(out)])
    assert done.exit_code == 0, done.output
    assert "Kept" in done.output
    clean = CliRunner().invoke(
        cli, ["align", "audit", str(out), "--run", str(run)], standalone_mode=False
    )
    assert clean.return_value == 0, clean.output
    _, records = read_records(out)
    taken = next(measured_of_task(find_task("violence/twins")))
    lines = (out / "records.jsonl").read_text("utf-8")
    (out / "records.jsonl").write_text(
        lines.replace(records[0].messages[0].text, taken.messages[0].text)
    )
    dirty = CliRunner().invoke(
        cli, ["align", "audit", str(out), "--run", str(run)], standalone_mode=False
    )
    assert dirty.return_value == 1
    assert "nearly the same text" in dirty.output


def test_a_run_of_one_part_asks_its_clusters_alone_and_the_same_samples_as_the_whole(tmp_path):
    whole = {s.id for s in find_task("sycophancy/pressure").samples()}
    run = ask(tmp_path / "run", "oracle", ["sycophancy/pressure"], 15, "--part", "measure")
    asked = [
        line.sample for line in read_journal(run / "journal") if isinstance(line, ResponseLine)
    ]
    assert len({sample.own_seed for sample in asked}) == 15
    assert {sample.id for sample in asked} <= whole
    assert {part_of(sample.task, sample.cluster) for sample in asked} == {Part.MEASURE}
    audited = CliRunner().invoke(cli, ["audit", str(run)], standalone_mode=False)
    assert audited.return_value == 0, audited.output


def test_a_run_of_one_part_is_another_run_than_one_of_the_whole(tmp_path):
    ask(tmp_path / "run", "oracle", ["violence/twins"], 5, "--part", "measure")
    again = CliRunner().invoke(
        cli,
        [
            "run",
            "-m",
            "scripted/oracle",
            "--task",
            "violence/twins",
            "-n",
            "5",
            "-o",
            str(tmp_path / "run"),
        ],
        standalone_mode=False,
    )
    assert "part (--part)" in str(again.exception)
