"""Upload of a file in chunks, over the server's chunked upload.

The server says after each chunk which byte it wants next. When an answer is lost, it is asked for
that, and the upload goes on from there: a chunk that had arrived isn't sent twice. The MD5 of the
whole, which finishes the upload, is worked out while the chunks are read.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from synapse.errors import BadRequest, ClientError, ConnectionFailed, InvalidQuery, RequestTimeout
from synapse.transfer.multipart import Digest, MultipartFile
from synapse.transfer.upload import open_file
from synapse.transport import Transport
from synapse.transport.urls import path_segment

__all__ = ["CHUNK_SIZE", "upload_in_chunks"]

CHUNK_SIZE = 50 * 1024 * 1024
"""Bytes per chunk, unless told otherwise."""

PATH = "chunked_upload/"
_MOST_FAILURES = 5
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

    After a broken connection, one more request asks how far the server is.

    Args:
        transport: The way to the server.
        source: The file's path.
        chunk_size: Bytes per chunk.
        on_progress: Called with the bytes sent and the file's size, after each chunk.

    Returns:
        The server's record of the upload, whose `id` a data file or model is made of.

    Raises:
        InvalidQuery: The file can't be read, or is empty, which the server's protocol can't carry.
        ClientError: The server refused, or couldn't be reached several times in a row.
    """
    if isinstance(chunk_size, bool) or not isinstance(chunk_size, int) or chunk_size < 1:
        raise InvalidQuery(f"chunk_size is {chunk_size!r}: give a whole number of bytes from 1.")
    with open_file(source) as file:
        size = os.fstat(file.fileno()).st_size
        if size == 0:
            raise InvalidQuery(f"{source} is empty: a chunked upload can't carry an empty file.")
        return _Upload(transport, file, Path(source).name, size, chunk_size, on_progress).run()


class _Upload:
    """One upload under way."""

    def __init__(
        self,
        transport: Transport,
        file: IO[bytes],
        name: str,
        size: int,
        chunk_size: int,
        on_progress: Progress | None,
    ) -> None:
        self._transport = transport
        self._file = file
        self._name = name
        self._size = size
        self._chunk_size = chunk_size
        self._on_progress = on_progress
        self._label = f"file {name!r}"
        self._path = PATH
        self._offset = 0
        self._digest: Digest = hashlib.md5(usedforsecurity=False)
        self._digested = 0
        self._failures = 0

    def run(self) -> dict[str, Any]:
        while self._offset < self._size:
            row = self._attempt(self._send_chunk)
            self._path = self._own_path(row)
            self._go_to(int(row["offset"]))
        checksum = self._checksum()
        return self._attempt(lambda: self._finish(checksum))

    def _attempt(self, step: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Do a step; when its answer is lost, ask how far the server is instead."""
        try:
            row = step()
        except (ConnectionFailed, RequestTimeout):
            self._failures += 1
            if self._failures >= _MOST_FAILURES:
                raise
            if self._path == PATH:
                return self._attempt(step)  # the server may have an upload that nobody knows
            row = self._attempt(self._ask)
            if step is not self._send_chunk and row.get("status") != _COMPLETE:
                return self._attempt(step)
            return row
        self._failures = 0
        return row

    def _ask(self) -> dict[str, Any]:
        row: dict[str, Any] = self._transport.request("GET", self._path, resource=self._label)
        return row

    def _send_chunk(self) -> dict[str, Any]:
        start, length = self._offset, min(self._chunk_size, self._size - self._offset)
        self._file.seek(start)
        goes_on = start == self._digested
        body = MultipartFile(
            self._file,
            size=length,
            filename=self._name,
            fields={"filename": self._name},
            digest=self._digest if goes_on else None,
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
            if not isinstance(error.response, dict) or "expected_offset" not in error.response:
                raise
            if int(error.response["expected_offset"]) == start:
                raise
            row = self._ask()
        if goes_on and body.digest is not None and int(row["offset"]) == start + length:
            self._digest, self._digested = body.digest, start + length
        return row

    def _finish(self, checksum: str) -> dict[str, Any]:
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
        return row

    def _go_to(self, offset: int) -> None:
        if not 0 <= offset <= self._size or offset < self._offset:
            raise ClientError(
                409,
                f"the server wants byte {offset} next, but {self._offset} of {self._size} were "
                "sent",
                hint="Upload the file again.",
                resource=self._label,
            )
        self._offset = offset
        if self._on_progress is not None:
            self._on_progress(offset, self._size)

    def _checksum(self) -> str:
        """Return the MD5 of the whole file, reading again what was sent out of order."""
        self._file.seek(self._digested)
        while self._digested < self._size:
            block = self._file.read(min(1024 * 1024, self._size - self._digested))
            if not block:
                raise InvalidQuery(f"{self._name} became shorter while it was uploaded.")
            self._digest.update(block)
            self._digested += len(block)
        return self._digest.hexdigest()

    def _own_path(self, row: dict[str, Any]) -> str:
        """Return the upload's path. Of the server's URL, nothing but the id at its end counts."""
        last = urlsplit(str(row.get("url") or "")).path.rstrip("/").rpartition("/")[2]
        return f"{PATH}{path_segment(row.get('id') or last)}/"
