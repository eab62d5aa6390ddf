"""A part of the client; the same objects as in `synapse.clients.backend.core`."""

from synapse.clients.backend.core import (
    CoreClientMixin,
)

__all__ = [
    "CoreClientMixin",
]
