"""Times the number of calls in flight that is found while calling against fixed ones, by server.

The tests' server has core 1, `truing run` core 0. A figure is answers a second from the first call
to the last answer, as the run's own summary says it: start-up is the same whatever the setting, and
on a short run it would hide what a slow ramp costs. Every setting runs once; then the best fixed
ones and the adaptive run in turn. Figures are medians; the share is the median over the turns, each
against the setting that won, since what else the machine does then meets both. Writes the key
"adaptive" of benchmarks/results.json and a table of docs/performance.md.

    python benchmarks/shapes.py [--repeats 4] [--only any,limited,crowded]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from engine import ENVIRONMENT, SERVER, Truing
from record import record, show

AGAIN = 2
"""So many of the fixed settings, the best of the first round, are timed again."""


class Shape(NamedTuple):
    """A server, and the settings it is tried with."""

    title: str
    server: tuple[str, ...]
    calls: int
    settings: tuple[int, ...]


SHAPES = {
    "any": Shape("50 ms, any load", (), 5_000, (32, 64, 128, 256, 512, 1024)),
    # Most settings take the same 20 seconds here: fewer of them.
    "limited": Shape(
        "200 requests/s, the rest refused with 429",
        ("--rate-limit", "200"),
        4_000,
        (8, 12, 32, 128),
    ),
    "crowded": Shape(
        "latency grows with the square of the load above 90",
        ("--capacity", "90"),
        5_000,
        (32, 64, 96, 128, 256),
    ),
}


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[str]:
    port = folder / "url"
    port.unlink(missing_ok=True)
    command = ["taskset", "-c", "1", sys.executable, str(SERVER), "--port-file", str(port)]
    process = subprocess.Popen([*command, "--latency", "0.05", "--lean", *options])
    try:
        while not port.exists():
            time.sleep(0.02)
        yield port.read_text()
    finally:
        process.kill()
        process.wait()


def answers_a_second(folder: Path, shape: Shape, setting: int | None) -> float:
    """One run against a server of its own: what a limit has left over is not the next run's."""
    out = folder / "out"
    with serving(folder, *shape.server) as url:
        command = ["taskset", "-c", "0", sys.executable, "-m", "truing", "run", "-m", "m"]
        command += ["--base-url", url, "--task", "hallucination/bench", "--no-cache", "--json"]
        command += ["-n", str(shape.calls // 2), "-o", str(out)]
        command += ["-j", str(setting)] if setting else []
        environment = {**ENVIRONMENT, "PYTHONPATH": str(folder)}
        done = subprocess.run(command, env=environment, capture_output=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr.decode()[-2000:])
    summary = json.loads(done.stdout)
    assert summary["calls"] - summary["retries"] == shape.calls, summary["calls"]
    assert summary["owed"] == 0
    subprocess.run(["rm", "-rf", str(out)], check=True)
    return float(shape.calls / summary["wall_seconds"])


def measure(folder: Path, shape: Shape, repeats: int) -> dict[str, Any]:
    once = {setting: answers_a_second(folder, shape, setting) for setting in shape.settings}
    best = sorted(shape.settings, key=lambda setting: -once[setting])[:AGAIN]
    turns: dict[int | None, list[float]] = {None: [], **{setting: [] for setting in best}}
    for _ in range(repeats):
        for setting, rates in turns.items():
            rates.append(answers_a_second(folder, shape, setting))
    medians = {setting: statistics.median(rates) for setting, rates in turns.items()}
    winner = max(best, key=medians.__getitem__)
    pairs = zip(turns[None], turns[winner], strict=True)
    shares = [found / fixed for found, fixed in pairs]
    return {
        "share": round(statistics.median(shares), 3),
        "shares": [round(share, 3) for share in shares],
        "samples_per_second": round(medians[None], 1),
        "best_fixed": winner,
        "fixed_samples_per_second": {str(s): round(medians.get(s, once[s]), 1) for s in once},
        "samples": shape.calls,
    }


def table(results: dict[str, Any]) -> str:
    lines = ["| server | found while calling | best fixed | share | samples |"]
    lines += ["|---|---|---|---|---|"]
    for key, shape in SHAPES.items():
        if row := results.get(key):
            best = row["fixed_samples_per_second"][str(row["best_fixed"])]
            lines.append(
                f"| {shape.title} | {row['samples_per_second']:,.0f}/s "
                f"| {best:,.0f}/s with {row['best_fixed']} | {row['share']:.2f} "
                f"| {row['samples']:,} |"
            )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=4)
    parser.add_argument("--only", default=",".join(SHAPES))
    options = parser.parse_args()
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        Truing(Path(name), "").plug_in()
        for key in options.only.split(","):
            found[key] = measure(Path(name), SHAPES[key], options.repeats)
            print(key, json.dumps(found[key]), flush=True)
    shown = table(record("adaptive", found))
    show("adaptive", shown)
    print(shown)


if __name__ == "__main__":
    main()
