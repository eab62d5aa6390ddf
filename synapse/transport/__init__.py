"""One shared way to the server: credentials, timeouts, decoding, errors and paging."""

from synapse.transport.transport import Transport

__all__ = ["Transport"]
