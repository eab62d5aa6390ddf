"""Log the attempts of requests."""

from __future__ import annotations

import time

from synapse._internal.log_events import REQUEST_ANSWERED, REQUEST_FAILED
from synapse.transport.request_context import RequestContext

__all__ = ["log_answer", "log_failure"]


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
    fields = context.describe()
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
        **context.describe(),
        attempt=context.attempt,
        duration=time.perf_counter() - started,
        error=kind,
    )
