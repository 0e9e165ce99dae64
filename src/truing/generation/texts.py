"""Words of generated texts, as filters and figures count them."""

from __future__ import annotations

import re

from truing.scorers.refusal.text import STOPWORDS, stem

__all__ = ["content_words", "words"]


def words(text: str) -> list[str]:
    """The words of a text, case folded."""
    return re.findall(r"\w+", text.casefold())


def content_words(text: str) -> set[str]:
    """Stems of the words that say something."""
    return {stem(word) for word in words(text) if word not in STOPWORDS and len(word) > 2}
