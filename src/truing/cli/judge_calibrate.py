"""`truing judge calibrate`: a judge against people's labels, kept as its card."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click
import msgspec
from rich.console import Console

from truing.cli.judge_asking import ask_judge, ask_scorer
from truing.cli.judge_show import print_card
from truing.cli.options import RunOptions
from truing.errors import JournalError, UsageError
from truing.judges.calibrating import build_card, build_pairwise_card
from truing.judges.cards import AnyCard, DataSource, card_file_name, encode_card, own_folder
from truing.judges.labelled import MEANINGS, Labelled, data_hash, read_labelled
from truing.judges.pairs import PAIR_MEANINGS, pairs_hash, read_pairs
from truing.recorded import read_texts
from truing.records import content_hash
from truing.runs import write_atomically
from truing.scorers.rubric import Rubric, find_rubric, read_rubric

__all__ = ["calibrate_command"]


@click.command("calibrate")
@click.argument("labels", type=click.Path(path_type=Path))
@click.option("--judge", metavar="SPEC", help="An LLM judge, head, panel or cascade.")
@click.option("--scorer", metavar="NAME", help="A rule: truing list scorers.")
@click.option("--verdicts", metavar="COLUMN", help="Verdicts recorded already, in this column.")
@click.option("--name", help="With --verdicts or --pairwise: the name of who gave them.")
@click.option(
    "--pairwise",
    is_flag=True,
    help="LABELS are pairs with recorded winners in both orders: " + ", ".join(PAIR_MEANINGS) + ".",
)
@click.option(
    "--columns",
    metavar="MEANING=COLUMN,...",
    required=True,
    help="Which column of LABELS is what: " + ", ".join(MEANINGS) + ".",
)
@click.option(
    "--label-names",
    metavar="OURS=THEIRS|THEIRS,...",
    help="The table's names for the rubric's labels; other=... is none of those named.",
)
@click.option(
    "--rubric", default="reply", show_default=True, metavar="NAME|FILE", help="What is judged."
)
@click.option(
    "--repeat", type=click.IntRange(1, 20), default=1, help="Ask K times, each with its own seed."
)
@click.option("--data-name", help="What the data are called [default: the file's name].")
@click.option("--licence", default="", help="Licence of the data, for the card.")
@click.option("--note", default="", help="Where the data are from, for the card.")
@click.option("--labelled-by", default="people", show_default=True, help="Who gave the labels.")
@click.option("--judge-url", help="Address of the judge's server, where it has one.")
@click.option("--judge-key-env", metavar="NAME", help="Variable with the judge's key.")
@click.option("-j", "--concurrency", type=click.IntRange(1), help="Most calls in flight.")
@click.option("--rpm", type=click.FloatRange(0, min_open=True), help="Most calls a minute.")
@click.option("--tpm", type=click.FloatRange(0, min_open=True), help="Most tokens a minute.")
@click.option("--max-cost", type=click.FloatRange(0), metavar="USD", help="Most it may cost.")
@click.option("--max-tokens-total", type=click.IntRange(0), help="Most tokens it may use.")
@click.option("--max-time", metavar="T", help="Longest it may take: 90s, 30m, 2h.")
@click.option("--timeout", type=click.FloatRange(1), default=120.0, help="Seconds a call may take.")
@click.option("--seed", "edition", type=int, default=0, help="Seed of the first time asked.")
@click.option("--config", type=click.Path(path_type=Path), help="Config file [truing.toml].")
@click.option("--offline", is_flag=True, help="Fetch nothing: weights must be here already.")
@click.option("--no-cache", is_flag=True, help="Ask again what was answered before.")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Write the card here.")
@click.option("--json", "as_json", is_flag=True, help="Print the card as JSON.")
def calibrate_command(
    labels: Path,
    judge: str | None,
    scorer: str | None,
    verdicts: str | None,
    name: str | None,
    pairwise: bool,
    columns: str,
    label_names: str | None,
    rubric: str,
    repeat: int,
    data_name: str | None,
    licence: str,
    note: str,
    labelled_by: str,
    out: Path | None,
    as_json: bool,
    **asking: object,
) -> int:
    """Measure a judge against people's labels in LABELS, and keep its card.

    LABELS is a table (.csv, .tsv, .jsonl, .json). The card holds accuracy, kappa, and by label
    sensitivity and specificity, with 95 % intervals that take the replies to one question
    together, over all, by model, side and row; what people agree on among themselves where two
    columns say it; whether length sways the judge; and with --repeat whether it says the same
    again. It holds no text of LABELS. Runs show the card of each judge in them.

    What an LLM judge says is on the disk as it comes: the same command goes on where it stopped.
    """
    given = [judge is not None, scorer is not None, verdicts is not None, pairwise]
    if sum(given) != 1:
        raise UsageError("name one judge: --judge SPEC, --scorer NAME, --verdicts COLUMN")
    if name is not None and not (verdicts or pairwise):
        raise UsageError("--name is for recorded verdicts: a judge that is asked has its own")
    if repeat > 1 and judge is None:
        raise UsageError("--repeat asks an LLM judge again: name it with --judge")
    meanings, names = _pairs(columns, "--columns"), _pairs(label_names, "--label-names")
    source = DataSource(
        name=data_name or labels.name, hash="", licence=licence, note=note, labelled_by=labelled_by
    )
    rows = read_texts(labels)
    if pairwise:
        pairs = read_pairs(rows, meanings, names, where=str(labels))
        card: AnyCard = build_pairwise_card(
            pairs,
            judge=name or labels.name,
            rubric="",
            data=msgspec.structs.replace(source, hash=pairs_hash(pairs)),
        )
    else:
        asked = _rubric(rubric)
        replies = read_labelled(
            rows, meanings, asked.labels, names=names, verdicts=verdicts, where=str(labels)
        )
        source = msgspec.structs.replace(source, hash=data_hash(replies))
        if verdicts is not None:
            shown = name or f"recorded:{verdicts}"
            times = [[reply.verdict or None for reply in replies]]
        elif scorer is not None:
            shown, times = scorer, ask_scorer(scorer, replies)
        else:
            assert judge is not None
            shown, times = _ask(judge, asked, replies, repeat, out, source, asking)
        card = build_card(
            replies, times[0], judge=shown, rubric=asked, data=source, again=times[1:]
        )
    file = out or own_folder() / card_file_name(card)
    _keep(card, file)
    if as_json:
        click.echo(encode_card(card), nl=False)
        return 0
    console = Console(highlight=False, width=max(100, Console().width))
    print_card(card, console)
    console.print(f"\ncard    {file}", markup=False, soft_wrap=True)
    return 0


def _ask(
    judge: str,
    rubric: Rubric,
    replies: list[Labelled],
    repeat: int,
    out: Path | None,
    source: DataSource,
    asking: Mapping[str, object],
) -> tuple[str, list[list[str | None]]]:
    options = msgspec.convert({**asking, "judges": (judge,)}, RunOptions)

    def file(name: str) -> Path:
        if out is not None:
            return out.with_name(f"{out.name}.verdicts")
        return own_folder() / f"{content_hash([name, source.hash])}.verdicts"

    console = Console(stderr=True, highlight=False)
    return ask_judge(judge, rubric, replies, repeat, file, options, console)


def _rubric(name: str) -> Rubric:
    return read_rubric(Path(name)) if name.endswith(".toml") else find_rubric(name)


def _pairs(text: str | None, option: str) -> dict[str, str]:
    pairs = {}
    for part in text.split(",") if text else ():
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not (equals and name and value):
            raise UsageError(f"{option}: expected NAME=NAME,..., got {part!r}")
        pairs[name] = value
    return pairs


def _keep(card: AnyCard, file: Path) -> None:
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomically(file, encode_card(card))
    except OSError as error:
        raise JournalError(f"cannot write {file}: {error.strerror or error}") from error
