"""A part of the client: the same objects as in `synapse.clients.backend.annotation`."""

from synapse.clients.backend.annotation import *
from synapse.clients.backend.annotation import __all__ as __all__
