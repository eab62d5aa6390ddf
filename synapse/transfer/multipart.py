"""A multipart body that is read from the disk while it is sent.

Its length is known before: some servers take a body without `Content-Length` for an empty one.
The library's own multipart body would copy the whole file into memory first.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator, Mapping
from typing import IO, Protocol

from urllib3.fields import RequestField

from synapse.errors import SynapseError

__all__ = ["MultipartFile"]

_BLOCK = 1024 * 1024


class Digest(Protocol):
    """What `hashlib` makes."""

    def update(self, data: bytes, /) -> None:
        """Go on with some bytes."""

    def copy(self) -> Digest:
        """Return one that goes on from here by itself."""

    def hexdigest(self) -> str:
        """Return the checksum of all bytes so far."""


class MultipartFile:
    """One file, and some plain fields, as `multipart/form-data`.

    Args:
        file: Opened for reading bytes; what follows its current position is sent.
        size: How many bytes that is.
        filename: The file's name.
        fields: Further fields.
        digest: The MD5 of what came before, when the bytes are a part of a whole.

    Attributes:
        size: How many bytes of the file are sent.
        digest: The MD5 so far, these bytes included, once all were sent.
        checksum: The same in hex.
    """

    def __init__(
        self,
        file: IO[bytes],
        *,
        size: int,
        filename: str,
        fields: Mapping[str, str] | None = None,
        digest: Digest | None = None,
    ) -> None:
        boundary = secrets.token_hex(16)
        head = b""
        for name, value in (fields or {}).items():
            head += self._part(boundary, RequestField(name, b"")) + value.encode() + b"\r\n"
        head += self._part(boundary, RequestField("file", b"", filename=filename))
        self._head = head
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        self._file = file
        self._start = file.tell()
        self.size = size
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self._before = digest
        self.digest = digest
        self.checksum = ""

    @property
    def headers(self) -> dict[str, str]:
        """The headers that go with the body."""
        return {"Content-Type": self.content_type, "Content-Length": str(len(self))}

    def __len__(self) -> int:
        return len(self._head) + self.size + len(self._tail)

    def __iter__(self) -> Iterator[bytes]:
        # From the start each time: a request that wasn't processed is sent again.
        self._file.seek(self._start)
        digest = hashlib.md5(usedforsecurity=False) if self._before is None else self._before.copy()
        yield self._head
        left = self.size
        while left:
            block = self._file.read(min(_BLOCK, left))
            if not block:
                raise SynapseError(
                    f"The file became shorter while it was sent: {left} of {self.size} bytes are "
                    "missing. Upload it again when nothing writes to it."
                )
            digest.update(block)
            left -= len(block)
            yield block
        self.digest = digest
        self.checksum = digest.hexdigest()
        yield self._tail

    @staticmethod
    def _part(boundary: str, field: RequestField) -> bytes:
        field.make_multipart(content_type="application/octet-stream" if field._filename else None)
        return f"--{boundary}\r\n{field.render_headers()}".encode()
