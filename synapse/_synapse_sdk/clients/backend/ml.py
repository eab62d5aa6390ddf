"""A part of the client: the same objects as in `synapse.clients.backend.ml`."""

from synapse.clients.backend.ml import *
from synapse.clients.backend.ml import __all__ as __all__
