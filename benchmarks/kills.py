"""Kills a run of 2,016 answers 50 times at random moments, against a server with 20 % mixed faults.

Says, from the server's own log, how many answers were asked for again although they had been sent
in full more than 100 ms before a kill, how many repeats there were beside the calls in flight, and
whether the rows equal those of an undisturbed run. Writes the key "kills" of
benchmarks/results.json and a paragraph of docs/performance.md.

    python benchmarks/kills.py [--kills 50] [--seed 1]
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from record import record, show

SERVER = Path(__file__).parents[1] / "tests" / "fault_server.py"
ANSWERED = {"fine", "drip", "duplicate", "filter", "close", "gzip"}
IN_FLIGHT = 8


def command(url: str, out: Path) -> list[str]:
    run = [sys.executable, "-m", "truing", "run", "-m", "m", "--base-url", url, "--no-cache"]
    run += ["--task", "hallucination/grounded_choice", "--epochs", "6", "-j", str(IN_FLIGHT)]
    return [*run, "-o", str(out), "--json"]


def size(out: Path) -> int:
    return sum(file.stat().st_size for file in out.glob("journal/*.jsonl"))


def paragraph(found: dict[str, Any]) -> str:
    """The counts as docs/performance.md says them."""
    equal = "equal" if found["rows_equal"] else "DIFFER FROM"
    return (
        f"{found['kills']} kills over {found['answers']:,} answers, {found['requests']:,} "
        f"requests, {found['faults']} of them faults.\n"
        "Asked for again although sent in full more than 100 ms before a kill: "
        f"{found['asked_again_late']}.\n"
        f"Asked for again because they were in flight at a kill: {found['asked_again']} (at most "
        f"{found['kills'] * found['in_flight']}: {found['in_flight']} calls in flight).\n"
        f"The rows {equal} those of an undisturbed run."
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    draw = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        serve = [sys.executable, str(SERVER), "--port-file", str(folder / "url")]
        serve += ["--log", str(folder / "log"), "--latency", "0.05", "--share", "0.2"]
        server = subprocess.Popen(serve)
        try:
            while not (folder / "url").exists():
                time.sleep(0.02)
            url = (folder / "url").read_text()
            out, kills, starts = folder / "run", [], []
            while len(kills) < options.kills:
                before = size(out)
                starts.append(time.time())
                process = subprocess.Popen(
                    command(url, out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
                )
                while size(out) == before and process.poll() is None:
                    time.sleep(0.002)
                time.sleep(draw.uniform(0.0, 0.35))
                if process.poll() is not None:
                    break  # it finished before it could be killed
                kills.append(time.time())
                process.send_signal(signal.SIGKILL)
                process.wait()
            starts.append(time.time())
            last = subprocess.run(command(url, out), capture_output=True, text=True, check=True)
            time.sleep(0.2)
            lines = (folder / "log").read_text().splitlines()
            calm = subprocess.run(
                command(url, folder / "calm"), capture_output=True, text=True, check=True
            )
            audit = subprocess.run(
                [sys.executable, "-m", "truing", "audit", str(out)],
                capture_output=True,
                text=True,
                check=False,
            )
        finally:
            server.kill()
            server.wait()
    sent: dict[str, list[float]] = defaultdict(list)
    for line in map(json.loads, lines):
        if line["fault"] in ANSWERED and line.get("sent", True):
            sent[line["key"]].append(line["at"])
    repeats = late = 0
    for times in sent.values():
        for at in times[:-1]:
            repeats += 1
            # Sent to a process that was already dead: it was in flight when that was killed.
            dead = any(k <= at < s for k, s in zip(kills, starts[1:], strict=False))
            following = [kill for kill in kills if kill >= at]
            late += not dead and (not following or following[0] - at > 0.1)
    rows, undisturbed = json.loads(last.stdout)["rows"], json.loads(calm.stdout)["rows"]
    for row in (*rows, *undisturbed):
        row.pop("faults")
    faults = sum(json.loads(line)["fault"] not in ANSWERED for line in lines)
    found = {
        "kills": len(kills),
        "requests": len(lines),
        "faults": faults,
        "answers": len(sent),
        "asked_again": repeats,
        "asked_again_late": late,
        "in_flight": IN_FLIGHT,
        "rows_equal": rows == undisturbed,
        "audit": audit.stdout.splitlines()[0],
    }
    show("kills", paragraph(record("kills", found)))
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
