"""When a failed request is sent again, and how long before.

Only what can do no harm is repeated: verbs that mean the same twice, after a failure that may pass;
anything else only when it certainly wasn't processed. A budget keeps an outage from being made
worse: each retry takes from it, and only successes give something back.

`urllib3.util.Retry` could do the first of these, but knows neither a budget shared by a session's
requests, nor a deadline over all attempts, nor which connection errors a POST survives.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Any, TypeAlias

import attrs

from synapse.errors import ConfigurationError

__all__ = ["Budget", "OnRetry", "Retry", "RetryPolicy"]

_SAFE_VERBS = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
_PASSING = frozenset({429, 502, 503, 504})


@attrs.frozen(eq=False)
class Retry:
    """A retry that is about to happen, as the `on_retry` callback gets it.

    Attributes:
        method: The HTTP method.
        url: The URL, without its query string.
        request_id: The id that all attempts carry as `X-Request-ID`.
        attempt: The number of the attempt that failed, from 1.
        attempts: How many there may be.
        delay: For how many seconds is waited first.
        reason: Why it failed, in one sentence.
    """

    method: str
    url: str
    request_id: str
    attempt: int
    attempts: int
    delay: float
    reason: str


OnRetry: TypeAlias = Callable[[Retry], object]


@attrs.frozen(eq=False)
class RetryPolicy:
    """What is repeated, and when.

    Attributes:
        attempts: How often a request is sent at most; 1 never repeats.
        base: Seconds before the second attempt, at most; it doubles with each further one.
        longest: Seconds that are waited at most, whatever the server asks for.
    """

    attempts: int = 4
    base: float = 0.5
    longest: float = 60.0

    @classmethod
    def of(cls, retries: Any) -> RetryPolicy:
        """Return the policy that sends a request again so many times at most.

        Raises:
            ConfigurationError: It is no whole number from 0.
        """
        if isinstance(retries, bool) or not isinstance(retries, int) or retries < 0:
            raise ConfigurationError(f"retries is {retries!r}: give a whole number from 0.")
        return cls(attempts=retries + 1)

    def repeats_status(self, method: str, status: int, retry_after: float | None) -> bool:
        """Say whether a request is sent again after an answer with a status."""
        if method in _SAFE_VERBS:
            return status in _PASSING
        # Throttled, or put off by something in front: the server hasn't begun with it.
        return status == 429 or (status == 503 and retry_after is not None)

    def repeats_failure(self, method: str, *, was_sent: bool) -> bool:
        """Say whether a request is sent again after a connection that broke."""
        return method in _SAFE_VERBS or not was_sent

    def delay(self, attempt: int, retry_after: float | None) -> float | None:
        """Return for how many seconds to wait after an attempt, or `None` for not trying again.

        Without the server's word it is a random time, so that clients which failed together don't
        come back together.
        """
        if retry_after is not None:
            return retry_after if retry_after <= self.longest else None
        most: float = min(self.longest, self.base * 2 ** (attempt - 1))
        return most * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, hides nothing


class Budget:
    """How many retries a session may still make.

    In an outage nothing succeeds and so nothing is given back: however long it lasts, at most
    `capacity` retries are made in it.

    Args:
        capacity: How many retries there are at first, and at most.
        refund: How much of a retry each success gives back.
    """

    def __init__(self, capacity: float = 10.0, refund: float = 0.1) -> None:
        self._capacity = capacity
        self._refund = refund
        self._left = capacity
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Take one retry; say whether there was one."""
        with self._lock:
            if self._left < 1:
                return False
            self._left -= 1
            return True

    def succeeded(self, retries: int) -> None:
        """Give back for a success, and what its own retries took."""
        if self._left < self._capacity:
            with self._lock:
                self._left = min(self._capacity, self._left + self._refund + retries)

    def after_fork(self) -> None:
        """Don't wait for a thread that is in the parent only."""
        self._lock = threading.Lock()
