"""Orders that a job's process fetches itself, where it can't be given them by its input."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Mapping
from typing import Any

__all__ = ["Tickets"]


class Tickets:
    """Orders of jobs, each to be had once, by a ticket that nobody can guess.

    An order has credentials in it, and on a cluster everything else that a job is started with can
    be read by whoever sees the dashboard: so only the ticket is there, and it is worth nothing
    once the job has used it. May be used from several threads.

    Args:
        url: The agent's address, as the jobs reach it.

    Example:
        >>> orders = Tickets("http://127.0.0.1:8100")
        >>> ticket = orders.issue({"job_id": "1"})
        >>> orders.take(ticket), orders.take(ticket)
        ({'job_id': '1'}, None)
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._held: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()

    def issue(self, order: Mapping[str, Any]) -> str:
        """Keep an order until it is taken, and return its ticket."""
        ticket = secrets.token_urlsafe(32)
        with self._lock:
            self._held[ticket] = dict(order)
        return ticket

    def url(self, ticket: str) -> str:
        """Return where the order of a ticket is fetched."""
        return f"{self._url}/_orders/{ticket}/"

    def take(self, ticket: str) -> dict[str, Any] | None:
        """Give an order away; `None` if there is none of this ticket, any more or at all."""
        with self._lock:
            return self._held.pop(ticket, None)

    def revoke(self, ticket: str) -> None:
        """Take an order back, because its job has ended without it."""
        self.take(ticket)
