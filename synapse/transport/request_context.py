"""One request with everything that sending it, and talking about it, needs."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import requests

__all__ = ["RequestContext"]


class RequestContext:
    """One request with everything that sending it needs.

    Args:
        request: The prepared request.
        timeout: Seconds to connect and between two reads.
        shown: The URL for messages.
        resource: Name of the resource, for messages.
        hides: Whether a part of the URL is secret.
        deadline: Seconds for the whole call, for messages.
        path: The path below the base URL, if the caller named one.

    Attributes:
        attempt: Number of the current attempt, from 1.
        is_watched: Whether an observer sees the call that the attempt belongs to.
    """

    __slots__ = (
        "attempt",
        "deadline",
        "hides",
        "is_watched",
        "path",
        "request",
        "resource",
        "shown",
        "timeout",
    )

    def __init__(
        self,
        request: requests.PreparedRequest,
        timeout: tuple[float, float],
        shown: str,
        resource: str | None,
        *,
        hides: bool,
        deadline: float | None,
        path: str = "",
    ) -> None:
        self.request = request
        self.timeout = timeout
        self.shown = shown
        self.resource = resource
        self.hides = hides
        self.deadline = deadline
        self.path = path
        self.attempt = 1
        self.is_watched = False

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
