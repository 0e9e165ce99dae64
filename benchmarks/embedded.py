"""Times the embedded model through `truing run` beside llama.cpp called bare, on the same prompts.

The questions are the suite's, the first seeds of each row, as `make demo` asks them. The bare
engine gets the same bodies from a pool of as many threads, with no code of truing's around a call;
once as they come, and once with the choices one at a time, as truing asks them. The three take
turns; a figure is the median, in tokens a second (prompt and answer), of the whole process and
from the first call to the last answer. Writes the key "embedded" of benchmarks/results.json and
tables of docs/performance.md.

    python benchmarks/embedded.py [-n 3] [--repeats 3]
    python benchmarks/embedded.py --explore [--only NAME,...]    # one setting changed at a time
    python benchmarks/embedded.py --quality [-n 17]              # what rewriting the weights costs
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from engine import ENVIRONMENT, RESULTS
from record import record, show

from truing.models.embedded import (
    EMBEDDED,
    PARALLEL,
    body_of,
    find_weights,
    start_server,
)
from truing.models.logprobs import option_logprobs
from truing.models.requantise import as_q8_0, rewrite

NAME = next(iter(EMBEDDED))
SUITE = "survey8"
MAX_TOKENS = 48
REFERENCE = "F32"
KINDS = ("Q4_1", "Q8_0", "Q4_0")
QUIET = 0.1
"""Share of two cores that others may use during a timing; above it, it is done again."""
TRIES = 3
UNSORTED = {"samplers": None, "top_k": None}
NO_LOGPROBS = {"logprobs": None, "top_logprobs": None}
OPEN: dict[str, dict[str, Any]] = {
    "open, as it is": {},
    "open, all samplers": {"body": UNSORTED},
    "open, 4 slots": {"parallel": 4},
    "open, 8 slots": {"parallel": 8},
    "open, 32 slots": {"parallel": 32},
    "open, no flash attention": {"flash": "DISABLED"},
    "open, one cache for all slots": {"params": {"kv_unified": True}},
    "open, Q4_1": {"weights": "Q4_1"},
    "open, Q4_0": {"weights": "Q4_0"},
}
CHOICE: dict[str, dict[str, Any]] = {
    "choice, as it is": {},
    "choice, 2 at a time": {"choices_at_once": 2},
    "choice, 4 at a time": {"choices_at_once": 4},
    "choice, 8 at a time": {"choices_at_once": 8},
    "choice, 16 at a time": {"choices_at_once": 16},
    "choice, 32 at a time": {"choices_at_once": 32, "parallel": 32},
    "choice, no reuse of prompts": {"body": {"cache_prompt": False}},
    "choice, 16 at a time, no reuse": {"choices_at_once": 16, "body": {"cache_prompt": False}},
    "choice, any slot": {"params": {"slot_prompt_similarity": 0.0}},
    "choice, all samplers": {"body": UNSORTED},
    "choice, 8 log-probabilities": {"body": {"top_logprobs": 8}},
    "choice, no log-probabilities": {"body": NO_LOGPROBS},
    "choice, no grammar": {"body": {**NO_LOGPROBS, "grammar": None}},
    "choice, no flash attention": {"flash": "DISABLED"},
    "choice, ubatch 128": {"params": {"n_ubatch": 128}},
    "choice, ubatch 2048": {"params": {"n_ubatch": 2048}},
    "choice, 1 thread": {"threads": 1},
    "choice, Q4_1": {"weights": "Q4_1"},
    "choice, F16": {"weights": "F16"},
    "choice, Q4_0": {"weights": "Q4_0"},
}


def questions(seeds: int) -> list[dict[str, Any]]:
    """Bodies in the order of the suite, with the letters of each question's options."""
    from truing.engine import build_request
    from truing.records import Capabilities, Settings
    from truing.tasks import find_suite, find_task

    class Asked:
        capabilities = Capabilities(temperature=True, seed=True, option_logprobs=True)

    found = []
    for name in find_suite(SUITE).tasks:
        for sample in find_task(name).samples(edition=0, limit=seeds):
            request = build_request(sample, 0, Settings(max_tokens=MAX_TOKENS), Asked)  # type: ignore[arg-type]
            letters = [letter for letter, _ in request.choices]
            found.append({"letters": letters, "body": body_of(request)})
    return found


def weights_of(kind: str, folder: Path) -> Path:
    shipped = find_weights(NAME, offline=True)
    if kind == "Q8_0":
        return as_q8_0(shipped)
    if kind == "Q4_1":
        return shipped
    path = folder / f"{kind}.gguf"
    if not path.exists():
        rewrite(shipped, path, kind)
    return path


def busy() -> float:
    """Processor seconds used on this machine since it started."""
    user, nice, system = map(int, Path("/proc/stat").read_text().split()[1:4])
    return (user + nice + system) / os.sysconf("SC_CLK_TCK")


def own() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def bare(job: dict[str, Any]) -> None:
    """llama.cpp with truing's settings, but for what the job changes: nothing of truing's after."""
    import xllamacpp

    server_of = xllamacpp.Server

    def changed(params: Any) -> Any:
        for name, value in job.get("params", {}).items():
            setattr(params, name, value)
        if kind := job.get("flash"):
            kinds = xllamacpp.llama_flash_attn_type
            params.flash_attn_type = kinds[f"LLAMA_FLASH_ATTN_TYPE_{kind}"]
        if threads := job.get("threads"):
            params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
        return server_of(params)

    xllamacpp.Server = changed
    asked = json.loads(Path(job["questions"]).read_text())
    for question in asked:
        body = question["body"] | job.get("body", {})
        question["body"] = {name: value for name, value in body.items() if value is not None}
    parallel = job.get("parallel", PARALLEL)
    server = start_server(Path(job["weights"]), key="bench", parallel=parallel)
    choices_at_once = job.get("choices_at_once", 0)
    started, busy_before, own_before = time.perf_counter(), busy(), own()
    with ThreadPoolExecutor(parallel) as pool, ThreadPoolExecutor(choices_at_once or 1) as choices:
        waiting = [
            (choices if question["letters"] and choices_at_once else pool).submit(
                server.handle_chat_completions, question["body"]
            )
            for question in asked
        ]
        replies = [reply.result() for reply in waiting]
    seconds = time.perf_counter() - started
    others = busy() - busy_before - (own() - own_before)
    if job.get("replies"):
        Path(job["replies"]).write_text(json.dumps(replies))
    usage = [reply["usage"] for reply in replies]
    prompt = sum(used["prompt_tokens"] for used in usage)
    found = {
        "tokens": prompt + sum(used["completion_tokens"] for used in usage),
        "reused": sum(used["prompt_tokens_details"]["cached_tokens"] for used in usage) / prompt,
        "seconds": seconds,
        "others": others / seconds,
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    print(json.dumps(found), flush=True)
    os._exit(0)  # at once, as nothing here is to be closed


def run_bare(job: dict[str, Any]) -> dict[str, Any]:
    """One process of the bare engine, again where others used the cores."""
    for _ in range(TRIES):
        started = time.perf_counter()
        command = [sys.executable, __file__, "--bare", json.dumps(job)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=ENVIRONMENT)
        if done.returncode:
            raise SystemExit(done.stderr[-2000:])
        found: dict[str, Any] = json.loads(done.stdout)
        found["process"] = time.perf_counter() - started
        if found["others"] < QUIET:
            break
    return found


def run_truing(folder: Path, seeds: int) -> dict[str, Any]:
    out = folder / "out"
    command = [sys.executable, "-m", "truing", "run", "-m", f"embedded/{NAME}", "-s", SUITE]
    command += ["-n", str(seeds), "--max-tokens", str(MAX_TOKENS), "--no-cache", "--offline"]
    started = time.perf_counter()
    command += ["--json", "-o", str(out)]
    done = subprocess.run(command, capture_output=True, check=False, env=ENVIRONMENT)
    process = time.perf_counter() - started
    if done.returncode:
        raise SystemExit(done.stderr.decode()[-2000:])
    subprocess.run(["rm", "-rf", str(out)], check=True)
    summary = json.loads(done.stdout)
    assert summary["owed"] == 0
    return {
        "tokens": summary["tokens"],
        "calls": summary["calls"],
        "seconds": summary["wall_seconds"],
        "process": process,
    }


def compare(folder: Path, seeds: int, repeats: int) -> dict[str, Any]:
    asked = questions(seeds)
    file = folder / "questions.json"
    file.write_text(json.dumps(asked))
    job = {"questions": str(file), "weights": str(weights_of("Q8_0", folder))}
    runs: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for _ in range(repeats):
        runs["truing"].append(run_truing(folder, seeds))
        assert runs["truing"][-1]["calls"] == len(asked)
        runs["bare"].append(run_bare(job))
        runs["bare_one_choice"].append(run_bare({**job, "choices_at_once": 1}))
    found: dict[str, Any] = {"samples": len(asked)}
    for key, each in runs.items():
        process = [run["tokens"] / run["process"] for run in each]
        calls = [run["tokens"] / run["seconds"] for run in each]
        found[key] = {
            "tokens_per_second": round(statistics.median(process), 1),
            "tokens_per_second_calls": round(statistics.median(calls), 1),
            "runs": [round(rate, 1) for rate in process],
            "tokens": each[-1]["tokens"],
        }
    for key in ("bare", "bare_one_choice"):
        for rate, of in (("tokens_per_second", "process"), ("tokens_per_second_calls", "calls")):
            ratio = found["truing"][rate] / found[key][rate]
            found[f"ratio_to_{key}_{of}"] = round(ratio, 3)
    print(json.dumps(found), flush=True)
    return found


def explore(folder: Path, seeds: int, only: list[str]) -> dict[str, Any]:
    """Tokens a second of the bare engine with one setting changed at a time."""
    asked = questions(seeds)
    files = {"choice": folder / "choice.json", "open": folder / "open.json"}
    files["choice"].write_text(json.dumps([each for each in asked if each["letters"]]))
    files["open"].write_text(json.dumps([each for each in asked if not each["letters"]]))
    found = {}
    for name, change in (CHOICE | OPEN).items():
        if only and not any(part in name for part in only):
            continue
        kind = name.partition(",")[0]
        job = {"questions": str(files[kind]), "choices_at_once": 1, **change}
        job["weights"] = str(weights_of(change.get("weights", "Q8_0"), folder))
        run = run_bare(job)
        found[name] = {
            "tokens_per_second": round(run["tokens"] / run["seconds"], 1),
            "reused": round(run["reused"], 3),
            "memory_mb": run["memory_mb"],
            "others": round(run["others"], 3),
        }
        print(name, json.dumps(found[name]), flush=True)
    return found


def quality(folder: Path, seeds: int) -> dict[str, Any]:
    """Choices and log-probabilities of each kind of weights against the shipped ones in F32."""
    from truing.stats import wilson_interval

    asked = [each for each in questions(seeds) if each["letters"]]
    file = folder / "questions.json"
    file.write_text(json.dumps(asked))
    answers: dict[str, list[tuple[str, dict[str, float]]]] = {}
    for kind in (REFERENCE, *KINDS):
        replies = folder / "replies.json"
        job = {"questions": str(file), "weights": str(weights_of(kind, folder)), "parallel": 4}
        run_once = {**job, "choices_at_once": 1, "replies": str(replies)}
        command = [sys.executable, __file__, "--bare", json.dumps(run_once)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        answers[kind] = [
            (reply["choices"][0]["message"]["content"][:1], known)
            for reply, each in zip(json.loads(replies.read_text()), asked, strict=True)
            if (known := option_logprobs(reply["choices"][0]["logprobs"], each["letters"]))
        ]
        assert len(answers[kind]) == len(asked), "an option's letter is missing"
    found: dict[str, Any] = {"samples": len(asked)}
    for kind in KINDS:
        pairs = list(zip(answers[kind], answers[REFERENCE], strict=True))
        same = statistics.fmean(mine[0] == theirs[0] for mine, theirs in pairs)
        gaps = [abs(a[1][key] - b[1][key]) for a, b in pairs for key in a[1]]
        interval = wilson_interval(same, len(pairs))
        found[kind] = {
            "same_choice": round(same, 4),
            "interval": [round(interval.low, 4), round(interval.high, 4)],
            "logprob_difference": round(statistics.fmean(gaps), 4),
            "largest_difference": round(max(gaps), 4),
        }
        print(kind, json.dumps(found[kind]), flush=True)
    return found


def tables(found: dict[str, Any]) -> dict[str, str]:
    """Markdown by the name of its marks."""
    shown = {}
    if "truing" in found:
        lines = ["| | tokens/s, whole process | tokens/s, first call to last answer |"]
        lines += ["|---|---|---|"]
        titles = {
            "truing": "`truing run`",
            "bare": f"llama.cpp bare, {PARALLEL} threads",
            "bare_one_choice": "llama.cpp bare, choices one at a time",
        }
        for key, title in titles.items():
            row = found[key]
            lines.append(
                f"| {title} | {row['tokens_per_second']:.0f} "
                f"| {row['tokens_per_second_calls']:.0f} |"
            )
        shown["embedded"] = "\n".join(lines)
    if "explored" in found:
        lines = ["| what is changed | tokens/s | prompt reused | memory MB |", "|---|---|---|---|"]
        lines += [
            f"| {name} | {row['tokens_per_second']:.0f} | {row['reused']:.0%} "
            f"| {row['memory_mb']} |"
            for name in CHOICE | OPEN
            if (row := found["explored"].get(name))
        ]
        shown["explored"] = "\n".join(lines)
    if "quality" in found:
        lines = ["| weights | same choice | 95 % | log-probability, mean difference | largest |"]
        lines += ["|---|---|---|---|---|"]
        for kind in KINDS:
            row = found["quality"][kind]
            low, high = row["interval"]
            lines.append(
                f"| {kind} | {row['same_choice']:.3f} | {low:.3f} to {high:.3f} "
                f"| {row['logprob_difference']:.3f} | {row['largest_difference']:.2f} |"
            )
        shown["weights"] = "\n".join(lines)
    return shown


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("-n", type=int, default=0)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--explore", action="store_true")
    parser.add_argument("--quality", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--bare")
    options = parser.parse_args()
    if options.bare:
        bare(json.loads(options.bare))
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.explore:
            only = [part for part in options.only.split(",") if part]
            found["explored"] = explore(folder, options.n or 3, only)
        elif options.quality:
            found["quality"] = quality(folder, options.n or 17)
        else:
            found = compare(folder, options.n or 3, options.repeats)
    # Read only now: other benchmarks write their own keys.
    before = json.loads(RESULTS.read_text()).get("embedded", {}) if RESULTS.exists() else {}
    if "explored" in found:
        found["explored"] = before.get("explored", {}) | found["explored"]
    merged = before | found
    record("embedded", merged)
    for mark, table in tables(merged).items():
        show(mark, table)
    for table in tables(found).values():
        print(table)


if __name__ == "__main__":
    main()
