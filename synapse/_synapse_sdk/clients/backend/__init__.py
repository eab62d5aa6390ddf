"""The backend's client; the same objects as in `synapse.clients.backend`."""

from synapse.clients.backend import (
    AnnotationClientMixin,
    BackendClient,
    CoreClientMixin,
    DataCollectionClientMixin,
    HITLClientMixin,
    IntegrationClientMixin,
    MLClientMixin,
)

__all__ = [
    "AnnotationClientMixin",
    "BackendClient",
    "CoreClientMixin",
    "DataCollectionClientMixin",
    "HITLClientMixin",
    "IntegrationClientMixin",
    "MLClientMixin",
]
