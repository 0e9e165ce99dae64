"""How an adapter is trained: every setting, where its default comes from, and its bounds."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

__all__ = ["METHODS", "SOURCES", "Recipe", "recipe_for"]

Method = Literal["sft", "dpo", "kto"]
METHODS: tuple[Method, ...] = ("sft", "dpo", "kto")


class Recipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of one training. Two recipes that are equal train the same adapter."""

    method: Method
    learning_rate: Annotated[float, Meta(gt=0)]
    epochs: Annotated[float, Meta(gt=0)] = 1.0
    batch: Annotated[int, Meta(ge=1)] = 8
    """Records a step is made of."""
    micro_batch: Annotated[int, Meta(ge=1)] = 4
    """Records in memory at once: the same step, in parts."""
    rank: Annotated[int, Meta(ge=1)] = 16
    alpha: Annotated[int, Meta(ge=1)] = 32
    dropout: Annotated[float, Meta(ge=0, lt=1)] = 0.0
    beta: Annotated[float, Meta(gt=0)] = 0.1
    """DPO and KTO: how far the model may go from where it began."""
    sft_weight: Annotated[float, Meta(ge=0)] = 0.0
    """DPO: weight of the chosen text's own likelihood beside the preference."""
    warmup: Annotated[float, Meta(ge=0, lt=1)] = 0.1
    max_length: Annotated[int, Meta(ge=16)] = 512
    """Tokens of prompt and answer; what is longer is left out, not cut."""
    bf16: bool = False
    """Multiply in 16 bits on a CPU too: twice as fast where it has the instructions. On a GPU it
    is always so."""
    seed: int = 0
    steps_between_checkpoints: Annotated[int, Meta(ge=1)] = 20


_DEFAULT_RATES: dict[Method, float] = {"sft": 2e-4, "dpo": 5e-5, "kto": 5e-5}

SOURCES = {
    "rank, alpha, all linear layers": "Hu et al. 2021, arXiv 2106.09685; Dettmers et al. 2023, "
    "arXiv 2305.14314 (every linear layer, alpha twice the rank)",
    "learning_rate": "ten times that of full training, as adapters want: Schulman et al. 2025, "
    "LoRA Without Regret",
    "beta": "Rafailov et al. 2023, arXiv 2305.18290; Ethayarajh et al. 2024, arXiv 2402.01306",
    "sft_weight": "Pang et al. 2024, arXiv 2404.19733 (the chosen text's likelihood beside DPO)",
}
"""Setting -> where its default comes from."""


def recipe_for(method: Method, **given: object) -> Recipe:
    """The recipe of a method, with what is given in place of its defaults.

    Raises msgspec.ValidationError for a setting that is unknown or out of bounds.
    """
    return msgspec.convert(
        {"method": method, "learning_rate": _DEFAULT_RATES[method], **given}, Recipe
    )
