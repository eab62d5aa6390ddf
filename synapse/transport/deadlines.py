"""Deadlines over a whole request: not only each read, but all of them together, must end in time.

A read timeout alone doesn't bound anything: a server that drips a byte a second never reaches it.
So every read from a connection is given no more than what is left until the deadline.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

__all__ = ["DeadlineAdapter", "until"]

_deadline: ContextVar[float | None] = ContextVar("synapse_deadline", default=None)


@contextmanager
def until(moment: float | None) -> Iterator[None]:
    """Bound every read in the block.

    Args:
        moment: The deadline, on `time.monotonic`'s clock; `None` for none.
    """
    token = _deadline.set(moment)
    try:
        yield
    finally:
        _deadline.reset(token)


class _BoundReads(io.RawIOBase):
    """The raw stream of a connection, each read of which ends at the deadline."""

    def __init__(self, raw: Any, sock: socket.socket) -> None:
        self._raw = raw
        self._sock = sock
        self._timeout = sock.gettimeout()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        moment = _deadline.get()
        if moment is not None:
            left = moment - time.monotonic()
            if left <= 0:
                raise TimeoutError("the deadline has passed")
            timeout = self._timeout
            self._sock.settimeout(left if timeout is None else min(left, timeout))
        count: int | None = self._raw.readinto(buffer)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    """An answer whose headers and body are read with the deadline in force."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        raw = self.fp.detach()
        self.fp = io.BufferedReader(_BoundReads(raw, sock))


class _Connection(HTTPConnection):
    response_class = _Response


class _TlsConnection(HTTPSConnection):
    response_class = _Response


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class DeadlineAdapter(HTTPAdapter):
    """An adapter whose connections honour `until`."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools out of connections that know the deadline."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """Do the same for connections by way of a proxy."""
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
        return manager
