"""The pipeline: lazy, bounded, and no failure becomes text or a zero."""

from __future__ import annotations

import asyncio
import tracemalloc

import pytest

from truing.engine import Ask, measure
from truing.errors import BadKey
from truing.models.scripted import Scripted
from truing.records import (
    Capabilities,
    Choice,
    FaultKind,
    Message,
    Outcome,
    Request,
    Response,
    Role,
    Sample,
    Settings,
)
from truing.scorers.choice import ChoiceScorer


def samples(count: int):
    for number in range(count):
        yield Sample(
            id=str(number),
            task="t",
            messages=(Message(role=Role.USER, text=f"question {number}"),),
            target="A",
            side="one",
            cluster=str(number),
            choices=(Choice(label="A", text="x", role="right"), Choice(label="B", text="y")),
        )


class Slow:
    """Answers after a turn of the loop; counts what is in flight."""

    name = "slow"
    capabilities = Capabilities()

    def __init__(self, fail_at: int | None = None, error: Exception | None = None) -> None:
        self.calls = self.flying = self.most = 0
        self._fail_at, self._error = fail_at, error

    async def respond(self, request: Request) -> Response:
        self.calls += 1
        number = self.calls
        self.flying += 1
        self.most = max(self.most, self.flying)
        await asyncio.sleep(0.001)
        self.flying -= 1
        if self._error is not None and number == self._fail_at:
            raise self._error
        return Response(text="A")

    async def close(self) -> None:
        pass


async def run(model, count: int = 50, concurrency: int = 4, finished=None):
    done = []
    await measure(
        (Ask(sample, 0) for sample in samples(count)),
        model,
        lambda _: ChoiceScorer(),
        Settings(),
        finished or done.append,
        concurrency=concurrency,
    )
    return done


async def test_all_is_asked_once_with_the_concurrency_given():
    model = Slow()
    done = await run(model, concurrency=4)
    assert sorted(int(d.ask.sample.id) for d in done) == list(range(50))
    assert model.most == 4


async def test_the_first_ask_goes_alone():
    model = Slow(fail_at=1, error=BadKey("no"))
    with pytest.raises(BadKey):
        await run(model)
    assert model.calls == 1


async def test_what_was_finished_before_a_fatal_error_is_kept():
    model = Slow(fail_at=20, error=BadKey("revoked"))
    done: list = []
    with pytest.raises(BadKey, match="revoked"):
        await run(model, finished=done.append)
    assert len(done) >= 15
    assert model.calls < 30


async def test_samples_are_read_only_as_places_become_free():
    taken = 0
    done: list = []

    def counted():
        nonlocal taken
        for sample in samples(200):
            taken += 1
            assert taken - len(done) <= 4 + 1
            yield Ask(sample, 0)

    await measure(
        counted(), Slow(), lambda _: ChoiceScorer(), Settings(), done.append, concurrency=4
    )
    assert len(done) == 200


async def test_a_defect_in_an_adapter_is_data_of_that_sample_alone():
    done = await run(Slow(fail_at=7, error=ZeroDivisionError("oops")))
    (bad,) = [d for d in done if d.response.fault]
    assert bad.response.fault.kind is FaultKind.INTERNAL
    assert "ZeroDivisionError" in bad.response.fault.detail
    assert bad.judgement.outcome is Outcome.UNSCORED
    assert len(done) == 50


async def test_a_defect_in_a_scorer_is_unscored_never_a_label():
    class Broken:
        name = "broken@1"

        async def judge(self, sample, response):
            raise ValueError("unreadable")

    done: list = []
    asks = (Ask(sample, 0) for sample in samples(3))
    await measure(asks, Slow(), lambda _: Broken(), Settings(), done.append, concurrency=2)
    assert {d.judgement.outcome for d in done} == {Outcome.UNSCORED}
    assert {d.judgement.label for d in done} == {"scorer_error"}


async def test_an_answer_that_is_there_is_judged_and_not_asked_for():
    model = Slow()
    done: list = []
    asks = [Ask(sample, 0, Response(text="B")) for sample in samples(3)]
    await measure(asks, model, lambda _: ChoiceScorer(), Settings(), done.append, concurrency=2)
    assert model.calls == 0
    assert [d.fresh for d in done] == [False] * 3
    assert {d.judgement.outcome for d in done} == {Outcome.UNTRUSTWORTHY}


async def test_memory_does_not_grow_with_the_number_of_samples():
    async def peak(count: int) -> int:
        tracemalloc.start()
        await run(Scripted("constant-first"), count=count, finished=lambda _: None)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    await peak(100)
    small, large = await peak(500), await peak(5000)
    assert large < small + 300_000
