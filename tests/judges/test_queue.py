"""`truing judge queue` and `label`: whatever people label first, the rates stay unbiased."""

from __future__ import annotations

import csv
import importlib.util
import json
import re
from pathlib import Path

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner

from truing import stats
from truing.cli import cli
from truing.journal import JournalWriter, JudgementLine, ResponseLine, read_journal
from truing.judges import sampling
from truing.judges.plan import read_plan
from truing.judges.queue import open_queue
from truing.judges.sheets import read_sheet, write_sheet
from truing.labels import LabelWriter, read_labels
from truing.policies.kept import summarise_run
from truing.records import Judgement, Outcome, content_hash, judged_hash

ROOT = Path(__file__).parents[2]
SURVEY = ROOT.parent / "shared/data/survey_recorded/safety.jsonl"
TASK = "violence/twins"
HEAD = "judge:reply@1:head/made@1"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run of a model that refuses everything, with a head's verdicts beside the rule's."""
    folder = tmp_path_factory.mktemp("run") / "r"
    chosen = ["--task", TASK, "-m", "scripted/refuse-all", "-n", "30", "--json"]
    done = CliRunner().invoke(cli, ["run", *chosen, "-o", str(folder)])
    assert done.exit_code == 0, done.exception
    answers = [one for one in read_journal(folder / "journal") if isinstance(one, ResponseLine)]
    with JournalWriter(folder / "journal") as journal:
        for line in answers:
            chance = int(line.sample.id, 16) % 100
            journal.append(
                JudgementLine(
                    epoch=line.epoch,
                    sample=line.sample.id,
                    judgement=Judgement(
                        outcome=Outcome.TRUSTWORTHY
                        if line.sample.target == "refused"
                        else Outcome.UNTRUSTWORTHY,
                        label="refused",
                        scorer=HEAD,
                        judged=judged_hash(line.response.text),
                        probability=0.55 if chance < 15 else 0.999,
                    ),
                )
            )
    return folder


@pytest.fixture
def run(made, tmp_path):
    folder = tmp_path / "r"
    for file in made.rglob("*"):
        if file.is_file() and file.name != "report.html":
            there = folder / file.relative_to(made)
            there.parent.mkdir(parents=True, exist_ok=True)
            there.write_bytes(file.read_bytes())
    return folder


def truing(*arguments):
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def ids(run, count, **how):
    return [answer.key for _, answer in open_queue(run, **how).next_answers(count)]


def rows_of(file):
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def fill(file, rows, labels):
    for row, label in zip(rows, labels, strict=True):
        row["label"] = label
    with file.open("w", encoding="utf-8", newline="") as sink:
        table = csv.DictWriter(sink, rows[0].keys())
        table.writeheader()
        table.writerows(rows)


def test_the_first_fifty_of_a_hundred_are_those_of_fifty(run):
    more = ids(run, 40)
    assert ids(run, 20) == more[:20]
    assert len(set(more)) == 40
    sides = [side.stratum.side for side, _ in open_queue(run).next_answers(20)]
    assert sides.count("harmful") == sides.count("harmless") == 10


def test_a_plan_is_made_once_and_another_seed_is_refused(run):
    before = ids(run, 40, seed=3)
    assert ids(run, 40) == before
    assert read_plan(run).seed == 3
    refused = truing("judge", "queue", run, "--seed", "4")
    assert "drawn with 3" in str(refused.exception)


def test_answers_that_come_later_move_nothing_that_was_planned(run):
    plan = run / "labels/plan.json"
    ids(run, 1)
    whole = read_plan(run)
    gone = list(whole.strata[0].sizes)[:7]
    less = {key: size for key, size in whole.strata[0].sizes.items() if key not in gone}
    cut = msgspec.structs.replace(whole.strata[0], sizes=less)
    short = msgspec.structs.replace(whole, strata=[cut, *whole.strata[1:]])
    plan.write_bytes(msgspec.json.encode(short))
    ids(run, 1)
    again = read_plan(run)
    assert again.strata[0].sizes == pytest.approx(whole.strata[0].sizes)
    assert {key: again.strata[0].sizes[key] for key in less} == less


def test_a_judge_that_knows_where_it_is_unsure_brings_those_answers_forward(run):
    plan = read_plan(run) if ids(run, 1) else None
    assert plan.judge == HEAD
    first = ids(run, 16)
    unsure = {key for key in ids(run, 999) if int(key[0], 16) % 100 < 15}
    assert len(unsure & set(first)) / len(first) > 2 * len(unsure) / 60
    for stratum in plan.strata:
        assert np.mean(list(stratum.sizes.values())) == pytest.approx(1)
        assert min(stratum.sizes.values()) >= sampling.FLOOR


def test_the_file_shows_no_verdict_no_side_and_nothing_that_is_right(run, tmp_path):
    truing("judge", "queue", run, "-n", "10", "-o", tmp_path / "q.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "q.jsonl").read_text("utf-8").splitlines()]
    assert len(rows) == 10
    for row in rows:
        assert set(row) == {
            *("id", "row", "prompt", "reply", "question", "labels", "label", "note"),
        }
        assert row["label"] == ""
        assert re.findall(r"^(\w+):", row["labels"], re.MULTILINE) == [
            *("complied", "partial", "refused", "unusable", "unsure")
        ]
        rest = json.dumps([row["id"], row["row"], row["note"]])
        assert not re.search(r"harmful|harmless|refused|trustworthy|head/made", rest)


def test_labels_go_out_and_come_back_and_the_report_says_what_people_would(run, tmp_path):
    file = tmp_path / "q.csv"
    asked = truing("judge", "queue", run, "-n", "24", "-o", file)
    assert asked.exit_code == 0, asked.exception
    assert "±" in asked.output
    rows = rows_of(file)
    fill(file, rows, ["refused"] * 20 + ["unsure", "partial", " Refused ", ""])
    done = truing("judge", "label", run, file, "--labeller", "ada", "--json")
    assert done.exit_code == 0, done.exception
    assert json.loads(done.stdout)["file"] == {
        "taken": 23,
        "changed": 0,
        "unsure": 1,
        "there": 0,
        "blank": 1,
    }
    row = json.loads((run / "summary.json").read_bytes())["rows"][0]
    counts = row["labelled"]
    assert counts == {
        "labels": 22,
        "unsure": 1,
        "disputed": 0,
        "outside": 0,
        "labellers": 1,
        "late": 0,
        "weighted": True,
        "first": HEAD,
    }
    assert set(row["corrected"]) == {HEAD, "refusal_rule@1"}
    own = row["corrected"][HEAD]
    assert own["sides"]["harmful"]["estimate"] > 0.8
    assert own["sides"]["harmless"]["estimate"] < 0.2
    assert own["worse_side"]["estimate"] == own["sides"]["harmless"]["estimate"]
    assert own["balanced"]["low"] < 0.5 < own["balanced"]["high"]
    assert "adds up" in truing("audit", run).output
    shown = truing("report", run).output
    assert f"as people would say, by 22 labels and {HEAD}" in re.sub(r"\s+", " ", shown)
    assert f"{HEAD} (judge unverified)" not in shown
    assert "As people would say" in (run / "report.html").read_text("utf-8")
    again = truing("judge", "label", run, file, "--labeller", "ada", "--json")
    assert json.loads(again.stdout)["file"]["taken"] == 0
    assert json.loads(again.stdout)["file"]["there"] == 23
    assert len(read_labels(run / "labels")) == 23
    left = rows_of_queue(run, 2)
    assert left[0]["id"] == rows[-1]["id"]  # the row left blank comes first


def rows_of_queue(run, count):
    return json.loads(truing("judge", "queue", run, "-n", count, "--json").stdout)["answers"]


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("label", "Refuses", "row 3: no label 'refuses': expected complied"),
        ("id", "answer-0", "row 3: 'answer-0' is no answer of this run"),
        ("id", None, "row 3: the reply has changed"),
    ],
)
def test_a_row_that_cannot_be_taken_is_named_and_nothing_is_taken(
    run, tmp_path, column, value, said
):
    file = tmp_path / "q.csv"
    truing("judge", "queue", run, "-n", "4", "-o", file)
    rows = rows_of(file)
    labels = ["refused"] * 4
    if column == "label":
        labels[1] = value
    else:
        word, sample, epoch, judged, rubric = rows[1]["id"].split("-")
        rows[1]["id"] = value or "-".join([word, sample, epoch, judged[::-1], rubric])
    fill(file, rows, labels)
    refused = truing("judge", "label", run, file, "--labeller", "ada")
    assert refused.exit_code != 0
    assert said in str(refused.exception)
    assert str(refused.exception).endswith("nothing was taken")
    assert read_labels(run / "labels") == []


def test_a_file_that_is_there_is_not_written_over(run, tmp_path):
    (tmp_path / "q.csv").write_text("mine")
    refused = truing("judge", "queue", run, "-o", tmp_path / "q.csv")
    assert "may hold answers" in str(refused.exception)
    assert (tmp_path / "q.csv").read_text() == "mine"


def test_labels_out_of_turn_wait_until_those_before_them_are_given(run, tmp_path):
    file = tmp_path / "q.csv"
    truing("judge", "queue", run, "-n", "24", "-o", file)
    rows = rows_of(file)
    fill(file, rows, [""] * 2 + ["refused"] * 22)
    truing("judge", "label", run, file, "--labeller", "ada")
    row = json.loads((run / "summary.json").read_bytes())["rows"][0]
    assert (row["labelled"]["labels"], row["labelled"]["outside"]) == (0, 22)
    own = row["corrected"]["refusal_rule@1"]["sides"]["harmful"]
    assert own["estimate"] is None
    assert own["reason"] == "judge unverified: no sample is labelled"
    fill(file, rows, ["refused"] * 24)
    truing("judge", "label", run, file, "--labeller", "ada")
    row = json.loads((run / "summary.json").read_bytes())["rows"][0]
    assert (row["labelled"]["labels"], row["labelled"]["outside"]) == (24, 0)


def test_what_two_people_differ_on_is_left_out_until_adjudicated(run, tmp_path):
    file, again = tmp_path / "q.csv", tmp_path / "again.csv"
    truing("judge", "queue", run, "-n", "12", "-o", file)
    rows = rows_of(file)
    fill(file, rows, ["refused"] * 12)
    truing("judge", "label", run, file, "--labeller", "ada")
    fill(file, rows, ["complied"] + ["refused"] * 11)
    truing("judge", "label", run, file, "--labeller", "bo")
    counts = json.loads((run / "summary.json").read_bytes())["rows"][0]["labelled"]
    assert (counts["labels"], counts["disputed"], counts["labellers"]) == (11, 1, 2)
    truing("judge", "queue", run, "--disputed", "-o", again)
    (only,) = rows_of(again)
    assert only["id"] == rows[0]["id"]
    fill(again, [only], ["refused"])
    truing("judge", "label", run, again, "--labeller", "di", "--adjudicate")
    counts = json.loads((run / "summary.json").read_bytes())["rows"][0]["labelled"]
    assert (counts["labels"], counts["disputed"]) == (12, 0)


def test_a_label_of_another_text_of_the_answer_does_not_count(run):
    side, answer = open_queue(run).next_answers(1)[0]
    fields = {"sample": answer.sample.id, "epoch": 0, "label": "refused", "labeller": "ada"}
    rubric = {"rubric": side.stratum.rubric, "rubric_hash": side.stratum.rubric_hash}
    with LabelWriter(run / "labels") as writer:
        writer.give(**fields, **rubric, judged="0" * 16)
        assert ids(run, 1) == [answer.key]
        writer.give(**fields, **rubric | {"rubric_hash": "other"}, judged=answer.judged)
        assert ids(run, 1) == [answer.key]
        writer.give(**fields, **rubric, judged=answer.judged)
        assert ids(run, 1) != [answer.key]


def test_with_every_answer_labelled_the_rate_is_that_of_the_labels(run):
    queue = open_queue(run)
    passed = {"harmful": 0, "harmless": 0}
    with LabelWriter(run / "labels") as writer:
        for place, (side, answer) in enumerate(queue.next_answers(999)):
            label = ("refused", "complied", "partial")[place % 3]
            passed[side.stratum.side] += label == answer.sample.target
            writer.give(
                sample=answer.sample.id,
                epoch=answer.epoch,
                judged=answer.judged,
                label=label,
                labeller="ada",
                rubric=side.stratum.rubric,
                rubric_hash=side.stratum.rubric_hash,
            )
    (row,) = summarise_run(run).rows
    assert row.labelled.labels == 60
    assert not row.labelled.weighted
    for own in row.corrected.values():
        for side, count in passed.items():
            assert own.sides[side].estimate == pytest.approx(count / 30)
        assert own.balanced.estimate == pytest.approx(sum(passed.values()) / 60)
    assert open_queue(run).next_answers(1) == []


def test_a_run_without_open_replies_has_nothing_to_label(tmp_path):
    chosen = [
        "--task",
        "miscalibration/stated",
        "-m",
        "scripted/constant-first",
        "-n",
        "2",
        "--json",
    ]
    truing("run", *chosen, "-o", tmp_path / "r")
    assert "no row of this run has open replies" in str(
        truing("judge", "queue", tmp_path / "r").exception
    )


FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    " =1",
    "fine;=1+1",
    'fine";"=1+1',
    "two\n=cmd|' /C calc'!A0",
    "\uff1d1+1",
    "a,-2+3",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_of_a_table_begins_a_formula_however_it_is_split(tmp_path, text):
    file = tmp_path / "t.csv"
    write_sheet(file, ("id", "reply"), [{"id": "a", "reply": text}], option="-o")
    raw = file.read_text("utf-8")
    for cell in re.split(r"[;,\n\t\r|]", raw.partition("\n")[2]):
        assert not cell.strip(" \"'\t").startswith(tuple("=+@-\uff1d")) or "'" in cell, raw
    (fields, _), *_ = read_sheet(file, option="FILE")
    assert fields["reply"].lstrip("'\t ")[:1] == text.lstrip("\t ")[:1]


def test_hidden_and_half_characters_are_shown_in_a_table(tmp_path):
    file = tmp_path / "t.csv"
    write_sheet(file, ("reply",), [{"reply": "a\x00b\u202ec\ud800"}], option="-o")
    assert rows_of(file)[0]["reply"] == r"a\x00b\u202ec\ud800"


def test_chances_are_those_of_the_first_ratio_left_out():
    # u/w = .1/.5, .2/.5, .9/2: in order .2, .4, .45. One seen: c = .4, its chance .4 * .5 = .2.
    size = {("a", 0): 0.5, ("b", 0): 0.5, ("c", 0): 2.0}
    order = [(("a", 0), 0.2), (("b", 0), 0.4), (("c", 0), 0.45)]
    one = sampling.draw_prefix(order, size, {("a", 0), ("c", 0)})
    assert one.chances == {("a", 0): pytest.approx(0.2)}
    every = sampling.draw_prefix(order, size, set(size))
    assert every.whole
    assert set(every.chances.values()) == {1.0}


def test_any_stretch_of_the_order_gives_the_rate_of_all():
    # 400 answers, people right with the head's own chance; the sum over chances is unbiased.
    rng = np.random.default_rng(11)
    p = rng.beta(0.2, 0.4, 400).clip(0.01, 0.99)
    people = (rng.random(400) < p).astype(float)
    scores = [sampling.uncertainty([float(one)]) for one in p]
    mean = sampling.typical(scores)
    assert mean is not None
    size = {(str(i), 0): sampling.size_of(score, mean) for i, score in enumerate(scores)}
    for count in (15, 60):
        weighted, plain = [], []
        for seed in range(150):
            order = sampling.order_by_ratio(size, seed=seed, run="r")
            drawn = sampling.draw_prefix(order, size, {key for key, _ in order[:count]})
            inside = [int(key[0]) for key in drawn.chances]
            chances = np.array(list(drawn.chances.values()))
            weighted.append(float(np.sum(people[inside] / chances)) / 400)
            plain.append(float(people[inside].mean()))
        error = np.std(weighted) / np.sqrt(len(weighted))
        assert abs(np.mean(weighted) - people.mean()) < 3 * error
        assert abs(np.mean(plain) - people.mean()) > 3 * np.std(plain) / np.sqrt(len(plain))


def test_scorers_that_know_little_leave_the_labels_at_random():
    assert sampling.typical([0.3] * 10) is None
    assert sampling.typical([0.28, 0.3, 0.32] * 10) is None
    assert sampling.typical([0.02] * 18 + [0.5] * 2) is not None
    assert sampling.size_of(0.3, None) == 1.0


def test_an_answer_is_the_less_certain_the_more_its_scorers_differ():
    alike, apart = sampling.uncertainty([0.9, 0.9]), sampling.uncertainty([0.9, 0.1])
    assert alike == pytest.approx(0.3)
    assert apart == sampling.uncertainty([]) == 0.5


@pytest.mark.slow
def test_weighted_labels_are_narrower_where_a_head_is_good_and_still_cover():
    rng = np.random.default_rng(4)
    widths, covers = {"at random": [], "by queue": []}, {"at random": [], "by queue": []}
    for draw in range(200):
        p = rng.beta(0.2, 0.3, 600).clip(0.01, 0.99)
        people = (rng.random(600) < p).astype(float)
        scores = [sampling.uncertainty([float(one)]) for one in p]
        for design, mean in (("at random", None), ("by queue", sampling.typical(scores))):
            size = {(str(i), 0): sampling.size_of(s, mean) for i, s in enumerate(scores)}
            order = sampling.order_by_ratio(size, seed=draw, run="r")
            drawn = sampling.draw_prefix(order, size, {key for key, _ in order[:100]})
            human, chance = np.full(600, np.nan), np.full(600, np.nan)
            inside = [int(key[0]) for key in drawn.chances]
            human[inside], chance[inside] = people[inside], list(drawn.chances.values())
            own = stats.ppi_rate(human, p, range(600), probability=chance if mean else None)
            widths[design].append(own.interval.high - own.interval.low)
            covers[design].append(own.interval.low <= p.mean() <= own.interval.high)
    assert np.mean(widths["by queue"]) < 0.97 * np.mean(widths["at random"])
    assert min(np.mean(found) for found in covers.values()) >= 0.95


@pytest.mark.slow
@pytest.mark.skipif(not SURVEY.is_file(), reason="the survey's record is not at hand")
def test_corrected_rates_cover_on_the_surveys_answers(record_property):
    place = ROOT / "benchmarks/ppi_on_survey.py"
    spec = importlib.util.spec_from_file_location("ppi_on_survey", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    rows = module.read(SURVEY)
    head = module.held_out(rows)["head"]
    for model, own in rows.items():
        for design in module.DESIGNS:
            found = module.measure(own, head[model], labels=100, draws=300, design=design)
            record_property(
                "figure",
                f"PPI++ on {model}, {design}: width {found['ppi width']:.3f}, labels alone "
                f"{found['alone width']:.3f}, covers {found['ppi covers']:.3f}",
            )
            # Five or six failures of 984: among 100 labels half a one is expected.
            rare = found["truth"] > 0.98
            assert found["ppi covers"] >= (0.88 if rare else 0.93)
            if design == "at random":
                assert found["ppi covers"] >= found["alone covers"] - 0.02
                assert found["ppi width"] <= 1.03 * found["alone width"]
            assert abs(found["bias in errors"]) < 4


def test_an_answer_is_hashed_alike_in_every_process():
    # SHA-256 of the canonical JSON: the first 64 bits as a fraction.
    digest = int(content_hash([3, "run", "s", 0]), 16)
    assert sampling.permanent_number(3, "run", ("s", 0)) == (digest + 0.5) / 2**64
