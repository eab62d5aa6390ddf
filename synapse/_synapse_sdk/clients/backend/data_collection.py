"""A part of the client: the same objects as in `synapse.clients.backend.data_collection`."""

from synapse.clients.backend.data_collection import *
from synapse.clients.backend.data_collection import __all__ as __all__
