"""A model behind an address: one attempt at a call, over any of the protocols.

Knows addresses, keys and what a server may say; no protocol (`wires`) and no waiting (`calls`).
A bad key, an unknown model, an empty account or an address where nobody answers stops the run.
What a server rejects of the settings is left out from then on, and every answer says so.
"""

from __future__ import annotations

import json
import os
from typing import Any

import msgspec

from truing.errors import (
    BadKey,
    BadRequest,
    MissingKey,
    NoCredit,
    NoSuchModel,
    Unreachable,
    UsageError,
)
from truing.models.http import CallFailed, HttpClient, NotConnected, Reply, checked_url
from truing.models.model import clean_text
from truing.models.providers import (
    Provider,
    Reasoning,
    find_reasoning,
    moved_address,
    providers,
)
from truing.models.refusals import (
    ErrorBody,
    fault_of,
    is_filter_block,
    is_out_of_credit,
    read_error,
    rejected_words,
    seconds_without_room,
)
from truing.models.wires import WIRES, Dialect, Malformed, settled
from truing.records import (
    Attempt,
    Capabilities,
    Elicitation,
    Fault,
    FaultKind,
    Request,
    Response,
)

__all__ = ["TIMEOUT_SECONDS", "Remote"]

TIMEOUT_SECONDS = 120.0
_GENERIC = Provider(protocol="openai_chat", key_env=("OPENAI_API_KEY",))
"""What is taken for granted of a server that is given by its address alone."""


class Remote:
    """One model behind one address."""

    def __init__(
        self,
        name: str,
        *,
        base_url: str | None = None,
        key_env: str | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        prefix, _, rest = name.partition("/")
        known = providers().get(prefix) if rest else None
        if known is None and base_url is None:
            raise UsageError(f"no address for {name!r}: give --base-url URL")
        provider = known or _GENERIC
        address = base_url or moved_address(provider) or provider.base_url
        if address is None:
            variables = " or ".join(provider.base_url_env)
            raise UsageError(f"{prefix} has no one address: set {variables}, or give --base-url")
        self._url = checked_url(address)
        self._key = _find_key(prefix, key_env, provider, own_address=base_url is not None)
        self.name = name
        self._remote_name = rest if known else name
        self._wire = WIRES[provider.protocol]()
        reasoning = find_reasoning(self._remote_name)
        self._dialect = _dialect(self._remote_name, provider, reasoning)
        self.capabilities = _capabilities(provider, self._dialect, generic=known is None)
        self._provider = provider
        self._timeout = timeout_seconds
        self._http = self._client()
        self._answered = False
        self._hold_seconds: float | None = None

    async def respond(self, request: Request) -> Response:
        """The outcome of one attempt; one more for each setting that the server rejects."""
        attempts: list[Attempt] = []
        while True:
            dialect = self._dialect
            body = self._wire.encode(request, dialect)
            try:
                reply = await self._http.post(self._wire.path, msgspec.json.encode(body))
            except NotConnected as error:
                if not self._answered:
                    raise Unreachable(
                        f"no server answered at {self._shown_url()} "
                        f"({self._redact(error.detail)}): is it running, and is --base-url right?"
                    ) from None
                return _failed(error.kind, self._redact(error.detail), attempts)
            except CallFailed as error:
                return _failed(error.kind, self._redact(error.detail), attempts)
            self._hold_seconds = seconds_without_room(reply.headers) or self._hold_seconds
            if reply.status == 200:
                response = self._read(reply.body, request, body, dialect)
                break
            error_body = read_error(reply.body)
            setting = self._rejected(reply.status, error_body, body, request)
            if setting is None or setting in dialect.unsent:
                response = self._refused(reply, error_body)
                break
            self._dialect = self._dialect._replace(unsent=self._dialect.unsent | {setting})
            detail = f"{reply.status}: {self._redact(error_body.message)} (left out: {setting})"
            attempts.append(Attempt(seconds=0.0, fault=FaultKind.REFUSED_REQUEST, detail=detail))
        if attempts:
            response = msgspec.structs.replace(response, attempts=tuple(attempts))
        return response

    def take_limits(self) -> float | None:
        """Seconds until the server's own limits leave room, where its last answer said none."""
        seconds, self._hold_seconds = self._hold_seconds, None
        return seconds

    async def close(self) -> None:
        """Close the pooled connections."""
        await self._http.close()

    def _client(self, **more: str) -> HttpClient:
        """A pool of connections whose calls carry the key, and `more` headers."""
        headers = {**self._wire.headers, **self._provider.headers, **more}
        if self._key:
            header, _, scheme = self._provider.key_header.partition(": ")
            headers[header] = f"{scheme} {self._key}".strip()
        query = self._provider.query
        base = f"{self._url}?{query}" if query else self._url
        return HttpClient(base, headers, timeout_seconds=self._timeout)

    def _read(
        self, raw: bytes, request: Request, body: dict[str, Any], dialect: Dialect
    ) -> Response:
        try:
            response = self._wire.read(_decoded(raw), request)
        except (ValueError, RecursionError) as error:
            return _failed(FaultKind.MALFORMED, f"expected JSON: {error}", [])
        except Malformed as error:
            return _failed(FaultKind.MALFORMED, self._redact(clean_text(str(error))), [])
        self._answered = True
        response = settled(response, dialect)
        if dialect.guided_choice and request.choices and dialect.guided_choice in body:
            # One token is all that a constrained choice may take: its end is no cut.
            return msgspec.structs.replace(
                response,
                elicitation=Elicitation.CONSTRAINED,
                truncated=response.truncated and request.confidence,
            )
        return response

    def _rejected(
        self, status: int, error: ErrorBody, body: dict[str, Any], request: Request
    ) -> str | None:
        """The setting that a refusal is about, where it can be left out.

        A parameter that the user gave is never left out.
        """
        if status not in (400, 404, 422, 501):
            return None
        named = rejected_words(error)
        for field, setting in self._wire.fields.items():
            sent = field.partition(".")[0] in body and field not in request.parameters
            if sent and field in named:
                return setting
        schema = request.json_schema is not None and "json_schema" not in self._dialect.unsent
        return "json_schema" if schema and status in (400, 422) else None

    def _refused(self, reply: Reply, error: ErrorBody) -> Response:
        said = self._redact(error.message)
        status = reply.status
        if is_filter_block(status, error):
            self._answered = True
            return Response(stop_reason="filter")
        if is_out_of_credit(status, error):
            raise NoCredit(
                f"{self._shown_url()} says that the account is used up ({status}: {said}): "
                "what was answered is kept, the same command goes on from there"
            )
        if status == 401 or (status == 403 and not self._answered):
            raise BadKey(
                f"{self._shown_url()} refused the key ({status}: {said}): "
                "is the key right, and may it use this model?"
            )
        if status == 404 and not self._answered:
            raise NoSuchModel(
                f"{self._shown_url()} does not know the model {self._remote_name!r} "
                f"(404: {said}): is the name right, and does --base-url end where it should (/v1)?"
            )
        if status == 404:
            fault = Fault(kind=FaultKind.SERVER_ERROR, detail=f"404: {said}")
        else:
            fault = fault_of(reply, said)
        if fault.kind is FaultKind.REFUSED_REQUEST and not self._answered:
            raise BadRequest(f"{self._shown_url()} refused the first request ({status}: {said})")
        return Response(fault=fault)

    def _shown_url(self) -> str:
        return self._redact(f"{self._url}{self._wire.path}")

    def _redact(self, text: str) -> str:
        shown = text.replace(self._key, "[key]") if self._key else text
        return shown[:400]


def _decoded(raw: bytes) -> Any:
    """JSON as servers write it: lone surrogates too, which the fast decoder refuses."""
    try:
        return msgspec.json.decode(raw)
    except msgspec.DecodeError:
        return json.loads(raw)


def _failed(kind: FaultKind, detail: str, attempts: list[Attempt]) -> Response:
    return Response(fault=Fault(kind=kind, detail=detail), attempts=tuple(attempts))


def _find_key(
    prefix: str, key_env: str | None, provider: Provider, *, own_address: bool
) -> str | None:
    if key_env:
        if not os.environ.get(key_env):
            raise MissingKey(f"no key: --key-env names {key_env}, which is not set")
        return os.environ[key_env].strip()
    # A key goes only where it belongs: to the provider it is for, or to an address given
    # together with it.
    key = next(filter(None, map(os.environ.get, provider.key_env)), None)
    if key is None and provider.key_env and not provider.local and not own_address:
        raise MissingKey(
            f"no key for {prefix}: set {' or '.join(provider.key_env)}, "
            "or run the embedded model with -m embedded/smollm2-135m"
        )
    return key.strip() if key else None


def _dialect(model: str, provider: Provider, reasoning: Reasoning | None) -> Dialect:
    unsent = set(reasoning.unsent if reasoning else ())
    if provider.no_seed:
        unsent.add("seed")
    if provider.no_json_schema:
        unsent.add("json_schema")
    field = (reasoning.max_tokens_field if reasoning else None) or provider.max_tokens_field
    return Dialect(
        model=model,
        max_tokens_field=field,
        seed_field=provider.seed_field,
        top_logprobs=provider.top_logprobs_max,
        guided_choice=provider.guided_choice,
        thinking=reasoning.thinking if reasoning else None,
        thinks=reasoning is not None,
        unsent=frozenset(unsent),
    )


def _capabilities(provider: Provider, dialect: Dialect, *, generic: bool) -> Capabilities:
    """What is known from the table; of a server given by its address alone, nothing is."""
    protocol_has_seed = provider.protocol in ("openai_chat", "gemini")
    return Capabilities(
        temperature="temperature" not in dialect.unsent,
        seed=False if "seed" in dialect.unsent or not protocol_has_seed else None,
        constrained_choice=dialect.guided_choice is not None,
        option_logprobs=None if generic else provider.logprobs and not dialect.thinks,
        system_messages=True,
        thinks=dialect.thinks,
        json_schema=None if generic else "json_schema" not in dialect.unsent,
        concurrency=None,
    )
