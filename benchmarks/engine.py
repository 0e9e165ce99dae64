"""Times truing, lm-eval, inspect-ai and a bare loop on the same questions, in one go.

Each harness has core 0 to itself, the server (50 ms a request) core 1. A figure is the median of
three runs of the whole process; processor time a sample is the difference of two sizes divided by
the difference in samples, so that start-up is not in it. Writes benchmarks/results.json.

    python benchmarks/engine.py [--repeats 3] [--peers FOLDER_OF_VENVS] [--only truing,bare,...]

The peers need virtual environments named `lm_eval` and `inspect_ai` in that folder, made from
benchmarks/peers/requirements-*.txt; without them their figures stay as they are in the file.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
PAGE = HERE.parent / "docs" / "performance.md"
MARKS = ("<!-- figures -->", "<!-- end of figures -->")
RESULTS = HERE / "results.json"
SERVER = HERE.parent / "tests" / "fault_server.py"
CARD = """
id = "hallucination/bench"
subcategory = "reliability.hallucination"
title = "Benchmark"
edition = "1"
failure = "none: it measures the harness"
unit = "sample"
headline = "worse_side"
scorer = "choice@1"
languages = ["en"]
sources = "made by benchmarks/engine.py"
licence = "MIT"
limits = ["a benchmark"]
max_tokens = 8
[ask]
kind = "choice"
template = "{text}"
options = [{ role = "yes", text = "Yes." }, { role = "no", text = "No." }]
[[sides]]
name = "one"
meaning = "yes"
[[sides.variants]]
name = "one"
right = "yes"
[[sides]]
name = "two"
meaning = "no"
[[sides.variants]]
name = "two"
right = "no"
"""
OURS = ("bare", "truing", "lm_eval", "inspect_ai", "growth", "machine")
LM_EVAL_TASK = """
task: bench
dataset_path: json
dataset_kwargs: {data_files: {test: DATA}}
test_split: test
output_type: generate_until
doc_to_text: question
doc_to_target: answer
generation_kwargs: {max_gen_toks: 24, temperature: 0, until: []}
filter_list:
  - name: letter
    filter:
      - {function: regex, regex_pattern: '\\\\(([A-J])\\\\)'}
      - {function: take_first}
metric_list: [{metric: exact_match, aggregation: mean, higher_is_better: true}]
"""


def question(number: int) -> str:
    words = " ".join(f"word{(number * 31 + place * 17) % 997}" for place in range(70))
    return f"Question {number}. {words}. Is it so?"


@contextmanager
def server(folder: Path) -> Iterator[str]:
    port = folder / "url"
    port.unlink(missing_ok=True)
    command = ["taskset", "-c", "1", sys.executable, str(SERVER), "--port-file", str(port)]
    process = subprocess.Popen([*command, "--latency", "0.05", "--lean"])
    try:
        while not port.exists():
            time.sleep(0.02)
        yield port.read_text()
    finally:
        process.kill()
        process.wait()


def timed(
    command: list[str], environment: dict[str, str], log: Path, cwd: Path | None = None
) -> dict[str, float]:
    """Wall and processor seconds of a whole process and its children, and its largest memory."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    with log.open("wb") as out:
        process = subprocess.Popen(
            ["taskset", "-c", "0", *command],
            env={**ENVIRONMENT, **environment},
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=cwd,
        )
        _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    if status:
        raise SystemExit(f"{' '.join(command)}: failed\n{log.read_text()[-2000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall": wall, "cpu": cpu, "memory_mb": usage.ru_maxrss / 1024}


class Harness:
    """How one harness is run on `count` samples."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        self.number = 0

    def fresh(self) -> Path:
        self.number += 1
        return self.folder / f"out{type(self).__name__}{self.number}"

    def data(self, count: int) -> Path:
        """The questions as truing shows them, for the peers."""
        file = self.folder / f"questions-{count}.jsonl"
        if not file.exists():
            ask = "A) Yes.\nB) No.\nAnswer with the letter of one option: A or B."
            rows = ({"question": f"{question(n)}\n{ask}", "answer": "A"} for n in range(count))
            file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return file


class Truing(Harness):
    sizes = (1_000, 5_000)
    seeds = 2_500

    def plug_in(self) -> None:
        """A package of its own brings the task, as any package may."""
        task = self.folder / "task"
        task.mkdir()
        (task / "card.toml").write_text(CARD)
        with (task / "seeds.jsonl").open("w") as out:
            for n in range(self.seeds):
                out.write(json.dumps({"id": f"s{n}", "text": question(n)}) + "\n")
        info = self.folder / "truing_bench-0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: truing-bench\nVersion: 0\n")
        (info / "entry_points.txt").write_text("[truing.tasks]\nbench = truing_bench:folder\n")
        code = f"from pathlib import Path\ndef folder():\n    return Path({str(task)!r})\n"
        (self.folder / "truing_bench.py").write_text(code)

    def run(self, count: int, *, in_flight: int | None = 500) -> dict[str, float]:
        if not (self.folder / "task").exists():
            self.plug_in()
        out = self.fresh()
        command = [sys.executable, "-m", "truing", "run", "-m", "m", "--base-url", self.url]
        command += ["--task", "hallucination/bench", "-n", str(count // 2), "--no-cache"]
        command += ["-o", str(out)]
        command += ["-j", str(in_flight)] if in_flight else []
        spent = timed(command, {"PYTHONPATH": str(self.folder)}, self.folder / "log")
        summary = json.loads((out / "summary.json").read_text())
        assert summary["calls"] == count, summary["calls"]
        assert summary["owed"] == 0
        assert not any(row["unscored"] for row in summary["rows"])
        subprocess.run(["rm", "-rf", str(out)], check=True)
        return spent


class Bare(Harness):
    """The client alone: the same bodies sent and decoded, nothing scored and nothing kept."""

    sizes = (1_000, 5_000)

    def run(self, count: int) -> dict[str, float]:
        command = [sys.executable, __file__, "--bare", str(count), "--url", self.url]
        return timed(command, {}, self.folder / "log")


class LmEval(Harness):
    sizes = (1_000, 5_000)
    fast = "num_concurrent=500,max_retries=3,timeout=120"
    default = "num_concurrent=1"
    python = ""

    def run(self, count: int, settings: str = fast) -> dict[str, float]:
        tasks = self.fresh()
        tasks.mkdir()
        task = LM_EVAL_TASK.replace("DATA", str(self.data(count))).replace("\\\\\\\\", "\\\\")
        (tasks / "bench.yaml").write_text(task)
        out = tasks / "out"
        command = [self.python, "-m", "lm_eval", "--model", "local-chat-completions"]
        url = f"{self.url}/chat/completions"
        command += ["--model_args", f"model=m,base_url={url},{settings}"]
        command += ["--tasks", "bench", "--include_path", str(tasks), "--apply_chat_template"]
        command += ["--log_samples", "--output_path", str(out)]
        quiet = {"HF_DATASETS_OFFLINE": "1", "HF_HUB_OFFLINE": "1", "HF_HOME": str(self.folder)}
        spent = timed(command, {**quiet, "OPENAI_API_KEY": "x"}, self.folder / "log")
        logged = sum(len(f.read_text().splitlines()) for f in out.rglob("samples_*.jsonl"))
        assert logged == count, logged
        return spent


class InspectAi(Harness):
    sizes = (300, 1_200)
    fast = ("--max-connections", "500", "--max-samples", "500", "--no-log-realtime")
    default = ()
    python = ""

    def run(self, count: int, settings: tuple[str, ...] = fast) -> dict[str, float]:
        out = self.fresh()
        command = [str(Path(self.python).parent / "inspect"), "eval"]
        command += ["inspect_task.py", "--model", "openai/m"]
        command += ["--display", "none", "--log-dir", str(out), *settings]
        environment = {
            "OPENAI_BASE_URL": self.url,
            "OPENAI_API_KEY": "x",
            "BENCH_DATA": str(self.data(count)),
        }
        spent = timed(command, environment, self.folder / "log", HERE / "peers")
        (log,) = out.glob("*.eval")
        found = sum(name.startswith("samples/") for name in zipfile.ZipFile(log).namelist())
        assert found == count, found
        return spent


async def bare(url: str, count: int) -> None:
    import msgspec

    from truing.models.http import HttpClient

    client = HttpClient(url, {"Authorization": "Bearer x"}, timeout_seconds=120)
    left = iter(range(count))

    async def work() -> None:
        for number in left:
            message = {"role": "user", "content": question(number)}
            body = {"model": "m", "messages": [message], "max_tokens": 24, "temperature": 0.0}
            reply = await client.post("/chat/completions", msgspec.json.encode(body))
            assert msgspec.json.decode(reply.body)["choices"]

    async with asyncio.TaskGroup() as group:
        for _ in range(500):
            group.create_task(work())
    await client.close()


def measure(harness: Any, repeats: int) -> dict[str, Any]:
    """Medians over the repeats, at the two sizes."""
    small, large = harness.sizes
    harness.run(small)  # so that no first-time compilation is in the figures
    pairs = [(harness.run(small), harness.run(large)) for _ in range(repeats)]
    cpu = [1000 * (b["cpu"] - a["cpu"]) / (large - small) for a, b in pairs]
    walls = [b["wall"] for _, b in pairs]
    return {
        "cpu_ms_per_sample": round(statistics.median(cpu), 4),
        "samples_per_second": round(large / statistics.median(walls), 1),
        "wall_seconds": [round(wall, 3) for wall in walls],
        "samples": large,
        "memory_mb": round(max(b["memory_mb"] for _, b in pairs)),
    }


class Large(Truing):
    """A task of 200,000 different samples."""

    seeds = 100_000


def growth(truing: Truing, large: Large) -> dict[str, Any]:
    """200,000 samples, all different, against 5,000."""
    runs = [truing.run(5_000), large.run(200_000)]
    rates = [size / run["wall"] for size, run in zip((5_000, 200_000), runs, strict=True)]
    return {
        "ratio": round(rates[1] / rates[0], 3),
        "samples_per_second": [round(rate, 1) for rate in rates],
        "samples": [5_000, 200_000],
        "memory_mb": [round(run["memory_mb"]) for run in runs],
    }


def write_page(results: dict[str, Any]) -> None:
    """Put the figures between the marks of docs/performance.md."""
    lines = ["| | CPU ms a sample | samples/s, whole process | samples | memory MB |"]
    lines += ["|---|---|---|---|---|"]
    names = {
        "bare": "the client alone, nothing scored or kept",
        "truing": "truing, 500 in flight",
        "lm_eval": "lm-eval 0.4.13, num_concurrent=500",
        "inspect_ai": "inspect-ai 0.3.285, max-connections 500",
    }
    for key, name in names.items():
        if key in results:
            row = results[key]
            lines.append(
                f"| {name} | {row['cpu_ms_per_sample']:.3f} | {row['samples_per_second']:,.0f} "
                f"| {row['samples']:,} | {row['memory_mb']} |"
            )
    if "growth" in results:
        rates, memory = (results["growth"][name] for name in ("samples_per_second", "memory_mb"))
        lines.append(f"| truing, 200,000 samples | | {rates[1]:,.0f} | 200,000 | {memory[1]} |")
    page = PAGE.read_text()
    before, after = page.split(MARKS[0])[0], page.split(MARKS[1])[1]
    PAGE.write_text(before + MARKS[0] + "\n" + "\n".join(lines) + "\n" + MARKS[1] + after)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--peers", type=Path, default=HERE / ".peers")
    parser.add_argument("--only", default="bare,truing,lm_eval,inspect_ai,growth")
    parser.add_argument("--bare", type=int)
    parser.add_argument("--url", default="")
    options = parser.parse_args()
    if options.bare:
        asyncio.run(bare(options.url, options.bare))
        return
    LmEval.python = str(options.peers / "lm_eval" / "bin" / "python")
    InspectAi.python = str(options.peers / "inspect_ai" / "bin" / "python")
    results: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    kinds = {"bare": Bare, "truing": Truing, "lm_eval": LmEval, "inspect_ai": InspectAi}
    wanted = options.only.split(",")
    with tempfile.TemporaryDirectory() as name, server(Path(name)) as url:
        folder = Path(name)
        for key, kind in kinds.items():
            if key not in wanted or not Path(getattr(kind, "python", sys.executable)).exists():
                continue
            harness = kind(folder, url)
            results[key] = measure(harness, options.repeats)
            print(key, json.dumps(results[key]), flush=True)
            if key == "truing":
                free = harness.run(5_000, in_flight=None)
                results[key]["samples_per_second_adaptive"] = round(5_000 / free["wall"], 1)
            if key == "lm_eval":
                spent = harness.run(100, LmEval.default)
                results[key]["default_samples_per_second"] = round(100 / spent["wall"], 1)
            if key == "inspect_ai":
                spent = harness.run(300, InspectAi.default)
                results[key]["default_samples_per_second"] = round(300 / spent["wall"], 1)
        if "growth" in wanted:
            small, large = folder / "growth", folder / "large"
            small.mkdir()
            large.mkdir()
            results["growth"] = growth(Truing(small, url), Large(large, url))
            print("growth", json.dumps(results["growth"]), flush=True)
    results["machine"] = {"python": platform.python_version(), "cores": os.cpu_count()}
    ours = results.get("truing")
    for peer in ("bare", "lm_eval", "inspect_ai"):
        if ours and peer in results:
            results[f"ratio_to_{peer}"] = {
                "cpu": round(results[peer]["cpu_ms_per_sample"] / ours["cpu_ms_per_sample"], 2),
                "samples_per_second": round(
                    ours["samples_per_second"] / results[peer]["samples_per_second"], 2
                ),
            }
    # What other benchmarks wrote meanwhile stays.
    ours_alone = {key: results[key] for key in results if key.startswith("ratio_") or key in OURS}
    kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    RESULTS.write_text(json.dumps({**kept, **ours_alone}, indent=1) + "\n")
    write_page(results)


if __name__ == "__main__":
    main()
