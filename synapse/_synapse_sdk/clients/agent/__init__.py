"""The client of an agent: the same objects as in `synapse.clients.agent`."""

from synapse.clients.agent import *
from synapse.clients.agent import __all__ as __all__
