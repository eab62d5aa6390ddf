"""A part of the client: the same objects as in `synapse.clients.backend.bulk_upload`."""

from synapse.clients.backend.bulk_upload import *
from synapse.clients.backend.bulk_upload import __all__ as __all__
