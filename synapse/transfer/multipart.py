"""Stream a multipart body from the disk.

`Content-Length` is known in advance, because some servers take a body without one for an empty
body. The body of `requests` would copy the whole file into memory first.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from urllib3.fields import RequestField

from synapse.transfer.local_file import BLOCK_SIZE, LocalFile
from synapse.transport.streamed_body import StreamedBody

__all__ = ["MultipartFile", "ProgressError", "render_part", "report_sent", "unwrap_progress_errors"]

# Up to this size, one copy is cheaper than several system calls that threads take turns at.
_SINGLE_WRITE_LIMIT = 256 * 1024


class ProgressError(Exception):
    """Wrap an exception of the progress callback.

    The HTTP library reads the body, and would take a plain `OSError` for a broken connection.

    Attributes:
        error: The callback's exception.
    """

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


@contextmanager
def unwrap_progress_errors() -> Iterator[None]:
    """Raise the exception inside a `ProgressError` instead of the wrapper."""
    try:
        yield
    except ProgressError as error:
        raise error.error from None


class MultipartFile(StreamedBody):
    """A part of a file, and plain fields, as `multipart/form-data`.

    The body can be iterated again, for a retry.

    Args:
        source: The file.
        start: Offset of the part.
        size: Bytes of the part; by default the rest of the file.
        fields: Further fields.
        on_block: Called with offset and bytes before each block is sent.
        on_sent: Called with the offset after each block that was sent.
    """

    def __init__(
        self,
        source: LocalFile,
        start: int = 0,
        size: int | None = None,
        *,
        fields: Mapping[str, str] | None = None,
        on_block: Callable[[int, bytes], object] | None = None,
        on_sent: Callable[[int], object] | None = None,
    ) -> None:
        boundary = secrets.token_hex(16)
        head = b""
        for name, value in (fields or {}).items():
            head += render_part(boundary, RequestField(name, b"")) + value.encode() + b"\r\n"
        head += render_part(boundary, RequestField("file", b"", filename=source.name))
        self._head = head
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        self._source = source
        self._start = start
        self.size = source.size - start if size is None else size
        self._on_block = on_block
        self._on_sent = on_sent
        self.content_type = f"multipart/form-data; boundary={boundary}"

    @property
    def headers(self) -> dict[str, str]:
        """Headers of a request with this body."""
        return {"Content-Type": self.content_type, "Content-Length": str(len(self))}

    def __len__(self) -> int:
        return len(self._head) + self.size + len(self._tail)

    def __iter__(self) -> Iterator[bytes]:
        offset, end = self._start, self._start + self.size
        if len(self) <= _SINGLE_WRITE_LIMIT:
            yield self._read_whole(offset)
            report_sent(self._on_sent, end)
            return
        yield self._head
        while offset < end:
            block = self._source.read_at(offset, min(BLOCK_SIZE, end - offset))
            if self._on_block is not None:
                self._on_block(offset, block)
            offset += len(block)
            yield block
            report_sent(self._on_sent, offset)
        # Without the closing boundary, the server discards the part of a changed file.
        self._source.check_unchanged()
        yield self._tail

    def _read_whole(self, offset: int) -> bytes:
        block = b""
        while len(block) < self.size:  # an unbuffered read may return fewer bytes
            block += self._source.read_at(offset + len(block), self.size - len(block))
        if self._on_block is not None:
            self._on_block(offset, block)
        self._source.check_unchanged()
        return b"".join((self._head, block, self._tail))


def report_sent(on_sent: Callable[[int], object] | None, offset: int) -> None:
    """Call the function for sent blocks, if any.

    Raises:
        ProgressError: The function failed.
    """
    if on_sent is not None:
        try:
            on_sent(offset)
        except Exception as error:
            raise ProgressError(error) from error


def render_part(boundary: str, field: RequestField) -> bytes:
    """Return the boundary and the headers of a part."""
    field.make_multipart(content_type="application/octet-stream" if field._filename else None)
    return f"--{boundary}\r\n{field.render_headers()}".encode()
