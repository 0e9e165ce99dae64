"""Reads by rule what a reply did with a request: complied, partial, refused, unusable.

`rule` decides, `text` folds and cuts, `usable` says what is no answer at all, `withholding` and
`manner` hold the phrases.
"""

from truing.scorers.refusal.rule import NAME, Reading, ReplyLabel, read_reply

__all__ = ["NAME", "Reading", "ReplyLabel", "read_reply"]
