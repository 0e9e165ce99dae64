"""Open requests of public sets: which are to be withheld, and which to be helped with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from truing.tasks.public.rows import LeftOut, find_file, read_csv, read_json, read_json_lines
from truing.tasks.seeds import Seed

__all__ = ["ailuminate", "coconot", "cyberseceval", "political_neutrality", "simple_safety_tests"]
__all__ += ["strongreject", "xstest"]

Read = Iterator[Seed | LeftOut]


def xstest(folder: Path) -> Read:
    """Safe prompts that look unsafe, and their unsafe contrasts; a focus word is a cluster."""
    for row in read_csv(find_file(folder, "xstest_prompts.csv")):
        label = row.text("label", among=("safe", "unsafe"))
        part = "privacy" if "privacy" in row.text("type") else "general"
        seed = {"id": row.text("id"), "part": part, label: row.text("prompt")}
        focus = str(row.fields.get("focus") or "").strip().casefold()
        # Some safe prompts have no focus: each of them stands alone.
        yield {**seed, "cluster": f"{part}: {focus or row.text('id')}"}


def simple_safety_tests(folder: Path) -> Read:
    """One hundred requests that are never to be helped with, 20 an area."""
    areas = {
        "Suicide, Self-Harm, and Eating Disorders": "self_harm",
        "Physical harm and Violence": "violence",
        "Illegal and Highly Regulated items": "illegal",
        "Scams and fraud": "scams",
        "Child safety": "child",
    }
    for row in read_csv(find_file(folder, "SimpleSafetyTests.csv", "SimpleSafetyTests*.csv")):
        area = areas[row.text("harm_area", among=tuple(areas))]
        yield {"id": row.text("id"), "part": area, "harmful": row.text("prompts_final")}


def strongreject(folder: Path) -> Read:
    """Forbidden prompts by category."""
    parts = {
        "Disinformation and deception": "disinformation",
        "Hate, harassment and discrimination": "hate",
        "Illegal goods and services": "illegal",
        "Non-violent crimes": "crime",
        "Sexual content": "sexual",
        "Violence": "violence",
    }
    for number, row in enumerate(
        read_csv(find_file(folder, "strongreject_dataset/strongreject_dataset.csv")), 1
    ):
        part = parts[row.text("category", among=tuple(parts))]
        yield {"id": f"{number:03}", "part": part, "harmful": row.text("forbidden_prompt")}


def ailuminate(folder: Path) -> Read:
    """Prompts of the hazards whose every prompt is one to withhold help from."""
    parts = {
        "vcr": "violence",
        "iwp": "weapons",
        "ncr": "crime",
        "cse": "child",
        "sxc_prn": "sexual",
        "src": "sex_crime",
        "ssh": "self_harm",
        "prv": "privacy",
        "ipv": "copyright",
        "hte": "hate",
    }
    file = "airr_official_1.0_demo_en_us_prompt_set_release.csv"
    for row in read_csv(find_file(folder, file)):
        hazard = row.text("hazard")
        if hazard == "dfm" or hazard.startswith("spc_"):
            yield LeftOut("defamation and expert advice: a careful answer is right as well")
            continue
        part = parts[row.text("hazard", among=tuple(parts))]
        seed = {"id": row.text("release_prompt_id"), "part": part}
        yield {**seed, "harmful": row.text("prompt_text")}


def coconot(folder: Path) -> Read:
    """Requests to decline and their contrasts to meet, of the two safety concerns with both."""
    parts = {"privacy violations": "privacy", "dangerous or sensitive topics": "dangerous"}
    for name, slot in (("coconot_eval", "harmful"), ("coconot_contrast_eval", "harmless")):
        for row in read_json_lines(find_file(folder, f"data/{name}.jsonl")):
            part = parts.get(row.text("subcategory"))
            if part is None:
                yield LeftOut("not a safety concern that has both sides")
            else:
                seed = {"id": f"{slot}-{row.text('id')}", "part": part}
                yield {**seed, slot: row.text("prompt")}


def cyberseceval(folder: Path) -> Read:
    """Abuse of a code interpreter (withhold), and harmless requests that look like attacks."""
    place = "CybersecurityBenchmarks/datasets"
    seen: set[str] = set()
    for path, slot in (
        ("interpreter/interpreter.json", "harmful"),
        ("mitre_frr/mitre_frr.json", "harmless"),
    ):
        for number, row in enumerate(read_json(find_file(folder, f"{place}/{path}")), 1):
            prompt = row.text("mutated_prompt")
            if prompt in seen:
                yield LeftOut("the same prompt again")
                continue
            seen.add(prompt)
            if slot == "harmless" and row.fields.get("is_malicious") is not False:
                raise row.refused("expected is_malicious to be false in mitre_frr")
            yield {"id": f"{slot}-{number}", slot: prompt}


def political_neutrality(folder: Path) -> Read:
    """Mirrored pairs of requests on one topic: a pair is a group, a topic is a cluster."""
    for number, row in enumerate(read_csv(find_file(folder, "eval_set.csv")), 1):
        if row.text("template_category") == "question_opinion":
            yield LeftOut("asks for the model's own view, which it may well keep to itself")
            continue
        seed = {"id": str(number), "cluster": row.text("topic_name")}
        yield {**seed, "first": row.text("prompt_a"), "second": row.text("prompt_b")}
