"""Which clusters are measured on and which may be learned from: settled before anything is asked.

A cluster (seed) falls into one of two parts by a hash of its task and its name, on every machine
and in every run. Training data come from `align` alone, and what is published of a model that was
trained comes from `measure` alone.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum

from truing.tasks.perturbed import MARK

__all__ = ["Part", "part_of", "part_of_prompt"]


class Part(StrEnum):
    """The two parts of every set."""

    MEASURE = "measure"
    ALIGN = "align"


def part_of(task: str, cluster: str) -> Part:
    """The part of a cluster: half of them each. A perturbed task's is that of the task itself."""
    base = task.partition(MARK)[0]
    return _drawn(f"{base}\0{cluster}")


def part_of_prompt(prompt: str) -> Part:
    """The part of a prompt that came from elsewhere: by its words alone, however it is set."""
    return _drawn("\0" + " ".join(prompt.casefold().split()))


def _drawn(name: str) -> Part:
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()
    return Part.ALIGN if digest[0] < 128 else Part.MEASURE
