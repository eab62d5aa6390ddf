"""The requests of the server's chunked upload; callers handle faults."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from synapse.errors import InvalidResponse
from synapse.transfer.local_file import LocalFile
from synapse.transfer.multipart import MultipartFile, showing_errors
from synapse.transport import Transport
from synapse.transport.urls import path_segment

__all__ = ["ServerUpload"]

_PATH = "chunked_upload/"
_COMPLETE = 2
# Bytes per second that a server hashes at least, when it is told to finish.
_HASH_RATE = 50e6


class ServerUpload:
    """An upload on the server: an existing one, or one that the first chunk creates.

    Args:
        transport: The transport.
        source: The file.
        id: The upload's id, if one exists.

    Attributes:
        id: The upload's id, once known.
    """

    def __init__(self, transport: Transport, source: LocalFile, id: str | None) -> None:  # noqa: A002
        self._transport = transport
        self._source = source
        self.id = id

    def put(
        self,
        start: int,
        length: int,
        *,
        on_block: Callable[[int, bytes], object] | None = None,
        on_sent: Callable[[int], object] | None = None,
    ) -> dict[str, Any]:
        """Send a chunk. One request, retried only if the server certainly didn't process it.

        Args:
            start: First byte.
            length: Number of bytes.
            on_block: Called with offset and bytes before each block is sent.
            on_sent: Called with the offset behind each sent block.

        Returns:
            The server's row of the upload.

        Raises:
            ClientError: The server refused, or the response is missing.
        """
        fields = {"filename": self._source.name}
        body = MultipartFile(
            self._source, start, length, fields=fields, on_block=on_block, on_sent=on_sent
        )
        span = f"bytes {start}-{start + length - 1}/{self._source.size}"
        with showing_errors():
            row = self._transport.request(
                "PUT",
                self._path,
                body=body,
                headers={**body.headers, "Content-Range": span},
                repeatable=False,  # after a lost answer, the server is asked how far it is
                resource=self._source.label,
            )
        checked = self._checked(row)
        if self.id is None:
            self.id = self._id_in(checked)
        return checked

    def ask(self) -> dict[str, Any]:
        """Ask how far the server is. One request."""
        return self._checked(
            self._transport.request("GET", self._path, resource=self._source.label)
        )

    def finish(self, checksum: str) -> dict[str, Any]:
        """Have the server check the whole file. One request.

        Args:
            checksum: The file's MD5, in hex.
        """
        waits = self._transport.settings.timeout
        read = waits.read + self._source.size / _HASH_RATE  # the server reads all of it once more
        row = self._transport.request(
            "POST",
            self._path,
            json={"md5": checksum},
            timeout=(waits.connect, read),
            deadline=max(self._transport.options.deadline or 0.0, 2 * read + 60),
            repeatable=False,
            resource=self._source.label,
        )
        return self._checked(row)

    @staticmethod
    def is_complete(row: dict[str, Any]) -> bool:
        """Return whether a row belongs to a finished upload."""
        return bool(row.get("status") == _COMPLETE)

    @property
    def _path(self) -> str:
        return _PATH if self.id is None else f"{_PATH}{path_segment(self.id)}/"

    def _checked(self, row: Any) -> dict[str, Any]:
        match row:
            case {"offset": int()}:
                found: dict[str, Any] = row
                return found
        raise InvalidResponse(
            200,
            "the answer is no upload: it has no offset",
            response=row,
            resource=self._source.label,
        )

    def _id_in(self, row: dict[str, Any]) -> str:
        """Return the upload's id from the end of the server's URL; the rest is ignored."""
        try:
            last = urlsplit(str(row.get("url") or "")).path.rstrip("/").rpartition("/")[2]
            found = str(row.get("id") or last)
            path_segment(found)
        except ValueError:
            raise InvalidResponse(
                200,
                "the answer is no upload: it has no id",
                response=row,
                resource=self._source.label,
            ) from None
        return found
