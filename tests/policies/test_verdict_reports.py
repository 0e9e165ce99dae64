"""The verdict as CI, a browser and a person see it: well-formed, complete and harmless."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET

import msgspec
import pytest
from judged import judge, policy
from made import header
from measured_scores import measured
from rich.console import Console
from test_hostile import CORPUS

from truing.policies.junit import render_junit
from truing.policies.regression import hold_against
from truing.reports.html import render_html
from truing.reports.verdict_table import print_verdict

LEFT = {"rows": "t/one", "sides": ["left"], "at_least": 0.9, "why": "reason"}


def hostile(text: str):
    """A verdict with the text wherever a policy, a task or a model could put it."""
    summary = judge(policy({"rows": "t/no", "at_least": 0.5}, LEFT), 60, 30)
    assert summary.policy is not None
    sides = [
        msgspec.structs.replace(
            side, task=side.task and text, row=text, side=text, says=text, why=text
        )
        for side in summary.policy.sides
    ]
    own = msgspec.structs.replace(summary.policy, name=text, sides=sides)
    return msgspec.structs.replace(summary, policy=own, model=text, suite=text)


@pytest.mark.parametrize("text", [*CORPUS, "a\ud800b", "\ufffe\uffff", "]]>", "tab\tnew\nline"])
def test_hostile_text_is_text_in_junit_html_and_terminal(text):
    summary = hostile(text)
    document = render_junit(summary)
    root = ET.fromstring(document.encode("utf-8"))
    assert len(root.findall(".//testcase")) == len(root.findall(".//failure")) == 2
    assert not any(ord(character) < 32 and character not in "\n\t" for character in document)
    page = render_html(header(), summary, {})
    for word in ("<script", "<img", "<iframe", "<base", "<link", "\x1b", "\u202e", "\u2028"):
        assert word not in page
    sink = io.StringIO()
    print_verdict(summary.policy, Console(file=sink, width=80))
    assert not any(character in sink.getvalue() for character in "\x1b\x00\u202e\u2066\x9b")


def test_junit_has_a_case_for_every_side_and_only_passing_ones_are_quiet():
    wanted = policy(
        LEFT, {**LEFT, "sides": ["right"], "at_least": 0.99}, {"rows": "t/no", "at_least": 0.5}
    )
    summary = judge(wanted, 60, 30)
    root = ET.fromstring(render_junit(summary).encode())
    suite = root.find("testsuite")
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("3", "3", "0")
    fails = {case.get("name"): case.find("failure") for case in suite}
    failure = fails["t/one, left at least 0.9"]
    assert failure.get("type") == "fail"
    assert "the upper bound" in failure.get("message")
    assert "reason" in failure.text
    assert fails["t/one, right at least 0.99"].get("type") == "undecided"
    assert "not measured" in fails["t/no, all sides at least 0.5"].text
    good = judge(policy(LEFT), 160, 0)
    root = ET.fromstring(render_junit(good).encode())
    assert [list(case) for case in root.iter("testcase")] == [[]]


def test_junit_holds_the_verdict_against_a_baseline_too():
    summary = judge(policy(LEFT), 160, 0)
    held = hold_against(measured([0] * 40), measured([1] * 40), no_worse_than=0.05)
    root = ET.fromstring(render_junit(summary, held).encode())
    assert (root.get("tests"), root.get("failures")) == ("2", "1")
    policy_suite, baseline = root.findall("testsuite")
    assert policy_suite.get("failures") == "0"
    assert baseline.find("testcase/failure").get("type") == "fail"
    assert "baseline" in baseline.find("testcase").get("name")


def test_the_page_shows_the_verdict_above_the_profile():
    summary = judge(policy(LEFT), 160, 60)
    page = render_html(header(), summary, {})
    assert page.index("Policy p: fail") < page.index("What is measured")
    assert "Required because: reason" in page
    assert "Policy p" not in render_html(
        header(), msgspec.structs.replace(summary, policy=None), {}
    )


def test_the_terminal_shows_what_does_not_pass_failing_first():
    wanted = policy({**LEFT, "sides": ["right"], "at_least": 0.99}, LEFT)
    sink = io.StringIO()
    print_verdict(judge(wanted, 60, 30, there=60).policy, Console(file=sink, width=80))
    assert sink.getvalue() == EXPECTED.replace("HASH", wanted.hash)


EXPECTED = """
Policy p (HASH): FAIL
2 sides required: 0 pass, 1 fail, 1 undecided
  fail      t/one, left: .50 [.39, .61], at least .90
            the upper bound .613 is below .900
  undecided t/one, right: 1.00 [.95, 1.00], at least .99
            no number of seeds of this set could prove it: all 60 without a
            failure reach .951; ask for less, or make more (truing generate)
"""
