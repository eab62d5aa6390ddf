"""A part of the client; the same objects as in `synapse.clients.backend.hitl`."""

from synapse.clients.backend.hitl import (
    HITLClientMixin,
)

__all__ = [
    "HITLClientMixin",
]
