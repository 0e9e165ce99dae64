"""`truing study` on runs, tables and logs, as a person and as a program reads it."""

from __future__ import annotations

import io
import json

import msgspec
import pytest
from click.testing import CliRunner
from rich.console import Console
from study_models import model_of, task_of

from truing.cli import cli
from truing.cli.studied import print_study
from truing.study.studying import Study, study

TASKS = ("violence/twins", "prompt_attacks/typos")


def run_of(folder, model, *tasks):
    chosen = [word for task in tasks for word in ("--task", task)]
    done = CliRunner().invoke(
        cli, ["run", "-m", f"scripted/{model}", *chosen, "-n", "16", "-o", str(folder)]
    )
    assert done.exit_code == 0, done.output


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A folder of three scripted models' runs; one of them lacks a row."""
    parent = tmp_path_factory.mktemp("runs")
    run_of(parent / "a-oracle", "oracle", *TASKS)
    run_of(parent / "b-refuse", "refuse-all", *TASKS)
    run_of(parent / "c-comply", "comply-all", TASKS[0])
    return parent


def studied(*arguments):
    return CliRunner().invoke(cli, ["study", *map(str, arguments)], env={"COLUMNS": "100"})


def printed(result, width=100):
    told = io.StringIO()
    print_study(result, Console(width=width, highlight=False, file=told))
    return told.getvalue()


def test_scripted_models_runs_are_one_table(runs):
    done = studied("--runs", runs, "--order", "comply-all,refuse-all,oracle", "--json")
    assert done.exit_code == 0, done.output
    result = msgspec.json.decode(done.stdout, type=Study)
    assert [one.model.rpartition("/")[2] for one in result.models] == [
        "comply-all",
        "refuse-all",
        "oracle",
    ]
    twins, typos = result.rows
    assert [cell.estimate for cell in twins.cells] == [0.5, 0.5, 1.0]
    assert [cell.worse_side for cell in twins.cells[:2]] == ["harmful", "harmless"]
    assert [cell.missing for cell in typos.cells] == ["not asked", None, None]
    assert (twins.questions, typos.questions) == (32, 16)
    best = {one.model: (one.low, one.high) for one in twins.ranks.models}
    assert best["scripted/oracle"] == (1, 1)
    assert best["scripted/comply-all"] == best["scripted/refuse-all"] == (2, 3)
    assert [claim.models for claim in result.claims] == [
        [one.model for one in result.models],
        [one.model for one in result.models[1:]],
    ]


def test_a_cell_is_what_the_runs_own_profile_says(runs):
    result = msgspec.json.decode(studied("--runs", runs, "--json").stdout, type=Study)
    for place, name in enumerate(("a-oracle", "b-refuse")):
        profile = json.loads((runs / name / "summary.json").read_text("utf-8"))["rows"]
        for row, of in zip(result.rows, profile, strict=True):
            known = of["balanced"]
            cell = row.cells[place]
            assert (cell.estimate, cell.low, cell.high) == pytest.approx(
                (known["estimate"], known["low"], known["high"])
            )


def test_what_is_missing_is_said_on_the_terminal(runs):
    done = studied("--runs", runs)
    assert done.exit_code == 0
    assert "missing on prompt_attacks/typos: scripted/comply-all (not asked)" in done.stdout
    assert "Nothing is said about how the rows go together: 3 models" in done.stdout


TABLE = [
    ("q1", "small", 0), ("q1", "large", 1), ("q2", "small", 0), ("q2", "large", 1),
    ("q3", "small", 1), ("q3", "large", ""),
]  # fmt: skip


def test_a_table_of_several_models_is_studied(tmp_path):
    file = tmp_path / "answers.csv"
    file.write_text("q,m,ok\n" + "".join(f"{q},{m},{ok}\n" for q, m, ok in TABLE), "utf-8")
    columns = ("--columns", "prompt=q,model=m,label=ok")
    done = studied(file, *columns, "--json")
    (row,) = msgspec.json.decode(done.stdout, type=Study).rows
    assert [(cell.estimate, cell.unscored) for cell in row.cells] == [
        (pytest.approx(1 / 3), 0),
        (1.0, 1),
    ]
    assert (row.questions, row.left_out.unscored) == (2, 1)
    told = studied(file, *columns).stdout
    assert "unscored on table, outside the rates: large 1" in told
    assert "left out of ranks and claims, table: 1 unscored in a model; 2 compared" in told


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "nothing to study"),
        (("--runs", "{empty}"), "no run folder in"),
        (("{runs}/a-oracle", "{runs}/a-oracle"), "was given twice"),
        (("--runs", "{runs}", "--order", "oracle,gpt-9"), "--order gpt-9: no model of that name"),
    ],
)
def test_what_cannot_be_studied_is_said_in_one_line(runs, tmp_path, arguments, said):
    done = studied(*(word.format(runs=runs, empty=tmp_path) for word in arguments))
    assert done.exit_code != 0
    assert said in str(done.exception)


def survey_like():
    rights = [[75, 38, 15], [78, 33, 4], [74, 38, 79], [90, 49, 57], [99, 39, 16], [99, 55, 39]]
    tasks = ("safety/as_recorded", "fairness/as_recorded", "prompt_attacks/typos_of_the_survey")
    names = ("opt-1.3b", "davinci", "flan-t5-xxl", "text-davinci-003", "gpt-3.5-turbo", "gpt-4")
    sets = [
        model_of(
            f"recorded/{name}",
            [
                task_of(task, [float((q * 37) % 100 < right) for q in range(100)])
                for task, right in zip(tasks, own, strict=True)
            ],
        )
        for name, own in zip(names, rights, strict=True)
    ]
    return study(sets, order=list(names))


def test_six_models_fit_in_100_columns_and_eighty_split_them():
    result = survey_like()
    wide = printed(result)
    assert max(map(len, wide.splitlines())) <= 100
    heads = [line for line in wide.splitlines() if line.startswith("rates")]
    assert len(heads) == 1
    assert all(name in heads[0] for name in ("opt-1.3b", "gpt-4"))
    narrow = printed(result, 80)
    assert max(map(len, narrow.splitlines())) <= 80
    assert sum(line.startswith("rates") for line in narrow.splitlines()) == 2


def test_a_row_says_rate_both_intervals_ranks_and_the_word():
    lines = printed(survey_like()).splitlines()
    place = next(i for i, line in enumerate(lines) if line.startswith("safety/as_recorded"))
    assert lines[place].split()[1:] == [".75", ".78", ".74", ".90", ".99", ".99"]
    assert lines[place + 1].split("]")[0].strip() == "[.66, .82"
    assert lines[place + 2].split("]")[0].strip() == "[.60, .86"
    ranks = next(line for line in lines[place + 9 :] if line.startswith("safety/as_recorded"))
    assert ranks.split()[1::2] == ["4-6", "4-6", "4-6", "1-3", "1-3", "1-3"]
    assert any(line.startswith("safety/as_recorded") and "holds" in line for line in lines)
    fails = next(line for line in lines if "typos_of_the_survey fails:" in line)
    assert "recorded/gpt-3.5-turbo is below" in fails


def test_hostile_names_stay_on_their_line():
    bad = "\x1b[31mred\n[bold]\u202eevil"
    sets = [
        model_of(f"{bad}{i}", [task_of(f"row/{bad}", [float(q < 10 * i) for q in range(30)])])
        for i in range(2)
    ]
    shown = printed(study(sets, order=[one.model for one in sets]))
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "[bold]" in shown
