"""One request with everything that sending it, and talking about it, needs."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import requests

from synapse._internal.redaction import redacted
from synapse.transport.urls import without_query

__all__ = ["RequestContext"]


class RequestContext:
    """One request with everything that sending it needs.

    Args:
        request: The prepared request.
        timeout: Seconds to connect and between two reads.
        shown: The URL for messages; by default the request's URL without the query.
        resource: Name of the resource, for messages.
        hides: Whether a part of the URL is secret.
        deadline: Seconds for the whole call, for messages.
        path: The path below the base URL, if the caller named one.

    Attributes:
        attempt: Number of the current attempt, from 1.
        is_watched: Whether an observer sees the call that the attempt belongs to.
    """

    __slots__ = (
        "_shown",
        "attempt",
        "deadline",
        "hides",
        "is_watched",
        "path",
        "request",
        "resource",
        "timeout",
    )

    def __init__(
        self,
        request: requests.PreparedRequest,
        timeout: tuple[float, float],
        shown: str | None,
        resource: str | None,
        *,
        hides: bool,
        deadline: float | None,
        path: str = "",
    ) -> None:
        self.request = request
        self.timeout = timeout
        self._shown = shown
        self.resource = resource
        self.hides = hides
        self.deadline = deadline
        self.path = path
        self.attempt = 1
        self.is_watched = False

    @property
    def shown(self) -> str:
        """The URL for messages, which most requests need none of."""
        if self._shown is None:
            self._shown = redacted(without_query(self.request.url or ""))
        return self._shown

    @property
    def request_id(self) -> str | None:
        """The id that all attempts carry; other hosts get none."""
        return self.request.headers.get("X-Request-ID")

    def describe(self) -> dict[str, Any]:
        """Return the fields that all log messages about the request have."""
        return {
            "method": self.request.method,
            "url": self.shown,
            "path": urlsplit(self.shown).path,
            "request_id": self.request_id,
            "resource": self.resource,
        }
