"""A part of the client: the same objects as in `synapse.clients.backend.hitl`."""

from synapse.clients.backend.hitl import *
from synapse.clients.backend.hitl import __all__ as __all__
