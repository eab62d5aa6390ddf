"""The retry policy: which failures are retried, after which pause, within which budget.

A request is retried only where a second copy does no harm: idempotent methods after transient
failures, other methods only when the server certainly didn't process them. A budget keeps retries
from making an outage worse: each retry takes from the budget, and only successes refill it. Pauses
that the server asked for by throttling are free.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeAlias

import attrs

from synapse._internal.backoff import Backoff
from synapse._internal.field_repr import FieldRepr
from synapse._internal.validate import validate_int
from synapse.errors import ClientError, ConfigurationError

__all__ = ["Budget", "OnRetry", "Retry", "RetryPolicy", "is_idempotent"]

_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})


def is_idempotent(method: str) -> bool:
    """Return whether a request may be sent twice, by its method."""
    return method in _IDEMPOTENT


@attrs.frozen(eq=False, repr=False)
class Retry(FieldRepr):
    """A retry that is about to happen, as the `on_retry` hook receives it.

    Attributes:
        method: The HTTP method.
        url: The URL, without its query string.
        request_id: The id that all attempts carry as `X-Request-ID`.
        attempt: The number of the attempt that failed, from 1.
        attempts: Largest number of attempts.
        delay: Pause before the next attempt, in seconds.
        reason: Cause of the failure, in one sentence.
        error: The failure, as it would be raised without another attempt.
    """

    method: str
    url: str
    request_id: str
    attempt: int
    attempts: int
    delay: float
    reason: str
    error: ClientError | None = None


OnRetry: TypeAlias = Callable[[Retry], object]


@attrs.frozen(eq=False, repr=False)
class RetryPolicy(FieldRepr):
    """Rules for retrying a failed request.

    Attributes:
        attempts: Largest number of attempts for one request; 1 never retries.
        base: Upper bound of the first pause in seconds; doubled by each further failure.
        longest: Upper bound of every pause in seconds, whatever the server asks for.
    """

    attempts: int = 4
    base: float = 0.5
    longest: float = 60.0

    @classmethod
    def of(cls, retries: Any) -> RetryPolicy:
        """Return the policy for a number of retries.

        Raises:
            ConfigurationError: The number isn't a whole number, 0 or more.
        """
        validate_int("retries", retries, minimum=0, error=ConfigurationError)
        return cls(attempts=retries + 1)

    def should_retry(
        self, method: str, *, is_transient: bool, may_have_been_processed: bool
    ) -> bool:
        """Return whether sending a request again is safe and may help.

        The two questions are those of `ClientError`: `is_transient`, `may_have_been_processed`.
        """
        return is_transient and (is_idempotent(method) or not may_have_been_processed)

    def delay(self, attempt: int, retry_after: float | None) -> float | None:
        """Return the pause after an attempt in seconds; `None` to give up.

        Args:
            attempt: Number of the failed attempt, from 1.
            retry_after: Pause that the server asked for, in seconds.
        """
        if retry_after is not None:
            return retry_after if retry_after <= self.longest else None
        return Backoff(self.base, self.longest).delay(attempt)


class Budget:
    """The number of retries that a session may still make.

    During an outage nothing succeeds and nothing is refunded, so at most `capacity` retries are
    made, however long the outage lasts.

    Args:
        capacity: Retries at the start, and at most.
        refund: Share of a retry that each success gives back.

    Attributes:
        throttle_count: Number of responses by which the server throttled the session.
    """

    def __init__(self, capacity: float = 10.0, refund: float = 0.1) -> None:
        self.throttle_count = 0
        self._capacity = capacity
        self._refund = refund
        self._left = capacity
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Take one retry; return whether one was left."""
        with self._lock:
            if self._left < 1:
                return False
            self._left -= 1
            return True

    def succeeded(self, retries: int) -> None:
        """Refund a success, and the retries that led to it."""
        if self._left < self._capacity:
            with self._lock:
                self._left = min(self._capacity, self._left + self._refund + retries)

    def after_fork(self) -> None:
        """Replace the lock, which a thread of the parent may hold."""
        self._lock = threading.Lock()
