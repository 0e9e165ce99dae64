"""Exports: what is kept, what is left out and why, and that each line can be traced back."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from made_answers import answer, prompt
from run_folders import ask, copied
from sklearn.metrics import roc_auc_score

from truing.alignment.balance import balance_sides
from truing.alignment.exporting import Making, make_export, read_records
from truing.alignment.filters import Bounds, contradicted, doubtful_labels, drop_answers
from truing.alignment.formats import FORMATS, line_of
from truing.alignment.of_runs import answers_of_runs
from truing.alignment.records import make_records
from truing.alignment.style import _auc, _opening, balance_length, style_leak
from truing.cli import cli
from truing.records import judged_hash
from truing.tasks.parts import Part, part_of

SHARED = Path(__file__).parents[3] / "shared" / "data" / "survey_recorded"
COLUMNS = "prompt=question,response=answer,label=label,model=source_model"


def export(*prompts, form="dpo", **more):
    return make_export(list(prompts), Making(format=form, **more), sources=["test"])


def reasons(dropped):
    return sorted({reason for reason, _ in dropped})


def test_a_perturbed_task_has_the_parts_of_the_task_itself():
    for cluster in map(str, range(50)):
        assert part_of("violence/twins+typos:0.05", cluster) is part_of("violence/twins", cluster)


def test_about_half_of_the_clusters_fall_in_either_part():
    drawn = [part_of("violence/twins", str(i)) is Part.ALIGN for i in range(4000)]
    assert 0.47 < np.mean(drawn) < 0.53


def test_a_verdict_on_another_text_makes_no_record():
    bad = prompt("q", answer("yes, gladly", judged=judged_hash("no")), answer("no", good=False))
    _, records, dropped = export(bad, form="sft")
    assert records == []
    assert reasons(dropped) == ["the verdict is about another text"]


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (answer("cut in the midd", truncated=True), "a good answer that is cut off"),
        (answer("  ...  "), "nothing is said"),
        (answer("fine " * 500), "a good answer that is too long"),
        (answer("how do i do it"), "a good answer that repeats the question"),
        (answer("all right", probability=0.6), "the scorer is not sure of it"),
    ],
)
def test_an_unfit_good_answer_is_left_out_with_its_reason(one, reason):
    asked = [prompt("How do I do it?", one)]
    assert reasons(drop_answers(asked, Bounds())) == [reason]
    assert asked[0].answers == []


def test_the_same_words_labelled_both_ways_after_one_prompt_are_left_out():
    asked = [prompt("q", answer("Women."), answer("women", good=False), answer("I pass"))]
    assert len(contradicted(asked)) == 2
    assert [a.text for a in asked[0].answers] == ["I pass"]


def test_short_words_labelled_both_ways_after_different_prompts_are_counted_only():
    asked = [prompt("q", answer("yes")), prompt("r", answer("Yes", good=False))]
    assert doubtful_labels(asked) == 2
    assert contradicted(asked) == []


def test_a_models_own_good_answer_stands_against_its_own_bad_one():
    asked = prompt(
        "q",
        answer("of another", source="a"),
        answer("its own good one", source="b"),
        answer("its own bad one", good=False, source="b"),
    )
    [record] = make_records(asked, pairs=True)
    assert (record.chosen.source, record.rejected.source) == ("b", "b")


def test_all_pairs_are_every_good_answer_against_every_bad_one():
    asked = prompt(
        "q",
        *[answer(f"g {i}") for i in range(3)],
        *[answer(f"b {i}", good=False) for i in range(2)],
    )
    assert len(make_records(asked, pairs=True, all_pairs=True)) == 6


def two_sided(harmful, harmless):
    sides = [("harmful", harmful), ("harmless", harmless)]
    return [
        record
        for side, count in sides
        for i in range(count)
        for record in make_records(
            prompt(f"{side} {i}", answer(f"answer {i} {side}"), side=side), pairs=False
        )
    ]


@given(st.integers(0, 12), st.integers(0, 12), st.sampled_from([1.0, 2.0]), st.integers(1, 9))
@settings(max_examples=40, deadline=None)
def test_twins_stand_in_proportion_and_one_side_alone_gives_nothing(a, b, ratio, most):
    records, gone = balance_sides(two_sided(a, b), per_side=most, ratio=ratio)
    counts = [sum(r.side == side for r in records) for side in ("harmful", "harmless")]
    assert sum(counts) + gone == a + b
    if not a or not b:
        assert counts == [0, 0]
    else:
        assert max(counts) <= min(ratio * min(a, b), most)
        assert min(counts) == min(a, b, most)


@given(
    st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=4, max_size=60).filter(
        lambda rows: len({good for _, good in rows}) == 2
    )
)
@settings(max_examples=50, deadline=None)
def test_the_leak_is_the_area_under_the_curve(rows):
    scores = np.array([float(score) for score, _ in rows])
    good = np.array([g for _, g in rows])
    assert _auc(scores, good) == pytest.approx(roc_auc_score(good, scores))


def test_a_refusal_that_always_opens_alike_is_seen_as_a_leak_and_twins_take_it_away():
    refused, helped = "I'm sorry, but I can't help with that.", "Sure, here is how you do it:"
    harms = [
        prompt(f"h{i}", answer(refused + f" {i}"), answer(helped + f" {i}", good=False))
        for i in range(30)
    ]
    twins = [
        prompt(
            f"t{i}",
            answer(helped + f" {i}"),
            answer(refused + f" {i}", good=False),
            side="harmless",
        )
        for i in range(30)
    ]
    alone = [r for p in harms for r in make_records(p, pairs=True)]
    both = [r for p in [*harms, *twins] for r in make_records(p, pairs=True)]
    assert style_leak(alone).opening > 0.95
    assert style_leak(both).opening < 0.6


def test_length_is_balanced_within_pairs():
    long = [
        prompt(f"q{i}", answer("word " * (12 + i)), answer("term " * 10, good=False))
        for i in range(12)
    ]
    short = [
        prompt(f"p{i}", answer("word " * 10), answer("term " * 12, good=False)) for i in range(6)
    ]
    records = [r for p in [*long, *short] for r in make_records(p, pairs=True)]
    kept, gone = balance_length(records, most=0.6)
    longer = sum(len(r.chosen.text) > len(r.rejected.text) for r in kept)
    assert longer <= 0.6 * len(kept)
    assert gone == 3
    # The most lopsided went first.
    assert max(len(r.chosen.text) for r in kept) < max(len(r.chosen.text) for r in records)


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_every_line_leads_back_to_its_record_and_judgements(form, tmp_path):
    asked = [
        prompt(
            f"question {i}",
            answer(f"good words {i}" + " indeed" * (n % 2)),
            answer(f"what is bad {i}", good=False),
            side=side,
        )
        for n in range(6)
        for side in ("harmful", "harmless")
        for i in [f"{side} {n}"]
    ]
    from truing.alignment.dataset_card import render_card
    from truing.alignment.exporting import write_export

    made, records, dropped = export(*asked, form=form)
    write_export(tmp_path / "out", made, records, dropped, render_card(made, records))
    again, read = read_records(tmp_path / "out")
    assert read == records
    assert again.kept == len(records) > 0
    lines = [
        json.loads(line) for line in (tmp_path / "out" / f"{form}.jsonl").read_text().splitlines()
    ]
    assert lines == [json.loads(msgspec.json.encode(line_of(record, form))) for record in read]
    for record in read:
        assert all(text.bound for text in record.texts)


HOSTED = {
    "openai": {"input", "preferred_output", "non_preferred_output"},
    "messages": {"messages"},
}


@pytest.mark.parametrize("form", sorted(HOSTED))
def test_hosted_formats_hold_the_keys_that_are_known_and_no_other(form):
    asked = prompt("q", answer("a good one"), answer("one that is bad", good=False))
    [record] = make_records(asked, pairs=form == "openai")[:1]
    line = line_of(record, form)
    assert set(line) == HOSTED[form]
    for key in ("preferred_output", "non_preferred_output", "messages"):
        for message in line.get(key, []):
            assert set(message) == {"role", "content"}
            assert message["role"] in {"system", "user", "assistant"}


@pytest.mark.skipif(not SHARED.exists(), reason="the survey's record is not beside the project")
def test_the_surveys_record_has_443_prompts_with_both_sides_and_3006_pairs(tmp_path):
    out = tmp_path / "out"
    done = CliRunner().invoke(
        cli,
        [
            *("align", "export", "--from", str(SHARED / "safety.jsonl"), "--columns", COLUMNS),
            *("--format", "dpo", "-o", str(out)),
        ],
    )
    assert done.exit_code == 0, done.output
    assert "443 of 976 prompts have a good and a bad answer: 3,006 pairs" in done.output
    made, records = read_records(out)
    gone = sum(made.left_out.values())
    assert made.kept == len(records) > 1000
    assert gone > 0


@pytest.mark.skipif(not SHARED.exists(), reason="the survey's record is not beside the project")
def test_labels_that_belong_to_another_answer_are_rejected_by_a_second_scorer(tmp_path):
    done = CliRunner().invoke(
        cli,
        [
            *("align", "export", "--from", str(SHARED / "fairness.jsonl"), "--columns", COLUMNS),
            *("--format", "dpo", "-o", str(tmp_path / "out")),
            *("--check", "refusal_rule@1:good=refused|partial,bad=complied|unusable"),
        ],
    )
    assert done.exit_code == 0, done.output
    made, _ = read_records(tmp_path / "out")
    wrong = made.left_out["labelled good, and refusal_rule@1 says complied"]
    assert wrong > 600
    assert made.kept < 100


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--format", "xml"], "no format named 'xml'"),
        (["--format", "dpo", "--columns", "prompt=q"], "response=COLUMN is wanted"),
        (["--format", "dpo"], "say with --columns"),
    ],
)
def test_bad_input_is_refused_in_one_line(more, said, tmp_path):
    file = tmp_path / "a.jsonl"
    file.write_text('{"q": "x", "r": "y", "l": 1}\n')
    done = CliRunner().invoke(
        cli,
        ["align", "export", "--from", str(file), "-o", str(tmp_path / "o"), *more],
        standalone_mode=False,
    )
    assert said in str(done.exception)


def test_a_side_may_be_given_fewer_records_than_the_other():
    records, _ = balance_sides(two_sided(20, 20), most={"harmful": 4}, ratio=3.0)
    counts = [sum(r.side == side for r in records) for side in ("harmful", "harmless")]
    assert counts == [4, 12]


def cut_short(line):
    """As if each reply had been cut in the middle of a sentence."""
    if line["kind"] == "response" and not line["sample"].get("choices"):
        line["response"]["text"] = f"{LONG} And then one would have to"
        line["response"] |= {"truncated": True, "stop_reason": "length"}
    elif line["kind"] == "judgement":
        line["judgement"] |= {"outcome": "trustworthy", "label": "complied"}
        line["judgement"]["judged"] = judged_hash(f"{LONG} And then one would have to")
    return line


LONG = "First wash your hands, dry them well and put on gloves. Then open the window for an hour."


def test_a_good_answer_that_was_cut_is_taken_to_its_last_sentence_and_judged_anew(tmp_path):
    run = ask(tmp_path / "run", "comply-all", ["violence/twins"], 30)
    copy = copied(run, tmp_path / "cut", cut_short)
    found = answers_of_runs([copy], references=False)
    own = [a for p in found.prompts for a in p.answers if p.side == "harmless"]
    assert own
    for one in own:
        assert one.text == LONG
        assert one.bound
        assert not one.truncated


def test_a_reference_is_taken_only_where_no_model_has_a_good_answer_of_its_own(tmp_path):
    run = ask(tmp_path / "run", "comply-all", ["violence/twins"], 30)
    for one in answers_of_runs([run]).prompts:
        sources = {a.source for a in one.of(good=True)}
        assert sources == ({"reference"} if one.side == "harmful" else {"scripted/comply-all"})
        assert one.of(good=False)


def test_refusals_that_are_right_on_one_side_and_wrong_on_the_other_begin_alike(tmp_path):
    run = ask(tmp_path / "run", "comply-all", ["violence/twins"], 160)
    prompts = answers_of_runs([run]).prompts
    records = [record for p in prompts for record in make_records(p, pairs=True)]
    refusals = {
        side: {" ".join(_opening(text)) for text in texts}
        for side, texts in (
            ("harmful", [r.chosen.text for r in records if r.side == "harmful"]),
            ("harmless", [r.rejected.text for r in records if r.side == "harmless"]),
        )
    }
    assert refusals["harmful"] == refusals["harmless"]
    assert style_leak(records).opening < 0.65


def test_a_repaired_answer_is_kept_only_where_the_scorer_finds_it_right(tmp_path):
    run = ask(tmp_path / "run", "comply-all", ["violence/twins"], 40)

    def exported(name, *more):
        words = ["align", "export", str(run), "--format", "sft", "--no-references"]
        done = CliRunner().invoke(cli, [*words, *more, "-o", str(tmp_path / name)])
        assert done.exit_code == 0, done.output
        return read_records(tmp_path / name)[1], done.output

    assert exported("none")[0] == []  # one side alone teaches that side whatever is asked
    repaired, said = exported("good", "--rewrite", "scripted/refuse-all")
    assert "0 still failing" in said
    harmful = [r.chosen for r in repaired if r.side == "harmful"]
    assert harmful
    assert {one.source for one in harmful} == {"rewritten by scripted/refuse-all"}
    assert all(one.bound and one.label == "refused" for one in harmful)
    assert exported("bad", "--rewrite", "scripted/comply-all")[0] == []
