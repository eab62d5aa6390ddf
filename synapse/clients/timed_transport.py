"""A transport with another read timeout, for the requests of one call."""

from __future__ import annotations

from typing import Any, cast

from synapse._internal.validate import validate_seconds
from synapse.errors import UsageError
from synapse.transport import Transport
from synapse.transport.response import Response

__all__ = ["set_read_timeout"]


class _TimedTransport:
    """A transport whose requests wait longer, or less long.

    Args:
        transport: The transport.
        seconds: Seconds between two reads.
    """

    def __init__(self, transport: Transport, seconds: float) -> None:
        self._transport = transport
        self._timeout = {"read": seconds}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def fetch(self, method: str, path: str, **arguments: Any) -> Response:
        """Send a request, as `Transport.fetch` does."""
        return self._transport.fetch(method, path, **{"timeout": self._timeout, **arguments})

    def request(self, method: str, path: str, **arguments: Any) -> Any:
        """Send a request, as `Transport.request` does."""
        return self.fetch(method, path, **arguments).json()


def set_read_timeout(transport: Transport, seconds: float | None) -> Transport:
    """Return a transport on the same connections with a read timeout. Makes no request.

    Args:
        transport: The transport.
        seconds: Seconds between two reads; `None` keeps the transport's own.

    Raises:
        UsageError: `seconds` is not a positive number.
    """
    if seconds is None:
        return transport
    validate_seconds("read_timeout", seconds, error=UsageError)
    return cast("Transport", _TimedTransport(transport, seconds))
