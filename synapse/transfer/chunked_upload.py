"""Upload a file in chunks.

The server answers each chunk with the next wanted byte. After a fault the server is asked for that
byte, and the upload goes on from there, so no chunk that arrived is sent twice. An upload beyond
repair, such as an expired one, starts anew once.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

from synapse.errors import (
    BadRequest,
    ClientError,
    Conflict,
    InvalidQuery,
    InvalidResponse,
    NotFound,
    PayloadTooLarge,
    RateLimited,
    RequestTimeout,
    SynapseError,
)
from synapse.transfer.checksum import Hasher
from synapse.transfer.chunk_protocol import ServerUpload
from synapse.transfer.local_file import LocalFile
from synapse.transfer.progress import Callback, FileProgress, ProgressArgument, showing
from synapse.transfer.upload_state import UploadState
from synapse.transport import Transport
from synapse.transport.deadlines import pause

__all__ = ["CHUNK_SIZE", "Progress", "send_in_chunks", "upload_in_chunks"]

CHUNK_SIZE = 50 * 1024 * 1024
"""Bytes per chunk, unless told otherwise."""

# The first chunk of a process is short: should its answer be lost, nobody knows the upload's id,
# and should the upload have expired, the server says so only after having read the chunk.
_FIRST = 1024 * 1024
_LEAST = 1024 * 1024
_MOST_FAILURES = 5
_PASSING = frozenset({502, 503, 504})

Progress = Callback
"""What `upload_in_chunks` calls: with the bytes that are there and the file's size."""


def upload_in_chunks(
    transport: Transport,
    source: str | os.PathLike[str],
    *,
    chunk_size: int = CHUNK_SIZE,
    progress: ProgressArgument = False,
) -> dict[str, Any]:
    """Send a file in chunks. One request for each chunk, and one to finish.

    The first chunk has at most 1 MiB. After a lost response, one more request asks for the server's
    position. The same call continues an upload whose process died.

    Args:
        transport: The transport.
        source: The file's path.
        chunk_size: Bytes per chunk.
        progress: Display; a callback gets the bytes sent and the file's size.

    Returns:
        The server's row of the upload, whose `id` goes into a data file or model.

    Raises:
        UsageError: The file can't be read, or is empty, which the server's protocol can't carry.
        SynapseError: The file changed while being sent.
        ClientError: The server refused, or couldn't be reached several times in a row.
    """
    checked_chunk_size(chunk_size)
    with (
        LocalFile(source) as file,
        UploadState(transport, file) as memory,
        showing(progress) as shown,
        shown.file(file.name, file.size) as part,
    ):
        row = send_in_chunks(transport, file, part, memory, chunk_size=chunk_size)
        memory.forget()
        return row


def checked_chunk_size(value: Any) -> int:
    """Return the bytes per chunk.

    Raises:
        UsageError: The value isn't a whole number, 1 or more.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InvalidQuery(f"chunk_size is {value!r}: give a whole number of bytes from 1.")
    return value


def send_in_chunks(
    transport: Transport,
    source: LocalFile,
    part: FileProgress,
    memory: UploadState,
    *,
    chunk_size: int = CHUNK_SIZE,
    checksum: str | None = None,
) -> dict[str, Any]:
    """Send a file by a stored upload or a new one.

    Args:
        transport: The transport.
        source: The file.
        part: The file's progress.
        memory: The stored state, which isn't deleted here.
        chunk_size: Bytes per chunk.
        checksum: The file's MD5 in hex, if known; otherwise computed.

    Returns:
        The server's row of the complete upload. The MD5 is in `memory.checksum`.

    Raises:
        UsageError: The file is empty.
        SynapseError: The file changed while being sent; nothing of the upload counts.
        ClientError: The server refused, or couldn't be reached several times in a row.
    """
    if source.size == 0:
        raise InvalidQuery(
            f"{source.path or source.name} is empty: a chunked upload can't carry an empty file."
        )
    anew = 1
    with Hasher(source.read_at, source.size) as hasher:
        while True:
            is_resumed = memory.upload is not None
            upload = _ChunkedUpload(transport, source, part, memory, hasher, chunk_size, checksum)
            try:
                return upload.run()
            except _Useless as useless:
                memory.forget()
                if not is_resumed:
                    anew -= 1
                if anew < 0:
                    raise useless.error from None
                chunk_size, checksum = upload.chunk_size, None
                part.at(0)
            except ClientError as error:
                if not (is_resumed and isinstance(error, NotFound)):
                    raise
                memory.forget()  # somebody else's, or it was cleaned up
            except SynapseError:
                memory.forget()  # the file isn't what it was
                raise


class _Useless(Exception):
    """Nothing can be made of the server's upload any more: another one may do better."""

    def __init__(self, error: ClientError) -> None:
        super().__init__(error)
        self.error = error


class _ChunkedUpload:
    """One upload on the server, until complete."""

    def __init__(
        self,
        transport: Transport,
        source: LocalFile,
        part: FileProgress,
        memory: UploadState,
        hasher: Hasher,
        chunk_size: int,
        checksum: str | None,
    ) -> None:
        self._options = transport.options
        self._patience = transport.settings.timeout.read
        self._server = ServerUpload(transport, source, memory.upload)
        self._source = source
        self._part = part
        self._memory = memory
        self._hasher = hasher
        self._checksum = checksum
        self._hashes = checksum is None and memory.checksum is None
        self.chunk_size = chunk_size
        self._size = source.size
        self._offset = 0
        self._highest = 0
        self._failures = 0
        self._is_first = True

    def run(self) -> dict[str, Any]:
        """Send the missing bytes, and finish.

        Raises:
            _Useless: The upload has expired, or the server has other bytes than the file's.
            ClientError: The server refused, or several tries in a row made no headway.
        """
        if self._server.id is not None:
            row = self._asked()
            if self._server.is_complete(row):
                self._part.at(self._size, is_resumed=True)
                return row
            self._go_to(row, is_resumed=True)
            if self._hashes:
                self._hasher.skip_to(self._offset)
        while self._offset < self._size:
            self._go_to(self._mended(self._send_chunk, self._has_moved))
        checksum = self._checksum or self._memory.checksum
        if checksum is None:
            checksum = self._hasher.hexdigest(self._size)
        self._source.check_unchanged()
        self._memory.note(checksum=checksum)
        return self._mended(lambda: self._finish(checksum), self._server.is_complete)

    def _send_chunk(self) -> dict[str, Any]:
        """Send the next chunk; return the server's row of the upload."""
        start = self._offset
        most = min(self.chunk_size, _FIRST) if self._is_first else self.chunk_size
        length = min(most, self._size - start)
        on_block = self._hasher.add if self._hashes else None
        try:
            row = self._server.put(start, length, on_block=on_block, on_sent=self._on_sent)
        except PayloadTooLarge:
            if length <= _LEAST:
                raise
            self.chunk_size = max(_LEAST, length // 2)
            return {"offset": start}
        except BadRequest as error:
            # Sent again after a lost answer, a chunk that had arrived doesn't fit any more.
            refusal = error.response if isinstance(error.response, dict) else {}
            if self._server.id is None or "expected_offset" not in refusal:
                raise
            row = self._server.ask()
            if not self._has_moved(row):
                raise
            return row
        if self._memory.upload is None and self._server.id is not None:
            self._memory.note(upload=self._server.id)
        if not self._has_moved(row):
            raise self._astray(start)
        self._is_first = False
        return row

    def _finish(self, checksum: str) -> dict[str, Any]:
        try:
            return self._server.finish(checksum)
        except BadRequest as error:
            row = self._server.ask()  # finishing twice is refused, and means that it was finished
            if self._server.is_complete(row):
                return row
            if self._checksum is not None and self._hasher.hexdigest(self._size) != checksum:
                raise SynapseError(
                    f"{self._source.name} changed after its checksum was taken. Upload it again "
                    "when nothing writes to it."
                ) from error
            raise _Useless(error) from None

    def _mended(
        self, step: Callable[[], dict[str, Any]], is_done: Callable[[dict[str, Any]], bool]
    ) -> dict[str, Any]:
        """Run a step through transient faults; return the upload's row afterwards.

        Args:
            step: Sends a request.
            is_done: Returns, by the row, whether the step succeeded although its response was lost.
        """
        while True:
            error = self._fault_of(step)
            if not isinstance(error, ClientError):
                return error
            if self._server.id is None:
                continue  # the server may have an upload that nobody knows
            row = self._asked()
            if isinstance(error, RequestTimeout) or error.status_code == 504:
                row = self._settled(row, is_done)
            if is_done(row):
                return row

    def _fault_of(self, step: Callable[[], dict[str, Any]]) -> dict[str, Any] | ClientError:
        try:
            return step()
        except ClientError as error:
            self._survive(error)
            return error

    def _survive(self, error: ClientError) -> None:
        """Count a fault that may pass, and wait a little; raise any other, or one too many."""
        if error.status_code == 410:
            raise _Useless(error)
        passes = isinstance(error, (RequestTimeout, InvalidResponse))
        passes = passes or error.status_code in _PASSING
        if isinstance(error, RateLimited):  # a session that repeats nothing isn't kept waiting
            passes = self._options.retry.attempts > 1
        self._failures += 1
        if not passes or self._failures >= _MOST_FAILURES:
            raise error
        asked = error.retry_after if isinstance(error, RateLimited) else None
        wait: float | None = 0.0
        if self._failures > 1 or asked is not None:
            wait = self._options.retry.delay(max(1, self._failures - 1), asked)
        if wait is None or not pause(wait):
            raise error

    def _settled(
        self, row: dict[str, Any], is_done: Callable[[dict[str, Any]], bool]
    ) -> dict[str, Any]:
        """Wait until the server is done with a request that may still be running.

        The server might accept two senders of one upload, which would spoil the file.
        """
        end = time.monotonic() + self._patience
        wait = 0.1
        while not is_done(row) and time.monotonic() + wait < end and pause(wait):
            wait = min(2 * wait, 5.0)
            row = self._asked()
        return row

    def _asked(self) -> dict[str, Any]:
        """Ask for the server's position, until an answer comes."""
        while True:
            row = self._fault_of(self._server.ask)
            if not isinstance(row, ClientError):
                return row

    def _go_to(self, row: dict[str, Any], *, is_resumed: bool = False) -> None:
        """Take note of which byte the server wants next."""
        offset: int = row["offset"]
        if not 0 <= offset <= self._size:
            raise _Useless(self._astray(offset))
        if offset > self._highest:
            self._highest = offset
            self._failures = 0
        elif offset < self._offset:  # it lost some; if it goes on to do so, that is no headway
            error = self._astray(offset)
            self._survive(InvalidResponse(200, error.detail, resource=error.resource))
        self._offset = offset
        self._part.at(offset, is_resumed=is_resumed)

    def _has_moved(self, row: dict[str, Any]) -> bool:
        return bool(row["offset"] != self._offset)

    def _on_sent(self, offset: int) -> None:
        self._part.at(offset, is_confirmed=False)

    def _astray(self, offset: int) -> Conflict:
        return Conflict(
            409,
            f"the server wants byte {offset} next, but {self._offset} of {self._size} were sent",
            hint="Upload the file again.",
            resource=self._source.label,
        )
