"""Read and write whole contents through file descriptors."""

from __future__ import annotations

import os

__all__ = ["read_all", "write_all"]


def read_all(descriptor: int) -> bytes:
    """Return the bytes from the current position to the end of a file."""
    pieces = []
    while piece := os.read(descriptor, 1 << 20):
        pieces.append(piece)
    return b"".join(pieces)


def write_all(descriptor: int, content: bytes) -> None:
    """Write all bytes, however few the system takes at once."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
