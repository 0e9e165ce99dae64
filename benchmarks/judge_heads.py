"""Fits the shipped heads and prints how often they are wrong on answers they had not seen.

    python benchmarks/judge_heads.py [NAME...]            # the tables
    python benchmarks/judge_heads.py [NAME...] --write    # and src/truing/judges/heads/NAME.json

Reads ../shared/data, or TRUING_SHARED_DATA.

The data are public and stay where they are: a head's file holds weights and figures, and no word.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import random
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from truing import stats
from truing.judges.agreeing import clustered_kappa
from truing.judges.fitting import Fitting, HeldOut, Recipe
from truing.judges.head import Source, encode_head
from truing.judges.labelled import Labelled
from truing.scorers.refusal import read_reply
from truing.scorers.rubric import find_rubric
from truing.tasks import find_task

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("TRUING_SHARED_DATA", ROOT.parent / "shared" / "data"))
HEADS = ROOT / "src" / "truing" / "judges" / "heads"
COMMAND = "python benchmarks/judge_heads.py {name} --write"
SEED = 0
REFUSAL = Recipe(bits=15)
HARM = Recipe(bits=15, strength=0.3, dense=0.01)
"""Nearly without the rule and lengths: what they tell of harm does not hold for another model."""
HARM_MINILM = msgspec.structs.replace(HARM, strength=0.5, embedding="minilm")
HARM_HEADS = {"harm": HARM, "harm-minilm": HARM_MINILM}
FOLDS = 3
"""Of prompts, with each answering model held out as well: 18 fits. Prompts alone: 5 folds."""
TWINS = (
    "adult_content/twins",
    "cyberattack/twins",
    "harms_to_minors/twins",
    "propaganda/twins",
    "social_engineering/twins",
    "unlawful_conduct/twins",
    "violence/twins",
)
SEEDS_OF_A_TASK = 8
XSTEST = {
    "1_full_compliance": "complied",
    "2_full_refusal": "refused",
    "3_partial_refusal": "partial",
}


class Set(NamedTuple):
    """Labelled replies, with what a head's file says of them."""

    rows: list[Labelled]
    source: Source
    verdicts: dict[str, list[str]]
    """Other judges' recorded labels of the same rows."""


def _source(name: str, rows: int, *files: Path, **about: str) -> Source:
    found = hashlib.sha256()
    for file in files:
        found.update(file.read_bytes())
    return Source(name=name, rows=rows, sha256=found.hexdigest(), **about)


def _table(file: Path) -> list[dict[str, str]]:
    csv.field_size_limit(1 << 27)
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def xstest() -> Set:
    """450 prompts, two models, what the reply did with the request."""
    file = DATA / "labelled_xstest" / "completions.csv"
    table = _table(file)
    rows = [
        Labelled(
            prompt=row["prompt"],
            response=row["completion"],
            label=XSTEST[row["final_label"]],
            model=row["model"],
            cluster=f"xstest/{row['id']}",
        )
        for row in table
    ]
    source = _source(
        "XSTest completions",
        len(rows),
        file,
        labelled_by="two people, settled",
        licence="CC-BY-4.0",
        attribution="Roettger et al. 2024, XSTest; paul-rottger/exaggerated-safety@d7bb5bd738",
    )
    return Set(
        rows,
        source,
        {
            "GPT-4": [XSTEST.get(row["gpt4_label"], "unreadable") for row in table],
            "string matching": [XSTEST[row["strmatch_label"]] for row in table],
        },
    )


def twins() -> Set:
    """The reference answers of truing's own open rows, and texts that answer nothing."""
    rows, rng = [], random.Random(SEED)
    other = {"refused": "complied", "complied": "refused"}
    for name in TWINS:
        samples = [s for s in find_task(name).samples(limit=SEEDS_OF_A_TASK) if not s.control]
        for sample in samples:
            prompt = sample.messages[-1].text

            def row(
                response: str, label: str, prompt: str = prompt, own: str = sample.cluster
            ) -> Labelled:
                return Labelled(
                    prompt=prompt,
                    response=response,
                    label=label,
                    model="reference",
                    cluster=f"reference/{own}",
                )

            rows.append(row(rng.choice(sample.reference.good), sample.target))
            rows.append(row(rng.choice(sample.reference.bad), other[sample.target]))
            if rng.random() < 0.5:
                rows.append(row(_nothing(prompt, rng), "unusable"))
    source = Source(
        name="reference answers of truing's open rows",
        rows=len(rows),
        sha256=hashlib.sha256(msgspec.json.encode(rows)).hexdigest(),
        labelled_by="how they were written",
        licence="MIT",
        attribution="truing",
    )
    return Set(rows, source, {})


def _nothing(prompt: str, rng: random.Random) -> str:
    """An echo, noise, a beginning that stops, or a word over and over."""
    words = prompt.split()
    return rng.choice(
        (
            prompt,
            " ".join(rng.sample(words, len(words))),
            " ".join(words[: rng.randint(2, 5)]),
            rng.choice(("Sure, here is", "The", "To do this, you", "Well,", "It is", "I")),
            " ".join([rng.choice(words)] * rng.randint(5, 40)),
            "".join(
                rng.choice("abcdefghijklmnopqrstuvwxyz .,;") for _ in range(rng.randint(20, 200))
            ),
        )
    )


def gptfuzz() -> Set:
    """Answers to 50 harmful questions inside attacks; which model answered is not recorded."""
    folder = DATA / "labelled_gptfuzz"
    questions = {row["index"]: row["text"] for row in _table(folder / "questions.csv")}
    rows = [
        Labelled(
            prompt=questions[row["question"]],
            response=row["Response"],
            label="harmful" if row["label"] == "1" else "harmless",
            model="GPTFuzz",
            cluster=f"gptfuzz/{row['question']}",
        )
        for row in _table(folder / "responses.csv")
    ]
    source = _source(
        "GPTFuzz responses",
        len(rows),
        folder / "questions.csv",
        folder / "responses.csv",
        labelled_by="people",
        licence="MIT",
        attribution="Yu et al. 2023, GPTFuzzer; sherdencooper/GPTFuzz@1eddeb5657",
    )
    return Set(rows, source, {})


def diasafety() -> Set:
    """Replies in talk, safe or unsafe in their context; who answered is not recorded."""
    files = [DATA / "labelled_diasafety" / f"{part}.json" for part in ("test", "val")]
    rows = [
        Labelled(
            prompt=row["context"],
            response=row["response"],
            label="harmful" if row["label"] == "Unsafe" else "harmless",
            model="DiaSafety",
            row=row["category"],
            cluster=f"diasafety/{row['context']}",
        )
        for file in files
        for row in json.loads(file.read_text("utf-8"))
    ]
    source = _source(
        "DiaSafety",
        len(rows),
        *files,
        labelled_by="people",
        licence="Apache-2.0",
        attribution="Sun et al. 2022, DiaSafety; thu-coai/DiaSafety@5106a041b1",
    )
    return Set(rows, source, {})


def survey() -> Set:
    """The survey's safety study: 984 questions, six models. The labels are GPT-4's."""
    file = DATA / "survey_recorded" / "safety.jsonl"
    rows = [
        Labelled(
            prompt=row["question"],
            response=row["answer"],
            label="harmless" if int(row["label"]) else "harmful",
            model=row["source_model"],
            row=row["tag_cat"],
            cluster=f"survey/{row['question']}",
        )
        for row in map(json.loads, file.read_text("utf-8").splitlines())
    ]
    source = _source(
        "the survey's safety answers",
        len(rows),
        file,
        labelled_by="GPT-4",
        licence="MIT",
        attribution="Liu et al. 2023, Trustworthy LLMs; kevinyaobytedance/llm_eval@27feb36ab1",
    )
    return Set(rows, source, {})


def figures(rows: Sequence[Labelled], said: Sequence[str]) -> dict[str, list[float]]:
    """Accuracy and kappa with 95 % intervals, by cluster."""
    gold, clusters = [row.label for row in rows], [row.cluster for row in rows]
    same = [a == b for a, b in zip(gold, said, strict=True)]
    found = {
        "accuracy": stats.rate_interval(same, clusters),
        "kappa": clustered_kappa(gold, said, clusters),
    }
    return {name: [round(float(value), 4) for value in one] for name, one in found.items()}


def apart(rows: Sequence[Labelled], name: Callable[[Labelled], str]) -> dict[str, list[int]]:
    """The places of the rows of each name."""
    places: dict[str, list[int]] = {}
    for place, row in enumerate(rows):
        places.setdefault(name(row), []).append(place)
    return places


def line(title: str, rows: Sequence[Labelled], said: Sequence[str]) -> str:
    """One row of the table in docs/judges.md."""
    found = figures(rows, said)
    (a, b, c), (k, low, high) = found["accuracy"], found["kappa"]
    return (
        f"| {title} | {len(rows)} | {a:.3f} [{b:.3f}, {c:.3f}] | {k:.3f} [{low:.3f}, {high:.3f}] |"
    )


def pick(known: Sequence[str], places: Sequence[int]) -> list[str]:
    return [known[place] for place in places]


def table(title: str, rows: Sequence[Labelled], judges: dict[str, Sequence[str]]) -> None:
    """Every judge on every answering model."""
    print(f"\n{title}\n\n| judge, on | answers | same label | kappa |\n|---|---|---|---|")
    models = apart(rows, lambda row: row.model)
    for name, said in judges.items():
        if len(models) > 1:
            print(line(f"{name}, all", rows, said))
        for model, places in models.items():
            print(line(f"{name}, {model}", [rows[i] for i in places], pick(said, places)))


def calibration(name: str, known: HeldOut, rows: Sequence[Labelled]) -> dict[str, float]:
    found = known.calibration([row.label for row in rows])._asdict()
    print(f"{name}: calibration {found}", flush=True)
    return found


def refusal(*, write: bool) -> None:
    """head/refusal: people's labels of XSTest, with truing's own reference answers beside."""
    people, own = xstest(), twins()
    fitting = Fitting(people.rows, recipe=REFUSAL, beside=own.rows, seed=SEED)
    known, by_prompt = fitting.held_out(), fitting.held_out(by_model=False)
    judges = {
        "head/refusal, prompt and model held out": known.labels,
        "head/refusal, prompt held out": by_prompt.labels,
        "refusal_rule@1": [str(read_reply(r.prompt, r.response).label) for r in people.rows],
        **people.verdicts,
    }
    table("XSTest, labelled by people", people.rows, judges)
    said = {"prompt and model held out": known, "prompt held out": by_prompt}
    kept = {
        people.source.name: {
            held_out: {
                **figures(people.rows, found.labels),
                "calibration": calibration(held_out, found, people.rows),
            }
            for held_out, found in said.items()
        }
    }
    if write:
        _write(fitting, "refusal", "reply", known, [people.source, own.source], kept)


def harm_sets(recipe: Recipe) -> tuple[list[Set], list[Set]]:
    """What a head of harm is fitted to, and what is kept from it.

    The survey comes first: calibration and lean are from it. Talk is kept away: with it beside,
    kappa on the survey falls by .04. The embeddings of long replies take long.
    """
    if recipe.embedding:
        return [survey()], []
    return [survey(), gptfuzz()], [diasafety()]


def harm_held_out(
    fitted: Sequence[Set], unseen: Sequence[Set], recipe: Recipe
) -> dict[str, dict[str, HeldOut]]:
    """Of each set, by its name, what is said without prompt and model, and without prompt alone.

    Of GPTFuzz nobody knows who answered: there the whole set is held out.
    """
    first, *others = fitted
    beside = [row for one in others for row in one.rows]
    fitting = Fitting(first.rows, recipe=recipe, beside=beside, seed=SEED)
    known = fitting.held_out(folds=FOLDS)
    found = {
        first.source.name: {
            "prompt and model held out": known,
            "prompt held out": fitting.held_out(by_model=False),
        }
    }
    for own in (*others, *unseen):
        rest = [row for one in fitted if one is not own for row in one.rows]
        inside = Fitting(own.rows, recipe=recipe, beside=rest, seed=SEED)
        whole = inside.elsewhere(known, len(first.rows))
        found[own.source.name] = {"whole set held out": whole}
        if own in others:
            found[own.source.name]["prompt held out"] = inside.held_out()
    return found


def harm(name: str, *, write: bool) -> None:
    """A head of harm: GPT-4's labels of the survey, people's of GPTFuzz beside."""
    recipe = HARM_HEADS[name]
    fitted, unseen = harm_sets(recipe)
    known = harm_held_out(fitted, unseen, recipe)
    kept: dict[str, object] = {}
    for one in (*fitted, *unseen):
        said = known[one.source.name]
        judges: dict[str, Sequence[str]] = {
            f"head/{name}, {held_out}": found.labels for held_out, found in said.items()
        }
        if recipe.embedding:
            alone = msgspec.structs.replace(recipe, hashed=False)
            found = Fitting(one.rows, recipe=alone, seed=SEED).held_out(folds=FOLDS)
            judges["MiniLM alone, prompt and model held out"] = found.labels
        else:
            judges["refusal_rule@1, complied is harm"] = [
                "harmful"
                if read_reply(row.prompt, row.response).label == "complied"
                else "harmless"
                for row in one.rows
            ]
        table(f"{one.source.name}, labelled by {one.source.labelled_by}", one.rows, judges)
        kept[one.source.name] = {
            held_out: {
                **figures(one.rows, found.labels),
                "calibration": calibration(held_out, found, one.rows),
            }
            for held_out, found in said.items()
        }
    if write:
        beside = [row for one in fitted[1:] for row in one.rows]
        fitting = Fitting(fitted[0].rows, recipe=recipe, beside=beside, seed=SEED)
        first = known[fitted[0].source.name]["prompt and model held out"]
        _write(fitting, name, "harm", first, [one.source for one in fitted], kept)


def _write(
    fitting: Fitting,
    name: str,
    rubric: str,
    known: HeldOut,
    sources: Sequence[Source],
    kept: dict[str, object],
) -> None:
    file = fitting.head(
        name,
        find_rubric(rubric),
        known,
        version="1",
        sources=sources,
        figures=kept,
        command=COMMAND.format(name=name),
    )
    HEADS.mkdir(exist_ok=True)
    (HEADS / f"{name}.json").write_bytes(encode_head(file))
    print(f"\n{name}: written, content {file.hash}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("heads", nargs="*", default=["refusal", *HARM_HEADS])
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    if not DATA.is_dir():
        print(f"no data at {DATA}: set TRUING_SHARED_DATA", file=sys.stderr)
        return 1
    for name in given.heads:
        if name == "refusal":
            refusal(write=given.write)
        else:
            harm(name, write=given.write)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
