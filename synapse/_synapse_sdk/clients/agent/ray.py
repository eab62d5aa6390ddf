"""The client of a Ray cluster: the same objects as in `synapse.clients.agent.ray`."""

from synapse.clients.agent.ray import *
from synapse.clients.agent.ray import __all__ as __all__
