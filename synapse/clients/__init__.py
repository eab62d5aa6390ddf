"""The compatibility namespace: clients whose methods take and return plain dicts and lists.

Older scripts run unchanged on these clients. `client.session` is the object layer over the same
connection, so that a script can move over one call at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from synapse._internal.lazy_import import load

if TYPE_CHECKING:
    from synapse.clients.agent import AgentClient
    from synapse.clients.backend import BackendClient
    from synapse.clients.base import BaseClient
    from synapse.errors import ClientError

__all__ = ["AgentClient", "BackendClient", "BaseClient", "ClientError"]

_MODULES = {
    "AgentClient": "synapse.clients.agent",
    "BackendClient": "synapse.clients.backend",
    "BaseClient": "synapse.clients.base",
    "ClientError": "synapse.errors",
}

if not TYPE_CHECKING:
    # Hidden from type checkers, which would otherwise accept the import of any name.
    def __getattr__(name: str) -> Any:
        """Import a client when it is first used: each needs modules of its own."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(load(_MODULES[name]), name)
