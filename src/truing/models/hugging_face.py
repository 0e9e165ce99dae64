"""Models of transformers in this process: `hf/ORG/NAME`, a folder, the embedded weights, adapters.

Knows torch and transformers. Requests that wait are answered in batches of like length. Options
are held to their letters token by token, and the letters' log-probabilities are those of the
unconstrained model, as with the other engines. Remote code of a hub's model is never run and
pickled weights are never read.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from truing.errors import MissingExtra, ModelError, NoSuchModel
from truing.models.hf_decoding import Row, Trie, decode, spellings
from truing.models.hf_weights import base_folder, check_base, parse_name
from truing.models.model import clean_text
from truing.models.plain_turns import plain_turns
from truing.records import Capabilities, Elicitation, Fault, FaultKind, Request, Response

__all__ = ["HuggingFace", "load"]

BATCH = 32
BATCH_TOKENS = 12_288
"""Most prompt tokens, padding counted, of a batch: what memory has to hold."""
_PATIENCE_SECONDS = 0.005
"""How long a batch that is not full waits for more."""


@dataclass(slots=True)
class _Waiting:
    request: Request
    prompt: list[int]
    answer: asyncio.Future[Response]
    since: float


class HuggingFace:
    """A causal language model, with or without an adapter, on a GPU where there is one."""

    def __init__(self, name: str, *, offline: bool = False, batch: int = BATCH) -> None:
        self.name = f"hf/{parse_name(name).shown}"
        self._tokenizer, self._model = load(name, offline=offline)
        self.capabilities = Capabilities(
            temperature=True,
            seed=True,
            constrained_choice=True,
            option_logprobs=True,
            system_messages=True,
            # What a batch is made of depends on timing, and the arithmetic on the batch.
            deterministic=False,
            json_schema=False,
            concurrency=2 * batch,
        )
        self._batch = batch
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="torch")
        self._waiting: list[_Waiting] = []
        self._arrived = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None
        self._letters: dict[str, list[int]] = {}
        self._tries: dict[tuple[tuple[str, ...], bool], Trie] = {}
        self._stops = _stop_tokens(self._tokenizer, self._model)

    async def respond(self, request: Request) -> Response:
        """The answer of the model in this process; a prompt that does not fit is a fault."""
        prompt = self._prompt(request)
        if isinstance(prompt, str):
            return Response(fault=Fault(kind=FaultKind.REFUSED_REQUEST, detail=prompt))
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())
        answer: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(request, prompt, answer, time.perf_counter()))
        self._arrived.set()
        return await answer

    async def close(self) -> None:
        """Let go of the weights."""
        if self._worker is not None:
            self._worker.cancel()
        self._thread.shutdown()
        self._model = None

    def _prompt(self, request: Request) -> list[int] | str:
        """Token ids of a prompt, or why there are none."""
        turns = [{"role": str(m.role), "content": m.text} for m in plain_turns(request.messages)]
        try:
            ids = self._tokenizer.apply_chat_template(
                turns, add_generation_prompt=True, tokenize=True, return_dict=False
            )
        except Exception as error:  # noqa: BLE001 - a template may raise anything it likes
            return f"the model's chat template takes no such conversation: {error}"
        room = getattr(self._model.config, "max_position_embeddings", None)
        if room is not None and len(ids) + request.max_tokens > room:
            return f"{len(ids)} prompt tokens and {request.max_tokens} of answer, room for {room}"
        return list(ids)

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            if not self._waiting:
                self._arrived.clear()
                await self._arrived.wait()
            if len(self._waiting) < self._batch:
                await asyncio.sleep(_PATIENCE_SECONDS)
            batch = self._take()
            try:
                responses = await loop.run_in_executor(self._thread, self._answer, batch)
            except Exception as error:  # noqa: BLE001 - a defect here is data, with its kind
                detail = f"{type(error).__name__}: {error}"
                fault = Fault(kind=FaultKind.INTERNAL, detail=detail)
                responses = [Response(fault=fault) for _ in batch]
            for waiting, response in zip(batch, responses, strict=True):
                if not waiting.answer.done():
                    waiting.answer.set_result(response)

    def _take(self) -> list[_Waiting]:
        """The longest-waiting request and those of its kind that are nearest to it in length."""
        first = self._waiting[0]
        kind = bool(first.request.choices)
        like = [w for w in self._waiting if bool(w.request.choices) == kind]
        like.sort(key=lambda w: (w is not first, abs(len(w.prompt) - len(first.prompt))))
        taken: list[_Waiting] = []
        longest = 0
        for waiting in like[: self._batch]:
            longest = max(longest, len(waiting.prompt))
            if taken and longest * (len(taken) + 1) > BATCH_TOKENS:
                break
            taken.append(waiting)
        chosen = set(map(id, taken))
        self._waiting = [w for w in self._waiting if id(w) not in chosen]
        return taken

    def _answer(self, batch: list[_Waiting]) -> list[Response]:
        rows = [self._row(waiting.request, waiting.prompt) for waiting in batch]
        decode(self._model, rows, stops=self._stops, pad=self._tokenizer.pad_token_id or 0)
        now = time.perf_counter()
        return [
            self._response(waiting.request, row, now - waiting.since)
            for waiting, row in zip(batch, rows, strict=True)
        ]

    def _row(self, request: Request, prompt: list[int]) -> Row:
        letters = tuple(letter for letter, _ in request.choices)
        return Row(
            prompt=prompt,
            room=request.max_tokens,
            temperature=request.temperature,
            seed=request.seed + request.repeat,
            trie=self._trie(letters, confidence=request.confidence) if letters else None,
            watch={letter: self._spelled(letter) for letter in letters},
        )

    def _trie(self, letters: tuple[str, ...], *, confidence: bool) -> Trie:
        key = (letters, confidence)
        if key not in self._tries:
            texts = (
                [f"{letter}, {share}%" for letter in letters for share in range(101)]
                if confidence
                else list(letters)
            )
            self._tries[key] = Trie.of(
                self._tokenizer.encode(text, add_special_tokens=False) for text in texts
            )
        return self._tries[key]

    def _spelled(self, letter: str) -> list[int]:
        if letter not in self._letters:
            self._letters[letter] = spellings(self._tokenizer, letter)
        return self._letters[letter]

    def _response(self, request: Request, row: Row, seconds: float) -> Response:
        text = self._tokenizer.decode(row.written, skip_special_tokens=True)
        return Response(
            text=clean_text(text),
            stop_reason="length" if row.cut else "stop",
            truncated=row.cut,
            prompt_tokens=len(row.prompt),
            completion_tokens=len(row.written),
            option_logprobs=row.watched if request.choices and request.want_logprobs else None,
            elicitation=Elicitation.CONSTRAINED if request.choices else Elicitation.FREE,
            latency_seconds=seconds,
            cost_usd=0.0,
            unsent=tuple(sorted(request.parameters)),
        )


def load(name: str, *, offline: bool = False) -> tuple[Any, Any]:
    """The tokenizer and the model of a name after `hf/`, its adapters merged into it.

    Raises `MissingExtra`, `UsageError`, `NoSuchModel` where a folder or hub has no such model that
    is in safetensors, or `ModelError` where it has no chat template.
    """
    try:
        import torch
        import transformers
    except ImportError as error:
        raise MissingExtra(
            f"hf/{name} needs torch and transformers (missing: {error.name}): "
            "pip install 'truing[hf]'"
        ) from error
    parsed = parse_name(name)
    place = base_folder(parsed.base, offline=offline)
    transformers.utils.logging.disable_progress_bar()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    how = {"local_files_only": offline, "trust_remote_code": False}
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(place, **how)
        model = transformers.AutoModelForCausalLM.from_pretrained(
            place,
            dtype=torch.bfloat16 if device == "cuda" else torch.float32,
            use_safetensors=True,
            **how,
        )
    except (OSError, ValueError) as error:
        said = str(error).strip().splitlines()[0]
        raise NoSuchModel(f"hf/{parsed.base}: cannot be loaded: {said}") from error
    if not tokenizer.chat_template:
        raise ModelError(
            f"hf/{parsed.base} has no chat template (a base model?): questions cannot be put to it"
        )
    check_base(parsed)
    for adapter in parsed.adapters:
        try:
            import peft
        except ImportError as error:
            raise MissingExtra("an adapter needs peft: pip install 'truing[hf]'") from error
        model = peft.PeftModel.from_pretrained(model, str(adapter)).merge_and_unload()
    return tokenizer, model.to(device).eval()


def _stop_tokens(tokenizer: Any, model: Any) -> frozenset[int]:
    named = getattr(model.generation_config, "eos_token_id", None)
    ids = named if isinstance(named, list) else [named]
    return frozenset(i for i in [*ids, tokenizer.eos_token_id] if i is not None)
