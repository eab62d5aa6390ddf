"""A pool whose connections don't grow old.

A connection keeps the address that its host's name had when the connection was made, and servers,
balancers and firewalls close idle ones, some without a word. So an old connection is closed and
made again, which resolves the name again, before a request finds out.
"""

from __future__ import annotations

import queue
from collections.abc import Iterable
from contextvars import ContextVar
from time import monotonic
from typing import Any

from urllib3.connectionpool import HTTPConnectionPool

from synapse.transport.retry import is_idempotent

__all__ = ["AgingConnection", "AgingPool"]

# Seconds. Servers close idle connections after 60 and more; some after 5, or 2 (gunicorn). Losing
# such a race costs an idempotent request a retry, and any other one an error.
_LONGEST_IDLE = 30.0
_LONGEST_IDLE_BEFORE_CHANGES = 2.0
# How long a busy connection stays at an address that the name may no longer have.
_LONGEST_LIFE = 300.0
_SWEEP_INTERVAL = 5.0

_longest_idle: ContextVar[float] = ContextVar("synapse_longest_idle", default=_LONGEST_IDLE)


class AgingConnection:
    """A connection that knows its age, on the monotonic clock."""

    opened_at = idle_since = 0.0

    def note_opening(self) -> None:
        """Begin a new life, at the present address of the name."""
        self.opened_at = self.idle_since = monotonic()


class AgingPool(HTTPConnectionPool):
    """A pool that replaces old connections, and closes surplus ones without a warning for each."""

    _next_sweep = 0.0

    def urlopen(self, method: str, *args: Any, **options: Any) -> Any:
        """Send a request over a connection that is young enough for the method."""
        token = _longest_idle.set(_find_longest_idle(method))
        try:
            return super().urlopen(method, *args, **options)
        finally:
            _longest_idle.reset(token)

    def take_open(self, method: str) -> Any:
        """Return an open connection that is young enough for the method, or `None`.

        The caller gives the connection back by `_put_conn`, or `None` in its place.
        """
        try:
            connection = self.pool.get(block=False)  # type: ignore[union-attr] # None once closed
        except (AttributeError, queue.Empty):
            return None
        if connection is not None:
            _close_old([connection], _find_longest_idle(method))
            if connection.is_connected:
                return connection
        self._put_conn(connection)
        return None

    def _get_conn(self, timeout: float | None = None) -> Any:
        """Return a connection; an old one is closed, and connects again when used."""
        conn = super()._get_conn(timeout)
        _close_old([conn], _longest_idle.get())
        return conn

    def _put_conn(self, conn: Any) -> None:
        """Keep a connection for the next request, or close it if the pool has enough."""
        now = monotonic()
        if conn is not None:
            conn.idle_since = now
        try:
            self.pool.put(conn, block=False)  # type: ignore[union-attr] # None once closed
        except (AttributeError, queue.Full):
            if conn is not None:
                conn.close()
        if now >= self._next_sweep:
            self._sweep(now)

    def _sweep(self, now: float) -> None:
        """Close old connections at the bottom, which only a burst of threads would use again."""
        self._next_sweep = now + _SWEEP_INTERVAL
        pool = self.pool
        if pool is not None:
            with pool.mutex:  # nobody takes one meanwhile
                _close_old(pool.queue, _LONGEST_IDLE)


def _find_longest_idle(method: str) -> float:
    return _LONGEST_IDLE if is_idempotent(method) else _LONGEST_IDLE_BEFORE_CHANGES


def _close_old(connections: Iterable[Any], longest_idle: float) -> None:
    now = monotonic()
    for conn in connections:
        if conn is None or conn.sock is None:
            continue
        is_old = now - conn.opened_at > _LONGEST_LIFE
        if is_old or now - conn.idle_since > longest_idle:
            conn.close()
