"""A recorded run as a model: the same questions get the answers they got then."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from truing.records import (
    Capabilities,
    Choice,
    Fault,
    FaultKind,
    Message,
    Request,
    Response,
    content_hash,
)

__all__ = ["Replay", "question_key"]


def question_key(
    messages: tuple[Message, ...], letters: Iterable[tuple[str, str]], repeat: int
) -> str:
    """What makes two questions the same: messages, options and which repeat it is."""
    return content_hash([messages, list(letters), repeat])


class Replay:
    """Answers from `(messages, choices, repeat, response)` of an earlier run."""

    def __init__(
        self,
        name: str,
        answers: Iterable[tuple[tuple[Message, ...], tuple[Choice, ...], int, Response]],
    ) -> None:
        self.name = name
        self.capabilities = Capabilities(deterministic=True)
        self._answers = {
            # How it was come by then is no try of now.
            question_key(messages, ((c.label, c.text) for c in choices), repeat): replace(
                response, attempts=()
            )
            for messages, choices, repeat, response in answers
        }

    async def respond(self, request: Request) -> Response:
        """The recorded answer; a question that was not asked then is a fault, not a guess."""
        key = question_key(request.messages, request.choices, request.repeat)
        if response := self._answers.get(key):
            return response
        detail = f"{self.name} holds no answer to this question"
        return Response(fault=Fault(kind=FaultKind.REFUSED_REQUEST, detail=detail))

    async def close(self) -> None:
        """Hold nothing, release nothing."""
