"""The errors of the clients are those of the package, under more names."""

from __future__ import annotations

import pytest

from synapse import errors
from synapse.clients import exceptions

# The names of the platform's client, and the classes.
ALIASES = {
    "AuthorizationError": errors.PermissionDenied,
    "ClientConnectionError": errors.ConnectionFailed,
    "ClientTimeoutError": errors.RequestTimeout,
    "HTTPError": errors.ClientError,
    "NotFoundError": errors.NotFound,
    "RateLimitError": errors.RateLimited,
    "StreamError": errors.ClientError,
    "StreamLimitExceededError": errors.StreamLimitExceeded,
    "ValidationError": errors.BadRequest,
    "WebSocketError": errors.ClientError,
}


def test_every_client_error_is_exported() -> None:
    names = {
        name for name in errors.__all__ if issubclass(getattr(errors, name), errors.ClientError)
    }

    assert set(exceptions.__all__) == names | set(ALIASES) | {"raise_for_status"}
    for name in names - set(ALIASES):
        assert getattr(exceptions, name) is getattr(errors, name)


@pytest.mark.parametrize("name", ALIASES)
def test_other_names(name: str) -> None:
    assert getattr(exceptions, name) is ALIASES[name]


@pytest.mark.parametrize(
    ("status", "cls"),
    [
        (400, exceptions.ValidationError),
        (401, exceptions.AuthenticationError),
        (403, exceptions.AuthorizationError),
        (404, exceptions.NotFoundError),
        (418, exceptions.HTTPError),
        (422, exceptions.ValidationError),
        (429, exceptions.RateLimitError),
        (500, exceptions.ServerError),
        (503, exceptions.ServerError),
    ],
)
def test_status_is_raised(status: int, cls: type[errors.ClientError]) -> None:
    with pytest.raises(cls) as caught:
        exceptions.raise_for_status(status, {"detail": "text"})

    assert (type(caught.value), caught.value.status_code) == (cls, status)
    assert caught.value.response == {"detail": "text"}


@pytest.mark.parametrize("status", [200, 204, 304, 399])
def test_status_is_not_an_error(status: int) -> None:
    exceptions.raise_for_status(status)
