"""The clients: the same objects as in `synapse.clients`."""

from synapse.clients import *
from synapse.clients import __all__ as __all__
