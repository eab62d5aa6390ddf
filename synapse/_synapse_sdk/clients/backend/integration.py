"""A part of the client: the same objects as in `synapse.clients.backend.integration`."""

from synapse.clients.backend.integration import *
from synapse.clients.backend.integration import __all__ as __all__
