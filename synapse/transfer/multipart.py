"""A multipart body that is read from the disk while being sent.

The length is known beforehand: some servers take a body without `Content-Length` for an empty one.
The library's own multipart body would copy the whole file into memory first.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from urllib3.fields import RequestField

from synapse.transfer.local_file import BLOCK, LocalFile

__all__ = ["MultipartFile", "NotShown", "showing_errors"]


# Up to so many bytes, a copy costs less than what each further piece does: a call of the system, at
# which the threads of many uploads take turns.
_IN_ONE_PIECE = 256 * 1024


class NotShown(Exception):
    """Carries an error of a progress display through the HTTP library.

    The library, which reads the body, would take an `OSError` for a broken connection.

    Attributes:
        error: The display's error.
    """

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


@contextmanager
def showing_errors() -> Iterator[None]:
    """Raise the error inside `NotShown`, once the library is done with the body."""
    try:
        yield
    except NotShown as error:
        raise error.error from None


class MultipartFile:
    """A part of a file, and some plain fields, as `multipart/form-data`.

    The body can be read again for a retry.

    Args:
        source: The file.
        start: First byte of the part.
        size: Number of bytes; by default all that follow.
        fields: Further fields.
        on_block: Called with offset and bytes before each block is sent.
        on_sent: Called with the offset behind each sent block.
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
            head += self._part(boundary, RequestField(name, b"")) + value.encode() + b"\r\n"
        head += self._part(boundary, RequestField("file", b"", filename=source.name))
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
        """The headers that go with the body."""
        return {"Content-Type": self.content_type, "Content-Length": str(len(self))}

    def __len__(self) -> int:
        return len(self._head) + self.size + len(self._tail)

    def __iter__(self) -> Iterator[bytes]:
        offset, end = self._start, self._start + self.size
        if len(self) <= _IN_ONE_PIECE:
            yield self._whole(offset)
            self._tell(end)
            return
        yield self._head
        while offset < end:
            block = self._source.read_at(offset, min(BLOCK, end - offset))
            if self._on_block is not None:
                self._on_block(offset, block)
            offset += len(block)
            yield block
            self._tell(offset)
        # Without the last line, the server takes nothing of it for a file.
        self._source.check_unchanged()
        yield self._tail

    def _whole(self, offset: int) -> bytes:
        block = b""
        while len(block) < self.size:  # what isn't buffered may give less than it is asked for
            block += self._source.read_at(offset + len(block), self.size - len(block))
        if self._on_block is not None:
            self._on_block(offset, block)
        self._source.check_unchanged()
        return self._head + block + self._tail

    def _tell(self, offset: int) -> None:
        if self._on_sent is not None:
            try:
                self._on_sent(offset)
            except Exception as error:  # whatever it is, it is for whoever gave `on_sent`
                raise NotShown(error) from error

    @staticmethod
    def _part(boundary: str, field: RequestField) -> bytes:
        field.make_multipart(content_type="application/octet-stream" if field._filename else None)
        return f"--{boundary}\r\n{field.render_headers()}".encode()
