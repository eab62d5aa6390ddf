"""Single-use tickets for job specs, for processes that can't read them from standard input."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Mapping
from typing import Any

__all__ = ["Tickets"]


class Tickets:
    """Job specs, each handed out once, for a ticket that nobody can guess.

    A spec contains credentials, and on a cluster everything else that a job is submitted with can
    be read on the dashboard: so only the ticket is submitted, which is worthless once the job has
    used that. Safe under threads.

    Args:
        url: The agent's address, as the jobs reach the agent.

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
        """Store a job spec, and return its ticket."""
        ticket = secrets.token_urlsafe(32)
        with self._lock:
            self._held[ticket] = dict(order)
        return ticket

    def url(self, ticket: str) -> str:
        """Return where the order of a ticket is fetched."""
        return f"{self._url}/_orders/{ticket}/"

    def take(self, ticket: str) -> dict[str, Any] | None:
        """Hand out a job spec; `None` for an unknown or used ticket."""
        with self._lock:
            return self._held.pop(ticket, None)

    def revoke(self, ticket: str) -> None:
        """Withdraw a job spec, because the job has ended without using that."""
        self.take(ticket)
