"""Seeds are read from their file as they are asked for, and are the same as if all were read."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from truing.records import content_hash
from truing.tasks import find_task
from truing.tasks.seeds import SeedFile, order_seeds

SEEDS = st.lists(
    st.fixed_dictionaries({"id": st.text(min_size=1), "text": st.text()}),
    min_size=1,
    unique_by=lambda seed: seed["id"],
)


@given(SEEDS)
def test_a_seed_file_holds_what_was_written(tmp_path_factory, seeds):
    file = tmp_path_factory.mktemp("seeds") / "seeds.jsonl"
    file.write_bytes(b"".join(msgspec.json.encode(seed) + b"\n" for seed in seeds))
    read = SeedFile(file)
    assert list(read) == seeds
    assert [read[place] for place in range(-len(seeds), len(seeds))] == seeds + seeds
    assert read[1:3] == seeds[1:3]
    assert order_seeds(read, task="t", edition=1) == order_seeds(seeds, task="t", edition=1)
    with pytest.raises(IndexError):
        read[len(seeds)]


def test_only_the_seeds_that_are_asked_for_are_read(monkeypatch):
    task = find_task("hallucination/grounded_choice")
    asked = []
    read = SeedFile.__getitem__

    def watched(self, place):
        asked.append(place)
        return read(self, place)

    monkeypatch.setattr(SeedFile, "__getitem__", watched)
    assert task.sample_count() > 300
    samples = task.samples(limit=30)
    assert asked == []
    next(samples)
    assert len(asked) == 1
    assert len({sample.cluster for sample in samples}) == 30
    assert len(asked) == 30


def test_the_content_hash_is_that_of_card_and_seeds_together():
    for name in ("hallucination/grounded_choice", "causal/graphs"):
        task = find_task(name)
        assert task.content_hash(edition=1) == content_hash(
            [task.card, list(task.seeds(edition=1))]
        )
