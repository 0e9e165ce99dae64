"""Finds the weights of an `hf/` model: a hub's name, a local folder, or the embedded GGUF.

Knows names, folders and the cache. A GGUF file cannot be trained or saved as it is: its numbers
are written once, as 32-bit floats, into a plain model folder in the cache.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path
from typing import NamedTuple

from platformdirs import user_cache_path

from truing.errors import MissingExtra, NoSuchModel, UsageError
from truing.models.embedded import EMBEDDED, find_weights
from truing.models.weights import content_digits

__all__ = [
    "HuggingFaceName",
    "adapter_label",
    "base_folder",
    "check_base",
    "parse_name",
    "plain_folder",
]

_ADAPTER_FILE = "adapter_config.json"
_WEIGHTS = "adapter_model.safetensors"


class HuggingFaceName(NamedTuple):
    """What stands after `hf/`: the base, and the folders of adapters, in the order laid on it."""

    base: str
    adapters: tuple[Path, ...] = ()

    @property
    def shown(self) -> str:
        """As it stands on reports: adapters by name and content, never by place."""
        return "+".join([self.base, *map(adapter_label, self.adapters)])


def parse_name(name: str) -> HuggingFaceName:
    """`BASE[+ADAPTER[+ADAPTER]]`: BASE a hub's `ORG/NAME`, a folder, or `embedded/NAME`.

    An adapter that was trained on top of another stands after it. Raises `UsageError` where one is
    no folder of an adapter.
    """
    base, *adapters = name.split("+")
    if not all([base, *adapters]):
        raise UsageError(f"hf/{name}: expected hf/ORG/NAME, hf/./FOLDER or hf/BASE+ADAPTER_FOLDER")
    folders = tuple(map(Path, adapters))
    for folder in folders:
        if not (folder / _ADAPTER_FILE).is_file() or not (folder / _WEIGHTS).is_file():
            raise UsageError(
                f"hf/{name}: {folder} is no adapter folder (expected {_ADAPTER_FILE} and "
                f"{_WEIGHTS} in it): make one with truing align train"
            )
    return HuggingFaceName(base, folders)


def adapter_label(folder: Path) -> str:
    """An adapter's folder name and the hash of its weights: what it is called on reports."""
    digest = hashlib.sha256((folder / _WEIGHTS).read_bytes()).hexdigest()[:12]
    return f"{folder.resolve().name}@{digest}"


def base_folder(base: str, *, offline: bool) -> str:
    """What transformers is told to load: a folder, or a hub's name.

    Raises `UnknownName` for an embedded model that there is not, `NoSuchModel` for a folder that
    is none.
    """
    kind, _, name = base.partition("/")
    if kind == "embedded":
        return str(plain_folder(name, offline=offline))
    if base.startswith((".", "/", "~")):
        folder = Path(base).expanduser()
        if not (folder / "config.json").is_file():
            raise NoSuchModel(f"{base}: no model folder (it has no config.json)")
        return str(folder)
    return base


def plain_folder(name: str, *, offline: bool) -> Path:
    """The embedded model as a folder that transformers loads and trains, made once in the cache.

    Raises `MissingExtra` where transformers or gguf is not installed.
    """
    try:
        import gguf  # noqa: F401 - what transformers reads the file with
        import torch
        import transformers
    except ImportError as error:
        raise MissingExtra(
            f"hf/embedded/{name} needs torch, transformers and gguf (missing: {error.name}): "
            "pip install 'truing[hf]'"
        ) from error
    weights = find_weights(name, offline=offline)
    digits = content_digits(weights)
    target = user_cache_path("truing") / "weights" / f"{weights.stem}-{digits}.plain"
    if (target / "config.json").is_file():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as place:
        part = Path(place) / "model"
        where = {"pretrained_model_name_or_path": str(weights.parent), "gguf_file": weights.name}
        loaded = transformers.AutoModelForCausalLM.from_pretrained(**where, dtype=torch.float32)
        tokenizer = transformers.AutoTokenizer.from_pretrained(**where)
        config = loaded.config
        # Loaded from GGUF, a model says it is quantised and may not be saved; its numbers are not.
        if hasattr(config, "quantization_config"):
            del config.quantization_config
        plain = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32)
        plain.load_state_dict(loaded.state_dict())
        plain.save_pretrained(part)
        tokenizer.save_pretrained(part)
        made = {"from": EMBEDDED[name]["about"], "sha256_of_package": EMBEDDED[name]["sha256"]}
        (part / "source.json").write_text(json.dumps(made), "utf-8")
        part.replace(target)
    return target


def check_base(parsed: HuggingFaceName) -> None:
    """Refuse an adapter that was trained on another model, where it says so (`UsageError`)."""
    for place, adapter in enumerate(parsed.adapters):
        card = adapter / "truing_adapter.json"
        if not card.is_file():
            continue
        below = HuggingFaceName(parsed.base, parsed.adapters[:place]).shown
        try:
            trained_on = str(json.loads(card.read_text("utf-8"))["base"])
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(f"{card}: not the card of an adapter: {error}") from error
        if _contents(trained_on) != _contents(below):
            raise UsageError(f"{adapter}: trained on {trained_on}, not on {below}")


def _contents(shown: str) -> list[str]:
    """The base and the hashes of the adapters, whatever they are called."""
    base, *adapters = shown.split("+")
    return [base, *(label.rpartition("@")[2] for label in adapters)]
