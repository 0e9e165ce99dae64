"""A model that needs no key and no network: llama.cpp in this process.

Knows llama.cpp. Options are constrained by a grammar, so a choice is always one letter; the
letters' log-probabilities are those of the unconstrained model. A base model, which has no chat
template, is asked to continue a transcript instead. Batching changes the arithmetic: the same
prompt can be continued differently from run to run, and the report says so.

What was tried for speed, with figures, kept and dropped, is in docs/performance.md.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

from truing.errors import ModelError
from truing.models.grammar import choice_grammar
from truing.models.local_weights import EMBEDDED, Weights, embedded_weights, find_weights
from truing.models.logprobs import option_logprobs
from truing.models.model import clean_text
from truing.models.plain_turns import plain_turns
from truing.models.transcript import NEXT_TURN, transcript
from truing.records import (
    Capabilities,
    Elicitation,
    Fault,
    FaultKind,
    Request,
    Response,
)

__all__ = [
    "EMBEDDED",
    "PARALLEL",
    "Embedded",
    "body_of",
    "completion_body_of",
    "find_weights",
    "start_server",
]

PARALLEL = 16
CHOICES_AT_ONCE = 1
"""A choice is nearly all prompt, and prompts are not read faster side by side. One after the
other, the samples of a seed find their common beginning in the cache, whose slot llama.cpp picks
by likeness: more than a third of a choice's prompt is not read again, against a sixth."""
CONTEXT_TOKENS = 2048

LARGE_BYTES = 1 << 30
PARALLEL_LARGE = 4
"""Of larger weights: the memory for open replies grows with the model."""

TOP_LOGPROBS_OF_A_BASE = 512
"""A base model's first thought is seldom a letter; all letters must be listed to be a column."""

_GREEDY: dict[str, Any] = {"samplers": ["top_k"], "top_k": 1}


class Embedded:
    """A GGUF model served by llama.cpp with continuous batching."""

    def __init__(
        self, given: str | Weights, *, offline: bool = False, parallel: int | None = None
    ) -> None:
        """`given`: what stands behind `embedded/` in a model's name, or weights that are found."""
        if isinstance(given, str):
            given = embedded_weights(given, offline=offline)
        if parallel is None:
            large = given.file.stat().st_size > LARGE_BYTES
            parallel = PARALLEL_LARGE if large else PARALLEL
        self.name = given.name
        self.capabilities = Capabilities(
            temperature=True,
            seed=True,
            constrained_choice=True,
            option_logprobs=True,
            system_messages=True,
            chat=given.chat,
            deterministic=False,
            # Twice the slots: choices that wait for their turn keep no open reply from a slot.
            concurrency=2 * parallel,
        )
        # llama.cpp listens on a loopback port of its own: nobody else on the machine may use it.
        self._server = start_server(
            given.file, key=secrets.token_urlsafe(24), parallel=parallel, adapter=given.adapter
        )
        self._threads = ThreadPoolExecutor(parallel, thread_name_prefix="llama")
        self._choices = ThreadPoolExecutor(CHOICES_AT_ONCE, thread_name_prefix="llama-choice")

    async def respond(self, request: Request) -> Response:
        """The answer of the model in this process; a prompt that does not fit is a fault."""
        started = time.perf_counter()
        loop = asyncio.get_running_loop()
        threads = self._choices if request.choices else self._threads
        if self.capabilities.chat:
            handle, body = self._server.handle_chat_completions, body_of(request)
        else:
            handle, body = self._server.handle_completions, completion_body_of(request)
        reply = await loop.run_in_executor(threads, handle, body)
        seconds = time.perf_counter() - started
        return _response(reply, request, seconds)

    async def close(self) -> None:
        """Stop the server and free its memory."""
        self._threads.shutdown()
        self._choices.shutdown()
        self._server = None


def start_server(
    weights: Path, *, key: str, parallel: int = PARALLEL, adapter: Path | None = None
) -> Any:
    """llama.cpp with the weights loaded: called in process, and on a loopback port with `key`.

    Raises `ModelError` where it cannot load them, or the adapter on them.
    """
    # OpenMP's threads wait for each other by spinning, as a rule for so long that both stand still
    # as soon as something else uses a core (ten times slower and more). Sleeping sooner costs
    # nothing on a quiet machine. It is read once, when OpenMP is loaded.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(weights)
    params.model_alias = {weights.name.partition(".")[0]}  # else it says its path to everybody
    params.n_parallel = parallel
    params.n_ctx = CONTEXT_TOKENS * parallel
    threads = os.cpu_count() or 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.warmup = False
    params.cont_batching = True
    params.ui = False
    params.endpoint_slots = False
    params.verbosity = -1
    params.swa_full = True  # else nothing of a prompt is found again in models with such a window
    params.cache_ram_mib = 0  # saving idle prompts costs more than it spares here
    params.api_keys = [key]
    if adapter is not None:
        params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(str(adapter))]
    try:
        with _quiet():
            return xllamacpp.Server(params)
    except RuntimeError as error:
        with_it = "" if adapter is None else f" with the adapter {adapter.name}"
        raise ModelError(
            f"llama.cpp {xllamacpp.__version__} cannot load {weights.name}{with_it}: it is broken, "
            "of a kind that this version does not know, or too large for the memory"
        ) from error


class _quiet:  # noqa: N801 - reads as a word in `with _quiet()`
    """Keeps what C++ prints while loading off the terminal."""

    def __enter__(self) -> None:
        sys.stderr.flush()
        self._kept = os.dup(2)
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 2)
        os.close(null)

    def __exit__(self, *_: object) -> None:
        os.dup2(self._kept, 2)
        os.close(self._kept)


def body_of(request: Request) -> dict[str, Any]:
    """What llama.cpp is asked in a chat; user parameters are laid over it."""
    body: dict[str, Any] = {
        "messages": [
            {"role": message.role, "content": message.text}
            for message in plain_turns(request.messages)
        ],
        **_sampling(request),
    }
    if request.choices:
        body |= {"grammar": choice_grammar(request), "max_tokens": _choice_room(request)}
        if request.want_logprobs:
            body |= {"logprobs": True, "top_logprobs": 64}
    elif request.json_schema is not None:
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": request.json_schema},
        }
    return body


def completion_body_of(request: Request) -> dict[str, Any]:
    """What llama.cpp is asked to continue, for a model without a chat template."""
    body: dict[str, Any] = {
        "prompt": transcript(request.messages),
        "stop": [NEXT_TURN],
        **_sampling(request),
    }
    if request.choices:
        # A letter is a token with its blank. The blank alone would do for the grammar too, and
        # hide which letter the model means: it is ruled out.
        body |= {
            "grammar": choice_grammar(request, before=" "),
            "logit_bias": [[" ", False]],
            "max_tokens": _choice_room(request),
        }
        if request.want_logprobs:
            body["logprobs"] = TOP_LOGPROBS_OF_A_BASE
    elif request.json_schema is not None:
        body["json_schema"] = request.json_schema
    return body


def _sampling(request: Request) -> dict[str, Any]:
    return {
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "seed": request.seed + request.repeat,
        "cache_prompt": True,
        # The likeliest token needs no sorting of the vocabulary for the samplers after it; a
        # parameter of the user's may need one of them.
        **({} if request.temperature or request.parameters else _GREEDY),
        **request.parameters,
    }


def _choice_room(request: Request) -> int:
    return max(8, request.max_tokens) if request.confidence else 1


def _response(reply: dict[str, Any], request: Request, seconds: float) -> Response:
    if "choices" not in reply:
        error = reply.get("error", reply)
        detail = clean_text(str(error.get("message", error) if isinstance(error, dict) else error))
        client_side = isinstance(error, dict) and error.get("code") == 400
        kind = FaultKind.REFUSED_REQUEST if client_side else FaultKind.SERVER_ERROR
        return Response(
            latency_seconds=seconds,
            fault=Fault(kind=kind, detail=detail),
        )
    choice = reply["choices"][0]
    text = choice["message"]["content"] or "" if "message" in choice else choice["text"].strip()
    usage = reply.get("usage", {})
    stop: Literal["stop", "length"] = "length" if choice["finish_reason"] == "length" else "stop"
    return Response(
        text=clean_text(text),
        stop_reason=stop,
        truncated=stop == "length" and (request.confidence or not request.choices),
        prompt_tokens=usage.get("prompt_tokens"),
        completion_tokens=usage.get("completion_tokens"),
        option_logprobs=option_logprobs(
            choice.get("logprobs"), [letter for letter, _ in request.choices]
        ),
        elicitation=Elicitation.CONSTRAINED
        if request.choices or request.json_schema is not None
        else Elicitation.FREE,
        latency_seconds=seconds,
        cost_usd=0.0,
    )
