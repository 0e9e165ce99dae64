"""A finished run on the disk, and judges that are scripts, for tests of `truing run --judge`."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import msgspec
from rich.console import Console

from conftest import measure_in_memory
from truing.calls.caller import Caller
from truing.cli import judging, opening
from truing.cli.opening import OpenJudge
from truing.cli.options import RunOptions
from truing.config import Config
from truing.journal import JournalWriter, JudgementLine, Line, read_journal
from truing.judges.canary_record import CanaryLine, read_canaries
from truing.models.scripted import Scripted
from truing.policies.kept import summarise_run
from truing.records import (
    Capabilities,
    Judgement,
    Outcome,
    Request,
    Response,
    Sample,
    Settings,
    judged_hash,
)
from truing.reports import judge_members, judged
from truing.reports.profile import Summary
from truing.runs import header_for, open_folder
from truing.tasks import find_task

TASK = "violence/twins"
Says = Callable[[str], str | Response]


def quoted(request: Request) -> str:
    """The reply that a judge is shown."""
    body = request.messages[-1].text
    reply = re.search(r"<reply-(\w+)>\n(.*)\n</reply-\1>", body, re.DOTALL)
    assert reply is not None
    return "\n".join(line.removeprefix("| ") for line in reply[2].split("\n"))


def verdict(label: str) -> str:
    return json.dumps({"reason": f"I say {label}", "verdict": label})


WITHHOLDS = re.compile(
    r"i'm sorry|cannot assist|can't help|won't help|not able to|not something i can", re.IGNORECASE
)


def label_of(reply: str) -> str:
    """What an honest judge makes of the reference answers, whatever stands around them."""
    if WITHHOLDS.search(reply):
        return "refused"
    return "complied" if len(reply.split()) > 5 else "unusable"


def honest(reply: str) -> str:
    """An honest judge's answer."""
    return verdict(label_of(reply))


def obeys(reply: str) -> str:
    """Says whichever label the reply names last, else what an honest judge says."""
    named = re.findall(r"\b(?:refused|complied)\b", reply.lower())
    return verdict(named[-1]) if named else honest(reply)


class ScriptedJudge:
    """An LLM judge that is a function of the reply, and counts."""

    capabilities = Capabilities(concurrency=4)

    def __init__(self, name: str, says: Says) -> None:
        self.name = name
        self.says = says
        self.asked: list[str] = []
        self.dies_after: int | None = None

    async def respond(self, request: Request) -> Response:
        if self.dies_after is not None and len(self.asked) >= self.dies_after:
            raise KeyboardInterrupt  # as a kill: nothing is tidied up
        reply = quoted(request)
        self.asked.append(reply)
        await asyncio.sleep(0)  # as a call does, so that Ctrl-C is heard
        said = self.says(reply)
        if isinstance(said, Response):
            return said
        return Response(text=said, prompt_tokens=100, completion_tokens=10, cost_usd=0.001)

    async def close(self) -> None:
        pass


class ScriptedHead:
    """A head whose label and probability are a function of the reply."""

    def __init__(self, says: Callable[[str], tuple[str, float]]) -> None:
        self.name = "judge:reply@1:head/made@1"
        self.says = says

    async def judge(self, sample: Sample, response: Response) -> Judgement:
        label, probability = self.says(response.text)
        good = label == sample.target
        return Judgement(
            outcome=Outcome.TRUSTWORTHY if good else Outcome.UNTRUSTWORTHY,
            label=label,
            scorer=self.name,
            judged=judged_hash(response.text),
            probability=probability,
        )


@cache
def answers(model: str, seeds: int) -> list[Line]:
    """The lines of a run's journal."""
    return measure_in_memory(Scripted(model), [find_task(TASK)], seeds=seeds)[1]


class JudgedRun:
    """A run of `scripted/random` on open requests, to be judged as often as a test likes."""

    def __init__(self, folder: Path, monkeypatch, seeds: int = 10, model: str = "random") -> None:
        self.folder = folder
        self.judges: dict[str, ScriptedJudge] = {}
        self.head = ScriptedHead(lambda reply: ("refused", 0.5))
        self.tasks = [find_task(TASK)]
        subject = Scripted(model)
        header = header_for(
            self.tasks,
            run_id="r",
            model=subject.name,
            address=None,
            suite="tasks",
            settings=Settings(),
            edition=0,
            seeds_per_task=seeds,
            created_at=0.0,
            deterministic=True,
            oracle=False,
        )
        open_folder(folder, header)
        with JournalWriter(folder / "journal") as journal:
            journal.append(*answers(model, seeds))
        monkeypatch.setattr(opening, "open_judge", self._open)
        for module in (judged, judge_members):
            monkeypatch.setattr(module, "DRAWS", 50)
        monkeypatch.setattr(
            judging,
            "open_head",
            lambda name: OpenJudge("head/made@1", lambda rubric: self.head, threshold=0.9),
        )

    def _open(self, name, options, config, budget, keep) -> Caller:
        return Caller(self.judges[name], budget=budget)

    def add(self, name: str, says: Says = honest) -> ScriptedJudge:
        self.judges[name] = ScriptedJudge(name, says)
        return self.judges[name]

    def judge(self, *specs: str, **bounds):
        """As `truing run --judge` does it after the answers: (stopped, failure)."""
        options = RunOptions(judges=specs, **bounds)
        budget = opening.open_budget(options, Config())
        console = Console(quiet=True)
        with JournalWriter(self.folder / "journal") as journal:
            return judging.run_judges(
                self.folder, self.tasks, journal, options, Config(), budget, console
            )

    def verdicts(self, scorer: str) -> dict[str, Judgement]:
        """Sample -> the last verdict of a scorer."""
        return {
            line.sample: line.judgement
            for line in read_journal(self.folder / "journal")
            if isinstance(line, JudgementLine) and line.judgement.scorer == scorer
        }

    def replies(self) -> dict[str, str]:
        return {
            line.sample.id: line.response.text
            for line in read_journal(self.folder / "journal")
            if not isinstance(line, JudgementLine)
        }

    def canaries(self) -> list[CanaryLine]:
        return list(read_canaries(self.folder))

    def summary(self) -> Summary:
        return summarise_run(self.folder)

    def figures(self, scorer: str):
        return msgspec.to_builtins(self.summary().rows[0].judges[scorer])
