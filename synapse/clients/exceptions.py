"""Errors of the clients: the classes of `synapse.errors`, under all names that scripts catch.

`ValidationError` is the error of any 400 or 422 here, as in scripts of the platform's client.
`synapse.errors.ValidationError` is the subclass for a body that names the refused fields.
"""

from __future__ import annotations

from typing import Any

from synapse.errors import (
    AuthenticationError,
    BadRequest,
    ClientError,
    Conflict,
    ConnectionFailed,
    FilterIgnored,
    InvalidResponse,
    NotFound,
    PayloadTooLarge,
    PermissionDenied,
    RateLimited,
    RequestTimeout,
    ServerError,
    StreamLimitExceeded,
)
from synapse.transport.error_mapping import find_error_class

__all__ = [
    "AuthenticationError",
    "AuthorizationError",
    "BadRequest",
    "ClientConnectionError",
    "ClientError",
    "ClientTimeoutError",
    "Conflict",
    "ConnectionFailed",
    "FilterIgnored",
    "HTTPError",
    "InvalidResponse",
    "NotFound",
    "NotFoundError",
    "PayloadTooLarge",
    "PermissionDenied",
    "RateLimitError",
    "RateLimited",
    "RequestTimeout",
    "ServerError",
    "StreamError",
    "StreamLimitExceeded",
    "StreamLimitExceededError",
    "ValidationError",
    "WebSocketError",
    "raise_for_status",
]

AuthorizationError = PermissionDenied
ClientConnectionError = ConnectionFailed
ClientTimeoutError = RequestTimeout
HTTPError = ClientError
NotFoundError = NotFound
RateLimitError = RateLimited
StreamError = ClientError
StreamLimitExceededError = StreamLimitExceeded
ValidationError = BadRequest
WebSocketError = ClientError


def raise_for_status(status_code: int, detail: Any = None) -> None:
    """Raise the error of a status from 400 on. Makes no request.

    Args:
        status_code: The HTTP status.
        detail: The failure: a text, or the decoded body of the response.

    Raises:
        ClientError: The status is an error; the subclass depends on the status.

    Example:
        >>> raise_for_status(204)
        >>> raise_for_status(404, "no such job")
        Traceback (most recent call last):
        ...
        synapse.errors.NotFound: no such job (HTTP 404)
    """
    if status_code >= 400:
        text = "" if detail is None else str(detail)
        raise find_error_class(status_code)(status_code, text, response=detail)
