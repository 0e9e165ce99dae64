"""A model on Amazon Bedrock: one attempt at a call, through AWS's SDK.

Region, credentials, proxies and certificates are found as the SDK finds them; its retries are
off. It blocks, so each call has a thread.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec

from truing.errors import (
    BadKey,
    BadRequest,
    MissingExtra,
    MissingKey,
    NoCredit,
    NoSuchModel,
    Unreachable,
    UsageError,
)
from truing.models.http import Reply, checked_url
from truing.models.model import clean_text
from truing.models.providers import find_reasoning
from truing.models.refusals import ErrorBody, fault_of, is_filter_block, rejected_words
from truing.models.wires import Dialect, Malformed, settled
from truing.models.wires.bedrock_converse import BedrockConverse
from truing.records import Attempt, Capabilities, Fault, FaultKind, Request, Response

__all__ = ["Bedrock"]

_MOST_CALLS = 1024
_CONNECT_SECONDS = 15.0
_KINDS = {
    "ModelNotReadyException": FaultKind.OVERLOADED,
    "ModelErrorException": FaultKind.SERVER_ERROR,
    "ServiceQuotaExceededException": FaultKind.RATE_LIMIT,
    "ThrottlingException": FaultKind.RATE_LIMIT,
}
"""Where the name of an error says more than its status."""
_BAD_KEYS = {
    *("UnrecognizedClientException", "InvalidSignatureException", "IncompleteSignature"),
    *(
        "ExpiredTokenException",
        "ExpiredToken",
        "InvalidClientTokenId",
        "MissingAuthenticationToken",
    ),
    *("MissingAuthenticationTokenException", "SignatureDoesNotMatch"),
}
_NO_MODEL = re.compile(
    r"model identifier is invalid|on-demand throughput|doesn't support the model|model not found",
    re.IGNORECASE,
)
_HOW = "AWS_PROFILE, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_BEARER_TOKEN_BEDROCK"
_CREDENTIALS = ("access_key", "secret_key", "token")
_NO_CREDENTIALS = (
    f"no credentials for bedrock: set {_HOW}, "
    "or run the embedded model with -m embedded/smollm2-135m"
)


class Bedrock:
    """One model, by its ID, an inference profile's ID or an ARN, in one region."""

    def __init__(
        self,
        name: str,
        *,
        base_url: str | None = None,
        key_env: str | None = None,
        timeout_seconds: float = 120.0,
    ) -> None:
        if importlib.util.find_spec("boto3") is None:
            raise MissingExtra(f"{name} needs AWS's SDK: pip install 'truing[bedrock]'")
        if key_env is not None:
            raise UsageError(f"bedrock finds its keys as AWS's SDK does ({_HOW}): no --key-env")
        self.name = name
        self._model = name.partition("/")[2]
        self._timeout = timeout_seconds
        self._secrets: frozenset[str] = frozenset()
        self._credentials: Any = None
        self._client = self._open(None if base_url is None else checked_url(base_url))
        self._wire = BedrockConverse()
        reasoning = find_reasoning(self._model)
        self._dialect = Dialect(
            model=self._model,
            thinking=reasoning.thinking if reasoning else None,
            thinks=reasoning is not None,
            unsent=frozenset({"seed", *(reasoning.unsent if reasoning else ())}),
        )
        self.capabilities = Capabilities(
            temperature="temperature" not in self._dialect.unsent,
            seed=False,
            constrained_choice=False,
            option_logprobs=False,
            system_messages=True,
            thinks=self._dialect.thinks,
            json_schema=None,
            concurrency=None,
        )
        self._answered = False
        self._threads = ThreadPoolExecutor(_MOST_CALLS, thread_name_prefix="bedrock")

    async def respond(self, request: Request) -> Response:
        """The outcome of one attempt; one more for each setting that the model rejects."""
        loop = asyncio.get_running_loop()
        try:
            # The SDK bounds each read; an answer that drips goes on in its thread, unheard.
            async with asyncio.timeout(self._timeout):
                return await loop.run_in_executor(self._threads, self._attempt, request)
        except TimeoutError:
            return _failed(FaultKind.TIMEOUT, f"no whole answer within {self._timeout:g} seconds")

    async def close(self) -> None:
        """Close the SDK's connections and let its threads end."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._client.close()

    def _open(self, url: str | None) -> Any:
        from boto3.session import Session
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, NoRegionError

        own_bundle = os.environ.get("AWS_CA_BUNDLE") or os.environ.get("REQUESTS_CA_BUNDLE")
        try:
            session = Session()
            client = session.client(
                "bedrock-runtime",
                region_name=os.environ.get("AWS_REGION") or session.region_name,
                endpoint_url=url,
                verify=None if own_bundle else os.environ.get("SSL_CERT_FILE"),
                config=Config(
                    retries={"mode": "standard", "total_max_attempts": 1},
                    max_pool_connections=_MOST_CALLS,
                    connect_timeout=min(_CONNECT_SECONDS, self._timeout),
                    read_timeout=self._timeout,
                ),
            )
            self._credentials = session.get_credentials()
        except NoRegionError:
            raise UsageError("bedrock needs a region: set AWS_REGION") from None
        except _without_credentials() as error:
            raise MissingKey(f"{_NO_CREDENTIALS} ({self._redact(str(error))})") from None
        except (BotoCoreError, ValueError) as error:
            raise UsageError(f"AWS's SDK: {self._redact(str(error))}") from None
        if self._credentials is None and not os.environ.get("AWS_BEARER_TOKEN_BEDROCK"):
            client.close()
            raise MissingKey(_NO_CREDENTIALS)
        return client

    def _attempt(self, request: Request) -> Response:
        """In a thread: what a call brought, or a fault. Raises `ModelError`."""
        from botocore.exceptions import ClientError

        attempts: list[Attempt] = []
        while True:
            dialect = self._dialect
            body = self._wire.encode(request, dialect)
            try:
                reply = self._client.converse(modelId=self._model, **body)
            except ClientError as error:
                said, refusal = _refusal(error.response)
                setting = self._rejected(said, refusal, body, request)
                if setting is None or setting in dialect.unsent:
                    response = self._refused(said, refusal)
                    break
                self._dialect = self._dialect._replace(unsent=self._dialect.unsent | {setting})
                detail = f"{said.status}: {self._redact(refusal.message)} (left out: {setting})"
                kind = FaultKind.REFUSED_REQUEST
                attempts.append(Attempt(seconds=0.0, fault=kind, detail=detail))
                continue
            except Exception as error:  # noqa: BLE001 - the SDK's own, of many trees
                response = self._broken(error)
                break
            response = self._read(reply, request, dialect)
            break
        if attempts:
            response = msgspec.structs.replace(response, attempts=tuple(attempts))
        return response

    def _read(self, reply: Any, request: Request, dialect: Dialect) -> Response:
        try:
            response = self._wire.read(reply, request)
        except Malformed as error:
            return _failed(FaultKind.MALFORMED, self._redact(str(error)))
        self._answered = True
        if request.want_logprobs:
            dialect = dialect._replace(unsent=dialect.unsent | {"logprobs"})
        return settled(response, dialect)

    def _rejected(
        self, said: Reply, refusal: ErrorBody, body: dict[str, Any], request: Request
    ) -> str | None:
        """The setting that a refusal is about, where it can be left out; never the user's own."""
        if said.status != 400 or is_filter_block(400, refusal):
            return None
        named = {word.partition(".")[0] for word in rejected_words(refusal)}
        sent = {**body.get("inferenceConfig", {}), **body.get("additionalModelRequestFields", {})}
        if "toolConfig" in body and "toolConfig" not in request.parameters:
            sent |= {"toolconfig": None, "tool": None}
        for field, setting in self._wire.fields.items():
            if field in sent and field in named and field not in request.parameters:
                return setting
        schema = "outputConfig" in body and "outputConfig" not in request.parameters
        return "json_schema" if schema else None

    def _refused(self, said: Reply, refusal: ErrorBody) -> Response:
        status, code = said.status, refusal.code
        shown = self._redact(f"{status} {code}: {refusal.message}")
        if is_filter_block(status, refusal):
            self._answered = True
            return Response(stop_reason="filter")
        if "INVALID_PAYMENT_INSTRUMENT" in refusal.message:
            raise NoCredit(f"bedrock says that the account cannot be billed ({shown})")
        if code in _BAD_KEYS or status == 401 or (status == 403 and not self._answered):
            raise BadKey(
                f"bedrock refused the credentials ({shown}): are they right and of today, "
                "and may they use this model in this region?"
            )
        if not self._answered and (status == 404 or _NO_MODEL.search(refusal.message)):
            raise NoSuchModel(
                f"bedrock does not know the model {self._model!r} ({shown}): many models go by the "
                "ID of an inference profile, which begins with us., eu., apac. or global."
            )
        fault = fault_of(said, self._redact(f"{code}: {refusal.message}"))
        if code in _KINDS:
            fault = msgspec.structs.replace(fault, kind=_KINDS[code])
        elif status == 404:
            fault = msgspec.structs.replace(fault, kind=FaultKind.SERVER_ERROR)
        if fault.kind is FaultKind.REFUSED_REQUEST and not self._answered:
            raise BadRequest(f"bedrock refused the first request ({shown})")
        return Response(fault=fault)

    def _broken(self, error: Exception) -> Response:
        """What a call that brought no answer means."""
        from botocore import exceptions as boto
        from botocore.parsers import ResponseParserError

        detail = self._redact(str(error))
        if isinstance(error, boto.ParamValidationError):
            if not self._answered:
                raise BadRequest(f"not as Bedrock's Converse has it: {detail}") from None
            return _failed(FaultKind.REFUSED_REQUEST, detail)
        if isinstance(error, _without_credentials()):
            raise BadKey(f"bedrock: the credentials cannot be used: {detail}") from None
        if isinstance(error, boto.ReadTimeoutError):
            return _failed(FaultKind.TIMEOUT, detail)
        if isinstance(error, boto.ConnectionError):
            if not self._answered:
                raise Unreachable(f"bedrock was not reached: {detail}") from None
            return _failed(FaultKind.CONNECTION, detail)
        if isinstance(error, boto.HTTPClientError):
            return _failed(FaultKind.CONNECTION, detail)
        if isinstance(error, ResponseParserError):
            return _failed(FaultKind.MALFORMED, detail)
        return _failed(FaultKind.INTERNAL, f"{type(error).__name__}: {detail}"[:400])

    def _redact(self, text: str) -> str:
        """A text to show, without any credential held until now: they come and go."""
        # As they are held: their properties would ask a server for new ones.
        held = {} if self._credentials is None else vars(self._credentials)
        values = [held.get(f"{under}{name}") for name in _CREDENTIALS for under in ("", "_")]
        values.append(os.environ.get("AWS_BEARER_TOKEN_BEDROCK"))
        self._secrets = self._secrets | {value for value in values if value}
        for secret in self._secrets:
            text = text.replace(secret, "[key]")
        return clean_text(" ".join(text.split()))[:400]


def _without_credentials() -> tuple[type[Exception], ...]:
    from botocore import exceptions as boto

    return (
        boto.NoCredentialsError,
        boto.PartialCredentialsError,
        boto.CredentialRetrievalError,
        boto.NoAuthTokenError,
        boto.TokenRetrievalError,
        boto.SSOError,
    )


def _refusal(response: dict[str, Any]) -> tuple[Reply, ErrorBody]:
    """The HTTP answer behind an error of the SDK's, and what it says."""
    about = response.get("ResponseMetadata", {})
    headers = [
        (str(name).encode("latin-1", "replace"), str(value).encode("latin-1", "replace"))
        for name, value in about.get("HTTPHeaders", {}).items()
    ]
    error = response.get("Error", {})
    message = clean_text(str(error.get("Message") or error.get("message") or "no message"))
    said = Reply(int(about.get("HTTPStatusCode", 0)), headers, b"")
    return said, ErrorBody(message, str(error.get("Code", "")), "", moderated=False)


def _failed(kind: FaultKind, detail: str) -> Response:
    return Response(fault=Fault(kind=kind, detail=detail))
