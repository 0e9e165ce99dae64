"""Brings files of a repository at a pinned commit onto this machine, with git."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from truing.errors import UsageError

__all__ = ["clone"]


def clone(repository: str, commit: str, folder: Path, files: Sequence[str] = ()) -> None:
    """Clone a repository into a folder at a commit; with `files`, only these come.

    Raises `UsageError` where git cannot.
    """
    git = ["git", "-C", str(folder)]
    if files:
        commands = [
            ["git", "clone", "--quiet", "--no-checkout", "--filter=blob:none", "--"],
            [*git, "checkout", "--quiet", commit, "--", *files],
        ]
    else:
        commands = [
            ["git", "clone", "--quiet", "--"],
            [*git, "checkout", "--quiet", commit],
        ]
    commands[0] += [repository, str(folder)]
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}
    for command in commands:
        try:
            done = subprocess.run(  # noqa: S603
                command, capture_output=True, text=True, check=False, env=environment
            )
        except OSError as error:
            raise UsageError(f"could not run git: {error}; give a local copy as PATH") from error
        if done.returncode:
            said = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise UsageError(
                f"could not fetch {repository} at {commit}: {said}; give a local copy as PATH"
            )
