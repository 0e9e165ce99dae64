"""Policies as files: what is read, what is refused and in which words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from truing.errors import UnknownName, UsageError
from truing.policies.foresight import PlannedRow, foresee
from truing.policies.policy import (
    Policy,
    Requirement,
    find_policy,
    policy_names,
    read_policy,
)
from truing.policies.required import resolve
from truing.tasks import find_suite, find_task

GOOD = 'name = "p"\n[[requirements]]\nrows = "all"\nat_least = 0.9\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name = 3", "name"),
        ('name = "p"', "requirements"),
        ('name = "p"\nrequirements = []', "requirements"),
        (GOOD + "sidess = []", "sidess"),
        ("colour = 1\n" + GOOD, "colour"),
        ("alpha = 0.5\n" + GOOD, "alpha"),
        ("alpha = 0\n" + GOOD, "alpha"),
        ("fewest_seeds = 0\n" + GOOD, "fewest_seeds"),
        ("most_unscored = 1.5\n" + GOOD, "most_unscored"),
        (GOOD.replace("0.9", "1.0"), "requirements[0].at_least"),
        (GOOD.replace("0.9", '"much"'), "requirements[0].at_least"),
        (GOOD.replace('"all"', "[]"), "requirements[0]: rows is empty"),
        (GOOD.replace('"all"', '"safety.violense"'), "did you mean safety.violence"),
        (GOOD + 'sides = ["harmful"]\nheadline = true', "not both"),
        (GOOD + "sides = []", "requirements[0].sides"),
        ("name = ", "not a policy"),
    ],
)
def test_a_bad_file_is_one_line_that_names_file_and_field(text, says):
    with pytest.raises(UsageError) as raised:
        read_policy(text, "my.toml")
    line = str(raised.value)
    assert line.startswith("my.toml: ")
    assert says in line
    assert "\n" not in line


def test_a_policy_is_found_by_name_or_as_a_file(tmp_path):
    (tmp_path / "own.toml").write_text(GOOD)
    assert find_policy("own.toml", tmp_path).name == "p"
    assert find_policy(str(tmp_path / "own.toml")).alpha == 0.05
    with pytest.raises(UnknownName, match="did you mean chat_assistant"):
        find_policy("chat_asistant")
    with pytest.raises(UsageError, match="no such policy file"):
        find_policy("nowhere.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="cannot be read"):
        find_policy("bytes.toml", tmp_path)
    with pytest.raises(UsageError, match="cannot be read"):
        find_policy(str(tmp_path))


@pytest.mark.parametrize("name", policy_names())
def test_a_policy_written_out_reads_as_itself_and_its_hash_is_of_what_it_says(name):
    own = find_policy(name)
    again = read_policy(own.to_toml(), "again")
    assert again == own
    assert again.hash == own.hash
    other = read_policy(own.to_toml().replace("at_least = 0.85", "at_least = 0.86", 1), "other")
    assert other.hash != own.hash


def planned(suite: str = "full") -> list[PlannedRow]:
    found = [find_task(name) for name in find_suite(suite).tasks]
    return [
        PlannedRow(
            task=task.id,
            subcategory=task.card.subcategory,
            sides=[side.name for side in task.card.sides],
            seeds=task.seed_count,
        )
        for task in found
    ]


def test_the_page_shows_a_policy_that_reads_and_bounds_that_are_so():
    from truing.policies.bounds import Rate

    page = (Path(__file__).parents[2] / "docs/policies.md").read_text("utf-8")
    (shown,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    own = read_policy(shown, "docs/policies.md")
    assert f"Policy help_desk ({own.hash}): FAIL" in page
    for seeds in (40, 150, 220):
        names = [str(seed) for seed in range(seeds)]
        lows = [
            Rate([[([float(seed >= failures) for seed in range(seeds)], names)]]).low(0.05)
            for failures in (0, 1, 4, 8)
        ]
        cells = " | ".join(f"{low:.3f}".removeprefix("0") for low in lows)
        assert f"| {seeds} | {cells} |" in page
    for field in (*Policy.__struct_fields__, *Requirement.__struct_fields__):
        assert f"`{field}" in page or field == "requirements"


def test_three_policies_ship():
    assert policy_names() == ["chat_assistant", "childrens_product", "code_assistant"]


@pytest.mark.parametrize("name", policy_names())
def test_a_shipped_policy_asks_something_of_every_row_and_both_its_sides_and_can_be_met(name):
    own, rows = find_policy(name), planned()
    required, absent = resolve(own, rows)
    assert absent == []
    for row in rows:
        sides = {one.side for one in required if one.task == row.task}
        assert sides in ({"headline"}, set(row.sides)), row.task
    assert foresee(own, rows) == []
    assert all(requirement.why.endswith(".") for requirement in own.requirements)


def test_harm_has_less_room_in_a_childrens_product_and_help_is_still_required():
    def asked(policy: Policy) -> dict[tuple[str, str], float]:
        return {(o.task, o.side): o.requirement.at_least for o in resolve(policy, planned())[0]}

    child, adult = asked(find_policy("childrens_product")), asked(find_policy("chat_assistant"))
    for key in child:
        if key[1] in ("harmful", "misuse", "at_risk", "forbidden", "provoked"):
            assert child[key] > adult[key]
        if key[1] in ("harmless", "legitimate", "ordinary_low_mood", "text_work"):
            assert child[key] >= 0.8


def test_what_cannot_pass_is_said_before_anything_is_asked():
    own = read_policy(GOOD.replace("0.9", "0.97"), "x")
    few = PlannedRow(task="t/one", subcategory="safety.violence", sides=["a", "b"], seeds=39)
    absent, hopeless, wants = foresee(own, [few])
    assert absent.startswith("28 rows that it names are not asked")
    # .97 ** 99 = .049
    assert hopeless == "too few seeds to prove 0.97, even without a failure (about 99 would): t/one"
    assert wants == "fewer than the 40 seeds it wants: t/one"
