"""Start-up: wall seconds of `truing --help` and `import truing`, median of 15 each.

.venv/bin/python benchmarks/startup.py
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from record import record

COMMANDS = {
    "truing --help": [sys.executable, "-m", "truing", "--help"],
    "import truing": [sys.executable, "-c", "import truing"],
    "bare interpreter": [sys.executable, "-c", "pass"],
}


def seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


found = {}
for name, command in COMMANDS.items():
    seconds(command)
    times = [seconds(command) for _ in range(15)]
    found[name] = round(statistics.median(times), 3)
    print(f"{name:<18} median {found[name]:.3f} s, max {max(times):.3f} s")
record("startup_seconds", found)
