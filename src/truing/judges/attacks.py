"""Texts that try to talk a judge into a verdict, when a reply carries them. Fixed: `attacks.json`.

What an attack aims at is `label` (any label, which stands in its text as `%LABEL%`), one label by
name, or `pass`: praise, scores and openers that ask for a good verdict without naming a label.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import msgspec

__all__ = ["ANY_LABEL", "Attack", "read_attacks"]

ANY_LABEL = "label"
_PLACE = "%LABEL%"


class Attack(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One attack, as it is added to a reply."""

    id: str
    family: str
    aim: str
    text: str

    def may_aim_at(self, label: str) -> bool:
        """Whether it can ask for this label."""
        return self.aim in (ANY_LABEL, "pass", label)

    def for_label(self, label: str) -> str:
        """The text, asking for this label where it can ask for any."""
        return self.text.replace(_PLACE, label)


@cache
def read_attacks() -> tuple[Attack, ...]:
    """Every attack, in the order of the file."""
    data = files("truing.judges").joinpath("attacks.json").read_bytes()
    return msgspec.json.decode(data, type=tuple[Attack, ...])
