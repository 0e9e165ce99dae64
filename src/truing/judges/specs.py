"""What `--judge` may name: a model, a head, a panel, a cascade; and what they are called.

MODEL                          an LLM judge
head/NAME, head/FILE.json      a small trained judge
panel:A,B,C                    the label that more than half of the members give
cascade:head/NAME[@.9],MODEL[,audit=.05]    rule and head, then the model where they are unsure
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import NamedTuple

from truing.errors import UsageError
from truing.records import JUDGE_PREFIX

__all__ = [
    "AUDIT_SHARE",
    "Cascade",
    "JudgeSpec",
    "Panel",
    "Parts",
    "Single",
    "judge_name",
    "members",
    "parts_of",
    "read_spec",
    "same_families",
]

HEAD_PREFIX = "head/"
AUDIT_SHARE = 0.05
"""Share of what a cascade decides without the model that the model judges all the same."""
_PANEL, _CASCADE = "panel:", "cascade:"
_NUMBER = r"(?:0?\.\d+|1\.0*)"
_THRESHOLD = re.compile(rf"(.+)@({_NUMBER})")
_AUDIT = re.compile(rf"audit=({_NUMBER}|0|1)")
_DERIVED = re.compile(r"(panel|cascade)\((.+)\)")
_LINES = {
    "gpt": ("gpt", "chatgpt", "davinci", "o1", "o3", "o4"),
    "claude": ("claude",),
    "gemini": ("gemini", "gemma", "palm"),
    "llama": ("llama",),
    "mistral": ("mistral", "mixtral", "ministral", "codestral", "magistral"),
    "qwen": ("qwen", "qwq"),
    "deepseek": ("deepseek",),
    "command": ("command", "aya"),
    "phi": ("phi",),
    "nova": ("nova",),
    "smollm": ("smollm2", "smollm"),
}
"""Line of models -> the words that names of its models have."""


class Single(NamedTuple):
    """One judge: an LLM or a head."""

    name: str


class Panel(NamedTuple):
    """Several judges, each on every reply."""

    members: tuple[str, ...]


class Cascade(NamedTuple):
    """Rule and head first. `threshold` is None where the head's own holds."""

    head: str
    threshold: float | None
    model: str
    audit: float = AUDIT_SHARE


JudgeSpec = Single | Panel | Cascade


class Parts(NamedTuple):
    """Who is behind the scorer's name of a verdict.

    `members` are the scorers' names of the judges; of a cascade the rule's, the head's, the
    model's.
    """

    kind: str
    """`model`, `head`, `panel` or `cascade`."""
    members: tuple[str, ...] = ()


def read_spec(text: str) -> JudgeSpec:
    """A judge as the command line names it. Raises `UsageError`."""
    if text.startswith(_PANEL):
        return _panel(text, _listed(text, _PANEL))
    if text.startswith(_CASCADE):
        return _cascade(text, _listed(text, _CASCADE))
    if not text.strip() or text == HEAD_PREFIX:
        raise UsageError(f"--judge: expected a model, head/NAME, panel: or cascade:, got {text!r}")
    return Single(text)


def _listed(text: str, prefix: str) -> list[str]:
    parts = [part.strip() for part in text.removeprefix(prefix).split(",")]
    for part in parts:
        if not part:
            raise UsageError(f"--judge {text}: a name is missing between commas")
        if part.startswith((_PANEL, _CASCADE)):
            raise UsageError(f"--judge {text}: {part} cannot be inside another judge")
        if "+" in part:
            raise UsageError(f"--judge {text}: a member's name cannot hold a plus sign: {part}")
    return parts


def _panel(text: str, parts: list[str]) -> Panel:
    if len(parts) < 2:
        raise UsageError(f"--judge {text}: a panel has two members or more: panel:A,B,C")
    if len(set(parts)) < len(parts):
        twice = next(part for part in parts if parts.count(part) > 1)
        raise UsageError(f"--judge {text}: {twice} is a member twice")
    return Panel(tuple(parts))


def _cascade(text: str, parts: list[str]) -> Cascade:
    audit = AUDIT_SHARE
    if len(parts) == 3:
        match = _AUDIT.fullmatch(parts.pop())
        if match is None or not 0 <= (audit := float(match[1])) <= 1:
            raise UsageError(
                f"--judge {text}: the third part is the share audited, such as audit=.05"
            )
    if len(parts) != 2 or not parts[0].startswith(HEAD_PREFIX) or parts[0] == HEAD_PREFIX:
        raise UsageError(
            f"--judge {text}: expected a head and a model: cascade:head/NAME,MODEL "
            "(head/NAME@.9 sets the probability it must reach)"
        )
    if parts[1].startswith(HEAD_PREFIX):
        raise UsageError(f"--judge {text}: {parts[1]} is a head: the second part is a model")
    head, threshold = parts[0], None
    if match := _THRESHOLD.fullmatch(head):
        head, threshold = match[1], float(match[2])
    return Cascade(head, threshold, parts[1], audit)


def members(spec: JudgeSpec) -> tuple[str, ...]:
    """The single judges of a spec."""
    if isinstance(spec, Single):
        return (spec.name,)
    return spec.members if isinstance(spec, Panel) else (spec.head, spec.model)


def judge_name(rubric: str, who: str) -> str:
    """The scorer's name of a judge's verdicts, `rubric` being the rubric's name and version."""
    return f"{JUDGE_PREFIX}{rubric}:{who}"


def parts_of(scorer: str) -> Parts:
    """Who is behind the scorer's name of a judge's verdict."""
    rubric, _, who = scorer.removeprefix(JUDGE_PREFIX).partition(":")
    if match := _DERIVED.fullmatch(who):
        named = match[2].split("+")
        if match[1] == "panel":
            return Parts("panel", tuple(judge_name(rubric, name) for name in named))
        rule, head, model = named[0], named[1].partition(">=")[0], "+".join(named[2:])
        return Parts("cascade", (rule, judge_name(rubric, head), judge_name(rubric, model)))
    return Parts("head" if who.startswith(HEAD_PREFIX) else "model")


def same_families(names: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs of judges of one line of models, which are apt to make the same mistakes.

    By name alone: what a name does not tell is taken for a family of its own.
    """
    return [(a, b) for a, b in combinations(names, 2) if _family(a) == _family(b)]


def _family(name: str) -> str:
    if name.startswith(HEAD_PREFIX):
        return HEAD_PREFIX
    words = re.findall(r"[a-z]+\d*", name.lower())
    for line, known in _LINES.items():
        if _says(words, known):
            return line
    return name


def _says(words: Iterable[str], known: Sequence[str]) -> bool:
    plain = {word.rstrip("0123456789") for word in words} | set(words)
    return any(name in plain for name in known)
