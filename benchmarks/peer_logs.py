"""Makes real logs of inspect-ai, lm-eval and promptfoo for the tests of `truing compare` to read.

The first two ask the embedded model (through its OpenAI-compatible server on a loopback port) the
same few sums, twice each: as they are, and told to think aloud. promptfoo asks two small scripts:
one that can carry and one that cannot, and one sum of which neither answers. What they write is
kept in tests/interop/data/, without the paths and the environment of the machine.
Needs the peers of `make bench`, and npm for promptfoo (left out where there is none).

    python benchmarks/peer_logs.py
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from server_against_process import serving

ROOT = Path(__file__).parents[1]
PEERS = ROOT / "benchmarks" / ".peers"
INSPECT = PEERS / "inspect_ai" / "bin" / "inspect"
LM_EVAL = PEERS / "lm_eval" / "bin" / "lm_eval"
DATA = ROOT / "tests" / "interop" / "data"
INSPECT_TASK = """
from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.scorer import includes
from inspect_ai.solver import generate, prompt_template

@task
def sums(told: str = ""):
    rows = [(a, b) for a in range(2, 8) for b in range(3, 7)]
    samples = [
        Sample(id=f"sum-{a}-{b}", input=f"What is {a} plus {b}?", target=str(a + b))
        for a, b in rows
    ]
    return Task(
        dataset=MemoryDataset(samples, name="sums"),
        solver=[
            prompt_template((told or "") + "{prompt}"),
            generate(max_tokens=24, temperature=0.0),
        ],
        scorer=includes(),
        epochs=2,
    )
"""
LM_EVAL_TASK = """
task: sums
dataset_path: json
dataset_kwargs:
  data_files: {data}
test_split: train
output_type: generate_until
doc_to_text: "{told}What is {{{{a}}}} plus {{{{b}}}}?"
doc_to_target: "{{{{c}}}}"
generation_kwargs:
  max_gen_toks: 24
  temperature: 0.0
  until: ["\\n\\n"]
filter_list:
  - name: first_number
    filter:
      - function: regex
        regex_pattern: "(\\\\d+)\\\\D*$"
      - function: take_first
metric_list:
  - metric: exact_match
    aggregation: mean
    higher_is_better: true
"""
PROMPTFOO = "promptfoo@0.121.20"
PROVIDER = """
class Sums {
  constructor(options) { this.options = options; }
  id() { return this.options.id; }
  async callApi(prompt) {
    const [, a, b] = prompt.match(/What is (\\d+) plus (\\d+)\\?/).map(Number);
    if (a === 9 && b === 9) throw new Error("no answer");
    const sum = this.options.config.carries ? a + b : (a + b) % 10;
    return { output: `${a} + ${b} = ${sum}` };
  }
}
module.exports = Sums;
"""
RIGHT = "output.split(' ').pop() === String(Number(context.vars.a) + Number(context.vars.b))"
PROMPTFOO_SUMS = [
    (1, 2),
    (2, 5),
    (3, 6),
    (4, 4),
    (5, 7),
    (6, 8),
    (7, 7),
    (8, 3),
    (8, 9),
    (9, 4),
    (9, 6),
    (9, 9),
]
TOLD = {"plain": "", "aloud": "Think aloud before you answer. "}


def inspect_logs(address: str, folder: Path) -> None:
    (folder / "sums.py").write_text(INSPECT_TASK, "utf-8")
    for name, told in TOLD.items():
        logs = folder / name
        told_so = ["-T", f"told={told}", "--log-dir", str(logs), "--display", "none"]
        model = ["--model", "openai-api/local/smollm2", "--model-base-url", f"{address}/v1"]
        steady = ["--max-connections", "4", "--no-fail-on-error"]
        command = [str(INSPECT), "eval", "sums.py", *model, *told_so, *steady]
        environment = {**os.environ, "LOCAL_API_KEY": "loopback", "LOCAL_BASE_URL": f"{address}/v1"}
        subprocess.run(command, cwd=folder, check=True, env=environment)
        (log,) = logs.glob("*.eval")
        shutil.copy(log, DATA / f"inspect_{name}.eval")


def lm_eval_logs(address: str, folder: Path) -> None:
    rows = [{"a": a, "b": b, "c": str(a + b)} for a in range(2, 8) for b in range(3, 7)]
    data = folder / "sums.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    for name, told in TOLD.items():
        tasks = folder / f"tasks_{name}"
        tasks.mkdir()
        (tasks / "sums.yaml").write_text(LM_EVAL_TASK.format(data=data, told=told), "utf-8")
        out = folder / f"out_{name}"
        arguments = (
            f"model=smollm2,base_url={address}/v1/chat/completions,num_concurrent=2,"
            "max_retries=2,tokenized_requests=False"
        )
        model = ["--model", "local-chat-completions", "--model_args", arguments]
        asked = ["--tasks", "sums", "--include_path", str(tasks), "--apply_chat_template"]
        kept_in = ["--log_samples", "--output_path", str(out)]
        command = [str(LM_EVAL), "run", *model, *asked, *kept_in]
        environment = {**os.environ, "OPENAI_API_KEY": "loopback", "HF_HUB_OFFLINE": "1"}
        subprocess.run(command, cwd=folder, check=True, env=environment)
        (samples,) = out.rglob("samples_sums_*.jsonl")
        target = DATA / f"lm_eval_{name}"
        target.mkdir(exist_ok=True)
        for file in target.iterdir():
            file.unlink()
        shutil.copy(samples, target / "samples_sums.jsonl")
        (results,) = out.rglob("results_*.json")
        kept = json.loads(results.read_text("utf-8"))
        kept["configs"]["sums"]["dataset_kwargs"]["data_files"] = "sums.jsonl"
        kept["configs"]["sums"]["metadata"]["config_source"] = "sums.yaml"
        for field in ("pretty_env_info", "git_hash", "upper_git_hash", "transformers_version"):
            kept.pop(field, None)
        (target / "results.json").write_text(json.dumps(kept, indent=2) + "\n", "utf-8")


def inspect_json() -> None:
    """The plain log as inspect's other format, without the transcripts, which nobody reads here."""
    command = [str(INSPECT), "log", "dump", str(DATA / "inspect_plain.eval")]
    dumped = subprocess.run(command, check=True, capture_output=True)
    log = json.loads(dumped.stdout)
    for sample in log["samples"]:
        for field in ("events", "attachments", "events_data"):
            sample.pop(field, None)
    (DATA / "inspect_plain.json").write_text(json.dumps(log) + "\n", "utf-8")


def promptfoo_results(folder: Path) -> None:
    if shutil.which("npm") is None:
        return
    (folder / "provider.js").write_text(PROVIDER, "utf-8")
    models = {"carries": True, "forgets-the-carry": False}
    config = {
        "description": "sums",
        "prompts": ["What is {{a}} plus {{b}}?"],
        "providers": [
            {"id": "file://provider.js", "label": name, "config": {"carries": carries}}
            for name, carries in models.items()
        ],
        "defaultTest": {"assert": [{"type": "javascript", "value": RIGHT, "metric": "right"}]},
        "tests": [{"vars": {"a": a, "b": b}} for a, b in PROMPTFOO_SUMS],
    }
    (folder / "promptfooconfig.json").write_text(json.dumps(config), "utf-8")
    subprocess.run(["npm", "install", "--no-audit", "--no-fund", PROMPTFOO], cwd=folder, check=True)
    quiet = ("TELEMETRY", "UPDATE", "REMOTE_GENERATION")
    environment = {**os.environ, **{f"PROMPTFOO_DISABLE_{name}": "1" for name in quiet}}
    environment["PROMPTFOO_CONFIG_DIR"] = str(folder / "home")
    command = [
        "node_modules/.bin/promptfoo",
        "eval",
        "-c",
        "promptfooconfig.json",
        "-o",
        "results.json",
    ]
    # It ends with 100 where a test failed, and half of them are meant to.
    subprocess.run([*command, "--no-cache", "--no-write"], cwd=folder, env=environment, check=False)
    kept = json.loads((folder / "results.json").read_text("utf-8"))
    for row in kept["results"]["results"]:
        if row.get("error"):
            row["error"] = row["error"].splitlines()[0]
    kept["config"].pop("outputPath", None)
    (DATA / "promptfoo.json").write_text(json.dumps(kept, indent=1) + "\n", "utf-8")


def main() -> None:
    DATA.mkdir(parents=True, exist_ok=True)
    with serving(4) as address, tempfile.TemporaryDirectory() as name:
        inspect_logs(address, Path(name))
        lm_eval_logs(address, Path(name))
        inspect_json()
        promptfoo_results(Path(name))


if __name__ == "__main__":
    main()
