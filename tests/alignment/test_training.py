"""Training: the same steps in other parts, resumed or not; exports that trainers read."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest

pytest.importorskip("torch", reason="torch is not installed: make align-demo brings it")
pytest.importorskip("trl")

from made_answers import answer, prompt
from tiny_model import make_tiny

from truing.alignment.recipe import recipe_for
from truing.alignment.records import make_records
from truing.alignment.training import CARD, train_adapter
from truing.errors import UsageError
from truing.models.hugging_face import HuggingFace

pytestmark = [pytest.mark.align, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return str(make_tiny(tmp_path_factory.mktemp("tiny") / "model"))


def records(count, *, pairs=False):
    made = []
    for i in range(count):
        asked = prompt(
            f"question {i}", answer(f"a good answer {i}"), answer(f"bad, number {i}", good=False)
        )
        made += make_records(asked, pairs=pairs)
    return made


def trained(base, out, method="sft", count=16, **given):
    given.setdefault("batch", 8)
    given.setdefault("learning_rate", 1e-2)
    rows = records(count, pairs=method == "dpo")
    return train_adapter(base, rows, recipe_for(method, **given), out, data_hash="d", offline=True)


@pytest.mark.parametrize("method", ["sft", "dpo", "kto"])
def test_an_export_is_read_by_its_trainer_and_gives_an_adapter_that_opens(method, base, tmp_path):
    out = tmp_path / "adapter"
    card = trained(base, out, method)
    assert card.losses
    kept = json.loads((out / CARD).read_text())
    assert kept["base"] == base
    assert json.loads((out / "adapter_config.json").read_text())["base_model_name_or_path"] == base
    model = HuggingFace(f"{base}+{out}", offline=True)
    assert "+adapter@" in model.name


@pytest.mark.parametrize("method", ["sft", "dpo"])
def test_eight_at_once_and_eight_one_by_one_have_the_same_losses(method, base, tmp_path):
    whole = trained(base, tmp_path / "a", method, micro_batch=8, count=32)
    parts = trained(base, tmp_path / "b", method, micro_batch=1, count=32)
    assert whole.losses == pytest.approx(parts.losses, rel=2e-3)


def test_a_resumed_training_equals_an_undisturbed_one(base, tmp_path):
    """Stopped by a kill after some steps, the same command goes on from the last checkpoint."""
    given = {"steps_between_checkpoints": 2, "batch": 4, "epochs": 2}
    undisturbed = trained(base, tmp_path / "a", count=24, **given)
    out = tmp_path / "b"
    code = f"""
import os, signal, sys
sys.path[:0] = {[str(p) for p in sys.path if p]!r}
import test_training as t
from truing.alignment.training import train_adapter
from truing.alignment.recipe import recipe_for
from pathlib import Path
def tell(step):
    if step.step == 5:
        os.kill(os.getpid(), signal.SIGKILL)
train_adapter({base!r}, t.records(24), recipe_for("sft", learning_rate=1e-2, **{given!r}),
              Path({str(out)!r}), data_hash="d", offline=True, tell=tell)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]
    there = {folder.name for folder in (out / "checkpoints").iterdir()}
    # Killed in step 5 with a checkpoint every 2 steps: no more than those two are lost.
    assert "checkpoint-4" in there
    resumed = trained(base, out, count=24, **given)
    assert resumed.losses == pytest.approx(undisturbed.losses, rel=1e-4)


def test_a_folder_with_another_training_is_refused(base, tmp_path):
    trained(base, tmp_path / "a")
    with pytest.raises(UsageError, match="its recipe differs"):
        trained(base, tmp_path / "a", learning_rate=1e-3)


def test_an_adapter_of_another_base_is_refused(base, tmp_path):
    trained(base, tmp_path / "a")
    other = make_tiny(tmp_path / "other", seed=1)
    with pytest.raises(UsageError, match="trained on"):
        HuggingFace(f"{other}+{tmp_path / 'a'}", offline=True)


def test_an_adapter_on_top_of_another_is_opened_after_it_and_not_without_it(base, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    trained(base, first)
    card = trained(f"{base}+{first}", second, "dpo")
    assert "+first@" in card.base
    renamed = tmp_path / "renamed"
    first.rename(renamed)
    model = HuggingFace(f"{base}+{renamed}+{second}", offline=True)
    assert model.name.count("@") == 2
    with pytest.raises(UsageError, match="trained on"):
        HuggingFace(f"{base}+{second}", offline=True)
