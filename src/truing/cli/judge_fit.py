"""`truing judge fit`: a small judge from a table of people's labels, with what it gets wrong."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.text import Text

from truing.cli.judge_show import print_card
from truing.errors import JournalError, UsageError
from truing.judges.calibrating import build_card
from truing.judges.cards import DataSource, JudgeCard, card_file_name, encode_card, own_folder
from truing.judges.fitting import Calibrated, Fitting, HeldOut, Recipe, lacking_labels
from truing.judges.head import HeadJudge, Source, encode_head, load_head
from truing.judges.labelled import MEANINGS, data_hash, read_labelled
from truing.recorded import read_texts
from truing.runs import write_atomically
from truing.scorers.rubric import find_rubric

__all__ = ["fit_command"]


@click.command("fit")
@click.argument("labels", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FILE.json",
    help="Write the head here: --judge head/FILE.json.",
)
@click.option(
    "--columns",
    metavar="MEANING=COLUMN,...",
    help=f"Which column of LABELS is what [default: the columns so named]: {', '.join(MEANINGS)}.",
)
@click.option(
    "--label-names",
    metavar="OURS=THEIRS|THEIRS,...",
    help="The table's names for the rubric's labels.",
)
@click.option(
    "--rubric", default="reply", show_default=True, metavar="NAME", help="What is judged."
)
@click.option(
    "--features",
    type=click.Choice(["text", "embedding"]),
    default="text",
    show_default=True,
    help="What it reads: words by hash and the refusal rule; or MiniLM's embeddings as well.",
)
@click.option("--data-name", help="What the data are called [default: the file's name].")
@click.option("--licence", default="", help="Licence of the data, kept in the head.")
@click.option("--labelled-by", default="people", show_default=True, help="Who gave the labels.")
@click.option("--seed", type=int, default=0, help="Seed of the parts held out.")
@click.option("--json", "as_json", is_flag=True, help="Print the head's figures as JSON.")
def fit_command(
    labels: Path,
    out: Path,
    columns: str | None,
    label_names: str | None,
    rubric: str,
    features: str,
    data_name: str | None,
    licence: str,
    labelled_by: str,
    seed: int,
    as_json: bool,
) -> int:
    """Fit a small judge to the labels in LABELS, and say how often it is wrong.

    LABELS is a table (.csv, .tsv, .jsonl, .json) of prompts, replies and people's labels. The
    figures are of replies that the head was not fitted to: in turn a fifth of the clusters, with
    each answering model where a column names them, is left out of the fit. The head that is
    written is fitted to all, and holds weights and these figures, but no word of LABELS. It needs
    no key and judges with `--judge head/FILE.json`. Needs truing[judge].
    """
    if out.suffix != ".json":
        raise UsageError(f"-o {out}: a head's file ends in .json")
    asked = find_rubric(rubric)
    table = list(read_texts(labels))
    rows = read_labelled(
        table,
        _meanings(columns, table),
        asked.labels,
        names=_pairs(label_names, "--label-names"),
        where=str(labels),
    )
    if lack := lacking_labels(rows):
        raise UsageError(f"{labels}: too few labels: {lack}")
    data = DataSource(
        name=data_name or labels.name,
        hash=data_hash(rows),
        licence=licence,
        labelled_by=labelled_by,
    )
    recipe = Recipe(embedding="minilm" if features == "embedding" else None)
    fitting = Fitting(rows, recipe=recipe, seed=seed)
    known = fitting.held_out()
    models = len({row.model for row in rows})
    left_out = "clusters and answering models" if models > 1 else "clusters"
    card = build_card(
        rows, known.labels, judge=labels.stem, rubric=asked, data=data, held_out=left_out
    )
    quality = known.calibration([row.label for row in rows])
    file = fitting.head(
        _name(out),
        asked,
        known,
        sources=[_source(labels, data, len(rows))],
        figures=_figures(card, quality),
        command=_command(labels, columns, label_names, rubric, features, seed),
    )
    _write(out, encode_head(file))
    judge = load_head(out)
    card = msgspec.structs.replace(card, judge=judge.name)
    kept = own_folder() / card_file_name(card)
    _write(kept, encode_card(card))
    if as_json:
        shown = {"judge": judge.name, "file": str(out), "card": str(kept), **file.held_out}
        click.echo(msgspec.json.format(msgspec.json.encode(shown), indent=1))
    else:
        _print(card, quality, known, judge, out, kept)
    return 0


def _meanings(columns: str | None, table: list[dict[str, str]]) -> dict[str, str]:
    if columns is not None:
        return _pairs(columns, "--columns")
    there = table[0] if table else {}
    return {meaning: meaning for meaning in MEANINGS if meaning in there}


def _pairs(text: str | None, option: str) -> dict[str, str]:
    pairs = {}
    for part in text.split(",") if text else ():
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not (equals and name and value):
            raise UsageError(f"{option}: expected NAME=NAME,..., got {part!r}")
        pairs[name] = value
    return pairs


def _name(out: Path) -> str:
    name = re.sub(r"[^a-z0-9_-]+", "-", out.stem.casefold()).strip("-_")[:40]
    if not name:
        raise UsageError(f"-o {out}: name the file with letters or digits")
    return name


def _source(labels: Path, data: DataSource, rows: int) -> Source:
    return Source(
        name=data.name,
        rows=rows,
        sha256=hashlib.sha256(labels.read_bytes()).hexdigest(),
        labelled_by=data.labelled_by,
        licence=data.licence,
    )


def _command(
    labels: Path, columns: str | None, names: str | None, rubric: str, features: str, seed: int
) -> str:
    """The command that fits the same head again; of the file its name alone."""
    given = {
        "columns": columns,
        "label-names": names,
        "rubric": rubric,
        "features": features,
        "seed": seed,
    }
    options = " ".join(f"--{name} '{value}'" for name, value in given.items() if value is not None)
    return f"truing judge fit {labels.name} {options}"


def _figures(card: JudgeCard, quality: Calibrated) -> dict[str, Any]:
    """What a head's file says of it: figures alone."""
    by_model = {
        model: {"accuracy": part.accuracy, "kappa": part.kappa}
        for model, part in card.by_model.items()
    }
    figures = {
        "held_out": card.held_out,
        "overall": card.overall,
        "by_model": by_model,
        "calibration": quality._asdict(),
    }
    found: dict[str, Any] = msgspec.to_builtins(figures)
    return found


def _print(
    card: JudgeCard,
    quality: Calibrated,
    known: HeldOut,
    judge: HeadJudge,
    out: Path,
    kept: Path,
) -> None:
    console = Console(highlight=False, width=max(100, Console().width))
    print_card(card, console)
    console.print(
        f"\ncalibration  says {quality.stated:.2f} and is right {quality.right:.2f}; "
        f"expected calibration error {quality.error:.3f}, Brier {quality.brier:.3f}"
    )
    sure = float((known.stated >= judge.threshold).mean())
    if judge.threshold <= 1:
        console.print(
            f"sure         from {judge.threshold:.2f} on right 19 of 20 times, "
            f"{sure:.0%} of replies"
        )
    else:
        console.print("sure         never: at no probability was it right 19 of 20 times")
    console.print(Text(f"head         {out}  (--judge head/{out})"), soft_wrap=True)
    console.print(Text(f"card         {kept}"), soft_wrap=True)


def _write(file: Path, data: bytes) -> None:
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomically(file, data)
    except OSError as error:
        raise JournalError(f"cannot write {file}: {error.strerror or error}") from error
