"""Cuts a user's own texts into windows: a start that is shown, and how it goes on."""

from __future__ import annotations

from pathlib import Path

from truing.errors import UsageError

__all__ = ["read_windows"]

START_WORDS = 30
REST_WORDS = 40
MOST_WINDOWS = 1000


def read_windows(path: Path) -> list[tuple[str, str]]:
    """(start, rest) of windows that do not overlap, taking the files of a folder in turn.

    A window is 70 words. Raises `UsageError` where nothing can be read or no text is that long.
    """
    files = sorted(file for file in path.glob("**/*.txt")) if path.is_dir() else [path]
    if not files:
        raise UsageError(f"--texts: expected a text file or a folder of .txt files, got {path}")
    by_file = [_windows(file) for file in files]
    found = [
        windows[turn]
        for turn in range(max(map(len, by_file)))
        for windows in by_file
        if turn < len(windows)
    ]
    if not found:
        least = START_WORDS + REST_WORDS
        raise UsageError(f"--texts: no text in {path} has the {least} words that a window needs")
    return found[:MOST_WINDOWS]


def _windows(file: Path) -> list[tuple[str, str]]:
    try:
        words = file.read_text("utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--texts: cannot read {file} as UTF-8 text: {error}") from error
    size = START_WORDS + REST_WORDS
    return [
        (" ".join(words[at : at + START_WORDS]), " ".join(words[at + START_WORDS : at + size]))
        for at in range(0, len(words) - size + 1, size)
    ]
