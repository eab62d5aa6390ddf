"""A remote file that is read like a local one, without being stored."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Generator
from typing import TYPE_CHECKING

from synapse.errors import ClientError, Conflict, InvalidResponse, RateLimited
from synapse.transfer.range_request import Arriving, arriving, is_passing
from synapse.transport import Transport
from synapse.transport.deadlines import pause

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

__all__ = ["RemoteFile", "open_stream", "read_whole"]

_MOST_FAILURES = 5
_BUFFER = 256 * 1024
_PIECE = 1024 * 1024


def open_stream(
    transport: Transport, url: str, *, size: int | None = None, name: str = ""
) -> io.BufferedReader:
    """Open a file on a server for reading bytes. One request at the first read.

    Reading can start anywhere: a `seek` to another position costs one request more, as does a
    fault, after which reading goes on.

    Args:
        transport: The transport. A URL on another host gets no credentials.
        url: URL of the file.
        size: Size in bytes; else requested when needed.
        name: Name of the file in messages.

    Returns:
        A binary file, which is a context manager. Reading raises the errors of a request.
    """
    return io.BufferedReader(RemoteFile(transport, url, size=size, name=name), _BUFFER)


class RemoteFile(io.RawIOBase):
    """The unbuffered file inside `open_stream`.

    Args:
        transport: The transport.
        url: URL of the file.
        size: Size in bytes, if known.
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
        self._left = memoryview(b"")

    def readable(self) -> bool:
        """Return `True`."""
        return True

    def seekable(self) -> bool:
        """Return `True`."""
        return True

    def tell(self) -> int:
        """Return which byte is read next. Makes no request."""
        self._ensure_open()
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Set the next byte to read. Makes no request, unless the size is unknown.

        Args:
            offset: Distance in bytes.
            whence: From the start, the position, or the end.
        """
        self._ensure_open()
        if whence == os.SEEK_CUR:
            offset += self._position
        elif whence == os.SEEK_END:
            offset += self._known_size()
        if offset < 0:
            raise ValueError(f"there is no byte {offset}")
        if offset != self._position:
            self._drop()
            self._position = offset
        return offset

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Read some bytes.

        Raises:
            Conflict: The file is another by now.
            ClientError: The host refused, or couldn't be reached several times in a row.
        """
        self._ensure_open()
        if not self._left:
            self._left = memoryview(self._next())
        target = memoryview(buffer).cast("B")
        count = min(len(target), len(self._left))
        target[:count] = self._left[:count]
        self._left = self._left[count:]
        self._position += count
        return count

    def close(self) -> None:
        """Close the connection."""
        if not self.closed:
            self._drop()
        super().close()

    def _ensure_open(self) -> None:
        if self.closed:
            raise ValueError("I/O operation on closed file.")

    def _next(self) -> bytes:
        """Return the next bytes; none at the end."""
        failures = 0
        while self._size is None or self._position < self._size:
            try:
                if self._blocks is None:
                    self._blocks = self._arriving()
                return next(self._blocks, b"")
            except ClientError as error:  # noqa: PERF203 # where a try and a wait belong together
                self._drop()
                failures += 1
                if error.status_code == 416:
                    return b""
                if not is_passing(error) or failures >= _MOST_FAILURES:
                    raise
                asked = error.retry_after if isinstance(error, RateLimited) else None
                wait = self._transport.options.retry.delay(failures, asked)
                if wait is None or not pause(wait):
                    raise
        return b""

    def _arriving(self) -> Generator[bytes, None, None]:
        """Ask for the bytes from here on, and give them."""
        wanted = self._position
        with arriving(
            self._transport,
            self._url,
            start=wanted,
            validator=self._validator,
            resource=self._label,
        ) as answer:
            self._check_same(answer)
            position = answer.start  # the file's first byte, where a host can do no other
            for block in answer.blocks():
                end = position + len(block)
                if end > wanted:
                    yield block[max(0, wanted - position) :]
                position = end

    def _check_same(self, answer: Arriving) -> None:
        """Check that a response is about the opened file, and note the file's facts."""
        is_other = self._validator is not None and answer.validator != self._validator
        if is_other or (answer.total is not None and self._size not in (None, answer.total)):
            raise Conflict(
                409,
                "the file is another than the one that was opened",
                hint="Ask for its address again, and open that.",
                resource=self._label,
            )
        self._validator = answer.validator
        if answer.total is not None:
            self._size = answer.total

    def _known_size(self) -> int:
        if self._size is None:
            with arriving(self._transport, self._url, resource=self._label) as answer:
                self._check_same(answer)
        if self._size is None:
            raise io.UnsupportedOperation("the server doesn't say how long the file is")
        return self._size

    def _drop(self) -> None:
        """Stop reading the present answer."""
        if self._blocks is not None:
            self._blocks.close()
        self._blocks = None
        self._left = memoryview(b"")


def read_whole(
    transport: Transport,
    url: str,
    *,
    size: int | None = None,
    checksum: str | None = None,
    name: str = "",
) -> bytes:
    """Return a file's bytes. One request, and one more after each fault.

    Args:
        transport: The transport. A URL on another host gets no credentials.
        url: URL of the file.
        size: Required size in bytes.
        checksum: Required MD5, in hex.
        name: Name of the file in messages.

    Raises:
        UsageError: No file can be fetched from the URL.
        InvalidResponse: The received bytes aren't the file's.
        ClientError: The host refused, or couldn't be reached several times in a row.
    """
    pieces = []
    digest = hashlib.md5(usedforsecurity=False)
    with RemoteFile(transport, url, size=size, name=name) as file:
        while piece := file.read(_PIECE):
            pieces.append(piece)
            digest.update(piece)
    content = b"".join(pieces)
    if size not in (None, len(content)) or checksum not in (None, digest.hexdigest()):
        raise InvalidResponse(
            200,
            "what arrived isn't the file: its size or checksum differs",
            hint="Read it again; if that doesn't help, its upload went wrong.",
            resource=f"file {name!r}" if name else None,
        )
    return content
