"""Deadlines over a whole request, and one answer for each request, enforced at the sockets.

A read timeout bounds nothing: a server that drips a byte a second never reaches that timeout. So
connecting, each write and each read get no more time than is left until the deadline.

A connection is used again only when the next byte on it belongs to the next answer. So interim
answers are skipped, and a connection with bytes behind an answer is shut down.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from contextvars import ContextVar
from functools import cache
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError

from synapse._internal.cancellation import in_force
from synapse.transport.connection_pool import AgingConnection, AgingPool
from synapse.transport.deadline_blocks import block_in_force

__all__ = ["DeadlineAdapter", "DeadlinePassed", "until"]


# A timeout of `sendall` covers all bytes. In pieces, the timeout covers each piece, so that a slow
# line isn't cut off for sending much.
_PIECE = 64 * 1024
# A server may send an interim answer now and then while it works, so the number is large.
_MOST_INTERIM = 1000


_deadline: ContextVar[float | None] = ContextVar("synapse_deadline", default=None)


_stall: ContextVar[float | None] = ContextVar("synapse_stall", default=None)


class DeadlinePassed(TimeoutError):
    """The deadline has passed, not only a timeout.

    Attributes:
        seconds: Length of the block's deadline, if a block set the deadline.
    """

    seconds: float | None = None


@contextmanager
def until(moment: float | None, stall: float | None = None) -> Iterator[None]:
    """Bound all socket operations in the block.

    Args:
        moment: The deadline on `time.monotonic`'s clock; `None` for none.
        stall: Seconds for which the server may accept no bytes; by default the time for connecting.
    """
    tokens = _deadline.set(moment), _stall.set(stall)
    try:
        yield
    finally:
        _deadline.reset(tokens[0])
        _stall.reset(tokens[1])


def _left(limit: float | None) -> float | None:
    """Return the seconds left for an operation with a limit of its own.

    Raises:
        DeadlinePassed: No time is left.
    """
    block, moment = block_in_force(), _deadline.get()
    is_of_block = block is not None and (moment is None or block.moment <= moment)
    if block is not None and is_of_block:
        moment = block.moment
    if moment is None:
        return limit
    left = moment - time.monotonic()
    if left <= 0:
        passed = DeadlinePassed("the deadline has passed")
        passed.seconds = block.seconds if block is not None and is_of_block else None
        raise passed
    return left if limit is None else min(limit, left)


def _limit(sock: socket.socket, seconds: float | None) -> None:
    """Set a socket's timeout, without a system call if the timeout is the same already."""
    if sock.gettimeout() != seconds:
        sock.settimeout(seconds)


class _BoundReads(io.RawIOBase):
    """The raw stream of a connection, each read of which ends at the deadline."""

    def __init__(self, raw: Any, sock: socket.socket) -> None:
        self._raw = raw
        self._sock = sock
        self._timeout = sock.gettimeout()
        self.is_ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self.is_ended:
            return None  # nothing to read without waiting
        if _deadline.get() is not None or block_in_force() is not None:
            _limit(self._sock, _left(self._timeout))
        cancellation = in_force()
        try:
            with nullcontext() if cancellation is None else cancellation.guard(self._sock):
                count: int | None = self._raw.readinto(buffer)
        except TimeoutError:
            _left(None)  # raises the deadline's own error if the deadline passed
            raise
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    """A final answer whose headers and body are read with the deadline in force."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self._sock = sock
        self._reads = _BoundReads(self.fp.detach(), sock)
        self.fp = io.BufferedReader(self._reads)

    def begin(self) -> None:
        """Read the status and the headers."""
        super().begin()
        if self.status == http.client.SWITCHING_PROTOCOLS:
            self.will_close = True  # the bytes that follow aren't HTTP

    def _read_status(self) -> tuple[str, int, str]:
        """Read the first status that isn't interim; the standard library skips only 100."""
        for _ in range(_MOST_INTERIM):
            version, status, reason = super()._read_status()  # type: ignore[misc] # it is private
            if not 100 <= status < 200 or status == http.client.SWITCHING_PROTOCOLS:
                return version, status, reason
            http.client.parse_headers(self.fp)
        raise http.client.HTTPException(f"more than {_MOST_INTERIM:,} interim answers")

    def _close_conn(self) -> None:
        """Let go of the connection, which is unfit for another request if bytes are left."""
        self._reads.is_ended = True
        with suppress(OSError, ValueError):
            if self.fp.peek():
                self._sock.shutdown(socket.SHUT_RDWR)
        super()._close_conn()  # type: ignore[misc] # it is private

    def _read_next_chunk_size(self) -> int:
        """Read the next chunk's length; the standard library accepts negative ones."""
        size: int = super()._read_next_chunk_size()  # type: ignore[misc] # it is private
        if size < 0:
            raise ValueError("a chunk has a negative length")  # http.client takes this for a cut
        return size


class _Bound(AgingConnection, HTTPConnection):
    """A connection that connects and sends with the deadline in force."""

    response_class = _Response

    def connect(self) -> None:
        self.note_opening()
        self.timeout = _left(self.timeout)
        try:
            super().connect()
        except (TimeoutError, ConnectTimeoutError):
            _left(None)  # raises the deadline's own error if the deadline passed
            raise

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        stall = _stall.get() or self.timeout
        view, cancellation = memoryview(data), in_force()
        for start in range(0, len(view), _PIECE):
            _limit(self.sock, _left(stall))
            try:
                with nullcontext() if cancellation is None else cancellation.guard(self.sock):
                    super().send(view[start : start + _PIECE])
            except TimeoutError:
                _left(None)
                raise


class _Connection(_Bound):
    pass


class _TlsConnection(_Bound, HTTPSConnection):
    pass


class _Pool(AgingPool):
    ConnectionCls = _Connection


class _TlsPool(AgingPool, HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


@cache
def _bind(pool: type[Any]) -> type[Any]:
    """Return a pool like another, whose connections know the deadline: SOCKS has its own ones."""
    if issubclass(pool, AgingPool):
        return pool
    connection = type("_Connection", (_Bound, pool.ConnectionCls), {})
    return type("_Pool", (AgingPool, pool), {"ConnectionCls": connection})


class DeadlineAdapter(HTTPAdapter):
    """An adapter whose connections honour `until`."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools out of connections that know the deadline."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """Do the same for connections by way of a proxy."""
        manager = super().proxy_manager_for(*args, **kwargs)
        pools = manager.pool_classes_by_scheme
        manager.pool_classes_by_scheme = {scheme: _bind(pool) for scheme, pool in pools.items()}
        return manager

    def close(self) -> None:
        """Close idle connections now, and busy ones when they are given back.

        The library leaves that to the garbage collector, which can't collect a pool while somebody
        keeps an exception that refers to the pool.
        """
        for manager in (self.poolmanager, *self.proxy_manager.values()):
            for key in manager.pools.keys():  # noqa: SIM118 - it can't be iterated otherwise
                with suppress(KeyError):
                    manager.pools[key].close()
        super().close()
