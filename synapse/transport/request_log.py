"""Log the attempts of requests."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from synapse._internal.log_events import REQUEST_ANSWERED, REQUEST_FAILED

if TYPE_CHECKING:
    from synapse.transport.connection import RequestContext

__all__ = ["describe_request", "log_answer", "log_failure"]


def describe_request(context: RequestContext) -> dict[str, Any]:
    """Return the fields that all messages about a request have."""
    return {
        "method": context.request.method,
        "url": context.shown,
        "path": urlsplit(context.shown).path,
        "request_id": context.request.headers.get("X-Request-ID"),
        "resource": context.resource,
    }


def log_answer(
    context: RequestContext, status: int, started: float, size: int | None = None
) -> None:
    """Log that an attempt was answered.

    Args:
        context: The request.
        status: Status of the response.
        started: Start of the attempt, on `time.perf_counter`'s clock.
        size: Bytes of the body; `None` if the body is still being read.
    """
    if not REQUEST_ANSWERED.is_enabled:  # this is called for each request
        return
    duration = time.perf_counter() - started
    fields = describe_request(context)
    REQUEST_ANSWERED.log(
        "%s %s -> %d, %s bytes, %.1f ms, request %s",
        context.request.method,
        context.shown,
        status,
        "some" if size is None else size,
        duration * 1000,
        fields["request_id"],
        **fields,
        attempt=context.attempt,
        status=status,
        duration=duration,
        size=size,
    )


def log_failure(context: RequestContext, started: float, error: Exception) -> None:
    """Log that an attempt got no whole answer.

    Args:
        context: The request.
        started: Start of the attempt, on `time.perf_counter`'s clock.
        error: The failure; only its kind is logged, as the caller raises or retries it.
    """
    if not REQUEST_FAILED.is_enabled:
        return
    kind = type(error).__name__
    REQUEST_FAILED.log(
        "%s %s failed: %s",
        context.request.method,
        context.shown,
        kind,
        **describe_request(context),
        attempt=context.attempt,
        duration=time.perf_counter() - started,
        error=kind,
    )
