"""The client of the backend: the same objects as in `synapse.clients.backend`."""

from synapse.clients.backend import *
from synapse.clients.backend import __all__ as __all__
