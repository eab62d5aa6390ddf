"""The endpoints of the local backend, one module per domain."""
