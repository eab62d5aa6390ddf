"""Compute the pauses of loops that resume a transfer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from synapse.errors import ClientError, RateLimited
from synapse.transport import Transport
from synapse.transport.deadline_blocks import pause
from synapse.transport.retry import RetryPolicy

__all__ = ["retry_delay", "retry_transient"]

T = TypeVar("T")

_MAX_FAILURES = 5


def retry_delay(
    error: ClientError, failures: int, policy: RetryPolicy, *, limit: int = _MAX_FAILURES
) -> float | None:
    """Return the seconds before the next attempt; `None` to give up.

    The first retry is immediate unless the server asks for a pause.

    Args:
        error: The failure.
        failures: Consecutive failures without progress, from 1.
        policy: The session's retry policy.
        limit: Number of consecutive failures to give up at.
    """
    if not error.is_transient or failures >= limit:
        return None
    retry_after = error.retry_after if isinstance(error, RateLimited) else None
    if failures == 1 and retry_after is None:
        return 0.0
    return policy.delay(max(1, failures - 1), retry_after)


def retry_transient(
    transport: Transport, send: Callable[[], T], *, limit: int = _MAX_FAILURES
) -> T:
    """Send a harmless request again after each transient failure.

    Args:
        transport: The transport, whose policy decides about pauses.
        send: Function that sends the request.
        limit: Number of consecutive failures to give up at.

    Raises:
        ClientError: The failure isn't transient, or was the last one.
    """
    failures = 0
    while True:
        failures += 1
        try:
            return send()
        except ClientError as error:
            delay = retry_delay(error, failures, transport.options.retry, limit=limit)
            if delay is None or not pause(delay):
                raise
