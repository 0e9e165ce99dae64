"""A call survives what passes, stops for what does not, and is paid for once."""

from __future__ import annotations

import asyncio
import random

import pytest
from virtual_time import now, run_virtual

from truing.calls.breaker import FAILURES, Breaker
from truing.calls.budget import Budget
from truing.calls.cache import AnswerCache
from truing.calls.caller import Caller
from truing.calls.pace import Limits
from truing.calls.prices import OwnPrice, Price, find_price
from truing.calls.retry import RETRIES, pause_seconds, tries_left
from truing.engine import Ask, measure
from truing.errors import BudgetSpent, Unavailable
from truing.records import (
    Attempt,
    Capabilities,
    Fault,
    FaultKind,
    Message,
    Reference,
    Request,
    Response,
    Role,
    Sample,
    Settings,
)
from truing.scorers import find_scorer


def request(text="hello", **kwargs) -> Request:
    return Request(messages=(Message(role=Role.USER, text=text),), max_tokens=100, **kwargs)


def fault(kind: FaultKind, wait: float | None = None) -> Response:
    return Response(fault=Fault(kind=kind, detail="made", wait_seconds=wait))


class Model:
    name = "made/model"
    capabilities = Capabilities(concurrency=None)

    def __init__(self, *answers: Response, seconds: float = 0.0):
        self.answers = list(answers)
        self.asked: list[tuple[float, Request]] = []
        self.seconds = seconds

    async def respond(self, request: Request) -> Response:
        self.asked.append((now(), request))
        await asyncio.sleep(self.seconds)
        given = Response(text="fine", prompt_tokens=10, completion_tokens=5)
        return self.answers.pop(0) if self.answers else given

    async def close(self) -> None:
        pass


def call(caller: Caller, *requests: Request):
    async def work():
        return [await caller.respond(r) for r in requests or (request(),)]

    return run_virtual(work())


def clock() -> float:
    try:
        return now()
    except RuntimeError:
        return 0.0


@pytest.mark.parametrize("kind", list(FaultKind))
def test_each_kind_is_tried_as_often_as_its_policy_says(kind):
    model = Model(*[fault(kind)] * 100)
    (response,) = call(Caller(model, clock=clock, patience_seconds=1e9))
    allowed = min(RETRIES[kind].tries, FAILURES - 1) if kind in RETRIES else 1
    if kind is FaultKind.RATE_LIMIT:
        # So many in a row are an outage of the whole server: waited for, and then answered.
        assert response.text == "fine"
        return
    assert len(model.asked) == allowed
    assert response.fault.kind is kind
    assert [attempt.fault for attempt in response.attempts] == [kind] * allowed


def test_the_waits_double_and_are_spread_and_bounded():
    jitter = random.Random(0)
    for kind, retry in RETRIES.items():
        for failed in range(1, 60):
            attempts = [Attempt(seconds=0.0, fault=kind)] * failed
            doubled = min(retry.first_seconds * 2.0 ** (failed - 1), retry.longest_seconds)
            pause = pause_seconds(Fault(kind=kind, detail=""), attempts, jitter)
            assert 0.5 * doubled <= pause <= doubled


def test_kinds_are_counted_apart():
    mixed = [Attempt(seconds=0.0, fault=FaultKind.TIMEOUT)] * 2
    mixed += [Attempt(seconds=0.0, fault=FaultKind.SERVER_ERROR)] * 5
    assert tries_left(mixed, FaultKind.TIMEOUT)
    assert tries_left(mixed, FaultKind.SERVER_ERROR)
    assert not tries_left([*mixed, mixed[0]], FaultKind.TIMEOUT)
    assert not tries_left([], FaultKind.REFUSED_REQUEST)


def test_what_the_server_asks_to_wait_is_waited_by_all():
    model = Model(fault(FaultKind.RATE_LIMIT, wait=7.0))
    caller = Caller(model, clock=clock)

    async def work():
        first = asyncio.create_task(caller.respond(request("one")))
        await asyncio.sleep(0.01)
        await asyncio.gather(first, caller.respond(request("two")))

    run_virtual(work())
    assert all(at >= 7.0 for at, _ in model.asked[1:])


def test_a_wait_beyond_all_patience_stops_the_run_at_once():
    model = Model(fault(FaultKind.RATE_LIMIT, wait=7200.0))
    with pytest.raises(Unavailable, match="7200"):
        call(Caller(model, clock=clock))


def test_an_outage_is_waited_for_and_uses_up_no_sample():
    model = Model(*[fault(FaultKind.CONNECTION)] * 60)
    caller = Caller(model, clock=clock, patience_seconds=600)

    async def work():
        return await asyncio.gather(*(caller.respond(request(str(n))) for n in range(8)))

    assert [r.text for r in run_virtual(work())] == ["fine"] * 8


def test_an_outage_without_end_stops_the_run_with_one_line():
    model = Model(*[fault(FaultKind.SERVER_ERROR)] * 10_000, seconds=0.1)
    caller = Caller(model, clock=clock, patience_seconds=60)

    async def work():
        async with asyncio.TaskGroup() as group:
            for n in range(8):
                group.create_task(caller.respond(request(str(n))))

    with pytest.raises(ExceptionGroup) as caught:
        run_virtual(work())
    assert isinstance(caught.value.exceptions[0], Unavailable)
    assert len(model.asked) < 200


@pytest.mark.parametrize(
    "judging", [fault(FaultKind.RATE_LIMIT), fault(FaultKind.OVERLOADED, wait=30.0), None]
)
def test_a_slow_or_busy_judge_does_not_slow_the_model(judging):
    def seconds_for_the_model(*, judged: bool) -> tuple[float, int]:
        async def work():
            subject = Caller(Model(seconds=0.05), clock=clock)
            judge = Caller(Model(*[judging] * 5_000 if judging else [], seconds=9.0), clock=clock)
            verdicts = [asyncio.create_task(judge.respond(request())) for _ in range(200 * judged)]
            await asyncio.gather(*(subject.respond(request(str(n))) for n in range(2_000)))
            took = now()
            for verdict in verdicts:
                verdict.cancel()
            await asyncio.gather(*verdicts, return_exceptions=True)
            return took, subject.gate.limit

        return run_virtual(work())

    assert seconds_for_the_model(judged=True) == seconds_for_the_model(judged=False)


def test_one_good_answer_closes_the_breaker():
    breaker = Breaker(patience_seconds=10, clock=lambda: 0.0)
    for _ in range(FAILURES):
        breaker.failed(Fault(kind=FaultKind.TIMEOUT, detail=""))
    assert breaker.open
    breaker.succeeded()
    assert not breaker.open


def test_requests_and_tokens_a_minute_are_kept():
    model = Model()
    caller = Caller(model, clock=clock, limits=Limits(requests_per_minute=60))
    call(caller, *(request(str(n)) for n in range(11)))
    assert model.asked[-1][0] == pytest.approx(10.0, abs=0.2)
    model = Model()
    caller = Caller(model, clock=clock, limits=Limits(tokens_per_minute=6000))
    call(caller, *(request(str(n)) for n in range(50)))
    # 15 tokens each are used, although over 100 are asked for.
    assert model.asked[-1][0] < 12


# The cache.


def test_the_same_request_is_paid_for_once_and_marked(tmp_path):
    model = Model()
    first, again = call(
        Caller(model, clock=clock, cache=AnswerCache(tmp_path / "a.sqlite")), request(), request()
    )
    assert len(model.asked) == 1
    assert (first.cached, again.cached) == (False, True)
    assert (again.text, again.attempts, again.cost_usd) == ("fine", (), 0.0)
    assert (tmp_path / "a.sqlite").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "other",
    [
        {"repeat": 1},
        {"repeat": 2},
        {"seed": 1},
        {"max_tokens": 99},
        {"parameters": {"top_p": 1}},
        {"thinking_tokens": 1},
    ],
)
def test_an_epoch_an_arm_or_a_setting_of_its_own_is_asked_for(tmp_path, other):
    import msgspec

    model = Model()
    cache = AnswerCache(tmp_path / "a.sqlite")
    call(
        Caller(model, clock=clock, cache=cache),
        request(),
        msgspec.structs.replace(request(), **other),
    )
    assert len(model.asked) == 2


def test_another_address_or_model_does_not_take_over_an_answer(tmp_path):
    cache = AnswerCache(tmp_path / "a.sqlite")
    keys = {cache.key(m, a, request()) for m in ("x", "y") for a in (None, "http://h/v1")}
    assert len(keys) == 4


def test_what_is_drawn_or_told_is_never_kept(tmp_path):
    cache = AnswerCache(tmp_path / "a.sqlite")
    assert cache.key("m", None, request(temperature=0.7)) is None
    assert cache.key("m", None, request(reference=Reference(good=(), bad=()))) is None


def test_a_failed_call_is_not_kept(tmp_path):
    model = Model(fault(FaultKind.REFUSED_REQUEST))
    cache = AnswerCache(tmp_path / "a.sqlite")
    first, again = call(Caller(model, clock=clock, cache=cache), request(), request())
    assert first.fault is not None
    assert again.text == "fine"


def test_the_oldest_go_when_the_cache_is_full(tmp_path):
    file = tmp_path / "a.sqlite"
    cache = AnswerCache(file, largest_bytes=5_000)
    for number in range(100):
        cache.put(str(number), Response(text="x" * 100))
    cache.close()
    kept = AnswerCache(file)
    assert kept.get("99") is not None
    assert kept.get("0") is None


@pytest.mark.parametrize("damage", [b"not a database, for certain", b""])
def test_a_damaged_cache_is_no_cache_and_no_failure(tmp_path, damage):
    file = tmp_path / "a.sqlite"
    file.write_bytes(damage * 100)
    (answer,) = call(Caller(Model(), clock=clock, cache=AnswerCache(file)))
    assert answer.text == "fine"


# The budget.


def sample(number: int) -> Sample:
    return Sample(
        id=str(number),
        task="t",
        messages=(Message(role=Role.USER, text=f"question {number}"),),
        target="refused",
        side="one",
        cluster=str(number),
        max_tokens=100,
    )


def measured(caller: Caller, count: int):
    done: list = []

    async def work():
        try:
            await measure(
                (Ask(sample(n), 0) for n in range(count)),
                caller,
                lambda _: find_scorer("refusal_rule@1"),
                Settings(),
                done.append,
                concurrency=50,
            )
        except BudgetSpent as error:
            return str(error)
        return None

    return run_virtual(work()), done


PRICE = Price(1000.0, 2000.0, "", "made")


def test_the_cost_never_passes_its_bound_and_what_was_measured_is_kept():
    budget = Budget(clock=clock, most_usd=1.0)
    caller = Caller(Model(seconds=0.1), clock=clock, price=PRICE, budget=budget)
    stopped, done = measured(caller, 200)
    assert "--max-cost" in stopped
    assert 0.7 <= budget.usd <= 1.0  # each answer costs .02, and may cost up to .23
    assert len(done) == round(budget.usd / 0.02)
    assert all(d.response.cost_usd == pytest.approx(0.02) for d in done)


def test_the_tokens_never_pass_their_bound():
    budget = Budget(clock=clock, most_tokens=1000)
    stopped, done = measured(Caller(Model(seconds=0.1), clock=clock, budget=budget), 200)
    assert "--max-tokens-total" in stopped
    assert budget.tokens == 15 * len(done)
    assert 850 <= budget.tokens <= 1000


def test_an_answer_whose_tokens_nobody_counted_counts_as_the_most_it_may_be():
    budget = Budget(clock=clock, most_tokens=1000)
    model = Model(*[Response(text="uncounted")] * 200, seconds=0.1)
    _, done = measured(Caller(model, clock=clock, budget=budget), 200)
    assert len(done) == 1000 // budget_of_one()
    assert budget.tokens <= 1000


def budget_of_one() -> int:
    from truing.calls.pace import rough_tokens

    return rough_tokens(
        Request(messages=(Message(role=Role.USER, text="question 1"),), max_tokens=100)
    )


def test_the_time_is_over_when_it_is_over():
    budget = Budget(clock=clock, most_seconds=5.0)
    stopped, done = measured(Caller(Model(seconds=1.0), clock=clock, budget=budget), 5_000)
    assert "--max-time" in stopped
    assert 100 < len(done) < 500


def test_what_an_earlier_sitting_spent_counts():
    budget = Budget(clock=clock, most_usd=1.0)
    budget.spend(0.9, 0)
    stopped, done = measured(Caller(Model(), clock=clock, price=PRICE, budget=budget), 50)
    assert "0.9000 spent" in stopped
    assert done == []


def test_a_bound_that_is_not_reached_stops_nothing():
    budget = Budget(clock=clock, most_usd=100.0, most_tokens=10**6, most_seconds=100.0)
    stopped, done = measured(Caller(Model(), clock=clock, price=PRICE, budget=budget), 50)
    assert stopped is None
    assert len(done) == 50


# Prices.


def test_the_users_price_goes_first_and_an_unknown_price_is_none():
    own = {"made/*": OwnPrice(input=1.0, output=2.0)}
    assert find_price("made/x", own).of(1e6, 1e6) == 3.0
    assert find_price("nobody/knows", {}) is None
    assert PRICE.cost(Response(text="x", prompt_tokens=None)) is None


def test_the_table_is_dated_and_positive():
    price = find_price("openai/gpt-4o-mini", {})
    assert price.as_of
    assert price.source
    assert 0 < price.input <= price.output


def test_a_damaged_answer_is_asked_for_again(tmp_path):
    import sqlite3

    file, model = tmp_path / "a.sqlite", Model()
    cache = AnswerCache(file)
    call(Caller(model, clock=clock, cache=cache), request())
    cache.close()
    with sqlite3.connect(file) as store:
        store.execute("update answers_1 set answer = ?", (b'{"text": ',))
    store.close()
    call(Caller(model, clock=clock, cache=AnswerCache(file)), request())
    assert len(model.asked) == 2


def test_when_the_time_is_over_no_further_try_is_waited_for():
    model = Model(*[fault(FaultKind.RATE_LIMIT, wait=100.0)] * 50)
    budget = Budget(clock=clock, most_seconds=150.0)
    stopped, done = measured(Caller(model, clock=clock, budget=budget), 50)
    assert "--max-time" in stopped
    assert done == []
    assert len(model.asked) <= 3
