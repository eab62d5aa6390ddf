"""A form with several files, streamed from the disk."""

from __future__ import annotations

import io
import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any

from urllib3.fields import RequestField

from synapse._internal.closing import Closing
from synapse._internal.json_values import to_json
from synapse.transfer.file_part import FilePart
from synapse.transfer.local_file import LocalFile
from synapse.transfer.multipart import render_part
from synapse.transport.decoding import dumps
from synapse.transport.streamed_body import StreamedBody

__all__ = ["MultipartForm", "encode_form_value"]


class MultipartForm(Closing, StreamedBody):
    """Fields and files as `multipart/form-data`; can be iterated again, for a retry.

    Args:
        files: A file for each field: a path, a file opened for reading bytes, bytes, or a pair of a
            name and one of these.
        fields: Further fields; those that are `None` are left out.

    Raises:
        UsageError: A file can't be read, or has no name.
    """

    def __init__(self, files: Mapping[str, Any], fields: Mapping[str, Any] | None = None) -> None:
        boundary = secrets.token_hex(16)
        self._pieces: list[bytes | LocalFile] = []
        self._stack = ExitStack()
        for name, value in (fields or {}).items():
            if value is not None:
                part = render_part(boundary, RequestField(name, b""))
                self._pieces.append(part + encode_form_value(value).encode() + b"\r\n")
        with ExitStack() as opened:
            for name, value in files.items():
                file = opened.enter_context(_open(name, value))
                part = render_part(boundary, RequestField(name, b"", filename=file.name))
                self._pieces += [part, file, b"\r\n"]
            self._stack = opened.pop_all()
        self._pieces.append(f"--{boundary}--\r\n".encode())
        self.content_type = f"multipart/form-data; boundary={boundary}"

    @property
    def headers(self) -> dict[str, str]:
        """Headers of a request with this body."""
        return {"Content-Type": self.content_type, "Content-Length": str(len(self))}

    def __len__(self) -> int:
        return sum(
            piece.size if isinstance(piece, LocalFile) else len(piece) for piece in self._pieces
        )

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            if isinstance(piece, bytes):
                yield piece
                continue
            # A changed file raises, and without the closing boundary the server discards it.
            yield from FilePart(piece)

    def close(self) -> None:
        """Close the files that were opened here."""
        self._stack.close()


def _open(field: str, value: Any) -> LocalFile:
    name, source = value[:2] if isinstance(value, tuple) else (None, value)
    if isinstance(source, (bytes, bytearray)):
        return LocalFile(io.BytesIO(source), name=name or field)
    return LocalFile(source, name=name)


def encode_form_value(value: Any) -> str:
    """Encode a value for a form: structures and booleans as JSON."""
    plain = to_json(value)
    return dumps(plain).decode() if isinstance(plain, (bool, dict, list)) else str(plain)
