"""What a model is, for the engine: a name, what it can, and one method."""

from __future__ import annotations

from typing import Protocol

from truing.records import Capabilities, Request, Response

__all__ = ["Model", "answer_room", "clean_text"]

_CHOICE_TOKENS = 24
"""A choice that cannot be constrained gets room for "The answer is (B)."."""


class Model(Protocol):
    """Anything that answers requests: a provider, a process, a script, a recorded run."""

    @property
    def name(self) -> str:
        """As shown on reports; part of a run's identity."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What the model is known to take."""
        ...

    async def respond(self, request: Request) -> Response:
        """The answer, or a response with a `fault` once the adapter's tries are used up.

        Raises `ModelError` where no request can succeed (bad key, no such model).
        """
        ...

    async def close(self) -> None:
        """Release what it holds. Called once, also after an error."""
        ...


def answer_room(request: Request) -> int:
    """Tokens that an answer may take, without what is thought before it."""
    if request.choices and not request.confidence:
        return max(_CHOICE_TOKENS, request.max_tokens)
    return request.max_tokens


def clean_text(text: str) -> str:
    """Text that every encoder takes: lone surrogates become U+FFFD, the rest stays as it came."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
