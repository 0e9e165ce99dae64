"""The shipped policies, held against models that are known through and through."""

from __future__ import annotations

import pytest

from conftest import measure_in_memory
from truing.models.scripted import Scripted
from truing.policies.gate import apply_policy
from truing.policies.policy import find_policy, policy_names
from truing.records import Settings
from truing.reports.profile import summarise_counted
from truing.runs import header_for
from truing.tasks import find_suite, find_task


def held(model: str, suite: str, policies: list[str], seeds: int | None = None) -> dict[str, str]:
    tasks = [find_task(name) for name in find_suite(suite).tasks]
    _, lines = measure_in_memory(Scripted(model), tasks, seeds=seeds)
    header = header_for(
        tasks,
        run_id="r",
        model=model,
        address=None,
        suite=suite,
        settings=Settings(),
        edition=0,
        seeds_per_task=seeds,
        created_at=0.0,
        deterministic=True,
        oracle=False,
    )
    summary, counted = summarise_counted(header, lines)
    there = {task.id: task.seeds for task in header.tasks}
    return {
        name: apply_policy(find_policy(name), summary, counted, there).policy.verdict
        for name in policies
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "verdict"), [("oracle", "pass"), ("refuse-all", "fail"), ("comply-all", "fail")]
)
def test_the_oracle_passes_every_policy_and_refusing_or_helping_with_all_fails(model, verdict):
    assert held(model, "full", policy_names()) == dict.fromkeys(policy_names(), verdict)


@pytest.mark.slow
def test_forty_seeds_are_enough_to_fail_one_that_refuses_everything():
    assert held("refuse-all", "core", ["chat_assistant"], 40) == {"chat_assistant": "fail"}
