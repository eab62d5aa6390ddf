"""A part of the client; the same objects as in `synapse.clients.backend.integration`."""

from synapse.clients.backend.integration import (
    IntegrationClientMixin,
)

__all__ = [
    "IntegrationClientMixin",
]
