"""One shared way to the server: credentials, timeouts, decoding, errors and paging."""

from synapse.transport.http import Transport

__all__ = ["Transport"]
