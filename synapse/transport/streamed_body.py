"""The body of a request that is read while it is sent."""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["StreamedBody"]


class StreamedBody:
    """A body of known length, in blocks; can be iterated again, for a retry.

    Not an abstract class: their instance checks are slow, and each request makes one.
    """

    def __len__(self) -> int:
        """Return the number of bytes."""
        raise NotImplementedError

    def __iter__(self) -> Iterator[bytes]:
        """Yield the blocks in order."""
        raise NotImplementedError
