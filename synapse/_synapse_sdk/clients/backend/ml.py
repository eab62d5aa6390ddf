"""A part of the client; the same objects as in `synapse.clients.backend.ml`."""

from synapse.clients.backend.ml import (
    MLClientMixin,
)

__all__ = [
    "MLClientMixin",
]
