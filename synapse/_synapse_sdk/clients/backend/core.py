"""A part of the client: the same objects as in `synapse.clients.backend.core`."""

from synapse.clients.backend.core import *
from synapse.clients.backend.core import __all__ as __all__
