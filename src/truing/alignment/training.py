"""Trains a LoRA adapter on an export, with TRL and PEFT.

Every step is reproducible from the recipe's seed. Checkpoints hold adapter, optimiser and place in
the data, so that the same command goes on where it was stopped.
"""

from __future__ import annotations

import json
import math
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec

from truing.alignment.formats import line_of
from truing.alignment.recipe import SOURCES, Recipe
from truing.alignment.records import Record
from truing.errors import MissingExtra, UsageError
from truing.models.hf_weights import parse_name
from truing.models.hugging_face import load
from truing.runs import write_atomically

__all__ = ["AdapterCard", "Step", "Tried", "train_adapter", "training_lines", "try_step"]

CARD = "truing_adapter.json"


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What a step says."""

    step: int
    steps: int
    loss: float
    seconds: float


class AdapterCard(msgspec.Struct, frozen=True, kw_only=True):
    """`truing_adapter.json`: what an adapter is and what it was made of."""

    base: str
    recipe: Recipe
    records: int
    left_out_long: int
    data: str
    """Hash of the records."""
    clusters: int
    rows: list[str]
    losses: list[float]
    seconds: float
    packages: dict[str, str]
    sources: dict[str, str] = msgspec.field(default_factory=lambda: dict(SOURCES))
    v: int = 1


def training_lines(records: Sequence[Record], method: str) -> list[dict[str, Any]]:
    """The lines that a method trains on. Raises `UsageError` where the records have none for it."""
    lines = [line for record in records if (line := line_of(record, method)) is not None]
    if not lines:
        raise UsageError(
            f"this export has no record for {method}: export with --format {method} "
            "(dpo wants pairs, kto and sft single answers)"
        )
    return lines


def train_adapter(
    base: str,
    records: Sequence[Record],
    recipe: Recipe,
    out: Path,
    *,
    data_hash: str,
    tell: Callable[[Step], None] = lambda _: None,
    offline: bool = False,
) -> AdapterCard:
    """Train and write an adapter into `out`; goes on from the last checkpoint there.

    `base` is a name after `hf/`. Adapters in it are merged first: the new one is laid on top of
    them, and its reference (DPO, KTO) is the model with them.
    Raises `MissingExtra` without torch, trl and peft, `UsageError` where `out` holds the
    checkpoints of another training.
    """
    trl, peft, transformers, datasets, torch = _packages()
    out.mkdir(parents=True, exist_ok=True)
    _same_training(out, base, recipe, data_hash)
    tokenizer, model = load(base, offline=offline)
    lines = training_lines(records, recipe.method)
    fitting = [line for line in lines if _tokens(tokenizer, line) <= recipe.max_length]
    if not fitting:
        raise UsageError(f"every record is longer than {recipe.max_length} tokens")
    keep = ("prompt", "chosen", "rejected", "completion", "label")
    data = datasets.Dataset.from_list([{k: line[k] for k in keep if k in line} for line in fitting])
    model.train()
    model.config.use_cache = False
    started = time.perf_counter()
    trainer_class, settings = _trainer(trl, recipe, out, cuda=torch.cuda.is_available())
    trainer = trainer_class(
        model=model,
        args=settings,
        train_dataset=data,
        processing_class=tokenizer,
        peft_config=peft.LoraConfig(
            r=recipe.rank,
            lora_alpha=recipe.alpha,
            lora_dropout=recipe.dropout,
            target_modules="all-linear",
            task_type="CAUSAL_LM",
        ),
        callbacks=[_telling(transformers, tell)],
    )
    trainer.remove_callback(transformers.trainer_callback.PrinterCallback)
    trainer.train(resume_from_checkpoint=_last_checkpoint(out))
    trainer.model.save_pretrained(str(out), safe_serialization=True)
    losses = [float(e["loss"]) for e in trainer.state.log_history if "loss" in e]
    trained_on = parse_name(base).shown
    card = AdapterCard(
        base=trained_on,
        recipe=recipe,
        records=len(fitting),
        left_out_long=len(lines) - len(fitting),
        data=data_hash,
        clusters=len({(record.task, record.cluster) for record in records}),
        rows=sorted({record.task for record in records}),
        losses=losses,
        seconds=time.perf_counter() - started,
        packages={p: metadata.version(p) for p in ("torch", "transformers", "trl", "peft")},
    )
    _forget_paths(out, trained_on)
    write_atomically(out / CARD, msgspec.json.format(msgspec.json.encode(card), indent=1) + b"\n")
    return card


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """What one step took."""

    records: int
    left_out_long: int
    steps: int
    seconds: float
    megabytes: float
    """Most memory of the process so far."""


def try_step(
    base: str, records: Sequence[Record], recipe: Recipe, *, offline: bool = False
) -> Tried:
    """One step of a training, written nowhere. Raises as `train_adapter`."""
    lines = training_lines(records, recipe.method)
    with tempfile.TemporaryDirectory() as place:
        one = msgspec.structs.replace(recipe, epochs=1.0, warmup=0.0)
        seconds: list[float] = []
        card = train_adapter(
            base,
            records[: 2 * recipe.batch],
            one,
            Path(place) / "tried",
            data_hash="",
            tell=lambda step: seconds.append(step.seconds),
            offline=offline,
        )
    spent = seconds[-1] - seconds[0] if len(seconds) > 1 else seconds[0]
    share = card.records / max(1, card.records + card.left_out_long)
    fitting = round(len(lines) * share)
    return Tried(
        records=fitting,
        left_out_long=len(lines) - fitting,
        steps=max(1, math.ceil(recipe.epochs * fitting / recipe.batch)),
        seconds=spent / max(1, len(seconds) - 1),
        megabytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )


def _packages() -> tuple[Any, ...]:
    try:
        import datasets
        import peft
        import torch
        import transformers
        import trl
    except ImportError as error:
        raise MissingExtra(
            f"training needs torch, trl, peft and datasets (missing: {error.name}): "
            "pip install 'truing[align]'"
        ) from error
    datasets.disable_progress_bars()
    transformers.utils.logging.set_verbosity_error()
    return trl, peft, transformers, datasets, torch


def _same_training(out: Path, base: str, recipe: Recipe, data_hash: str) -> None:
    """Note what is trained here, or refuse where it was something else."""
    file = out / "training.json"
    now = {"base": base, "recipe": msgspec.to_builtins(recipe), "data": data_hash}
    # The parts of a step and how often it is saved change nothing of what is learned.
    loose = ("micro_batch", "steps_between_checkpoints")
    if file.is_file():
        there = json.loads(file.read_text("utf-8"))
        for one in (there, now):
            one["recipe"] = {k: v for k, v in one["recipe"].items() if k not in loose}
        differing = [key for key in now if there.get(key) != now[key]]
        if differing:
            raise UsageError(
                f"{out} holds another training (its {differing[0]} differs): name another folder"
            )
        return
    if (out / CARD).exists():
        raise UsageError(f"{out} holds an adapter already: name another folder")
    write_atomically(file, msgspec.json.encode(now))


def _tokens(tokenizer: Any, line: dict[str, Any]) -> int:
    answers = [line[key] for key in ("chosen", "rejected", "completion") if key in line]
    return max(
        len(tokenizer.apply_chat_template([*line["prompt"], *answer], return_dict=False))
        for answer in answers
    )


def _trainer(trl: Any, recipe: Recipe, out: Path, *, cuda: bool) -> tuple[Any, Any]:
    micro = min(recipe.micro_batch, recipe.batch)
    if recipe.batch % micro:
        raise UsageError(f"a batch of {recipe.batch} has no parts of {micro} records")
    shared: dict[str, Any] = {
        "output_dir": str(out / "checkpoints"),
        "learning_rate": recipe.learning_rate,
        "num_train_epochs": recipe.epochs,
        "per_device_train_batch_size": micro,
        "gradient_accumulation_steps": recipe.batch // micro,
        "warmup_steps": recipe.warmup,
        "lr_scheduler_type": "cosine",
        "seed": recipe.seed,
        "data_seed": recipe.seed,
        "logging_steps": 1,
        "save_steps": recipe.steps_between_checkpoints,
        "save_total_limit": 2,
        "report_to": [],
        "disable_tqdm": True,
        "use_cpu": not cuda,
        "bf16": cuda or recipe.bf16,
        "gradient_checkpointing": False,
        "max_length": recipe.max_length,
        "dataloader_num_workers": 0,
    }
    if recipe.method == "sft":
        return trl.SFTTrainer, trl.SFTConfig(**shared, completion_only_loss=True)
    if recipe.method == "kto":
        from trl import KTOConfig, KTOTrainer

        return KTOTrainer, KTOConfig(**shared, beta=recipe.beta)
    losses = {"loss_type": ["sigmoid", "sft"], "loss_weights": [1.0, recipe.sft_weight]}
    return trl.DPOTrainer, trl.DPOConfig(
        **shared, beta=recipe.beta, **(losses if recipe.sft_weight else {})
    )


def _last_checkpoint(out: Path) -> str | None:
    """The newest checkpoint that was written whole."""
    found = [
        folder
        for folder in (out / "checkpoints").glob("checkpoint-*")
        if (folder / "trainer_state.json").is_file() and folder.name.rpartition("-")[2].isdigit()
    ]
    newest = max(found, key=lambda folder: int(folder.name.rpartition("-")[2]), default=None)
    return None if newest is None else str(newest)


def _telling(transformers: Any, tell: Callable[[Step], None]) -> Any:
    began = time.perf_counter()

    class Telling(transformers.TrainerCallback):  # type: ignore[misc] # transformers is untyped
        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            if logs and "loss" in logs:
                seconds = time.perf_counter() - began
                tell(
                    Step(
                        step=state.global_step,
                        steps=state.max_steps,
                        loss=float(logs["loss"]),
                        seconds=seconds,
                    )
                )

    return Telling()


def _forget_paths(out: Path, base: str) -> None:
    """The adapter's own settings name its base as a user would, not where it lay."""
    file = out / "adapter_config.json"
    settings = json.loads(file.read_text("utf-8"))
    settings["base_model_name_or_path"] = base
    write_atomically(file, json.dumps(settings, indent=1).encode())
