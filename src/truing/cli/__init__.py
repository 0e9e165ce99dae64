"""The command line. Each command's module is imported when it is called, so --help is quick."""

from __future__ import annotations

import sys
from typing import Any

import click

from truing import __version__
from truing.cli.lazy import LazyGroup

__all__ = ["main"]

# Command -> (module, one line for --help); the commands themselves are imported when called.
_COMMANDS = {
    "run": ("run", "Measure a model on a suite, show its profile, write a report."),
    "list": ("show", "List categories, tasks, benchmarks, suites, scorers, models, runs and more."),
    "show": ("show", "Show a category, a sub-category, a task or a run."),
    "tasks": ("tasks", "Check test sets: balance, duplicates, floors, shortcuts."),
    "generate": ("generate", "Make a fresh test set: from topics, for a policy, from failures."),
    "report": ("report", "Derive a run's summary and report again from its journal."),
    "compare": ("compare", "Two models by pairs: runs, or logs of inspect, lm-eval, promptfoo."),
    "study": ("study", "Several models: ranks, trends and what rows share, with uncertainty."),
    "score": ("score", "Rates and tests for the answers in a file, or of a run, judged again."),
    "judge": ("judge", "Judges against people: calibrate, fit, queue, label, show."),
    "align": ("align", "From failures to a tuned model: export, train, prove, loop."),
    "reproduce": ("reproduce", "Run it again and say where its rates would move, and why."),
    "import": ("import_", "Bring public benchmarks here; make runs of recorded answers."),
    "doctor": ("doctor", "Look at the installation and at what a model can do."),
    "audit": ("audit", "Derive every number of a run again and say whether it adds up."),
}


@click.command(
    cls=LazyGroup, table=_COMMANDS, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, prog_name="truing")
def cli() -> None:
    """Measure how trustworthy a language model is, say how sure that is, show the evidence.

    \b
    truing run                          the embedded model, no key, no network
    truing run -m openai/gpt-4o-mini    a provider (key from OPENAI_API_KEY)
    truing run -m NAME --base-url URL   any OpenAI-compatible server
    """  # noqa: D301 - click wants the character itself


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line; errors that truing knows become one line and an exit code."""
    from truing.errors import TruingError

    try:
        sys.exit(cli.main(arguments, standalone_mode=False, prog_name="truing") or 0)
    except TruingError as error:
        _say(str(error))
        sys.exit(error.exit_code)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.UsageError as error:
        error.show()
        sys.exit(2)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _say("stopped")
        sys.exit(130)
    except BrokenPipeError:
        # The reader of a pipe went away (`truing list tasks | head`).
        sys.stderr.close()
        sys.exit(141)


def _say(line: str) -> None:
    from truing.reports.text import visible

    print(f"truing: {visible(' '.join(line.split()))}", file=sys.stderr)  # noqa: T201
