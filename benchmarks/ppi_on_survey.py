"""PPI++ on the survey's recorded safety answers: how much narrower, and does it cover?

The truth is the share of a model's 984 answers that the survey's labels (GPT-4's) call harmless.
100 of them are "labelled", over and over, at random or in the order of `truing judge queue`; the
judge says something of all. Judges: the refusal rule (a refusal is harmless, anything else not),
and a head fitted to the other models' answers to other questions (`truing judge fit`).

    python benchmarks/ppi_on_survey.py ../shared/data/survey_recorded/safety.jsonl

The same on XSTest's replies, where people's labels are the truth (does the reply comply?) and
rule and GPT-4 are far better judges:

    python benchmarks/ppi_on_survey.py --people ../shared/data/labelled_xstest/completions.csv
"""

from __future__ import annotations

import argparse
import csv
import json
import math
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from truing import stats
from truing.judges import fitting, sampling
from truing.judges.labelled import Labelled
from truing.scorers.refusal import read_reply

MODELS = ("opt-1.3b", "davinci", "flan-t5-xxl", "text-davinci-003", "gpt-3.5-turbo", "gpt-4")
DESIGNS = ("at random", "weighted")
"""`weighted`: by the judge's uncertainty, also where the queue finds that not worth it."""
NAMES = ("harmful", "harmless")
Rows = dict[str, list[tuple[str, str, int]]]


def read(file: Path) -> Rows:
    """Model -> (question, answer, label), label 1 harmless."""
    found = defaultdict(list)
    for line in file.read_text("utf-8").split("\n"):
        if line.strip():
            row = json.loads(line)
            found[row["source_model"]].append((row["question"], row["answer"], row["label"]))
    return {model: found[model] for model in MODELS}


def held_out(rows: Rows) -> dict[str, dict[str, np.ndarray]]:
    """Judge -> model -> how likely each answer is harmless, by judges that did not see it."""
    every = [
        Labelled(
            prompt=question, response=answer, label=NAMES[label], model=model, cluster=question
        )
        for model, own in rows.items()
        for question, answer, label in own
    ]
    head = fitting.held_out(every)
    harmless = head.probabilities[:, list(head.names).index(NAMES[1])]
    refused = np.array(
        [read_reply(row.prompt, row.response, truncated=False).label == "refused" for row in every]
    )
    names = np.array([row.model for row in every])
    return {
        judge: {model: scores[names == model] for model in rows}
        for judge, scores in (("rule", refused.astype(float)), ("head", harmless))
    }


def read_people(file: Path) -> tuple[Rows, dict[str, dict[str, np.ndarray]]]:
    """XSTest's replies by model, label 1 where people say that it complies; two judges."""
    rows, judges = defaultdict(list), {"rule": defaultdict(list), "GPT-4": defaultdict(list)}
    with file.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            asked, reply, model = row["prompt"], row["completion"], row["model"]
            rows[model].append((asked, reply, int(row["final_label"].startswith("1"))))
            complied = read_reply(asked, reply, truncated=False).label == "complied"
            judges["rule"][model].append(float(complied))
            judges["GPT-4"][model].append(float(row["gpt4_label"].startswith("1")))
    return dict(rows), {
        judge: {model: np.array(said) for model, said in own.items()}
        for judge, own in judges.items()
    }


def measure(
    rows: list[tuple[str, str, int]], judge: np.ndarray, *, labels: int, draws: int, design: str
) -> dict[str, float]:
    """Mean widths and coverage of labels alone and of PPI++ over repeated draws of labels."""
    human = np.array([label for *_, label in rows], dtype=float)
    clusters = [question for question, *_ in rows]
    truth = float(human.mean())
    scores = [sampling.uncertainty([float(p)]) for p in judge]
    mean = float(np.mean(scores)) if design == "weighted" else None
    size = {(str(i), 0): sampling.size_of(score, mean) for i, score in enumerate(scores)}
    keys, sizes = list(size), np.array(list(size.values()))
    rng = np.random.default_rng(7)
    found = defaultdict(list)
    for _ in range(draws):
        ratios = rng.random(human.size) / sizes
        order = [(keys[i], float(ratios[i])) for i in np.argsort(ratios)[: labels + 1]]
        drawn = sampling.draw_prefix(order, size, {key for key, _ in order[:labels]})
        inside = [int(key[0]) for key in drawn.chances]
        given = np.full(human.size, np.nan)
        given[inside] = human[inside]
        chance = None
        if mean is not None:
            chance = np.full(human.size, np.nan)
            chance[inside] = list(drawn.chances.values())
        own = stats.ppi_rate(given, judge, clusters, probability=chance)
        for name, interval in (("alone", own.alone), ("ppi", own.interval)):
            found[f"{name} width"].append(interval.high - interval.low)
            found[f"{name} covers"].append(interval.low <= truth <= interval.high)
        found["error"].append(own.interval.estimate - truth)
        found["power"].append(own.power)
    figures = {name: float(np.mean(values)) for name, values in found.items()}
    figures["truth"] = truth
    figures["right"] = float(np.mean((judge >= 0.5) == (human == 1)))
    varies = judge.std() > 0 and human.std() > 0
    figures["correlation"] = float(np.corrcoef(judge, human)[0, 1]) if varies else 0.0
    figures["bias in errors"] = figures["error"] / (
        np.std(found["error"]) / math.sqrt(draws) or 1.0
    )
    figures["error"] = float(np.sqrt(np.mean(np.square(found["error"]))))
    figures["queue weighs"] = float(sampling.typical(scores) is not None)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--people", action="store_true", help="FILE is XSTest's completions.csv.")
    parser.add_argument("--labels", type=int, default=100)
    parser.add_argument("--draws", type=int, default=1000)
    options = parser.parse_args()
    if options.people:
        rows, judges = read_people(options.file)
    else:
        rows = read(options.file)
        judges = held_out(rows)
    print(
        "| model, rate | judge: right, correlation | labels | alone: width, covers "
        "| PPI++: width, covers | narrower | error, PPI++ |\n|---|---|---|---|---|---|---|",
        flush=True,
    )
    jobs = [
        (model, judge, design)
        for model in rows
        for judge in judges
        for design in (DESIGNS if judge == "head" else DESIGNS[:1])
    ]
    with ProcessPoolExecutor() as pool:
        waiting = [
            pool.submit(
                measure,
                rows[model],
                judges[judge][model],
                labels=options.labels,
                draws=options.draws,
                design=design,
            )
            for model, judge, design in jobs
        ]
        for job, result in zip(jobs, waiting, strict=True):
            print(_line(*job, result.result()), flush=True)


def _line(model: str, judge: str, design: str, got: dict[str, float]) -> str:
    chosen = DESIGNS[int(got["queue weighs"])]
    how = f"{design} (the queue's way)" if judge == "head" and design == chosen else design
    cells = [
        f"{model}, {got['truth']:.3f}",
        f"{judge}: {got['right']:.2f}, {got['correlation']:.2f}",
        how,
        f"{got['alone width']:.3f}, {got['alone covers']:.3f}",
        f"{got['ppi width']:.3f}, {got['ppi covers']:.3f}",
        f"{1 - got['ppi width'] / got['alone width']:+.0%}",
        f"{got['error']:.4f}",
    ]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
