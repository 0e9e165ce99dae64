"""The first study: the survey's six models, against figures worked out apart from this code."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from truing.cli import cli
from truing.comparison.of_runs import measured_run
from truing.importers.survey_recorded import MODELS
from truing.reports.text import rate
from truing.study.studying import study

PAGE = Path(__file__).parents[2] / "docs/studies.md"


@pytest.fixture(scope="module")
def reference(shared_data):
    file = shared_data.parent / "reference" / "survey-recorded.json"
    if not file.is_file():
        pytest.skip("the reference figures are not here (../shared/reference)")
    return json.loads(file.read_text("utf-8"))


@pytest.fixture(scope="module")
def survey(shared_data, reference, tmp_path_factory):
    folder = tmp_path_factory.mktemp("recorded")
    done = CliRunner().invoke(
        cli, ["import", "survey-recorded", str(shared_data / "survey_recorded"), "-o", str(folder)]
    )
    assert done.exit_code == 0, done.output
    sets = [measured_run(folder / model) for model in MODELS]
    return study(sets, order=list(MODELS))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["safety", "fairness"])
def test_every_rate_is_the_reference_one_and_inside_its_interval(survey, reference, name):
    row = next(row for row in survey.rows if row.task == f"survey_recorded/{name}")
    for model, cell in zip(MODELS, row.cells, strict=True):
        known = reference[name]["per_model"][model]
        assert (cell.scored, cell.unscored) == (known["n"], 0)
        assert cell.estimate == pytest.approx(known["k"] / known["n"])
        # Questions asked twice are one cluster: Wilson's as if they were not is a little narrower.
        assert (cell.low, cell.high) == pytest.approx(known["wilson95"], abs=0.012)
        assert cell.simultaneous[0] < cell.low
        assert cell.high < cell.simultaneous[1]
    assert row.left_out.not_all == row.left_out.unscored == 0


@pytest.mark.slow
def test_pairs_that_mcnemar_tells_apart_are_told_apart_and_others_are_not(survey, reference):
    row = next(row for row in survey.rows if row.task == "survey_recorded/safety")
    pairs = {(one.a.rpartition("/")[2], one.b.rpartition("/")[2]): one for one in row.ranks.pairs}
    for name, known in reference["safety"]["paired_mcnemar"].items():
        a, b = name.split(" vs ")
        assert pairs[a, b].difference == pytest.approx((known["a1b0"] - known["a0b1"]) / 984)
        # Of 15 pairs 11 are clear at .05/15; Holm asks .05/4 of the four that are left.
        assert pairs[a, b].different == (known["p_exact"] < 0.05 / 4)
    assert sum(one.different for one in pairs.values()) == 12


def test_the_page_has_the_rates_of_the_reference(reference):
    lines = PAGE.read_text("utf-8").splitlines()
    for name in ("safety", "fairness"):
        shown = next(line for line in lines if line.startswith(f"survey_recorded/{name}"))
        known = [rate(reference[name]["per_model"][model]["rate"]) for model in MODELS]
        assert shown.split()[1:] == known


def test_the_script_of_the_page_replaces_what_is_between_its_markers():
    spec = importlib.util.spec_from_file_location("studies", PAGE.with_suffix(".py"))
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    page = "a\n<!-- rows -->\nold\n<!-- end of rows -->\nb\n"
    assert script.written(page, {"rows": "new"}) == page.replace("old", "new")
    with pytest.raises(ValueError, match="no marker <!-- study -->"):
        script.written(page, {"study": "new"})


@pytest.mark.slow
def test_the_survey_claim_holds_for_safety_and_is_broken_for_fairness(survey):
    words = {one.task: one for one in survey.claims}
    assert words["survey_recorded/safety"].word == "holds"
    fairness = words["survey_recorded/fairness"]
    assert fairness.low > 0
    assert fairness.word == "fails"
    assert [(one.earlier, one.later) for one in fairness.breaks] == [
        ("recorded/text-davinci-003", "recorded/gpt-3.5-turbo")
    ]
