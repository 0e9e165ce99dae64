"""Rewrites Q4_1 weights in another number format, once, into the cache.

As Q8_0 they are the same numbers to within 8-bit rounding, for a faster kernel: Q4_1 misses
llama.cpp's fast paths on common processors. Going back to 4 bits (Q4_0) would be faster still and
changes half of the model's choices; 8 bits change next to none.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from platformdirs import user_cache_path

from truing.errors import MissingExtra
from truing.models.weights import content_digits

__all__ = ["as_kind", "as_q8_0", "rewrite"]


def as_q8_0(weights: Path) -> Path:
    """Path of the Q8_0 twin of a GGUF file, made in the cache where it is not there yet.

    A file without Q4_1 tensors, or one without the package `gguf` at hand, is used as it is.
    """
    try:
        return as_kind(weights, "Q8_0")
    except MissingExtra:
        return weights


def as_kind(weights: Path, kind_name: str) -> Path:
    """Path of the twin of a GGUF file whose Q4_1 tensors are of another kind (see `rewrite`).

    Made in the cache where it is not there yet; a file without Q4_1 tensors is its own twin.
    Raises `MissingExtra` where the package `gguf` is not at hand.
    """
    try:
        import gguf
    except ImportError as error:
        raise MissingExtra(
            f"rewriting weights as {kind_name} needs gguf: pip install 'truing[embedded]'"
        ) from error
    # By content: tuned weights have the name and the size of those that they were tuned from.
    twin = f"{weights.stem}-{content_digits(weights)}.{kind_name}.gguf"
    target = user_cache_path("truing") / "weights" / twin
    if target.is_file():
        return target
    four_bit = gguf.GGMLQuantizationType.Q4_1
    if not any(tensor.tensor_type == four_bit for tensor in gguf.GGUFReader(weights).tensors):
        return weights
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        part = Path(folder) / "part.gguf"
        rewrite(weights, part, kind_name)
        part.replace(target)
    return target


def rewrite(weights: Path, target: Path, kind_name: str) -> None:
    """Write a GGUF file whose Q4_1 tensors are of another kind (Q8_0, Q4_0, F16, F32)."""
    import gguf

    reader = gguf.GGUFReader(weights)
    kind = gguf.GGMLQuantizationType[kind_name]
    writer = gguf.GGUFWriter(target, reader.fields["general.architecture"].contents())
    for field in reader.fields.values():
        if field.name.startswith("GGUF.") or field.name in (
            "general.architecture",
            "general.file_type",
        ):
            continue
        outer = field.types[0]
        inner = field.types[-1] if outer == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(field.name, field.contents(), outer, sub_type=inner)
    for tensor in reader.tensors:
        data, given = tensor.data, tensor.tensor_type
        if given == gguf.GGMLQuantizationType.Q4_1:
            data = gguf.quants.quantize(gguf.quants.dequantize(data, given), kind)
            given = kind
        writer.add_tensor(tensor.name, data, raw_dtype=given)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
