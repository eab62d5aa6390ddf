"""The server's chunked upload, request by request. Callers decide about retries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from synapse.errors import InvalidResponse
from synapse.transfer.local_file import LocalFile
from synapse.transfer.multipart import MultipartFile, unwrap_progress_errors
from synapse.transport import Transport
from synapse.transport.urls import path_segment

__all__ = ["ServerUpload"]

_PATH = "chunked_upload/"
_COMPLETE = 2
# Slowest rate at which a server hashes a file on finish, in bytes per second.
_HASH_RATE = 50e6


class ServerUpload:
    """An upload on the server; the first chunk creates a new one.

    Args:
        transport: The transport.
        source: The file.
        id: Id of an existing upload.

    Attributes:
        id: Id of the upload, once the server has created one.
    """

    def __init__(self, transport: Transport, source: LocalFile, id: str | None) -> None:  # noqa: A002
        self._transport = transport
        self._source = source
        self.id = id

    def send_chunk(
        self,
        start: int,
        length: int,
        *,
        on_block: Callable[[int, bytes], object] | None = None,
        on_sent: Callable[[int], object] | None = None,
    ) -> dict[str, Any]:
        """Send a chunk. One request, retried only if certainly not processed.

        Args:
            start: Offset of the chunk.
            length: Size of the chunk in bytes.
            on_block: Called with offset and bytes before each block is sent.
            on_sent: Called with the offset after each block that was sent.

        Returns:
            The server's row of the upload.

        Raises:
            ClientError: The server refused the chunk, or the response was lost.
        """
        fields = {"filename": self._source.name}
        body = MultipartFile(
            self._source, start, length, fields=fields, on_block=on_block, on_sent=on_sent
        )
        span = f"bytes {start}-{start + length - 1}/{self._source.size}"
        with unwrap_progress_errors():
            answer = self._transport.request(
                "PUT",
                self._path,
                body=body,
                headers={**body.headers, "Content-Range": span},
                repeatable=False,  # after a lost response, the caller asks for the offset first
                resource=self._source.label,
            )
        row = self._validate(answer)
        if self.id is None:
            self.id = self._read_id(row)
        return row

    def fetch(self) -> dict[str, Any]:
        """Fetch the upload's row, which has the offset. One request."""
        return self._validate(
            self._transport.request("GET", self._path, resource=self._source.label)
        )

    def finish(self, checksum: str) -> dict[str, Any]:
        """Finish the upload; the server verifies the checksum. One request.

        Args:
            checksum: MD5 of the whole file, in hex.
        """
        timeout = self._transport.settings.timeout
        read = timeout.read + self._source.size / _HASH_RATE
        row = self._transport.request(
            "POST",
            self._path,
            json={"md5": checksum},
            timeout=(timeout.connect, read),
            deadline=max(self._transport.options.deadline or 0.0, 2 * read + 60),
            repeatable=False,
            resource=self._source.label,
        )
        return self._validate(row)

    @staticmethod
    def is_complete(row: dict[str, Any]) -> bool:
        """Return whether a row is that of a finished upload."""
        return bool(row.get("status") == _COMPLETE)

    @property
    def _path(self) -> str:
        return _PATH if self.id is None else upload_path(self.id)

    def _validate(self, answer: Any) -> dict[str, Any]:
        match answer:
            case {"offset": int()}:
                row: dict[str, Any] = answer
                return row
        raise self._malformed("offset", answer)

    def _read_id(self, row: dict[str, Any]) -> str:
        """Return the upload's id, or the last part of the URL."""
        try:
            last = urlsplit(str(row.get("url") or "")).path.rstrip("/").rpartition("/")[2]
            upload_id = str(row.get("id") or last)
            path_segment(upload_id)
        except ValueError:
            raise self._malformed("id", row) from None
        return upload_id

    def _malformed(self, field: str, answer: Any) -> InvalidResponse:
        return InvalidResponse(
            200,
            f"the response is not a chunked upload: {field} is missing",
            response=answer,
            resource=self._source.label,
        )


def upload_path(upload_id: Any) -> str:
    """Return the path of an upload.

    Raises:
        UsageError: The id can't be a path's segment.
    """
    return f"{_PATH}{path_segment(upload_id)}/"
