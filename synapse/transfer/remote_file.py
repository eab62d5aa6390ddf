"""Read a remote file like a local one, without a copy."""

from __future__ import annotations

import io
import os
from collections.abc import Generator
from typing import TYPE_CHECKING

from synapse._internal.short_traceback import shortened
from synapse.errors import ClientError, Conflict, InvalidResponse
from synapse.transfer.checksum import is_checksum_of
from synapse.transfer.range_request import RangeResponse, request_range
from synapse.transfer.retry_delay import retry_delay
from synapse.transport import Transport
from synapse.transport.deadline_blocks import pause

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

__all__ = ["RemoteFile", "open_stream", "read_whole"]

_BUFFER_SIZE = 256 * 1024
_READ_SIZE = 1024 * 1024


def open_stream(
    transport: Transport, url: str, *, size: int | None = None, name: str = ""
) -> io.BufferedReader:
    """Open a remote file for reading bytes. One request, when the first byte is read.

    Each `seek` to another place costs one more request, and so does a failure, after which reading
    continues at the same place.

    Args:
        transport: The transport. A URL on another host gets no credentials.
        url: Address of the file.
        size: Size of the file in bytes; by default requested when needed.
        name: Name of the file in messages.

    Returns:
        A binary file, which is a context manager. Reading raises the errors of a request.
    """
    return io.BufferedReader(RemoteFile(transport, url, size=size, name=name), _BUFFER_SIZE)


class RemoteFile(io.RawIOBase):
    """The unbuffered file inside `open_stream`.

    Args:
        transport: The transport.
        url: Address of the file.
        size: Size of the file in bytes, if known.
        name: Name of the file in messages.
    """

    def __init__(
        self, transport: Transport, url: str, *, size: int | None = None, name: str = ""
    ) -> None:
        self._transport = transport
        self._url = url
        self._size = size
        self._label = f"file {name!r}" if name else None
        self._position = 0
        self._validator: str | None = None
        self._blocks: Generator[bytes, None, None] | None = None
        self._buffered = memoryview(b"")

    def readable(self) -> bool:
        """Return `True`."""
        return True

    def seekable(self) -> bool:
        """Return `True`."""
        return True

    def tell(self) -> int:
        """Return the position of the next byte. Makes no request."""
        self._ensure_open()
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move the position. Makes no request, unless an unknown size is needed.

        Args:
            offset: Bytes relative to `whence`.
            whence: The start, the current position, or the end.
        """
        self._ensure_open()
        if whence == os.SEEK_CUR:
            offset += self._position
        elif whence == os.SEEK_END:
            offset += self._fetch_size()
        if offset < 0:
            raise shortened(
                ValueError(f"The position {offset} is negative. Pass an offset inside the file.")
            )
        if offset != self._position:
            self._drop_response()
            self._position = offset
        return offset

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Read bytes into a buffer.

        Raises:
            Conflict: The file has changed.
            ClientError: The host refused, or couldn't be reached several times in a row.
        """
        self._ensure_open()
        if not self._buffered:
            self._buffered = memoryview(self._next_block())
        target = memoryview(buffer).cast("B")
        count = min(len(target), len(self._buffered))
        target[:count] = self._buffered[:count]
        self._buffered = self._buffered[count:]
        self._position += count
        return count

    def close(self) -> None:
        """Close the connection."""
        if not self.closed:
            self._drop_response()
        super().close()

    def _ensure_open(self) -> None:
        if self.closed:
            raise ValueError("I/O operation on closed file.")

    def _next_block(self) -> bytes:
        """Return the next bytes; none at the end."""
        failures = 0
        while self._size is None or self._position < self._size:
            try:
                if self._blocks is None:
                    self._blocks = self._request_blocks()
                return next(self._blocks, b"")
            except ClientError as error:  # noqa: PERF203 # a failed request is slow in any case
                self._drop_response()
                failures += 1
                if error.status_code == 416:
                    return b""
                delay = retry_delay(error, failures, self._transport.options.retry)
                if delay is None or not pause(delay):
                    raise
        return b""

    def _request_blocks(self) -> Generator[bytes, None, None]:
        """Request the bytes from the current position on, and yield them."""
        wanted = self._position
        with request_range(
            self._transport,
            self._url,
            start=wanted,
            validator=self._validator,
            resource=self._label,
        ) as response:
            self._check_same(response)
            position = response.start  # 0 if the host doesn't support ranges
            for block in response.blocks():
                end = position + len(block)
                if end > wanted:
                    yield block[max(0, wanted - position) :]
                position = end

    def _check_same(self, response: RangeResponse) -> None:
        """Check that a response belongs to the opened file."""
        has_changed = self._validator is not None and response.validator != self._validator
        if has_changed or (response.total is not None and self._size not in (None, response.total)):
            raise Conflict(
                409,
                "the file changed since it was opened",
                hint="Fetch its address again, and open that.",
                resource=self._label,
            )
        self._validator = response.validator
        if response.total is not None:
            self._size = response.total

    def _fetch_size(self) -> int:
        if self._size is None:
            with request_range(self._transport, self._url, resource=self._label) as response:
                self._check_same(response)
        if self._size is None:
            raise io.UnsupportedOperation(
                "The server doesn't report the size of the file. Seek from the start instead."
            )
        return self._size

    def _drop_response(self) -> None:
        if self._blocks is not None:
            self._blocks.close()
        self._blocks = None
        self._buffered = memoryview(b"")


def read_whole(
    transport: Transport,
    url: str,
    *,
    size: int | None = None,
    checksum: str | None = None,
    name: str = "",
) -> bytes:
    """Return the bytes of a remote file. One request, and one more after each failure.

    Args:
        transport: The transport. A URL on another host gets no credentials.
        url: Address of the file.
        size: Expected size in bytes.
        checksum: Expected MD5 or SHA-1, in hex.
        name: Name of the file in messages.

    Raises:
        UsageError: The URL can't be the address of a file.
        InvalidResponse: The received bytes have another size or checksum.
        ClientError: The host refused, or couldn't be reached several times in a row.
    """
    pieces = []
    with RemoteFile(transport, url, size=size, name=name) as file:
        while piece := file.read(_READ_SIZE):
            pieces.append(piece)
    content = b"".join(pieces)
    is_other = checksum is not None and not is_checksum_of(checksum, pieces)
    if size not in (None, len(content)) or is_other:
        raise InvalidResponse(
            200,
            "the received file has another size or checksum than the stored one",
            hint="Read it again; if that doesn't help, its upload went wrong.",
            resource=f"file {name!r}" if name else None,
        )
    return content
