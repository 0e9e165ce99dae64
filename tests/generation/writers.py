"""Writers and judges for tests: models that say what a function says of the prompt."""

from __future__ import annotations

import json
from collections.abc import Callable

from truing.records import Capabilities, Fault, FaultKind, Request, Response


class Says:
    """A model whose reply is `reply(request)`; a `Fault` or a `Response` is given as it is."""

    name = "test/says"
    capabilities = Capabilities()

    def __init__(self, reply: Callable[[Request], str | Response]) -> None:
        self._reply = reply
        self.requests: list[Request] = []

    async def respond(self, request: Request) -> Response:
        self.requests.append(request)
        said = self._reply(request)
        if isinstance(said, Response):
            return said
        return Response(text=said, prompt_tokens=10, completion_tokens=5, cost_usd=0.001)

    async def close(self) -> None:
        pass


def in_turn(*replies: str | Response) -> Says:
    """A model that says these one after the other, again and again."""
    count = iter(range(10**6))
    return Says(lambda _: replies[next(count) % len(replies)])


def item(**fields: str) -> str:
    return json.dumps(fields)


def no_answer(kind: FaultKind = FaultKind.SERVER_ERROR) -> Response:
    return Response(fault=Fault(kind=kind, detail="down"))
