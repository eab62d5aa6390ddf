"""A part of a local file as the body of a request."""

from __future__ import annotations

from collections.abc import Iterator

from synapse.transfer.local_file import BLOCK_SIZE, LocalFile

__all__ = ["FilePart"]


class FilePart:
    """The bytes of a file from an offset on; can be iterated again, for a retry.

    Args:
        file: The open file.
        start: Offset of the first byte.
        size: Number of bytes; by default the rest of the file.
    """

    def __init__(self, file: LocalFile, start: int = 0, size: int | None = None) -> None:
        self._file = file
        self._start = start
        self._size = max(0, min(file.size - start, file.size if size is None else size))

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        offset, end = self._start, self._start + self._size
        while offset < end:
            block = self._file.read_at(offset, min(BLOCK_SIZE, end - offset))
            offset += len(block)
            yield block
        self._file.check_unchanged()
