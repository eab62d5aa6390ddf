"""Errors of the clients: the same classes as in `synapse.errors`."""

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
    ValidationError,
)

__all__ = [
    "AuthenticationError",
    "BadRequest",
    "ClientError",
    "Conflict",
    "ConnectionFailed",
    "FilterIgnored",
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
