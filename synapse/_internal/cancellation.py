"""Calls that run in a thread for a coroutine, and end when the coroutine is cancelled.

The thread itself can't be stopped. So its pauses end early, its reads from a socket end, and no
further request begins. The token is in a context variable, which threads of ours inherit.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import ParamSpec, TypeVar

__all__ = ["CallCancelled", "Cancellation", "carry", "check_cancelled", "in_force", "sleep"]

P = ParamSpec("P")
R = TypeVar("R")

_current: ContextVar[Cancellation | None] = ContextVar("synapse_cancellation", default=None)


class CallCancelled(BaseException):
    """The coroutine that waits for this call was cancelled.

    Like `KeyboardInterrupt` not an `Exception`, so that nothing retries or collects it.
    """


class Cancellation:
    """The token of one call: cancelled once, from any thread."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []

    def cancel(self) -> None:
        """End the call's pauses and reads; later ones raise `CallCancelled`."""
        with self._lock:
            self._event.set()
            for each in self._sockets:
                with suppress(OSError):
                    # Not the method of a TLS socket, which takes the socket away from its reader.
                    socket.socket.shutdown(each, socket.SHUT_RDWR)

    def check(self) -> None:
        """Raise if the call was cancelled.

        Raises:
            CallCancelled: The call was cancelled.
        """
        if self._event.is_set():
            raise CallCancelled

    def sleep(self, seconds: float) -> None:
        """Sleep until the time is over.

        Raises:
            CallCancelled: The call was cancelled meanwhile.
        """
        self._event.wait(seconds)
        self.check()

    @contextmanager
    def guard(self, sock: object) -> Iterator[None]:
        """End a socket's operation in the block when the call is cancelled.

        Raises:
            CallCancelled: The call was cancelled, before or meanwhile.
        """
        if not isinstance(sock, socket.socket):  # TLS inside of TLS, for a proxy
            self.check()
            yield
            return
        with self._lock:
            self.check()
            self._sockets.append(sock)
        try:
            yield
        except OSError:
            self.check()
            raise
        finally:
            with self._lock:
                self._sockets.remove(sock)
        self.check()

    def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call a function under this token."""
        token = _current.set(self)
        try:
            return function(*args, **kwargs)
        finally:
            _current.reset(token)


def in_force() -> Cancellation | None:
    """Return the token that this code runs under; `None` outside of asyncio's calls."""
    return _current.get()


def check_cancelled() -> None:
    """Raise if the coroutine that waits for this code was cancelled.

    Raises:
        CallCancelled: The coroutine was cancelled.
    """
    cancellation = _current.get()
    if cancellation is not None:
        cancellation.check()


def sleep(seconds: float) -> None:
    """Sleep, in a thread of a coroutine only until the coroutine is cancelled.

    Raises:
        CallCancelled: The coroutine was cancelled.
    """
    cancellation = _current.get()
    if cancellation is None:
        time.sleep(seconds)  # the pause of a retry or of a poll, which nothing can end early
    else:
        cancellation.sleep(seconds)


def carry(function: Callable[[], R]) -> Callable[[], R]:
    """Return a function that runs under the caller's token, for a thread with its own context."""
    cancellation = _current.get()
    if cancellation is None:
        return function

    def carried() -> R:
        return cancellation.run(function)

    return carried
