"""A part of a local file as the body of a request."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from synapse.transfer.local_file import BLOCK_SIZE, LocalFile
from synapse.transfer.multipart import report_sent
from synapse.transport.streamed_body import StreamedBody

__all__ = ["FilePart"]


class FilePart(StreamedBody):
    """The bytes of a file from an offset on; can be iterated again, for a retry.

    Args:
        file: The open file.
        start: Offset of the first byte.
        size: Number of bytes; by default the rest of the file.
        on_block: Called with offset and bytes before each block is sent.
        on_sent: Called with the offset after each block that was sent.
    """

    def __init__(
        self,
        file: LocalFile,
        start: int = 0,
        size: int | None = None,
        *,
        on_block: Callable[[int, bytes], object] | None = None,
        on_sent: Callable[[int], object] | None = None,
    ) -> None:
        self._file = file
        self._start = start
        self._on_block = on_block
        self._on_sent = on_sent
        self._size = max(0, min(file.size - start, file.size if size is None else size))

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        offset, end = self._start, self._start + self._size
        while offset < end:
            block = self._file.read_at(offset, min(BLOCK_SIZE, end - offset))
            if self._on_block is not None:
                self._on_block(offset, block)
            offset += len(block)
            if offset == end:  # before the storage has all bytes
                self._file.check_unchanged()
            yield block
            report_sent(self._on_sent, offset)
