"""What every test gets: no network but loopback, and a way to measure without files."""

from __future__ import annotations

import asyncio
import importlib
import os
import socket
from pathlib import Path

import numpy as np
import pytest

from truing import trial
from truing.journal import Line
from truing.models.model import Model
from truing.records import Settings
from truing.reports.profile import Summary
from truing.tasks import Task, find_task

LOOPBACK = ("127.", "::1", "localhost")


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


@pytest.fixture
def rng() -> np.random.Generator:
    """Chance that is the same each time."""
    return np.random.default_rng(20)


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
