"""Counts what a model's calls use, around any model."""

from __future__ import annotations

from truing.models.model import Model
from truing.records import Capabilities, Request, Response

__all__ = ["Counting"]


class Counting:
    """The same model, with the number of its calls, their tokens and dollars."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self.name = model.name
        self.calls = 0
        self.tokens = 0
        self.usd: float | None = 0.0
        """None once a call's cost is unknown."""

    @property
    def capabilities(self) -> Capabilities:
        """The model's own."""
        return self._model.capabilities

    async def respond(self, request: Request) -> Response:
        """The model's answer, counted."""
        response = await self._model.respond(request)
        self.calls += 1
        self.tokens += (response.prompt_tokens or 0) + (response.completion_tokens or 0)
        known = self.usd is not None and response.cost_usd is not None
        self.usd = (self.usd or 0.0) + (response.cost_usd or 0.0) if known else None
        return response

    async def close(self) -> None:
        """Close the model."""
        await self._model.close()
