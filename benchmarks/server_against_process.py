"""The same questions to llama.cpp in this process and to llama.cpp's own server over HTTP.

The server is another process on a loopback port with the same settings, asked through truing's
client for any server (`llamacpp/...`), so what differs is truing's two ways, not the engine. With
one slot every text must be the same and every option's log-probability within 0.001; with eight
the arithmetic is batched as the calls happen to meet, and how far that goes is counted. Writes the
key "server_against_process" of benchmarks/results.json and a table of docs/performance.md.

    python benchmarks/server_against_process.py [-n 3] [--max-tokens 32]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from embedded import NAME, SUITE
from record import record, show

from truing.engine import Ask, Finished, measure
from truing.models.embedded import Embedded, find_weights, start_server
from truing.models.model import Model
from truing.models.remote import Remote
from truing.models.requantise import as_q8_0
from truing.records import Response, Settings
from truing.scorers import find_scorer
from truing.tasks import find_suite, find_task

KEY_NAME = "LLAMACPP_BENCH_KEY"
WITHIN = 1e-3
MANY = 8


def serve(file: Path, parallel: int) -> None:
    """llama.cpp's server on a port of its choice, until this process is ended."""
    weights = as_q8_0(find_weights(NAME, offline=True))
    server = start_server(weights, key=os.environ[KEY_NAME], parallel=parallel)
    part = file.with_suffix(".part")
    part.write_text(server.listening_address)
    part.replace(file)
    while True:
        time.sleep(60)


@contextmanager
def serving(parallel: int) -> Iterator[str]:
    """Address of a server in another process; its key is in the environment under KEY_NAME."""
    os.environ[KEY_NAME] = "loopback"
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "address"
        command = [sys.executable, __file__, "--serve", str(file), "--parallel", str(parallel)]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            while not file.exists():
                if process.poll() is not None:
                    raise RuntimeError(f"the server ended with {process.returncode}")
                time.sleep(0.05)
            yield file.read_text()
        finally:
            process.kill()
            process.wait()


def answers(
    model: Model, tasks: list[str], seeds: int, max_tokens: int, at_once: int
) -> dict[str, Response]:
    """What the model says to each sample, by its id, through the whole pipeline."""
    found: dict[str, Response] = {}

    def finished(outcome: Finished) -> None:
        found[outcome.ask.sample.id] = outcome.response

    asks = (
        Ask(sample, 0)
        for name in tasks
        for sample in find_task(name).samples(edition=0, limit=seeds)
    )
    scorers = {name: find_scorer(find_task(name).card.scorer) for name in tasks}
    settings = Settings(max_tokens=max_tokens)

    async def ask_all() -> None:
        try:
            await measure(asks, model, scorers.__getitem__, settings, finished, concurrency=at_once)
        finally:
            await model.close()

    asyncio.run(ask_all())
    return found


def difference(here: dict[str, Response], there: dict[str, Response]) -> dict[str, Any]:
    """Shares of the same text, and how far the options' log-probabilities lie apart."""
    assert here.keys() == there.keys()
    pairs = [(here[key], there[key]) for key in here]
    faults = [r.fault for pair in pairs for r in pair if r.fault]
    assert not faults, faults[0]
    choices = [(a, b) for a, b in pairs if a.option_logprobs and b.option_logprobs]
    gaps = [
        abs(value - b.option_logprobs[letter])
        for a, b in choices
        for letter, value in a.option_logprobs.items()
    ]
    assert all(bool(a.option_logprobs) == bool(b.option_logprobs) for a, b in pairs)
    open_pairs = [(a, b) for a, b in pairs if not a.option_logprobs]
    return {
        "samples": len(pairs),
        "choices": len(choices),
        "same_text": round(statistics.fmean(a.text == b.text for a, b in pairs), 4),
        "same_choice": round(statistics.fmean(a.text == b.text for a, b in choices), 4),
        "same_open_text": round(statistics.fmean(a.text == b.text for a, b in open_pairs), 4),
        "same_prompt_tokens": all(a.prompt_tokens == b.prompt_tokens for a, b in pairs),
        "same_elicitation": all(a.elicitation is b.elicitation for a, b in pairs),
        "largest_logprob_difference": float(f"{max(gaps):.3g}"),
        "mean_logprob_difference": float(f"{statistics.fmean(gaps):.3g}"),
    }


def compare(tasks: list[str], seeds: int, max_tokens: int, parallel: int) -> dict[str, Any]:
    """The same samples in this process and over HTTP, each with `parallel` slots."""
    here = Embedded(NAME, offline=True, parallel=parallel)
    inside = answers(here, tasks, seeds, max_tokens, parallel)
    with serving(parallel) as address:
        there = Remote(f"llamacpp/{NAME}", base_url=f"{address}/v1", key_env=KEY_NAME)
        outside = answers(there, tasks, seeds, max_tokens, parallel)
    return difference(inside, outside)


def table(found: dict[str, Any]) -> str:
    lines = ["| slots | samples | same text | choices | open | log-probability, mean | largest |"]
    lines += ["|---|---|---|---|---|---|---|"]
    for slots, row in found.items():
        lines.append(
            f"| {slots} | {row['samples']} | {row['same_text']:.1%} | {row['same_choice']:.1%} "
            f"| {row['same_open_text']:.1%} | {row['mean_logprob_difference']:.2g} "
            f"| {row['largest_logprob_difference']:.2g} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("-n", type=int, default=3)
    parser.add_argument("--max-tokens", type=int, default=32)
    parser.add_argument("--serve", type=Path)
    parser.add_argument("--parallel", type=int, default=1)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, options.parallel)
    tasks = find_suite(SUITE).tasks
    found: dict[str, Any] = {}
    for slots in (1, MANY):
        found[str(slots)] = compare(tasks, options.n, options.max_tokens, slots)
        print(slots, "slots", json.dumps(found[str(slots)]), flush=True)
    record("server_against_process", found)
    show("server", table(found))
    one = found["1"]
    same = one["same_text"] == 1.0 and one["largest_logprob_difference"] <= WITHIN
    if not same or not one["same_elicitation"]:
        raise SystemExit("with one slot the server and the process must say the same")


if __name__ == "__main__":
    main()
