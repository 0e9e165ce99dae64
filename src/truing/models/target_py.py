"""A function of the user's own as a model: `target/py:package.module.function`.

The function gets the messages as a list of {"role", "content"} and returns text, or a mapping
with `text` and, where it has them, `context` (passages it retrieved), `prompt_tokens` and
`completion_tokens`. It may be a coroutine function. What it raises is a fault of that sample.
Calls of tools and their results, where a task has any, are turns in plain text.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import os
import sys
from collections.abc import Mapping
from typing import Any

from truing.errors import UsageError
from truing.models.model import clean_text
from truing.models.plain_turns import plain_turns
from truing.records import Capabilities, Elicitation, Fault, FaultKind, Request, Response

__all__ = ["PythonTarget", "read_answer"]


class PythonTarget:
    """Calls a function; a plain one in a thread, so that others go on meanwhile."""

    def __init__(self, path: str) -> None:
        module, dot, function = path.rpartition(".")
        if not dot:
            raise UsageError(f"target/py: expected module.function, got {path!r}")
        if os.getcwd() not in sys.path:  # noqa: PTH109 - as `python -m` does
            sys.path.insert(0, os.getcwd())  # noqa: PTH109
        try:
            self._call = getattr(importlib.import_module(module), function)
        except (ImportError, AttributeError) as error:
            raise UsageError(f"target/py: cannot import {path}: {error}") from error
        if not callable(self._call):
            raise UsageError(f"target/py: {path} is not a function")
        self._awaits = inspect.iscoroutinefunction(self._call)
        self.name = f"target/py:{path}"
        self.capabilities = Capabilities(temperature=False, seed=False, system_messages=True)

    async def respond(self, request: Request) -> Response:
        """What the function returns."""
        turns = plain_turns(request.messages)
        messages = [{"role": str(turn.role), "content": turn.text} for turn in turns]
        try:
            given = (
                await self._call(messages)
                if self._awaits
                else await asyncio.to_thread(self._call, messages)
            )
        except Exception as error:  # noqa: BLE001 - the user's own code
            detail = clean_text(f"{type(error).__name__}: {error}"[:300])
            return Response(fault=Fault(kind=FaultKind.INTERNAL, detail=detail))
        return read_answer(given, request)

    async def close(self) -> None:
        """Hold nothing, release nothing."""


def read_answer(given: Any, request: Request) -> Response:
    """The response in what a target returned; anything else is malformed, never text."""
    fields: Mapping[str, Any] = given if isinstance(given, Mapping) else {"text": given}
    text, context = fields.get("text"), fields.get("context") or ()
    if isinstance(context, str):
        context = (context,)
    if not isinstance(text, str) or not all(isinstance(passage, str) for passage in context):
        detail = f"expected text, or a mapping with text and context, got {type(given).__name__}"
        return Response(fault=Fault(kind=FaultKind.REFUSED_REQUEST, detail=detail))
    counted = [fields.get(name) for name in ("prompt_tokens", "completion_tokens")]
    read, written = (n if isinstance(n, int) and n >= 0 else None for n in counted)
    return Response(
        text=clean_text(text),
        stop_reason="stop",
        prompt_tokens=read,
        completion_tokens=written,
        context=tuple(map(clean_text, context)),
        elicitation=Elicitation.PARSED if request.choices else Elicitation.FREE,
    )
