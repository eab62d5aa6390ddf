"""The errors of the clients are those of the package."""

from __future__ import annotations

from synapse import errors
from synapse.clients import exceptions


def test_every_client_error_is_exported() -> None:
    names = {
        name for name in errors.__all__ if issubclass(getattr(errors, name), errors.ClientError)
    }

    assert set(exceptions.__all__) == names
    for name in names:
        assert getattr(exceptions, name) is getattr(errors, name)
