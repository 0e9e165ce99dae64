"""Chance that is the same each time, and less of it."""

from __future__ import annotations

import importlib

import numpy as np
import pytest


@pytest.fixture
def rng():
    return np.random.default_rng(20)


@pytest.fixture
def few_draws(monkeypatch):
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
