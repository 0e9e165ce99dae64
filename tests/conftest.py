"""What every test gets: no network but loopback, and a way to measure without files."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import io
import os
import socket
import subprocess
from copy import copy
from functools import cache, partial
from pathlib import Path
from unittest import mock

import hypothesis
import numpy as np
import pytest

from truing import forecasts, runs, trial
from truing.cli import main
from truing.journal import Line
from truing.models.model import Model
from truing.records import Sample, Settings
from truing.reports.profile import Summary
from truing.tasks import Task, find_task

LOOPBACK = ("127.", "::1", "localhost")

# How long an example takes depends on what else the machine does.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")


def pytest_collection_finish() -> None:
    """Thousands of collected tests are not walked again each time garbage is sought."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures that tests recorded with `record_property("figure", ...)`."""
    figures = [
        value
        for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
        for name, value in report.user_properties
        if name == "figure"
    ]
    if figures:
        terminalreporter.section("figures")
        for line in sorted(figures):
            terminalreporter.write_line(line)


@pytest.fixture(autouse=True)
def refuse_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection to anywhere but this machine is a failing test."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        host = address[0] if isinstance(address, tuple) else None
        if host is not None and not str(host).startswith(LOOPBACK):
            raise AssertionError(f"a test tried to reach {host}")
        connect(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys and addresses of whoever runs the tests stay out of them."""
    for name in list(os.environ):
        if name.endswith(("_API_KEY", "_BASE_URL")):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of public data; its tests skip where it is absent."""
    given = os.environ.get("TRUING_SHARED_DATA")
    folder = Path(given) if given else Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the public data is not here (../shared/data or TRUING_SHARED_DATA)")
    return folder


def need_llama() -> None:
    """Skip where llama.cpp is not installed.

    Not by importing it: OpenMP reads once, when it is loaded, how long its threads may spin, and
    truing says so before that. Ten times slower otherwise where something else uses a core.
    """
    if importlib.util.find_spec("xllamacpp") is None:
        pytest.skip("the extra `embedded` is not installed")


def measure_in_memory(
    model: Model,
    tasks: list[str | Task],
    *,
    seeds: int | None = None,
    edition: int = 0,
    settings: Settings | None = None,
) -> tuple[Summary, list[Line]]:
    """The profile of a model without a run folder, and the lines a journal would hold."""
    measured = [find_task(task) if isinstance(task, str) else task for task in tasks]
    return asyncio.run(
        trial.measure_in_memory(model, measured, seeds=seeds, edition=edition, settings=settings)
    )


@cache
def remembering(task: Task) -> Task:
    """The same task, which derives its hash and its samples once, for many measurements."""

    @cache
    def samples(edition: int, limit: int | None) -> list[Sample]:
        return list(task.samples(edition=edition, limit=limit))

    own = copy(task)
    own.content_hash = cache(task.content_hash)  # type: ignore[method-assign]
    own.sample_count = cache(task.sample_count)  # type: ignore[method-assign]
    own.samples = lambda *, edition=0, limit=None: iter(samples(edition, limit))  # type: ignore[method-assign]
    return own


@pytest.fixture
def rng() -> np.random.Generator:
    """Chance that is the same each time."""
    return np.random.default_rng(20)


@pytest.fixture
def few_redraws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few redraws for the intervals of columns, for sweeps that look at headlines alone."""
    monkeypatch.setattr(forecasts, "DRAWS", 20)
    few = partial(forecasts.bootstrap_interval, draws=20)
    monkeypatch.setattr(forecasts, "bootstrap_interval", few)
    monkeypatch.setattr(runs, "_packages", cache(runs._packages))


def truing_here(
    *arguments: str, cwd: Path, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """`truing` with these arguments as a process of its own would end, but without starting one."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    environment = {"NO_COLOR": "1", "COLUMNS": "100", **(env or {})}
    with (
        contextlib.chdir(cwd),
        mock.patch.dict(os.environ, environment),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.raises(SystemExit) as stop,
    ):
        main(list(arguments))
    code = stop.value.code
    assert isinstance(code, int)
    said = [stream.buffer.getvalue().decode() for stream in (out, err)]  # type: ignore[attr-defined]
    return subprocess.CompletedProcess(list(arguments), code, *said)


@pytest.fixture
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer bootstrap draws and sign flips, for many studies."""
    from truing.stats import paired
    from truing.study import studying

    # `truing.stats` names the function so as well.
    trend = importlib.import_module("truing.stats.trend")
    monkeypatch.setattr(studying, "_DRAWS", 20)
    monkeypatch.setattr(
        trend,
        "sign_flip_test",
        lambda values, rng: paired.sign_flip_test(values, rng=rng, draws=999),
    )
