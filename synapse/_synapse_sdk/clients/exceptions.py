"""Errors; the same objects as in `synapse.clients.exceptions`."""

from synapse.clients.exceptions import (
    AuthenticationError,
    BadRequest,
    ClientError,
    Conflict,
    ConnectionFailed,
    InvalidResponse,
    NotFound,
    PayloadTooLarge,
    PermissionDenied,
    RateLimited,
    RequestTimeout,
    ServerError,
    StreamLimitExceeded,
    ValidationError,
)

__all__ = [
    "AuthenticationError",
    "BadRequest",
    "ClientError",
    "Conflict",
    "ConnectionFailed",
    "InvalidResponse",
    "NotFound",
    "PayloadTooLarge",
    "PermissionDenied",
    "RateLimited",
    "RequestTimeout",
    "ServerError",
    "StreamLimitExceeded",
    "ValidationError",
]
