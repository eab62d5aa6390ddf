"""A part of the client; the same objects as in `synapse.clients.backend.data_collection`."""

from synapse.clients.backend.data_collection import (
    DataCollectionClientMixin,
)

__all__ = [
    "DataCollectionClientMixin",
]
