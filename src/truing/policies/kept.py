"""The policy that a run folder keeps, so that its verdict can be derived again from it alone."""

from __future__ import annotations

from pathlib import Path

from truing.errors import JournalError
from truing.journal import read_journal, seconds_spent
from truing.policies.gate import apply_policy
from truing.policies.policy import Policy, find_policy
from truing.reports.profile import Summary, summarise_counted
from truing.runs import read_header, write_atomically

__all__ = ["keep_policy", "kept_policy", "summarise_run"]

_FILE = "policy.toml"


def keep_policy(folder: Path, policy: Policy) -> None:
    """Write a policy into a run, in place of the one that is there.

    Raises `JournalError` where that cannot be.
    """
    try:
        write_atomically(folder / _FILE, policy.to_toml().encode())
    except OSError as error:
        raise JournalError(f"cannot write to {folder}: {error.strerror or error}") from error


def kept_policy(folder: Path) -> Policy | None:
    """The policy that a run was last held against, or None. Raises `UsageError` if malformed."""
    return find_policy(str(folder / _FILE)) if (folder / _FILE).exists() else None


def summarise_run(folder: Path) -> Summary:
    """Every number of a run, and its verdict where it keeps a policy."""
    header, journal = read_header(folder), folder / "journal"
    summary, counted = summarise_counted(
        header, read_journal(journal), wall_seconds=seconds_spent(journal)
    )
    policy = kept_policy(folder)
    if policy is None:
        return summary
    return apply_policy(policy, summary, counted, {task.id: task.seeds for task in header.tasks})
