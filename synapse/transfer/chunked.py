"""Upload of a file in chunks, over the server's chunked upload.

The server says after each chunk which byte it wants next. When an answer is lost, it is asked for
that, and the upload goes on from there: a chunk that had arrived isn't sent twice. The MD5 of the
whole, which finishes the upload, is worked out while the chunks are sent.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from synapse.errors import (
    BadRequest,
    ClientError,
    Conflict,
    InvalidQuery,
    InvalidResponse,
    RequestTimeout,
    SynapseError,
)
from synapse.transfer.multipart import Digest, MultipartFile
from synapse.transfer.upload import checked_name, open_file
from synapse.transport import Transport
from synapse.transport.urls import path_segment

__all__ = ["CHUNK_SIZE", "upload_in_chunks"]

CHUNK_SIZE = 50 * 1024 * 1024
"""Bytes per chunk, unless told otherwise."""

PATH = "chunked_upload/"
_MOST_FAILURES = 5
_LOST = frozenset({502, 503, 504})
_COMPLETE = 2

Progress = Callable[[int, int], Any]


def upload_in_chunks(
    transport: Transport,
    source: str | os.PathLike[str],
    *,
    chunk_size: int = CHUNK_SIZE,
    on_progress: Progress | None = None,
) -> dict[str, Any]:
    """Send a file in chunks. One request for each chunk and one to finish.

    After a lost answer, one more request asks how far the server is.

    Args:
        transport: The way to the server.
        source: The file's path.
        chunk_size: Bytes per chunk.
        on_progress: Called with the bytes sent and the file's size, after each chunk.

    Returns:
        The server's record of the upload, whose `id` a data file or model is made of.

    Raises:
        InvalidQuery: The file can't be read, or is empty, which the server's protocol can't carry.
        SynapseError: The file changed while it was sent.
        ClientError: The server refused, or couldn't be reached several times in a row.
    """
    if isinstance(chunk_size, bool) or not isinstance(chunk_size, int) or chunk_size < 1:
        raise InvalidQuery(f"chunk_size is {chunk_size!r}: give a whole number of bytes from 1.")
    name = checked_name(Path(source).name)
    with open_file(source) as file:
        if _state(file)[0] == 0:
            raise InvalidQuery(f"{source} is empty: a chunked upload can't carry an empty file.")
        return _Upload(transport, file, name, chunk_size, on_progress).run()


class _Upload:
    """One upload under way."""

    def __init__(
        self,
        transport: Transport,
        file: IO[bytes],
        name: str,
        chunk_size: int,
        on_progress: Progress | None,
    ) -> None:
        self._transport = transport
        self._file = file
        self._name = name
        self._chunk_size = chunk_size
        self._on_progress = on_progress
        self._label = f"file {name!r}"
        self._path = PATH
        self._state = _state(file)
        self._size = self._state[0]
        self._offset = 0
        self._digest: Digest = hashlib.md5(usedforsecurity=False)
        self._digested = 0
        self._sent: MultipartFile | None = None
        self._failures = 0

    def run(self) -> dict[str, Any]:
        while self._offset < self._size:
            try:
                row = self._send_chunk()
            except ClientError as error:
                self._survive(error)
                if self._path == PATH:
                    continue  # the server may have an upload that nobody knows
                row = self._ask_on()
            self._path = self._own_path(row)
            self._go_to(self._offset_in(row))
        return self._finish(self._checksum())

    def _survive(self, error: ClientError) -> None:
        """Count an answer that was lost; raise what isn't that, or one too many without headway."""
        is_lost = isinstance(error, (RequestTimeout, InvalidResponse)) or error.status_code in _LOST
        self._failures += 1
        if not is_lost or self._failures >= _MOST_FAILURES:
            raise error

    def _ask(self) -> dict[str, Any]:
        """Ask how far the server is."""
        row: dict[str, Any] = self._transport.request("GET", self._path, resource=self._label)
        self._offset_in(row)
        return row

    def _ask_on(self) -> dict[str, Any]:
        """Ask until there is an answer."""
        try:
            return self._ask()
        except ClientError as error:
            self._survive(error)
        return self._ask_on()

    def _send_chunk(self) -> dict[str, Any]:
        start, length = self._offset, min(self._chunk_size, self._size - self._offset)
        self._file.seek(start)
        body = self._sent = MultipartFile(
            self._file,
            size=length,
            filename=self._name,
            fields={"filename": self._name},
            digest=self._digest if start == self._digested else None,
        )
        span = f"bytes {start}-{start + length - 1}/{self._size}"
        try:
            row: dict[str, Any] = self._transport.request(
                "PUT",
                self._path,
                body=body,
                headers={**body.headers, "Content-Range": span},
                repeatable=False,  # after a lost answer, the server is asked how far it is
                resource=self._label,
            )
        except BadRequest as error:
            # Sent again after a lost answer, a chunk that had arrived doesn't fit any more.
            refusal = error.response if isinstance(error.response, dict) else {}
            if self._path == PATH or "expected_offset" not in refusal:
                raise
            row = self._ask()
            if self._offset_in(row) == start:
                raise
        if self._offset_in(row) == start:
            raise self._astray(start)
        return row

    def _go_to(self, offset: int) -> None:
        """Take note of which byte the server wants next."""
        if not self._offset <= offset <= self._size:
            raise self._astray(offset)
        if offset == self._offset:
            return
        # All of it was read, and all of it arrived, whether or not the answer did.
        sent, is_next = self._sent, self._digested == self._offset
        is_whole = sent is not None and sent.checksum and offset == self._offset + sent.size
        if is_next and is_whole and sent is not None and sent.digest is not None:
            self._digest, self._digested = sent.digest, offset
        self._offset = offset
        self._failures = 0
        if self._on_progress is not None:
            self._on_progress(offset, self._size)

    def _checksum(self) -> str:
        """Return the MD5 of the whole file, reading again what was sent out of order."""
        if _state(self._file) != self._state:
            raise SynapseError(
                f"{self._name} changed while it was sent. Upload it again when nothing writes to "
                "it."
            )
        self._file.seek(self._digested)
        while block := self._file.read(min(1024 * 1024, self._size - self._digested)):
            self._digest.update(block)
            self._digested += len(block)
        return self._digest.hexdigest()

    def _finish(self, checksum: str) -> dict[str, Any]:
        while True:
            try:
                return self._close(checksum)
            except ClientError as error:
                self._survive(error)
            row = self._ask_on()
            if row.get("status") == _COMPLETE:
                return row

    def _close(self, checksum: str) -> dict[str, Any]:
        try:
            row: dict[str, Any] = self._transport.request(
                "POST",
                self._path,
                json={"md5": checksum},
                repeatable=False,
                resource=self._label,
            )
        except BadRequest:
            row = self._ask()  # finishing twice is refused, and means that it was finished
            if row.get("status") != _COMPLETE:
                raise
        self._offset_in(row)
        return row

    def _offset_in(self, row: Any) -> int:
        """Return which byte the server wants next, by its record of the upload."""
        match row:
            case {"offset": int(offset)}:
                return offset
        raise InvalidResponse(
            200, "the answer is no upload: it has no offset", response=row, resource=self._label
        )

    def _own_path(self, row: dict[str, Any]) -> str:
        """Return the upload's path. Of the server's URL, nothing but the id at its end counts."""
        last = urlsplit(str(row.get("url") or "")).path.rstrip("/").rpartition("/")[2]
        return f"{PATH}{path_segment(row.get('id') or last)}/"

    def _astray(self, offset: int) -> Conflict:
        return Conflict(
            409,
            f"the server wants byte {offset} next, but {self._offset} of {self._size} were sent",
            hint="Upload the file again.",
            resource=self._label,
        )


def _state(file: IO[bytes]) -> tuple[int, int]:
    """Return by what a change of a file is seen: its size, and when it was written to."""
    status = os.fstat(file.fileno())
    return status.st_size, status.st_mtime_ns
