"""Public benchmarks as tasks: every row is read or left out for a reason, and none is won blindly."""

from __future__ import annotations

import csv
import json
import random
import runpy
import stat
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

from conftest import measure_in_memory, remembering
from truing import taxonomy
from truing.cli import cli
from truing.errors import TaskError, UnknownName, UsageError
from truing.importers import benchmarks
from truing.importers.benchmarks import fetch_missing, import_benchmark
from truing.models.scripted import TRIVIAL, Scripted
from truing.records import Response
from truing.tasks import find_task, task_ids
from truing.tasks.public import Benchmark, benchmark_names, find_benchmark
from truing.tasks.public.shelf import shelf_file

FOLDERS = {
    "ailuminate": "ailuminate_demo",
    "counterfactual_nli": "counterfactual_augmented",
    "mmlu": "mmlu_subset",
}
SEEDS_AND_LEFT_OUT = {
    "ailuminate": (1000, 200),
    "bbq": (1464, 0),
    "coconot": (319, 1061),
    "copa_sse": (250, 0),
    "counterfactual_nli": (399, 1),
    "cyberseceval": (1239, 11),
    "emobench": (400, 0),
    "ethics_justice": (2704, 0),
    "gsm8k": (1319, 0),
    "halueval_qa": (500, 0),
    "hatecheck": (3728, 0),
    "mgsm": (250, 0),
    "mmlu": (1407, 93),
    "political_neutrality": (1200, 150),
    "simple_safety_tests": (100, 0),
    "strongreject": (313, 0),
    "true_false_statements": (4856, 15),
    "truthfulqa": (790, 0),
    "winobias": (790, 2),
    "xstest": (450, 0),
}
NAMES = benchmark_names()
SEEDS = [10, pytest.param(40, marks=pytest.mark.slow)]
"""The first seeds in every run of the tests, more of them in CI."""


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def copy_of(name: str, shared_data: Path) -> Path:
    return shared_data / f"public_{FOLDERS.get(name, name)}"


@pytest.mark.parametrize("name", NAMES)
def test_every_row_is_a_question_or_left_out_for_a_reason(name, shared_data):
    derived = import_benchmark(name, copy_of(name, shared_data))
    seeds = {task: n for task, n in derived.seeds.items() if task != "import:bbq"}
    assert (sum(seeds.values()), derived.left_out.total()) == SEEDS_AND_LEFT_OUT[name]
    for task_id in derived.seeds:
        task = find_task(task_id)
        samples = list(task.samples())
        assert len({sample.id for sample in samples}) == len(samples) == task.sample_count()
        assert {s.cluster for s in samples}
        for sample in samples:
            letters = [choice.label for choice in sample.choices]
            assert not letters or sample.target in letters
        assert task.card.subcategory in taxonomy.subcategories()
        assert stat.S_IMODE(shelf_file(task_id).stat().st_mode) == 0o600
    before = {task: find_task(task).content_hash() for task in derived.seeds}
    import_benchmark(name, copy_of(name, shared_data))
    assert before == {task: find_task(task).content_hash() for task in derived.seeds}


@pytest.mark.usefixtures("few_redraws")
@pytest.mark.parametrize("seeds", SEEDS)
@pytest.mark.parametrize("name", NAMES)
def test_the_oracle_wins_and_no_trivial_model_is_above_the_floor(name, seeds, shared_data):
    import_benchmark(name, copy_of(name, shared_data))
    cards = find_benchmark(name).cards
    tasks = [remembering(find_task(task)) for task in cards]

    def rows(policy):
        measured = measure_in_memory(Scripted(policy), tasks, seeds=seeds)[0].rows
        assert [row.task for row in measured] == list(cards)
        return measured

    for good, bad, card in zip(rows("oracle"), rows("anti-oracle"), cards.values(), strict=True):
        if not card.by_outcome:
            assert good.headline.estimate == 1.0, good.task
        assert all((side.estimate or 0.0) == 0.0 for side in bad.sides.values()), bad.task
        if card.one_sided and card.scorer == "refusal_rule@1":
            assert good.floor == 1.0, good.task
            assert good.above_floor is False, good.task
    for policy in TRIVIAL:
        if policy != "random":
            for found in rows(policy):
                rate = found.headline if found.unit == "group" else found.balanced
                assert (rate.estimate or 0.0) <= found.floor + 1e-9, (found.task, policy)
                assert found.above_floor is not True, (found.task, policy)


def test_at_least_15_benchmarks_over_20_sub_categories():
    cards = [card for name in NAMES for card in find_benchmark(name).cards.values()]
    assert len(NAMES) >= 15
    assert len({card.subcategory for card in cards}) >= 20
    assert not {card.id for card in cards} & set(task_ids())


def test_truthfulqa_counts_and_chance_are_the_source_s(shared_data):
    copy = copy_of("truthfulqa", shared_data)
    items = json.loads((copy / "mc_task.json").read_text("utf-8"))
    first = [next(iter(item["mc0_targets"].values())) for item in items]
    assert sum(first) == len(items) == 790  # in the source's own order the first is always right
    import_benchmark("truthfulqa", copy)
    row = measure_in_memory(Scripted("constant-first"), [find_task("import:truthfulqa")])[0].rows[0]
    assert row.balanced.estimate == pytest.approx(0.5, abs=0.04)  # and here it is chance


def test_bbq_s_bias_score_is_the_published_formula(shared_data):
    from truing.journal import JudgementLine, ResponseLine

    import_benchmark("bbq", copy_of("bbq", shared_data))
    draw = random.Random(3)

    class Drawn(Scripted):
        async def respond(self, request):
            return Response(text=draw.choice("AAABBC"))

    summary, lines = measure_in_memory(Drawn("random"), [find_task("import:bbq")])
    asked = {line.sample.id: line.sample for line in lines if isinstance(line, ResponseLine)}
    said = Counter(
        line.judgement.label
        for line in lines
        if isinstance(line, JudgementLine) and asked[line.sample].side == "ambiguous"
    )
    known = said["stereotyped"] + said["other"]
    accuracy = said["abstain"] / said.total()
    published = (1 - accuracy) * (2 * said["stereotyped"] / known - 1)
    found = summary.rows[0].columns["bias"]["ambiguous"]["estimate"]
    assert found == pytest.approx(published, abs=1e-9)


def test_gold_agrees_with_the_sources_own_labels(shared_data):
    import_benchmark("xstest", copy_of("xstest", shared_data))
    with (copy_of("xstest", shared_data) / "xstest_prompts.csv").open(encoding="utf-8") as file:
        labels = {row["prompt"].strip(): row["label"] for row in csv.DictReader(file)}
    for task in ("import:xstest", "import:xstest/privacy"):
        for sample in find_task(task).samples():
            expected = {"safe": "complied", "unsafe": "refused"}[labels[sample.messages[0].text]]
            assert sample.target == expected
    import_benchmark("hatecheck", copy_of("hatecheck", shared_data))
    sides = Counter(sample.side for sample in find_task("import:hatecheck").samples())
    assert sides == {"hateful": 2563, "not_hateful": 1165}
    import_benchmark("ethics_justice", copy_of("ethics_justice", shared_data))
    sides = Counter(sample.side for sample in find_task("import:ethics_justice").samples())
    assert sides == {"justified": 1354, "unjustified": 1350}


def test_a_malformed_copy_is_refused_with_its_line_and_keeps_nothing(tmp_path):
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "xstest_prompts.csv").write_text("id,prompt,type,label,focus,note\n1,How?,a,maybe,b,\n")
    with pytest.raises(TaskError, match=r"xstest_prompts\.csv:2: expected 'label'"):
        import_benchmark("xstest", copy)
    with pytest.raises(TaskError, match="is not here"):
        find_task("import:xstest")
    (copy / "test.jsonl").write_text('{"question": "q", "answer": "#### 1"}\n{\n')
    with pytest.raises(TaskError, match=r"test\.jsonl:2"):
        import_benchmark("gsm8k", copy)
    with pytest.raises(TaskError, match=r"found neither"):
        import_benchmark("hatecheck", copy)


def test_what_is_not_here_is_fetched_at_its_commit_and_never_offline(tmp_path, monkeypatch):
    origin = tmp_path / "origin"
    origin.mkdir()
    table = "id,prompt,type,label,focus,note\n"
    rows = "1,How?,a,safe,b,\n2,What?,contrast_a,unsafe,b,\n3,Who?,privacy_x,safe,c,\n"
    (origin / "xstest_prompts.csv").write_text(table + rows)
    git = ["git", "-C", str(origin), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "set"]):
        subprocess.run([*git, *command], check=True)
    shown = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    real = find_benchmark("xstest")
    fields = {"repository": str(origin), "commit": shown.stdout.strip()}
    import msgspec

    source = msgspec.structs.replace(real.source, **fields)
    pinned = Benchmark("xstest", source, real.cards, real.takes)
    monkeypatch.setattr(
        benchmarks,
        "find_benchmark",
        lambda name: pinned if name == "xstest" else find_benchmark(name),
    )
    with pytest.raises(TaskError, match="--offline holds"):
        fetch_missing(["import:xstest"], offline=True)
    assert fetch_missing(["violence/twins", "import:xstest"], offline=False) == ["xstest"]
    assert find_task("import:xstest").seed_count == 2
    assert fetch_missing(["import:xstest+role_play"], offline=True) == []
    assert find_task("import:xstest+role_play").sample_count() == 6
    with pytest.raises(UsageError, match="--from PATH"):
        import_benchmark("strongreject")
    with pytest.raises(UnknownName):
        fetch_missing(["import:nothing"], offline=True)


def test_the_command_line_imports_lists_and_shows(shared_data):
    def said(*arguments: str) -> str:
        done = CliRunner().invoke(cli, arguments)
        assert done.exit_code == 0, done.output
        return done.output

    copy = str(copy_of("simple_safety_tests", shared_data))
    assert "20 seeds" in said("import", "simple_safety_tests", "--from", copy)
    listed = json.loads(said("list", "benchmarks", "--json"))
    here = {row["task"]: row["here"] for row in listed}
    assert here["import:simple_safety_tests/scams"] == "yes"
    assert here["import:truthfulqa"] == "no"
    assert "import:" not in said("list", "tasks", "--json")
    assert "SimpleSafetyTests" in said("show", "import:simple_safety_tests/scams")


def test_the_page_of_benchmarks_is_up_to_date():
    made = runpy.run_path(str(Path(__file__).parents[2] / "docs" / "benchmarks.py"))
    assert made["PAGE"].read_text("utf-8") == made["page"]()
