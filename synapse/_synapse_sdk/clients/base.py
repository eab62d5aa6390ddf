"""The base class of the clients: the same objects as in `synapse.clients.base`."""

from synapse.clients.base import *
from synapse.clients.base import __all__ as __all__
