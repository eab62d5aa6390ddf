"""A lock that threads get in the order in which they came."""

from __future__ import annotations

import threading
from collections import deque

__all__ = ["WriteQueue"]


class WriteQueue:
    """A lock with turns, one thread after another."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_taken = False
        self._waiting: deque[threading.Event] = deque()

    def enter(self, timeout: float) -> bool:
        """Wait for a turn; return whether it came in time.

        Args:
            timeout: Seconds to wait.
        """
        with self._lock:
            if not self._is_taken:
                self._is_taken = True
                return True
            turn = threading.Event()
            self._waiting.append(turn)
        if turn.wait(timeout):
            return True
        with self._lock:
            if turn.is_set():  # just now
                return True
            self._waiting.remove(turn)
        return False

    def leave(self) -> None:
        """End a turn, and give one to the thread that has waited longest."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._is_taken = False
