"""Decoding in batches: free or held to a few texts, greedy or drawn, each row by its own rules.

Knows torch and a causal model's forward pass; nothing of requests or scores.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Row", "Trie", "decode", "spellings"]

_COMPACT_SHARE = 0.6
"""Finished rows leave the batch once no more than this share of it is still written."""


@dataclass(slots=True)
class Trie:
    """The texts that are allowed, as token ids: what may come next, and after that."""

    after: dict[int, Trie] = field(default_factory=dict)

    @classmethod
    def of(cls, texts: Iterable[Sequence[int]]) -> Trie:
        """All of some texts. One that begins another cannot be told from it and loses."""
        root = cls()
        for ids in texts:
            place = root
            for token in ids:
                place = place.after.setdefault(token, cls())
        return root


@dataclass(slots=True)
class Row:
    """One prompt and what has been written to it so far."""

    prompt: list[int]
    room: int
    """Tokens that may be written."""
    temperature: float = 0.0
    seed: int = 0
    trie: Trie | None = None
    """Where it stands among the texts allowed; None where all are."""
    watch: Mapping[str, list[int]] = field(default_factory=dict)
    """Names whose first-token log-probability is wanted, each with the tokens that spell it."""
    written: list[int] = field(default_factory=list)
    watched: dict[str, float] | None = None
    cut: bool = False
    """It ended because there was no more room."""
    done: bool = False


def spellings(tokenizer: Any, text: str) -> list[int]:
    """Ids of the tokens that are this text, with or without a blank before it."""
    found = (tokenizer.encode(form, add_special_tokens=False) for form in (text, f" {text}"))
    return sorted({ids[0] for ids in found if len(ids) == 1})


def decode(model: Any, rows: list[Row], *, stops: frozenset[int], pad: int) -> None:
    """Write to every row until it stops, its room is used up or its text is complete."""
    import torch

    device = model.device
    longest = max(len(row.prompt) for row in rows)
    ids = torch.tensor([[pad] * (longest - len(r.prompt)) + r.prompt for r in rows], device=device)
    mask = torch.tensor(
        [[0] * (longest - len(r.prompt)) + [1] * len(r.prompt) for r in rows], device=device
    )
    places = (mask.cumsum(-1) - 1).clamp(min=0)
    generators = [torch.Generator().manual_seed(row.seed) for row in rows]
    live = list(range(len(rows)))
    keyword, cache = _cache(model)
    with torch.inference_mode():
        while True:
            out = model(
                input_ids=ids,
                attention_mask=mask,
                position_ids=places,
                use_cache=True,
                logits_to_keep=1,
                **{keyword: cache},
            )
            logits = out.logits[:, -1, :].float().cpu()
            if not rows[live[0]].written and any(rows[i].watch for i in live):
                _watch(rows, live, logits)
            chosen = [
                pad if rows[i].done else _next(rows[i], logits[place], generators[i], stops)
                for place, i in enumerate(live)
            ]
            left = [place for place, i in enumerate(live) if not rows[i].done]
            if not left:
                return
            if len(left) <= _COMPACT_SHARE * len(live):
                kept = torch.tensor(left, device=device)
                cache.batch_select_indices(kept)
                mask, places = mask[kept], places[kept]
                chosen = [chosen[place] for place in left]
                live = [live[place] for place in left]
            ids = torch.tensor(chosen, device=device)[:, None]
            mask = torch.cat([mask, mask.new_ones((len(live), 1))], dim=1)
            places = places[:, -1:] + 1


def _cache(model: Any) -> tuple[str, Any]:
    """An empty cache of keys and values, and what this model's forward pass calls it."""
    import transformers

    known = inspect.signature(model.forward).parameters
    cache = transformers.DynamicCache(config=model.config)
    return ("cache" if "cache" in known else "past_key_values"), cache


def _watch(rows: list[Row], live: list[int], logits: Any) -> None:
    logs = logits.log_softmax(-1)
    for place, i in enumerate(live):
        row = rows[i]
        if row.watch and all(row.watch.values()):
            found = {name: float(logs[place, ids].max()) for name, ids in row.watch.items()}
            row.watched = found if all(map(math.isfinite, found.values())) else None


def _next(row: Row, logits: Any, generator: Any, stops: frozenset[int]) -> int:
    """The token that a row is continued with; marks the row done where it ends."""
    if row.trie is not None:
        allowed = sorted(row.trie.after)
        token = allowed[_draw(row, logits[allowed], generator)]
        row.trie = row.trie.after[token]
        row.written.append(token)
        row.done = not row.trie.after
        return token
    token = _draw(row, logits, generator)
    if token in stops:
        row.done = True
        return token
    row.written.append(token)
    if len(row.written) >= row.room:
        row.done = row.cut = True
    return token


def _draw(row: Row, logits: Any, generator: Any) -> int:
    if row.temperature <= 0:
        return int(logits.argmax())
    shares = (logits / row.temperature).softmax(-1)
    return int(shares.multinomial(1, generator=generator))
