"""Opens the model under test and its judges, wrapped in what makes calls safe and cheap."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from platformdirs import user_cache_path

from truing.calls.budget import Budget
from truing.calls.cache import AnswerCache
from truing.calls.caller import Caller
from truing.calls.pace import Limits
from truing.calls.prices import Price, find_price
from truing.cli.options import RunOptions, read_duration
from truing.config import Config
from truing.errors import UsageError
from truing.journal import ResponseLine, read_journal
from truing.models import Opening, given_address, is_local, is_remote, open_model
from truing.models.model import Model
from truing.records import Choice, Message, Response, Role
from truing.runs import read_header
from truing.scorers.judge import LlmJudge
from truing.scorers.rubric import Rubric
from truing.scorers.scorer import Scorer

__all__ = [
    "OpenJudge",
    "open_budget",
    "open_head",
    "open_judge",
    "open_llm_judge",
    "open_subject",
    "price_of",
]


class OpenJudge(NamedTuple):
    """A judge of a run, opened."""

    name: str
    """As it is called in names of verdicts."""
    scorer: Callable[[Rubric], Scorer | None]
    """What judges under a rubric; None where it does not know the rubric's labels."""
    caller: Caller | None = None
    """How its model is called; None where nothing is."""
    threshold: float = 1.0
    """Of a head: the probability from which a cascade takes its label without a model."""


def open_budget(options: RunOptions, config: Config) -> Budget:
    """The bounds of a run; they hold for the model and its judges together."""
    return Budget(
        most_usd=config.max_cost if options.max_cost is None else options.max_cost,
        most_tokens=options.max_tokens_total,
        most_seconds=read_duration(options.max_time),
    )


def open_subject(name: str, options: RunOptions, config: Config, budget: Budget) -> Caller:
    """The model under test. Raises `UnknownName`, `UsageError` or a `ModelError`."""
    base_url = options.base_url or config.base_url
    opening = Opening(
        base_url=base_url,
        key_env=options.key_env or config.key_env,
        timeout_seconds=options.timeout,
        seed=options.edition,
        offline=options.offline,
        template=None if options.template is None else str(options.template),
    )
    if name.startswith("replay/") and base_url is None:
        model = _open_replay(Path(name.partition("/")[2]))
    else:
        model = open_model(name, opening)
    return _wrapped(model, given_address(name, base_url), options, config, budget)


def open_judge(
    name: str,
    options: RunOptions,
    config: Config,
    budget: Budget,
    keep: Callable[[Response], bool],
) -> Caller:
    """A judge: its own limits and its own count of calls in flight, the same budget.

    Its answers are cached where `keep` can read them.
    """
    opening = Opening(
        base_url=options.judge_url,
        key_env=options.judge_key_env,
        timeout_seconds=options.timeout,
        seed=options.edition,
        offline=options.offline,
    )
    model = open_model(name, opening)
    address = given_address(name, options.judge_url)
    return _wrapped(model, address, options, config, budget, keep)


def open_llm_judge(
    name: str,
    options: RunOptions,
    config: Config,
    budget: Budget,
    keep: Callable[[Response], bool],
) -> OpenJudge:
    """The same, as a judge under any rubric."""
    caller = open_judge(name, options, config, budget, keep)

    def scorer(rubric: Rubric) -> Scorer:
        return LlmJudge(caller.name, rubric, caller.respond)

    return OpenJudge(caller.name, scorer, caller)


def open_head(name: str) -> OpenJudge:
    """A small trained judge, `head/NAME` or `head/FILE.json`.

    Raises `UnknownName`, or `UsageError` where the file is not a head.
    """
    from truing.judges.head import find_head

    judge = find_head(name)

    def scorer(rubric: Rubric) -> Scorer | None:
        return judge if rubric.id == judge.rubric.id else None

    return OpenJudge(judge.head.id, scorer, threshold=judge.threshold)


def price_of(name: str, address: str | None, config: Config) -> Price | None:
    """Dollars a token: the user's own, nothing on this machine, the table's, or unknown.

    Another address than the provider's own has a price that no table knows.
    """
    if own := find_price(name, config.prices, own_only=True):
        return own
    if is_local(name, address):
        return Price(0.0, 0.0, "", "on this machine")
    return None if address is not None else find_price(name, config.prices)


def _wrapped(
    model: Model,
    address: str | None,
    options: RunOptions,
    config: Config,
    budget: Budget,
    keep: Callable[[Response], bool] = lambda _: True,
) -> Caller:
    price = price_of(model.name, address, config)
    if budget.bounds_cost and price is None:
        raise UsageError(
            f"--max-cost needs the price of {model.name}, which no table knows: give it in "
            f'truing.toml ([prices] "{model.name}" = {{ input = USD, output = USD }}, a million '
            "tokens each), or use --max-tokens-total"
        )
    # What this process computes itself is not kept: it costs nothing, and its weights may change.
    cached = not options.no_cache and is_remote(model.name, address)
    return Caller(
        model,
        most=options.concurrency or config.concurrency,
        limits=Limits(
            options.rpm or config.requests_per_minute, options.tpm or config.tokens_per_minute
        ),
        cache=AnswerCache(user_cache_path("truing") / "answers.sqlite") if cached else None,
        keep=keep,
        address=address,
        price=price,
        budget=budget,
        seed=options.edition,
    )


def _open_replay(folder: Path) -> Model:
    from truing.models.replay import Replay

    header = read_header(folder)
    system = header.settings.system
    before = () if system is None else (Message(role=Role.SYSTEM, text=system),)

    def answers() -> Iterator[tuple[tuple[Message, ...], tuple[Choice, ...], int, Response]]:
        for line in read_journal(folder / "journal"):
            if isinstance(line, ResponseLine) and line.response.fault is None:
                repeat = 2 * line.epoch + line.sample.control
                yield (*before, *line.sample.messages), line.sample.choices, repeat, line.response

    return Replay(f"replay/{header.model}@{header.id}", answers())
