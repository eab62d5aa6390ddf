"""Interfaces of objects that watch the calls of a session, such as tracing."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from synapse.transport.request_context import RequestContext

__all__ = ["AttemptWatch", "CallWatch", "Observer"]


class CallWatch(Protocol):
    """The watch over one call, which ends with the `with` block."""

    def answered(self, status: int) -> None:
        """Note the status of the last response."""


class AttemptWatch(Protocol):
    """The watch over one attempt."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers to add to the request."""

    def sending(self) -> AbstractContextManager[object]:
        """Return a block for the time in which the request is sent and the headers come."""

    def answered(self, status: int) -> None:
        """Note the status of the response."""

    def end(self, error: BaseException | None) -> None:
        """End the attempt: its response was read, or the attempt failed."""


class Observer(Protocol):
    """Watches calls and their attempts. An implementation raises nothing."""

    def watch_call(self, context: RequestContext) -> AbstractContextManager[CallWatch]:
        """Return the watch over a call with all of its attempts."""

    def watch_attempt(self, context: RequestContext, *, is_own: bool) -> AttemptWatch:
        """Return the watch over an attempt.

        Args:
            context: The request.
            is_own: Whether it goes to the session's own server. Others get no headers.
        """
