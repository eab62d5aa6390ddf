"""A Ray cluster's client; the same objects as in `synapse.clients.agent.ray`."""

from synapse.clients.agent.ray import (
    RayClient,
    RayClientMixin,
)

__all__ = [
    "RayClient",
    "RayClientMixin",
]
