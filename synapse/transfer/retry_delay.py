"""Compute the pauses of loops that resume a transfer."""

from __future__ import annotations

from synapse.errors import ClientError, RateLimited
from synapse.transport.retry import RetryPolicy

__all__ = ["retry_delay"]

_MAX_FAILURES = 5


def retry_delay(error: ClientError, failures: int, policy: RetryPolicy) -> float | None:
    """Return the seconds before the next attempt; `None` to give up.

    The first retry is immediate unless the server asks for a pause.

    Args:
        error: The failure.
        failures: Consecutive failures without progress, from 1.
        policy: The session's retry policy.
    """
    if not error.is_transient or failures >= _MAX_FAILURES:
        return None
    retry_after = error.retry_after if isinstance(error, RateLimited) else None
    if failures == 1 and retry_after is None:
        return 0.0
    return policy.delay(max(1, failures - 1), retry_after)
