"""The benchmark's questions as an inspect-ai task: one generation, the letter compared."""

import os

from inspect_ai import Task, task
from inspect_ai.dataset import FieldSpec, json_dataset
from inspect_ai.scorer import pattern
from inspect_ai.solver import generate


@task
def bench() -> Task:
    fields = FieldSpec(input="question", target="answer")
    return Task(
        dataset=json_dataset(os.environ["BENCH_DATA"], fields),
        solver=generate(),
        scorer=pattern(r"\(([A-J])\)"),
    )
