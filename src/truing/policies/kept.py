"""The policy that a run folder keeps, so that its verdict can be derived again from it alone."""

from __future__ import annotations

from pathlib import Path

from truing.errors import JournalError
from truing.journal import read_journal, seconds_spent
from truing.policies.gate import apply_policy
from truing.policies.policy import Policy, find_policy
from truing.reports.canaries import with_canaries
from truing.reports.corrected import read_labelling
from truing.reports.profile import Summary, summarise_counted
from truing.reports.verified import keep_cards, kept_cards, verify
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


def summarise_run(folder: Path, *, new_cards: bool = False) -> Summary:
    """Every number of a run, and its verdict where it keeps a policy.

    `new_cards` first copies into the run the cards that its judges have now.
    """
    header, journal = read_header(folder), folder / "journal"
    summary, counted = summarise_counted(
        header,
        read_journal(journal),
        wall_seconds=seconds_spent(journal),
        labelling=read_labelling(folder),
    )
    if new_cards:
        keep_cards(folder, header, summary, counted)
    summary = verify(summary, header, counted, kept_cards(folder))
    summary = with_canaries(summary, folder)
    policy = kept_policy(folder)
    if policy is None:
        return summary
    return apply_policy(policy, summary, counted, {task.id: task.seeds for task in header.tasks})
