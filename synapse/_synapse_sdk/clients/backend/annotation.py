"""A part of the client; the same objects as in `synapse.clients.backend.annotation`."""

from synapse.clients.backend.annotation import (
    AnnotationClientMixin,
)

__all__ = [
    "AnnotationClientMixin",
]
