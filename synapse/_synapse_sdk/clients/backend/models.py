"""Rows and words of the backend: the same objects as in `synapse.clients.backend.models`."""

from synapse.clients.backend.models import *
from synapse.clients.backend.models import __all__ as __all__
