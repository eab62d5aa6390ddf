"""Requests to an agent without a connection: a broker passes them on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import requests

from synapse.errors import InvalidResponse
from synapse.transport import Transport, decoding
from synapse.transport.response import Response
from synapse.transport.urls import without_query

__all__ = ["NO_ADDRESS", "LongPollHandler", "LongPollTransport"]

NO_ADDRESS = "https://long-poll.invalid"
"""Base URL of an agent without an address; nothing is sent there."""

_OWN_HEADERS = ("Authorization", "SYNAPSE-User", "SYNAPSE-Tenant", "Content-Type")


class LongPollHandler(Protocol):
    """A broker that an agent asks for its requests."""

    def set_request(self, request: dict[str, Any], /) -> str:
        """Store a request, with `method`, `path`, `headers` and `data`, and return its id."""

    def get_response(self, request_id: str, /) -> Mapping[str, Any]:
        """Wait for the response to a request, with `status` and `data`."""


class LongPollTransport(Transport):
    """A transport that hands each request to a broker, and opens no connection.

    Args:
        settings: Settings with the agent's credentials.
        handler: The broker.
    """

    def __init__(self, settings: Any, handler: LongPollHandler) -> None:
        super().__init__(settings)
        self._handler = handler

    def fetch(
        self,
        method: str,
        path: str,
        *,
        params: Any = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        resource: str | None = None,
        **options: Any,
    ) -> Response:
        """Hand one request to the broker, and wait for the response. Never retried.

        The arguments are those of `Transport.request`; the broker decides how long to wait.

        Raises:
            InvalidResponse: The broker's response has no status.
            SessionClosed: The client was closed.
        """
        del options
        self._connection.ensure_open()
        prepared = self._prepare(method, path, params, json, None, headers)
        target = (prepared.url or "").removeprefix(self.base_url)
        names = [*_OWN_HEADERS, *(headers or {})]
        message: dict[str, Any] = {
            "method": method.lower(),
            "path": target,
            "headers": {name: prepared.headers[name] for name in names if name in prepared.headers},
        }
        if json is not None:
            message["data"] = json
        answer = self._handler.get_response(self._handler.set_request(message))
        if not isinstance(answer, Mapping) or not isinstance(answer.get("status"), int):
            raise InvalidResponse(
                200,
                "the long poll's response has no status",
                response=answer,
                method=method,
                resource=resource,
            )
        data = answer.get("data")
        response = requests.Response()
        response.status_code = answer["status"]
        response.request = prepared
        is_text = isinstance(data, str)
        response.headers["Content-Type"] = "text/plain" if is_text else "application/json"
        return Response(
            response,
            data.encode() if isinstance(data, str) else decoding.dumps(data),
            without_query(prepared.url or ""),
            resource,
            self.settings.source,
            secrets=tuple(secret.reveal() for secret in self.settings.credentials.values()),
        )
