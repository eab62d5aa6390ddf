"""The base of the clients; the same objects as in `synapse.clients.base`."""

from synapse.clients.base import (
    BaseClient,
)

__all__ = [
    "BaseClient",
]
