"""Pauses between attempts, computed in one place."""

from __future__ import annotations

import random

__all__ = ["Backoff", "bounded_pause"]

_HOUR = 3600.0


def bounded_pause(retry_after: float | None) -> float:
    """Return the pause that a server asks of a wait without end, at most an hour."""
    return min(retry_after or 0.0, _HOUR)


class Backoff:
    """Compute exponential, jittered and capped pauses.

    The jitter keeps clients that failed together from coming back together. Computing a pause
    doesn't sleep; the caller waits in the way that the loop needs.

    Args:
        first: Upper bound of the first pause, in seconds.
        longest: Upper bound of every pause, in seconds.
        factor: Growth of the bound from one pause to the next.

    Example:
        >>> backoff = Backoff(first=1.0, longest=4.0)
        >>> [0.5 <= backoff.next() <= 1.0, 1.0 <= backoff.next() <= 2.0]
        [True, True]
    """

    __slots__ = ("_factor", "_failures", "_first", "_longest")

    def __init__(self, first: float = 0.1, longest: float = 5.0, factor: float = 2.0) -> None:
        self._first = first
        self._longest = longest
        self._factor = factor
        self._failures = 0

    def delay(self, failures: int) -> float:
        """Return the pause after a number of consecutive failures, in seconds.

        Args:
            failures: Consecutive failures so far, from 1.
        """
        # The exponent is capped as well: a float overflows after a thousand failures.
        bound: float = min(self._longest, self._first * self._factor ** min(failures - 1, 64))
        return bound * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, hides nothing

    def next(self) -> float:
        """Count one more failure and return the pause after it, in seconds."""
        self._failures += 1
        return self.delay(self._failures)

    def reset(self) -> None:
        """Start again with the shortest pause."""
        self._failures = 0
