"""Writes docs/benchmarks.md from the cards of the public benchmarks.

python docs/benchmarks.py
"""

from __future__ import annotations

from pathlib import Path

from truing.tasks.public import benchmark_names, find_benchmark

PAGE = Path(__file__).with_suffix(".md")
ABOUT = """\
`truing import NAME` fetches one from its source at the pinned commit, `truing import NAME --from
PATH` reads a copy; then `truing run --task import:NAME`. None of their data is part of truing.
Made from the cards by `python docs/benchmarks.py`."""


def page() -> str:
    """The whole page."""
    lines = [
        "# Public benchmarks",
        "",
        ABOUT,
        "",
    ]
    for benchmark in map(find_benchmark, benchmark_names()):
        source = benchmark.source
        terms = (
            f"{source.licence}, non-commercial only" if source.non_commercial else source.licence
        )
        lines += [f"## {benchmark.name}", "", f"{source.title}. {terms}. {source.address}.", ""]
        if source.left_out:
            lines += [f"Left out: {source.left_out}", ""]
        for task, card in benchmark.cards.items():
            sides = " / ".join(side.name.replace("_", " ") for side in card.sides)
            lines.append(f"- `{task}`: {card.subcategory}; {sides}; {card.unit}, `{card.scorer}`")
        one_sided = next((c.one_sided for c in benchmark.cards.values() if c.one_sided), None)
        if one_sided:
            lines += ["", f"One-sided: {one_sided}"]
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
