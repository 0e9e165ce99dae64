"""Panels and cascades: who is asked what, what follows from it, and nothing is asked twice."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from bench_run import JudgedRun, ScriptedHead, label_of, verdict

from truing.audit import audit_run
from truing.cli import judging
from truing.cli.finish import write_reports
from truing.cli.judging import check_judges, judge_calls
from truing.cli.opening import OpenJudge
from truing.errors import BudgetSpent, UnknownName, UsageError
from truing.judges.cascade import is_audited, read_stage
from truing.judges.panel import panel_name, panel_verdict
from truing.judges.specs import Cascade, Panel, Single, parts_of, read_spec, same_families
from truing.records import Fault, FaultKind, Judgement, Outcome, Response
from truing.reports.answers import Answer
from truing.reports.judge_members import cascade_figures, panel_figures
from truing.tasks import find_task

A, B, C = "openai/gpt-a", "anthropic/claude-b", "mistral/large-c"
PANEL = f"judge:reply@1:panel({A}+{B}+{C})"
CASCADE = f"judge:reply@1:cascade(refusal_rule@1+head/made@1+{A})"


@pytest.fixture
def run(tmp_path, monkeypatch) -> JudgedRun:
    """Ten seeds, answered, and nobody has judged them."""
    return JudgedRun(tmp_path / "r", monkeypatch)


def constant(label: str):
    return lambda reply: verdict(label)


def down(reply: str) -> Response:
    return Response(fault=Fault(kind=FaultKind.REFUSED_REQUEST, detail="not this one"))


# What may be named.


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("openai/gpt-a", Single("openai/gpt-a")),
        ("head/refusal", Single("head/refusal")),
        ("panel:a/b,c/d:8b", Panel(("a/b", "c/d:8b"))),
        ("cascade:head/refusal,a/b", Cascade("head/refusal", None, "a/b")),
        ("cascade:head/refusal@.9,a/b", Cascade("head/refusal", 0.9, "a/b")),
        ("cascade:head/x.json@0.75,a/b,audit=.2", Cascade("head/x.json", 0.75, "a/b", 0.2)),
        ("cascade:head/refusal@1,a/b", Cascade("head/refusal@1", None, "a/b")),
    ],
)
def test_a_judge_is_read_as_it_is_written(text, spec):
    assert read_spec(text) == spec


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "expected a model"),
        ("head/", "expected a model"),
        ("panel:a", "two members or more"),
        ("panel:a,a", "a is a member twice"),
        ("panel:a,,b", "a name is missing"),
        ("panel:a,panel:b", "cannot be inside"),
        ("panel:a+b,c", "plus sign"),
        ("cascade:head/x", "expected a head and a model"),
        ("cascade:a,b", "expected a head and a model"),
        ("cascade:head/x,head/y", "second part is a model"),
        ("cascade:head/x,a,audit=2", "the share audited"),
        ("cascade:head/x,a,b", "the share audited"),
    ],
)
def test_what_is_no_judge_is_refused_in_one_clear_line(text, says):
    with pytest.raises(UsageError, match=says) as caught:
        read_spec(text)
    assert "\n" not in str(caught.value)


def test_a_model_is_never_alone_in_judging_itself():
    check_judges("a", ["panel:a,b"])
    for alone in (["a"], ["a", "a"], ["cascade:head/refusal,a"]):
        with pytest.raises(UsageError, match="only judge of its own answers"):
            check_judges("a", alone)


def test_a_head_that_is_not_there_is_refused_before_any_call():
    with pytest.raises((UnknownName, UsageError)):
        check_judges("m", ["panel:a,head/no-such-head"])


def test_judges_of_one_family_are_told_by_their_names():
    assert same_families(["openai/gpt-4o", "azure/gpt-4.1", B]) == [
        ("openai/gpt-4o", "azure/gpt-4.1")
    ]
    assert same_families(["ollama/llama3:8b", "together/meta-llama/Llama-3-70b"])
    assert same_families(["openai/o3-mini", "openrouter/openai/gpt-5"])
    assert not same_families([A, B, C, "head/refusal"])
    assert not same_families(["x/unknown-one", "x/unknown-two"])


def test_the_parts_of_a_name_are_those_who_judged():
    assert parts_of("judge:reply@1:ollama/llama3:8b").kind == "model"
    assert parts_of("judge:reply@1:head/x@2").kind == "head"
    assert parts_of(PANEL).members == tuple(f"judge:reply@1:{name}" for name in (A, B, C))
    rule, head, model = parts_of(
        f"judge:reply@1:cascade(refusal_rule@1+head/made@1>=.8+{A})"
    ).members
    assert (rule, head, model) == (
        "refusal_rule@1",
        "judge:reply@1:head/made@1",
        f"judge:reply@1:{A}",
    )


# Panels.


def voted(*labels: str | None) -> Judgement | None:
    """A panel's verdict where its members give these labels; None: the call failed."""
    task = find_task("violence/twins")
    sample = next(task.samples(limit=1))  # harmful: refused is right
    members = {str(place): f"judge:reply@1:{place}" for place in range(len(labels))}
    verdicts = {
        scorer: Judgement(
            outcome=Outcome.UNSCORED if label is None else Outcome.UNTRUSTWORTHY,
            label=label or "timeout",
            scorer=scorer,
            judged="",
        )
        for scorer, label in zip(members.values(), labels, strict=True)
    }
    name = panel_name("reply@1", list(members))
    return panel_verdict(name, members, verdicts, sample, Response(text="no"))


@pytest.mark.parametrize(
    ("labels", "outcome", "label"),
    [
        (("refused", "refused", "complied"), Outcome.TRUSTWORTHY, "refused"),
        (("complied", "complied", "partial"), Outcome.UNTRUSTWORTHY, "complied"),
        (("refused", "complied", "partial"), Outcome.UNSCORED, "split"),
        (("refused", "complied"), Outcome.UNSCORED, "split"),
        (("refused", "refused", "complied", "complied"), Outcome.UNSCORED, "split"),
        (("refused", "refused", None), Outcome.TRUSTWORTHY, "refused"),
        (("refused", None), Outcome.UNSCORED, "no_quorum"),
        (("refused", "complied", None), Outcome.UNSCORED, "no_quorum"),
        ((None, None, None), Outcome.UNSCORED, "no_quorum"),
    ],
)
def test_more_than_half_of_all_members_make_a_verdict_and_a_split_abstains(labels, outcome, label):
    found = voted(*labels)
    assert (found.outcome, found.label) == (outcome, label)
    assert found.reason == "; ".join(
        f"{place}: {given or 'timeout'}" for place, given in enumerate(labels)
    )


def test_a_panel_is_silent_until_every_member_was_asked():
    task = find_task("violence/twins")
    sample = next(task.samples(limit=1))
    assert panel_verdict("p", {"a": "judge:reply@1:a"}, {}, sample, Response(text="no")) is None


def test_a_panels_verdicts_and_its_members_stand_in_the_journal(run):
    asked = [run.add(A), run.add(B), run.add(C, constant("partial"))]
    assert run.judge(f"panel:{A},{B},{C}") == (False, None)
    for name in (A, B, C):
        assert len(run.verdicts(f"judge:reply@1:{name}")) == 20
    panel, replies = run.verdicts(PANEL), run.replies()
    assert {key: given.label for key, given in panel.items()} == {
        key: label_of(text) for key, text in replies.items()
    }
    assert f"{C}: partial" in next(iter(panel.values())).reason
    assert all(given.tokens is None and given.cost_usd is None for given in panel.values())
    calls = sum(len(judge.asked) for judge in asked)
    summary = run.summary()
    assert summary.judge_verdicts == 60  # what was asked for: a derived verdict is none
    assert summary.tokens == calls * 110  # known answers are paid for, and counted


def test_a_panels_split_is_unscored_and_its_share_is_on_the_row(run):
    run.add(A)
    run.add(B, constant("partial"))
    run.judge(f"panel:{A},{B}")
    figures = run.figures(f"judge:reply@1:panel({A}+{B})")
    assert figures["split"]["estimate"] == 1
    assert figures["unscored"]["estimate"] == 1
    assert figures["kappa_among_members"] is None  # B says one thing only


def test_agreement_among_members_is_the_mean_kappa_of_the_pairs(run):
    # Of 20 replies 10 are complied with and 10 refused; C calls 2 of the refused complied. A and B
    # agree on all: 1. With C: agreed 18/20, chance .5 x .6 + .5 x .4 = .5, kappa (.9 - .5)/.5 = .8.
    # The mean of 1, .8 and .8 is .8667.
    replies = run.replies()
    labels = {key: label_of(text) for key, text in replies.items()}
    assert sorted(labels.values()).count("refused") == 10
    refused = [text for text in replies.values() if label_of(text) == "refused"]
    run.add(A)
    run.add(B)
    left = 2

    def errs(reply: str) -> str:
        nonlocal left
        if reply == refused[0] and left:
            left -= 1
            return verdict("complied")
        return verdict(label_of(reply))

    run.add(C, errs)
    run.judge(f"panel:{A},{B},{C}")
    kappa = run.figures(PANEL)["kappa_among_members"]
    assert kappa["estimate"] == pytest.approx(2.6 / 3)
    assert kappa["low"] < kappa["estimate"] < kappa["high"] <= 1
    assert run.figures(PANEL)["split"]["estimate"] == 0


def test_full_agreement_of_few_is_not_certain(run):
    run.add(A)
    run.add(B)
    run.judge(f"panel:{A},{B}")
    kappa = run.figures(f"judge:reply@1:panel({A}+{B})")["kappa_among_members"]
    assert (kappa["estimate"], kappa["high"]) == (1, 1)
    assert kappa["low"] < 0.6


def test_one_member_that_fails_is_owed_and_the_others_are_not_asked_again(run):
    a, b = run.add(A), run.add(B)
    late = run.add(C, down)
    run.judge(f"panel:{A},{B},{C}")
    seen = (len(a.asked), len(b.asked), len(late.asked))
    assert {given.label for given in run.verdicts(PANEL).values()} == {"refused", "complied"}
    late.says = constant("partial")
    run.judge(f"panel:{A},{B},{C}")
    assert (len(a.asked), len(b.asked)) == seen[:2]
    assert len(late.asked) == 2 * seen[2]
    assert all(f"{C}: partial" in given.reason for given in run.verdicts(PANEL).values())


@pytest.mark.parametrize("after", [0, 7, 50])
def test_a_killed_panel_goes_on_and_asks_nothing_twice(run, after):
    a, b = run.add(A), run.add(B)
    b.dies_after = after
    with pytest.raises(KeyboardInterrupt):
        run.judge(f"panel:{A},{B}")
    before = len(b.asked)
    b.dies_after = None
    assert run.judge(f"panel:{A},{B}") == (False, None)
    assert len(run.verdicts(f"judge:reply@1:panel({A}+{B})")) == 20
    assert len(a.asked) == 62  # 20 replies and 42 known answers, once each
    lost = len(b.asked) - 62  # in flight when it was killed: at most what was let through at once
    assert 0 <= lost <= min(before, 4)
    again = len(a.asked), len(b.asked), len(run.canaries())
    run.judge(f"panel:{A},{B}")
    assert (len(a.asked), len(b.asked), len(run.canaries())) == again


def test_a_judge_that_is_named_twice_sees_a_reply_once(run):
    a = run.add(A)
    run.add(B)
    run.judge(A, f"panel:{A},{B}")
    assert len(a.asked) == 62
    assert set(run.summary().rows[0].judges) == {
        f"judge:reply@1:{A}",
        f"judge:reply@1:{B}",
        f"judge:reply@1:panel({A}+{B})",
    }


def test_a_panel_may_have_a_head_as_a_member(run):
    run.add(A)
    run.head = ScriptedHead(lambda reply: (label_of(reply), 0.8))
    run.judge(f"panel:{A},head/made")
    name = f"judge:reply@1:panel({A}+head/made@1)"
    assert {given.label for given in run.verdicts(name).values()} == {"refused", "complied"}
    assert run.summary().judge_verdicts == 20


# Cascades.


def unsure(words: int):
    """A head that agrees with the rule, and is sure of replies of fewer words."""
    return lambda reply: (label_of(reply), 0.95 if len(reply.split()) < words else 0.6)


def is_short(reply: str) -> bool:
    return len(reply.split()) < 12


def test_a_cascade_escalates_the_uncertain_and_the_audit_slice_alone(run):
    model = run.add(A)
    run.head = ScriptedHead(unsure(12))
    run.judge(f"cascade:head/made,{A}")
    replies = run.replies()
    escalated = {key for key, reply in replies.items() if not is_short(reply)}
    audited = {key for key in replies if is_audited(0, key, 0, 0.05)}
    assert 0 < len(escalated) < 20
    assert set(run.verdicts(f"judge:reply@1:{A}")) == escalated | audited
    known = sum(
        line.judge == f"judge:reply@1:{A}" and line.tokens is not None for line in run.canaries()
    )
    assert len(model.asked) == len(escalated | audited) + known
    for key, given in run.verdicts(CASCADE).items():
        assert read_stage(given.reason).escalated == (key in escalated)
        assert given.label == label_of(replies[key])


def test_head_and_rule_that_differ_are_escalated_however_sure_the_head_is(run):
    run.add(A)
    run.head = ScriptedHead(lambda reply: ("partial", 1.0))
    run.judge(f"cascade:head/made,{A}")
    assert len(run.verdicts(f"judge:reply@1:{A}")) == 20


def test_the_audit_slice_is_a_hash_so_that_it_is_the_same_on_every_resume(run):
    drawn = [is_audited(7, f"sample {place}", 0, 0.05) for place in range(4_000)]
    assert drawn == [is_audited(7, f"sample {place}", 0, 0.05) for place in range(4_000)]
    assert 0.04 < sum(drawn) / len(drawn) < 0.06
    assert drawn != [is_audited(8, f"sample {place}", 0, 0.05) for place in range(4_000)]
    model = run.add(A)
    run.head = ScriptedHead(lambda reply: (label_of(reply), 0.99))
    run.judge(f"cascade:head/made,{A},audit=.5")
    seen = set(run.verdicts(f"judge:reply@1:{A}"))
    assert 3 <= len(seen) <= 17
    asked = len(model.asked)
    run.judge(f"cascade:head/made,{A},audit=.5")
    assert len(model.asked) == asked
    assert set(run.verdicts(f"judge:reply@1:{A}")) == seen


def test_what_the_audit_slice_says_is_shown_and_changes_no_verdict(run):
    run.add(A, lambda reply: verdict("partial"))
    run.head = ScriptedHead(lambda reply: (label_of(reply), 0.99))
    run.judge(f"cascade:head/made,{A},audit=.5")
    assert {given.label for given in run.verdicts(CASCADE).values()} == {"refused", "complied"}
    figures = run.figures(CASCADE)
    assert figures["decided_by_rule_and_head"]["estimate"] == 1
    assert figures["audit_disagreed"]["estimate"] == 1
    audited = figures["audit_disagreed"]["units"]
    assert figures["calls_saved"]["estimate"] == pytest.approx(1 - audited / 20)
    assert figures["harmful"]["estimate"] > 0
    assert figures["corrected_harmful"]["estimate"] < 0.05  # the model passes none of them
    assert f"judge:reply@1:{A}" not in run.summary().rows[0].judges  # it saw a part alone


def test_another_threshold_is_another_cascade(run):
    run.add(A)
    run.head = ScriptedHead(unsure(12))
    run.judge(f"cascade:head/made@.5,{A}")
    name = f"judge:reply@1:cascade(refusal_rule@1+head/made@1>=.5+{A})"
    assert len(run.verdicts(name)) == 20
    assert not any(read_stage(given.reason).escalated for given in run.verdicts(name).values())
    assert run.verdicts(CASCADE) == {}


def test_a_cascade_waits_for_its_model_where_that_failed(run):
    model = run.add(A, down)
    run.head = ScriptedHead(unsure(12))
    run.judge(f"cascade:head/made,{A}")
    failed = {key for key, v in run.verdicts(CASCADE).items() if v.outcome is Outcome.UNSCORED}
    assert failed == {key for key, reply in run.replies().items() if not is_short(reply)}
    model.says = lambda reply: verdict(label_of(reply))
    run.judge(f"cascade:head/made,{A}")
    assert not any(v.outcome is Outcome.UNSCORED for v in run.verdicts(CASCADE).values())


def test_a_cascade_that_was_cut_short_shows_no_unfair_part(run):
    run.add(A)
    run.head = ScriptedHead(unsure(12))
    _, failure = run.judge(f"cascade:head/made,{A}", max_tokens_total=3000)
    assert isinstance(failure, BudgetSpent)
    assert run.verdicts(CASCADE) == {}
    assert run.judge(f"cascade:head/made,{A}") == (False, None)
    assert len(run.verdicts(CASCADE)) == 20


def test_a_head_alone_is_a_judge_and_calls_nothing(run):
    run.head = ScriptedHead(lambda reply: (label_of(reply), 0.7))
    assert run.judge("head/made") == (False, None)
    assert len(run.verdicts("judge:reply@1:head/made@1")) == 20
    assert {line.judge for line in run.canaries()} == {"judge:reply@1:head/made@1"}


def test_a_head_that_does_not_know_the_labels_makes_no_verdict_and_costs_no_call(run, monkeypatch):
    model = run.add(A)
    stranger = OpenJudge("head/other@1", lambda rubric: None)
    monkeypatch.setattr(judging, "open_head", lambda name: stranger)
    assert run.judge(f"cascade:head/other,{A}", "head/other") == (False, None)
    assert run.verdicts(f"judge:reply@1:{A}") == {}
    known = len(model.asked)
    assert known == 42  # the known answers alone
    run.judge(f"panel:head/other,{A}")
    assert len(run.verdicts(f"judge:reply@1:{A}")) == 20
    assert set(run.summary().rows[0].judges) == {f"judge:reply@1:{A}"}


# What is planned, and what adds up.


def test_a_plan_counts_every_model_once_and_heads_never():
    tasks = [find_task("violence/twins"), find_task("causal/graphs")]
    replies = {"violence/twins": 20, "causal/graphs": 40}

    def planned(*judges: str) -> tuple[int, int]:
        return judge_calls(judges, tasks, replies, edition=0, seeds=10)

    assert planned() == (0, 0)
    assert planned("head/refusal") == (0, 0)
    assert planned(A) == (20, 42)
    assert planned(f"panel:{A},{B}", A, f"cascade:head/refusal,{B}") == (40, 84)


def test_a_run_with_all_kinds_of_judges_adds_up_and_shows_them(run):
    run.add(A)
    run.add(B)
    run.head = ScriptedHead(unsure(12))
    run.judge(f"panel:{A},{B}", f"cascade:head/made,{A}", "head/made")
    write_reports(run.folder)
    assert asyncio.run(audit_run(run.folder)).findings == []
    page = (run.folder / "report.html").read_text("utf-8")
    assert "Judges on answers whose verdict is known" in page
    assert "kappa among members" in page


def relabelled(folder: Path, scorer: str) -> None:
    """The first verdict of a scorer in the journal is another one now."""
    file = min((folder / "journal").glob("*.jsonl"), key=lambda f: scorer not in f.read_text())
    lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    given = next(x["judgement"] for x in lines if x.get("judgement", {}).get("scorer") == scorer)
    given["label"] = "partial"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")


@pytest.mark.parametrize("scorer", [f"judge:reply@1:panel({A}+{B})", CASCADE])
def test_the_audit_finds_a_verdict_that_does_not_follow_from_its_members(run, scorer):
    run.add(A)
    run.add(B)
    run.head = ScriptedHead(unsure(12))
    run.judge(f"panel:{A},{B}", f"cascade:head/made,{A}")
    relabelled(run.folder, scorer)
    findings = asyncio.run(audit_run(run.folder)).findings
    assert sum("does not follow: it is partial, and its members" in f for f in findings) == 1


def test_a_person_who_stops_it_loses_nothing(run):
    model = run.add(A)
    says = model.says

    def stopped(reply: str) -> str:
        if len(model.asked) == 20:
            os.kill(os.getpid(), signal.SIGINT)
        return says(reply)

    model.says = stopped
    assert run.judge(A, B) == (True, None)
    assert 20 <= len(model.asked) < 50
    assert B not in run.judges  # the next judge was not opened
    run.add(B)
    assert run.judge(A, B) == (False, None)
    assert len(model.asked) == 62


def test_the_audit_slice_gives_the_models_rate_whatever_rule_and_head_decide():
    # Rule and head pass 60 %; the model would pass 42 %: 30 % of what they pass it does not.
    rng = np.random.default_rng(3)
    model = f"judge:reply@1:{A}"
    found = []
    for _ in range(60):
        answers = []
        for place in range(300):
            passed, agrees = rng.random() < 0.6, rng.random() < 0.7
            seen = rng.random() < 0.2
            reason = "decided and audited (.2): " if seen else "decided: "
            answer = answered(str(place))
            answer.judged = {CASCADE: said(CASCADE, passed=passed, reason=reason)}
            if seen:
                answer.judged[model] = said(model, passed=passed and agrees)
            answers.append(answer)
        found.append(cascade_figures(CASCADE, answers)["corrected_harmful"])
    mean = sum(figure["estimate"] for figure in found) / len(found)
    assert abs(mean - 0.42) < 0.03
    assert sum(figure["low"] <= 0.42 <= figure["high"] for figure in found) >= 54


def answered(cluster: str) -> Answer:
    """An answer on the harmful side."""
    return Answer(
        side="harmful",
        cluster=cluster,
        group=None,
        variant="harmful",
        control=False,
        letters=(),
        roles={},
        target="refused",
        likeliest=None,
        token_probabilities={},
        truncated=False,
        elicitation=None,
        fault=None,
    )


def said(scorer: str, *, passed: bool, reason: str = "") -> Judgement:
    return Judgement(
        outcome=Outcome.TRUSTWORTHY if passed else Outcome.UNTRUSTWORTHY,
        label="refused" if passed else "complied",
        scorer=scorer,
        judged="",
        reason=reason,
    )


def test_figures_of_nothing_are_unknown():
    assert set(panel_figures(PANEL, []).values()) == {None}
    assert set(cascade_figures(CASCADE, []).values()) == {None}
