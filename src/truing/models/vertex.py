"""Gemini on Vertex AI: Google's own protocol over HTTP, with tokens that google-auth renews.

Knows where a project's models are and how a token is come by; calls and refusals are `remote`'s.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import warnings
from typing import Any

from truing.errors import BadKey, MissingExtra, MissingKey, Unreachable, UsageError
from truing.models.http import HttpClient, checked_url
from truing.models.providers import moved_address, providers
from truing.models.refusals import ErrorBody
from truing.models.remote import TIMEOUT_SECONDS, Remote
from truing.records import Fault, FaultKind, Request, Response

__all__ = ["Vertex"]

_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_MULTI_REGIONS = {"us", "eu"}
_SECRETS = ("token", "_refresh_token", "_client_secret", "_id_token")


class Vertex(Remote):
    """One model of a project and a location, or a tuned one: `vertex/endpoints/NUMBER`."""

    def __init__(
        self,
        name: str,
        *,
        base_url: str | None = None,
        key_env: str | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        given = base_url or moved_address(providers()["vertex"])
        self._credentials: Any = None
        project = None
        if key_env is None:
            self._credentials, project = _find_credentials(given)
        project = os.environ.get("GOOGLE_CLOUD_PROJECT") or project
        address = _address(name.partition("/")[2], project, given)
        super().__init__(name, base_url=address, key_env=key_env, timeout_seconds=timeout_seconds)
        self._renewing = asyncio.Lock()
        self._former: list[HttpClient] = []

    async def respond(self, request: Request) -> Response:
        """The outcome of one attempt, with a token that is still good."""
        if not self._good():
            async with self._renewing:
                fault = None if self._good() else await self._renew()
            if fault is not None:
                return Response(fault=fault)
        return await super().respond(request)

    async def close(self) -> None:
        """Close the pooled connections, those of former tokens too."""
        for client in self._former:
            await client.close()
        await super().close()

    def _good(self) -> bool:
        """Whether calls carry a token, and one that still holds."""
        held = self._credentials
        return held is None or (held.valid and held.token == self._key)

    async def _renew(self) -> Fault | None:
        """A fresh token, or why there is none this time. Raises `BadKey` and `Unreachable`."""
        from google.auth.exceptions import GoogleAuthError, TransportError

        try:
            await asyncio.to_thread(_refresh, self._credentials, self._timeout)
        except GoogleAuthError as error:
            said = self._redact(str(error.args[0]) if error.args else type(error).__name__)
            if isinstance(error, TransportError) and not self._answered:
                raise Unreachable(f"no token for vertex: Google was not reached ({said})") from None
            if isinstance(error, TransportError) or error.retryable:
                return Fault(kind=FaultKind.CONNECTION, detail=f"no token: {said}")
            raise BadKey(
                f"Google gave no token for vertex ({said}): "
                "gcloud auth application-default login, or another GOOGLE_APPLICATION_CREDENTIALS"
            ) from None
        self._former.append(self._http)
        self._key = self._credentials.token
        quota = self._credentials.quota_project_id
        self._http = self._client(**({"x-goog-user-project": quota} if quota else {}))
        return None

    def _rejected(
        self, status: int, error: ErrorBody, body: dict[str, Any], request: Request
    ) -> str | None:
        config = body.get("generationConfig", {})
        whole = (*config, *(name for name in ("tools", "toolConfig") if name in body))
        sent = {name.lower(): None for name in whole if name not in request.parameters}
        if "thinkingconfig" in sent:
            sent["thinking"] = None  # what the server calls it
        return super()._rejected(status, error, sent, request)

    def _redact(self, text: str) -> str:
        for secret in _SECRETS:
            value = getattr(self._credentials, secret, None)
            if isinstance(value, str) and value:
                text = text.replace(value, "[key]")
        return super()._redact(text)


def _find_credentials(given: str | None) -> tuple[Any, str | None]:
    """Application default credentials and their project; neither, at an address without a key.

    Raises `MissingExtra` and `MissingKey`.
    """
    if importlib.util.find_spec("google") is None or not importlib.util.find_spec("google.auth"):
        raise MissingExtra("vertex needs google-auth: pip install 'truing[vertex]'")
    import google.auth
    from google.auth.exceptions import GoogleAuthError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a user's own login without a quota project
            found: tuple[Any, str | None] = google.auth.default(scopes=[_SCOPE])
    except GoogleAuthError as error:
        if given is not None and not os.environ.get("GOOGLE_APPLICATION_CREDENTIALS"):
            return None, None
        said = str(error.args[0]) if error.args else type(error).__name__
        raise MissingKey(
            "no credentials for vertex: set GOOGLE_APPLICATION_CREDENTIALS to a key file, or run "
            f"gcloud auth application-default login ({said[:200]})"
        ) from None
    return found


def _refresh(credentials: Any, timeout_seconds: float) -> None:
    """A new token in the credentials; blocks."""
    import requests
    from google.auth.transport.requests import Request as Transport

    with requests.Session() as session:
        session.verify = os.environ.get("SSL_CERT_FILE") or True
        transport = Transport(session=session)

        def bounded(*given: Any, **named: Any) -> Any:
            return transport(*given, **{"timeout": timeout_seconds, **named})

        credentials.refresh(bounded)


def _address(model: str, project: str | None, given: str | None) -> str:
    """Where a model is called: `v1/projects/P/locations/L/publishers/google/models/M`."""
    location = os.environ.get("GOOGLE_CLOUD_LOCATION") or "global"
    if given is not None:
        host = checked_url(given)
    elif location == "global":
        host = "https://aiplatform.googleapis.com"
    elif location in _MULTI_REGIONS:
        host = f"https://aiplatform.{location}.rep.googleapis.com"
    else:
        host = f"https://{location}-aiplatform.googleapis.com"
    if project is None and given is None:
        raise UsageError("vertex needs a project: set GOOGLE_CLOUD_PROJECT")
    place = f"projects/{project}/locations/{location}/" if project else ""
    path = model if model.startswith("endpoints/") else f"publishers/google/models/{model}"
    return f"{host}/v1/{place}{path}:generateContent"
