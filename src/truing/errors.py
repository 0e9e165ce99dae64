"""The one error tree. Every message says what was expected, what came and what to do.

TruingError
├── UsageError             the command line or the config file asks for what cannot be
│   └── UnknownName        a task, suite, scorer, model or sub-category that does not exist
├── TaskError              a card, a seed file or a recorded file is malformed
├── JournalError           a run folder cannot be read, written or trusted
│   ├── RunMismatch        the folder holds a run of something else
│   └── RunLocked          another process is writing to the folder
├── BudgetSpent            a bound on dollars, tokens or time is reached; what is there is kept
└── ModelError             a model cannot be used at all; the run stops
    ├── MissingExtra       an optional package or the weights are not installed
    ├── MissingKey         no key in the environment
    ├── BadKey             the server refused the key
    ├── NoSuchModel        the server does not know the model
    ├── BadRequest         the server refuses what this model is asked for
    ├── NoCredit           the account may not be billed any further
    ├── Unreachable        no server answered at the address
    └── Unavailable        the server has stopped answering, or asks for a very long wait

A failure of a single call is not in this tree: it is a `Fault` on the response, data like any
other, and never becomes text, a default label or a zero.
"""

__all__ = [
    "BadKey",
    "BadRequest",
    "BudgetSpent",
    "JournalError",
    "MissingExtra",
    "MissingKey",
    "ModelError",
    "NoCredit",
    "NoSuchModel",
    "RunLocked",
    "RunMismatch",
    "TaskError",
    "TruingError",
    "Unavailable",
    "UnknownName",
    "Unreachable",
    "UsageError",
]


class TruingError(Exception):
    """Anything truing itself reports; the command line prints its one line and exits."""

    exit_code = 1


class UsageError(TruingError):
    """The command line or the config file asks for what cannot be."""

    exit_code = 2


class UnknownName(UsageError):
    """A name that no table knows."""

    def __init__(self, kind: str, name: str, known: list[str]) -> None:
        from difflib import get_close_matches

        near = get_close_matches(name, known, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known)}"
        super().__init__(f"no {kind} named {name!r}: {hint}")


class TaskError(TruingError):
    """A card, a seed file or a recorded file is malformed."""


class JournalError(TruingError):
    """A run folder cannot be read, written or trusted."""


class RunMismatch(JournalError):
    """The folder holds a run of something else; the difference is named."""


class RunLocked(JournalError):
    """Another process is writing to the folder."""


class BudgetSpent(TruingError):
    """A bound on dollars, tokens or time is reached: the run ends cleanly with what it has."""


class ModelError(TruingError):
    """A model cannot be used at all; the run stops with what it has."""


class MissingExtra(ModelError):
    """An optional package or the model's weights are not installed."""


class MissingKey(ModelError):
    """No key in the environment."""


class BadKey(ModelError):
    """The server refused the key."""


class NoSuchModel(ModelError):
    """The server does not know the model."""


class BadRequest(ModelError):
    """The server refuses what this model is asked for."""


class Unreachable(ModelError):
    """No server answered at the address."""


class NoCredit(ModelError):
    """The account may not be billed any further."""


class Unavailable(ModelError):
    """The server has stopped answering, or asks for a very long wait."""
