"""Accept thousands of connections, and drop those that strangers keep idle."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from waitress.adjustments import Adjustments
from waitress.parser import HTTPRequestParser
from waitress.server import TcpWSGIServer
from waitress.utilities import Error

from synapse._internal import log_events
from synapse._internal.open_files import allow_open_files
from synapse.emulator.event_loop import EventLoop
from synapse.emulator.middleware import FULL
from synapse.emulator.raw_connection import RawConnectionChannel

__all__ = ["BoundedServer", "build_server", "fit_connections"]


#: Seconds in which a new connection must send the head of a request, and a stranger the next one.
STRANGER_TIMEOUT = 10.0
#: Seconds without a byte after which any other connection without a request is closed.
IDLE_TIMEOUT = 120.0

# Files of a process other than connections: databases, logs, bodies on the disk.
_OTHER_FILES = 256
# Seconds for which a refused body is read and dropped, so that its sender sees the response: an
# early close would reset the connection.
_LINGER = 5.0
_MAX_BODY = 1 << 40  # a file may be larger than waitress allows by default

#: Tells from headers, path and query whether a body is read.
Guard = Callable[[Mapping[str, str], str, str], bool]


class InsufficientStorage(Error):  # type: ignore[misc] # the library has no types
    """A body that the disk has no room for."""

    def to_response(self, ident: str | None = None) -> tuple[str, list[tuple[str, str]], bytes]:
        """Return status, headers and body."""
        del ident
        body = json.dumps({"detail": self.body}).encode()
        return "507 Insufficient Storage", [("Content-Type", "application/json")], body


class GuardedParser(HTTPRequestParser):  # type: ignore[misc] # the library has no types
    """A request whose body is dropped if its sender has no right."""

    body_rcv: Any
    error: Any

    def __init__(self, channel: GuardedChannel) -> None:
        super().__init__(channel.adj)
        self._channel = channel
        self._is_checked = False

    def received(self, data: bytes) -> int:
        """Take bytes from the connection, and return how many belong to the request."""
        try:
            consumed: int = super().received(data)
        except OSError as error:  # the body is on the disk
            return self._fail(error, len(data))
        if not self.headers_finished or self._is_checked or self.error or self.empty:
            return consumed
        self._is_checked = True
        if self._channel.server.guard(self.headers, self.path, self.query):
            self._channel.is_known = True
        elif self.body_rcv is not None:
            self._refuse_body()
            return len(data)
        return consumed

    def _fail(self, error: OSError, length: int) -> int:
        """Answer a body that can't be stored, and drop the rest."""
        log_events.EMULATOR_FAILED.log(
            "A request's body could not be stored: %s", error, reason=error
        )
        self._channel.drops_input = True
        self.error = InsufficientStorage(FULL)
        self.connection_close = self.completed = True
        return length

    def _refuse_body(self) -> None:
        """Let the view answer a request without a body, and nothing after that."""
        self._channel.drops_input = True
        self.close()
        self.body_rcv = None
        self.chunked = self.expect_continue = False
        self.content_length = 0
        self.headers.update(CONTENT_LENGTH="0", CONNECTION="close")
        self.connection_close = self.completed = True


class GuardedChannel(RawConnectionChannel):
    """A connection that knows whether its requests came from a stranger."""

    close_when_flushed: bool

    #: Whether a request of this connection had a right.
    is_known = False
    #: Whether all further bytes are dropped.
    drops_input = False
    #: When the connection began to wait for a request's head.
    waits_since = 0.0
    #: When the connection ends in any case, if it lingers.
    deadline: float | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.waits_since = time.time()
        super().__init__(*args, **kwargs)

    def parser_class(self, adj: Adjustments) -> GuardedParser:
        """Return the parser of a request."""
        del adj
        return GuardedParser(self)

    def received(self, data: bytes) -> bool:
        """Take bytes from the connection."""
        return self.drops_input or super().received(data)

    def service(self) -> None:
        """Answer a request, on a thread."""
        super().service()
        self.waits_since = time.time()

    def handle_write(self) -> None:
        """Send what waits; a refused sender may finish sending before the connection closes."""
        if not (self.drops_input and self.close_when_flushed) or self.will_close:
            super().handle_write()
            return
        self._flush_exception(self._flush_some)
        if not self.total_outbufs_len and not self.will_close:
            self.close_when_flushed = False
            self.deadline = time.time() + _LINGER
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_WR)

    def is_idle(self) -> bool:
        """Return whether the connection has neither a request nor an unsent response."""
        return not self.requests and not self.total_outbufs_len

    def is_settled(self) -> bool:
        """Return whether no thread may change the events that the connection waits for."""
        # The thread of a request makes its last change and removes the request under the lock.
        with self.requests_lock:
            return self.is_idle() and not (self.will_close or self.close_when_flushed)

    def has_expired(self, now: float) -> bool:
        """Return whether the connection is to be closed."""
        if self.deadline is not None:
            return now >= self.deadline
        if self.requests:
            self.waits_since = now
            return False
        if not self.is_known and not self.total_outbufs_len:
            return now - self.waits_since >= STRANGER_TIMEOUT
        return bool(now - self.last_activity >= IDLE_TIMEOUT)


class BoundedServer(TcpWSGIServer):  # type: ignore[misc] # the library has no types
    """A server whose idle connections make room for new ones."""

    channel_class = GuardedChannel
    guard: Guard
    _map: EventLoop

    def run(self) -> None:
        """Serve until all connections and the listener are closed."""
        self._map.run(self.adj.asyncore_loop_timeout)

    def maintenance(self, now: float) -> None:
        """Close connections that have waited too long."""
        for channel in list(self.active_channels.values()):
            if channel.has_expired(now):
                self._let_close(channel)

    def _let_close(self, channel: GuardedChannel) -> None:
        channel.will_close = True
        self._map.recheck(channel)

    def handle_accept(self) -> None:
        """Accept a connection; near the limit, close the one that is idle for longest."""
        super().handle_accept()
        if len(self.active_channels) >= self.adj.connection_limit - 10:
            idle = [one for one in self.active_channels.values() if one.is_idle()]
            if idle:
                oldest = min(idle, key=lambda one: (one.is_known, one.last_activity))
                self._let_close(oldest)


def fit_connections(wanted: Sequence[int]) -> list[int]:
    """Return the most connections of each server of a process.

    Raises the limit of open files. Where the system allows too few, each server gets its share, and
    the log has a warning.

    Args:
        wanted: Number of connections of each server.
    """
    needed = sum(wanted) + _OTHER_FILES
    files = allow_open_files(needed)
    if files >= needed:
        return list(wanted)
    room = files - min(_OTHER_FILES, files // 2)
    log_events.EMULATOR_LIMITED.log(
        "A process may open %d files only, so it keeps at most %d of %d connections open."
        " Raise the limit of open files: ulimit -n %d.",
        files,
        room,
        sum(wanted),
        needed,
        files=files,
    )
    return [room * one // sum(wanted) for one in wanted]


def build_server(
    application: Any, listener: socket.socket, threads: int, connections: int, guard: Guard
) -> BoundedServer:
    """Return a server that listens, and serves when run.

    Args:
        application: The WSGI application.
        listener: The bound socket.
        threads: Number of threads, and so of requests that are processed at a time.
        connections: Most connections; near it, idle ones make room.
        guard: Tells which requests' bodies are read.
    """
    adjustments = Adjustments(
        sockets=[listener],
        threads=threads,
        max_request_body_size=_MAX_BODY,
        channel_request_lookahead=1,  # notices a client that leaves before the end
        ident=None,
        connection_limit=connections,
        cleanup_interval=1,
        backlog=1024,
    )
    server = BoundedServer(
        application,
        map=EventLoop(),
        _sock=listener,
        adj=adjustments,
        bind_socket=False,
        sockinfo=(listener.family, listener.type, listener.proto, listener.getsockname()),
    )
    server.guard = guard
    return server
