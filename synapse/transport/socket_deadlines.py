"""Deadlines over a whole request, and one answer for each request, enforced at the sockets.

A read timeout bounds nothing: a server that drips a byte a second never reaches that timeout. So
connecting, each write and each read get no more time than is left until the deadline.

A connection is used again only when the next byte on it belongs to the next answer. So interim
answers are skipped, and a connection with bytes behind an answer is shut down.
"""

from __future__ import annotations

import errno
import http.client
import io
import logging
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from contextvars import ContextVar
from functools import cache, partial
from ssl import SSLError
from typing import Any, cast

from requests.adapters import HTTPAdapter
from requests.exceptions import ConnectionError as ConnectionBroken
from requests.exceptions import InvalidHeader, ReadTimeout, RequestException
from requests.exceptions import SSLError as TlsFailed
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, ProtocolError, ReadTimeoutError
from urllib3.exceptions import InvalidHeader as WrongLength

from synapse._internal.cancellation import in_force
from synapse.transport.connection_pool import AgingConnection, AgingPool
from synapse.transport.deadline_blocks import block_in_force
from synapse.transport.quick_exchange import (
    QuickBody,
    Stream,
    end_cleanly,
    is_plain_target,
    is_pool_unchanged,
    is_unchanged,
    make_head,
    make_response,
    read_head,
)
from synapse.transport.streamed_body import StreamedBody

__all__ = ["DeadlineAdapter", "DeadlinePassed", "until"]


# A timeout of `sendall` covers all bytes. In pieces, the timeout covers each piece, so that a slow
# line isn't cut off for sending much.
_PIECE = 64 * 1024
# Up to this size, a copy is cheaper than another system call, which threads take turns at.
_COPIED = 256 * 1024
# A server may send an interim answer now and then while it works, so the number is large.
_MOST_INTERIM = 1000
# The logger of the pool, which users switch on to see each request.
_log = logging.getLogger("urllib3.connectionpool")
# Errors of sending after which there may be an answer to read.
_CLOSED_BY_SERVER = {errno.EPIPE, errno.ECONNRESET, errno.EPROTOTYPE}
# Pools that an adapter remembers beside their manager.
_MOST_FOUND = 16


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

    def __init__(self, sock: socket.socket) -> None:
        self._raw: Any = None
        self._read: Callable[[Any], int | None] = sock.recv_into
        self._sock = sock
        self._timeout = sock.gettimeout()
        self.is_ended = False

    def hold(self) -> None:
        """Keep the socket open until this stream is closed, even if the connection is closed."""
        self._raw = self._sock.makefile("rb", buffering=0)
        self._read = self._raw.readinto

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
                count = self._read(buffer)
        except TimeoutError:
            _left(None)  # raises the deadline's own error if the deadline passed
            raise
        return count

    def close(self) -> None:
        if self._raw is not None:
            self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    """A final answer whose headers and body are read with the deadline in force."""

    def __init__(
        self,
        sock: socket.socket,
        *args: Any,
        stream: io.BufferedReader | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        self._sock = sock
        self.fp = stream if stream is not None else io.BufferedReader(_BoundReads(sock))
        self._reads = cast("_BoundReads", self.fp.raw)
        self._reads.hold()

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
        end_cleanly(self.fp, self._sock)
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
    # Whether the last answer was plain, so that looking for plain ones is worth the time.
    _is_plain = True
    _sent: tuple[str, str] | None = None
    _is_silent = False

    def request(
        self, method: str, url: str, body: Any = None, headers: Any = None, **options: Any
    ) -> None:
        """Send a request: in one piece if it is plain."""
        self._sent = head = None
        if self._is_plain and not options.get("preload_content") and is_unchanged():
            head = make_head(self, method, url, headers or {}, body)
        if head is None:
            super().request(method, url, body=body, headers=headers, **options)
            return
        if self.sock is not None:
            self.sock.settimeout(self.timeout)
        self._sent, self._options = (method, url), options
        blocks = iter(body if isinstance(body, StreamedBody) else (body or b"",))
        first = next(blocks, b"")
        if len(first) < _COPIED:
            self.send(head + first)
        else:
            self.send(head)
            self.send(first)
        for block in blocks:
            self.send(block)

    def getresponse(self) -> Any:
        """Read the status and the headers, in one go if they are plain."""
        sent, self._sent = self._sent, None
        if sent is None:
            return super().getresponse()
        sock = self.sock
        sock.settimeout(self.timeout)
        reads = _BoundReads(sock)
        stream: Stream = io.BufferedReader(reads)
        head = read_head(stream) if sent[0] != "HEAD" else None
        if head is None:
            self._is_plain = sent[0] == "HEAD"
            return self._get_by_library(stream, *sent)

        def finish() -> None:
            reads.is_ended = True
            end_cleanly(stream, sock)

        return make_response(head, QuickBody(stream, head.length, finish), *sent)

    def _get_by_library(self, stream: Stream, method: str, url: str) -> Any:
        """Let the library read an answer of which bytes may have arrived.

        The library must believe that it has sent the request.
        """
        self._is_silent = True
        try:
            super().request(method, url, headers={}, **self._options)
        finally:
            self._is_silent = False
        self.response_class = partial(_Response, stream=stream)  # type: ignore[assignment] # called as the class
        try:
            return super().getresponse()
        finally:
            del self.response_class

    def connect(self) -> None:
        self.note_opening()
        self.timeout = _left(self.timeout)
        try:
            super().connect()
        except (TimeoutError, ConnectTimeoutError):
            _left(None)  # raises the deadline's own error if the deadline passed
            raise

    def send(self, data: Any) -> None:
        if self._is_silent:
            return
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


def _translate(
    error: BaseException, pool: Any, request: Any, *, is_sent: bool
) -> RequestException | None:
    """Return the library's error for a failure on an open connection, if any."""
    if is_sent and isinstance(error, TimeoutError):
        late = ReadTimeoutError(pool, request.url, "Read timed out.")
        late.__cause__ = error
        return ReadTimeout(late, request=request)
    if isinstance(error, SSLError):
        return TlsFailed(error, request=request)
    if isinstance(error, WrongLength):
        return InvalidHeader(error, request=request)
    if isinstance(error, (OSError, http.client.HTTPException)):
        return ConnectionBroken(ProtocolError("Connection aborted.", error), request=request)
    return None


def _split_target(url: str) -> tuple[str, str]:
    """Return scheme and address, and the rest of an absolute URL."""
    end = url.find("/", url.find("//") + 2)
    return (url, "") if end < 0 else (url[:end], url[end:])


@cache
def _bind(pool: type[Any]) -> type[Any]:
    """Return a pool like another, whose connections know the deadline: SOCKS has its own ones."""
    if issubclass(pool, AgingPool):
        return pool
    connection = type("_Connection", (_Bound, pool.ConnectionCls), {})
    return type("_Pool", (AgingPool, pool), {"ConnectionCls": connection})


class DeadlineAdapter(HTTPAdapter):
    """An adapter whose connections honour `until`, and which finds pools quickly."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._found: dict[tuple[Any, ...], Any] = {}
        super().__init__(*args, **kwargs)

    def send(
        self,
        request: Any,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> Any:
        """Send a plain request straight over an open connection, others by the pool.

        The adapter and the pool of the library take as long for a request as the connection does.
        """
        is_plain = stream and not proxies and isinstance(request.body, (bytes, type(None)))
        if is_plain and isinstance(timeout, tuple) and is_pool_unchanged():
            answer = self._send_quickly(request, timeout, verify, cert)
            if answer is not None:
                return self.build_response(request, answer)
        return super().send(request, stream, timeout, verify, cert, proxies)

    def _send_quickly(
        self, request: Any, timeout: tuple[float, float], verify: Any, cert: Any
    ) -> Any:
        """Send a request over an open connection, or return `None` before anything was sent."""
        target = self.request_url(request, None)
        pool = self.get_connection_with_tls_context(request, verify, None, cert)
        if not is_plain_target(target) or pool.pool is None:
            return None
        connection = pool.take_open(request.method)
        if connection is None:
            return None
        if pool.scheme == "https" and not connection.is_verified:
            pool._put_conn(connection)  # the library warns of each request
            return None
        is_sent = False
        connection.timeout, read_limit = timeout
        try:
            try:
                connection.request(
                    request.method,
                    target,
                    body=request.body,
                    headers=request.headers,
                    preload_content=False,
                    decode_content=False,
                )
            except OSError as error:
                # The server may have answered before it closed the connection.
                if error.errno not in _CLOSED_BY_SERVER:
                    raise
            is_sent = True
            connection.timeout = read_limit
            answer = connection.getresponse()
            _log.debug(
                '%s://%s:%s "%s %s HTTP/%.1f" %s %s',
                *(pool.scheme, pool.host, pool.port, request.method, target),
                *(answer.version / 10, answer.status, answer.length_remaining),
            )
        except BaseException as error:
            connection.close()
            pool._put_conn(None)
            failure = _translate(error, pool, request, is_sent=is_sent)
            if failure is None:
                raise
            raise failure from failure.args[0]
        # The pool gets the connection back after the last byte.
        answer.retries, answer._connection, answer._pool = self.max_retries, connection, pool
        return answer

    def get_connection_with_tls_context(
        self, request: Any, verify: Any, proxies: Any = None, cert: Any = None
    ) -> Any:
        """Return the pool for a request: the last one with the same address and trust, if open."""
        if proxies:
            return super().get_connection_with_tls_context(request, verify, proxies, cert)
        key = _split_target(request.url)[0], verify, cert
        pool = self._found.get(key)
        if pool is None or pool.pool is None:
            pool = super().get_connection_with_tls_context(request, verify, proxies, cert)
            if len(self._found) >= _MOST_FOUND:
                self._found.clear()
            self._found[key] = pool
        return pool

    def request_url(self, request: Any, proxies: Any) -> str:
        """Return what follows the method in a request: without a proxy, the path with the query."""
        target = _split_target(request.url)[1]
        if proxies or target[:1] != "/" or target[:2] == "//" or "#" in target:
            return str(super().request_url(request, proxies))
        return target

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
