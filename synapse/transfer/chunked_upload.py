"""Upload of a file in chunks, over the server's chunked upload.

The server says after each chunk which byte it wants next. After any fault it is asked for that, and
the upload goes on from there: a chunk that had arrived isn't sent twice. What can't be mended, such
as an upload that has expired, is begun anew, once.
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
    """Send a file in chunks. One request for each chunk and one to finish.

    The first chunk has at most 1 MiB. After a lost answer, one more request asks how far the
    server is. A call that died can be made again, and goes on where the server is.

    Args:
        transport: The way to the server.
        source: The file's path.
        chunk_size: Bytes per chunk.
        progress: How to show it; a callback gets the bytes sent and the file's size.

    Returns:
        The server's record of the upload, whose `id` a data file or model is made of.

    Raises:
        InvalidQuery: The file can't be read, or is empty, which the server's protocol can't carry.
        SynapseError: The file changed while it was sent.
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
        InvalidQuery: It isn't a whole number from 1.
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
    """Bring a file to the server, by an upload that is remembered or a new one.

    Args:
        transport: The way to the server.
        source: The file.
        part: What is told how far it is.
        memory: What is remembered of it; it isn't forgotten here.
        chunk_size: Bytes per chunk.
        checksum: The file's MD5 in hex, if it is known; it is then not worked out.

    Returns:
        The server's record of the upload, which is complete. The MD5 is in `memory.checksum`.

    Raises:
        InvalidQuery: The file is empty.
        SynapseError: The file changed while it was sent; nothing of it counts.
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
    """One upload of the server's, until it is complete."""

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
        """Send what the server hasn't, and finish.

        Raises:
            _Useless: It has expired, or what the server has isn't the file.
            ClientError: The server refused, or there was no headway several times in a row.
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
        """Send the next chunk; return what the server then says of the upload."""
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
        """Do a step, whatever passing faults there are; return the upload's row after it.

        Args:
            step: What sends something.
            is_done: Says by the row whether it has got through, though its answer was lost.
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
        """Wait for the server to be done with a request that it may be working on still.

        Two senders of one upload could both be let in by the server, and spoil it.
        """
        end = time.monotonic() + self._patience
        wait = 0.1
        while not is_done(row) and time.monotonic() + wait < end and pause(wait):
            wait = min(2 * wait, 5.0)
            row = self._asked()
        return row

    def _asked(self) -> dict[str, Any]:
        """Ask how far the server is, until there is an answer."""
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
