"""The errors of the clients: the same objects as in `synapse.clients.exceptions`."""

from synapse.clients.exceptions import *
from synapse.clients.exceptions import __all__ as __all__
