"""Decide by measured time whether several requests in flight help.

Several requests in flight hide the latency of the server. Where the server answers as fast as the
caller works, threads only get into each other's way.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

__all__ = ["BATCHES_IN_FLIGHT", "CHANGES_IN_FLIGHT", "ThreadTrial", "WaitMeter"]

R = TypeVar("R")

# Default numbers of requests in flight: those with many items each, and those with one.
BATCHES_IN_FLIGHT = 8
CHANGES_IN_FLIGHT = 16

_LEAST_WAIT = 0.002
_CLEAR_WAIT = 0.010


class WaitMeter:
    """Measures requests that are sent one after the other, in seconds.

    Attributes:
        wait: Time that the last request was waited for.
    """

    def __init__(self) -> None:
        self.wait = 0.0
        self._work = 0.0
        self._ended_at = 0.0
        self._waited_before = False

    def measure(self, request: Callable[[], R]) -> R:
        """Send a request; return the response."""
        started, cpu = time.perf_counter(), time.thread_time()
        response = request()
        self._ended_at = time.perf_counter()
        self._work = time.thread_time() - cpu
        self.wait = self._ended_at - started - self._work
        return response

    def leave_out(self, seconds: float) -> None:
        """Count time after the last request neither as waiting nor as work of the caller."""
        if self._ended_at:
            self._ended_at += seconds

    def advance(self) -> bool:
        """Return whether threads help from the next request on; call this before each request.

        They do if waiting took over half of the time spent on the last request, and either so did
        the request before, or the wait was long.
        """
        if not self._ended_at:
            return False
        used = time.perf_counter() - self._ended_at
        waited = self.wait > max(_LEAST_WAIT, (self._work + used) / 2)
        helps = waited and (self._waited_before or self.wait > _CLEAR_WAIT)
        self._waited_before = waited
        return helps


class ThreadTrial:
    """The first requests of threads, which show whether a pause of this machine began the threads.

    If half of those requests take less than half the wait that began the threads, that wait was
    hardly the server's latency, and threads would only contend for the interpreter.

    Args:
        wait: The wait that began the threads, in seconds.
        requests: Number of requests that decide.
    """

    def __init__(self, wait: float, requests: int) -> None:
        self._wait = wait
        self._requests = requests
        self._durations: list[float] = []

    def measure(self, request: Callable[[], R]) -> R:
        """Send a request, on a thread; return the response."""
        started = time.perf_counter()
        try:
            return request()
        finally:
            if len(self._durations) < self._requests:
                self._durations.append(time.perf_counter() - started)

    @property
    def has_failed(self) -> bool:
        """Whether the first requests took less than half the wait."""
        durations = self._durations
        if not durations or len(durations) < self._requests:
            return False
        return sorted(durations)[len(durations) // 2] < self._wait / 2
