"""Upload of a file in chunks, resumed after failures.

The server answers each chunk with the offset of the next one. After a failure the client asks for
that offset and continues from there, so no chunk that arrived is sent twice. An upload that can't
continue, such as an expired one, is started again, once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from synapse._internal.interrupts import explain_interrupt
from synapse._internal.validate import validate_int
from synapse.errors import (
    BadRequest,
    ClientError,
    Conflict,
    InvalidResponse,
    NotFound,
    PayloadTooLarge,
    RateLimited,
    RequestTimeout,
    SynapseError,
    UsageError,
)
from synapse.transfer.checksum import Checksums, Hasher
from synapse.transfer.chunk_protocol import ServerUpload
from synapse.transfer.local_file import LocalFile, SourceArgument
from synapse.transfer.progress import (
    GOES_ON,
    Callback,
    FileProgress,
    ProgressArgument,
    describe_stop,
    show_progress,
)
from synapse.transfer.retry_delay import retry_delay
from synapse.transfer.upload_state import UploadState
from synapse.transport import Transport
from synapse.transport.deadline_blocks import pause

__all__ = ["CHUNK_SIZE", "Progress", "send_in_chunks", "upload_in_chunks"]

CHUNK_SIZE = 50 * 1024 * 1024
"""Bytes per chunk, by default."""

# A lost response to the first chunk loses the upload's id, and an expired upload is refused only
# after the chunk was read: a short first chunk keeps both cheap.
_FIRST_CHUNK_SIZE = 1024 * 1024
_MIN_CHUNK_SIZE = 1024 * 1024

Progress = Callback
"""Callback of `upload_in_chunks`, called with the stored bytes and the file's size."""


def upload_in_chunks(
    transport: Transport,
    source: SourceArgument,
    *,
    name: str | None = None,
    chunk_size: int = CHUNK_SIZE,
    progress: ProgressArgument = False,
) -> dict[str, Any]:
    """Send a file in chunks. One request for each chunk and one to finish.

    The first chunk has at most 1 MiB. A lost response costs one more request, for the offset. After
    a crash, the same call resumes the upload.

    Args:
        transport: The transport.
        source: A path, or a seekable file opened for reading bytes.
        name: Name of the file on the server; by default the last part of the path.
        chunk_size: Bytes per chunk.
        progress: Progress display; a callback gets the sent bytes and the file's size.

    Returns:
        The server's row of the upload, with the `id` that creates a data file or model.

    Raises:
        UsageError: The file can't be read, or is empty, which the server's protocol can't carry.
        SynapseError: The file changed while it was sent.
        ClientError: The server refused, or couldn't be reached several times in a row.
    """
    validate_int("chunk_size", chunk_size)
    with (
        LocalFile(source, name=name) as file,
        UploadState(transport, file) as state,
        show_progress(progress) as shown,
        explain_interrupt(lambda: describe_stop(shown, GOES_ON)),
        shown.file(file.name, file.size) as file_progress,
    ):
        row = send_in_chunks(transport, file, file_progress, state, chunk_size=chunk_size)
        state.clear()
        return row


def send_in_chunks(
    transport: Transport,
    source: LocalFile,
    progress: FileProgress,
    state: UploadState,
    *,
    chunk_size: int = CHUNK_SIZE,
    checksums: Checksums | None = None,
) -> dict[str, Any]:
    """Send a file, resuming the upload in the state.

    Args:
        transport: The transport.
        source: The file.
        progress: Progress of the file.
        state: State of the upload; the caller clears it after success.
        chunk_size: Bytes per chunk.
        checksums: Checksums of the file, if known; by default computed while sending.

    Returns:
        The server's row of the complete upload. The state has the MD5.

    Raises:
        UsageError: The file is empty.
        SynapseError: The file changed while it was sent; the upload is discarded.
        ClientError: The server refused, or couldn't be reached several times in a row.
    """
    if source.size == 0:
        raise UsageError(
            f"{source.path or source.name} is empty: a chunked upload can't carry an empty file."
        )
    restarts_left = 1
    # The protocol asks for the MD5; a second digest would slow the sending down.
    with Hasher(source.read_at, source.size, algorithm="md5") as hasher:
        while True:
            is_resumed = state.upload_id is not None
            upload = _ChunkedUpload(
                transport, source, progress, state, hasher, chunk_size, checksums
            )
            try:
                return upload.run()
            except _UploadUnusable as unusable:
                state.clear()
                if not is_resumed:
                    restarts_left -= 1
                if restarts_left < 0:
                    raise unusable.error from None
                chunk_size, checksums = upload.chunk_size, None
                progress.at(0)
            except ClientError as error:
                if not (is_resumed and isinstance(error, NotFound)):
                    raise
                state.clear()  # another user's upload, or one that the server has removed
            except SynapseError:
                state.clear()  # the file changed
                raise


class _UploadUnusable(Exception):
    """The server's upload can't be completed; a new one may succeed."""

    def __init__(self, error: ClientError) -> None:
        super().__init__(error)
        self.error = error


class _ChunkedUpload:
    """One upload on the server."""

    def __init__(
        self,
        transport: Transport,
        source: LocalFile,
        progress: FileProgress,
        state: UploadState,
        hasher: Hasher,
        chunk_size: int,
        checksums: Checksums | None,
    ) -> None:
        self._retry = transport.options.retry
        self._read_timeout = transport.settings.timeout.read
        self._server = ServerUpload(transport, source, state.upload_id)
        self._source = source
        self._progress = progress
        self._state = state
        self._hasher = hasher
        self._checksums = checksums
        self._is_hashing = checksums is None and state.checksums_with("md5") is None
        self.chunk_size = chunk_size
        self._size = source.size
        self._offset = 0
        self._highest = 0
        self._failures = 0
        self._is_first_chunk = True

    def run(self) -> dict[str, Any]:
        """Send the missing bytes, and finish.

        Raises:
            _UploadUnusable: The upload has expired, or has other bytes than the file.
            ClientError: The server refused, or several attempts in a row brought no progress.
        """
        if self._server.id is not None:
            row = self._fetch_row()
            if self._server.is_complete(row):
                self._progress.at(self._size, is_resumed=True)
                return row
            self._move_to(row, is_resumed=True)
            if self._is_hashing:
                self._hasher.skip_to(self._offset)
        while self._offset < self._size:
            self._move_to(self._complete_step(self._send_chunk, self._has_moved))
        checksums = self._checksums or self._state.checksums_with("md5")
        if checksums is None:
            checksums = self._hasher.checksums(self._size)
        self._source.check_unchanged()
        self._state.save(checksum=checksums.md5, sha1=checksums.sha1)
        return self._complete_step(lambda: self._finish(checksums), self._server.is_complete)

    def _send_chunk(self) -> dict[str, Any]:
        """Send the next chunk; return the upload's row."""
        start = self._offset
        limit = min(self.chunk_size, _FIRST_CHUNK_SIZE) if self._is_first_chunk else self.chunk_size
        length = min(limit, self._size - start)
        on_block = self._hasher.add if self._is_hashing else None
        try:
            row = self._server.send_chunk(start, length, on_block=on_block, on_sent=self._on_sent)
        except PayloadTooLarge:
            if length <= _MIN_CHUNK_SIZE:
                raise
            self.chunk_size = max(_MIN_CHUNK_SIZE, length // 2)
            return {"offset": start}
        except BadRequest as error:
            # The server refuses a chunk that had arrived before its response was lost.
            refusal = error.response if isinstance(error.response, dict) else {}
            if self._server.id is None or "expected_offset" not in refusal:
                raise
            row = self._server.fetch()
            if not self._has_moved(row):
                raise
            return row
        if self._state.upload_id is None and self._server.id is not None:
            self._state.save(upload=self._server.id)
        if not self._has_moved(row):
            raise self._offset_error(start)
        self._is_first_chunk = False
        return row

    def _finish(self, checksums: Checksums) -> dict[str, Any]:
        try:
            return self._server.finish(checksums.md5)
        except BadRequest as error:
            row = self._server.fetch()  # the server refuses to finish a complete upload again
            if self._server.is_complete(row):
                return row
            if (
                self._checksums is not None
                and self._hasher.checksums(self._size).md5 != checksums.md5
            ):
                raise SynapseError(
                    f"{self._source.name} changed after its checksum was taken. Upload it again "
                    "when nothing writes to it."
                ) from error
            raise _UploadUnusable(error) from None

    def _complete_step(
        self, step: Callable[[], dict[str, Any]], is_done: Callable[[dict[str, Any]], bool]
    ) -> dict[str, Any]:
        """Repeat a step until the server has processed the step.

        Args:
            step: Function that sends a request.
            is_done: Whether a row shows that the step was processed although the response was lost.
        """
        while True:
            result = self._attempt(step)
            if not isinstance(result, ClientError):
                return result
            if self._server.id is None:
                continue  # a lost response to the first chunk leaves an upload of unknown id
            row = self._fetch_row()
            if isinstance(result, RequestTimeout) or result.status_code == 504:
                row = self._wait_until_settled(row, is_done)
            if is_done(row):
                return row

    def _attempt(self, step: Callable[[], dict[str, Any]]) -> dict[str, Any] | ClientError:
        """Run a step once; pause after a transient error, and return the error."""
        try:
            return step()
        except ClientError as error:
            self._pause_after(error)
            return error

    def _pause_after(self, error: ClientError) -> None:
        """Count a failure and pause, or raise the error."""
        if error.status_code == 410:
            raise _UploadUnusable(error)
        self._failures += 1
        # A session without retries doesn't wait for a throttling server either.
        is_throttled = isinstance(error, RateLimited) and self._retry.attempts == 1
        delay = None if is_throttled else retry_delay(error, self._failures, self._retry)
        if delay is None or not pause(delay):
            raise error

    def _wait_until_settled(
        self, row: dict[str, Any], is_done: Callable[[dict[str, Any]], bool]
    ) -> dict[str, Any]:
        """Wait while the server may still process a request that timed out.

        Servers may admit two concurrent senders of one upload, which corrupts the upload.
        """
        end = time.monotonic() + self._read_timeout
        wait = 0.1
        while not is_done(row) and time.monotonic() + wait < end and pause(wait):
            wait = min(2 * wait, 5.0)
            row = self._fetch_row()
        return row

    def _fetch_row(self) -> dict[str, Any]:
        """Fetch the upload's row, retrying transient failures."""
        while True:
            row = self._attempt(self._server.fetch)
            if not isinstance(row, ClientError):
                return row

    def _move_to(self, row: dict[str, Any], *, is_resumed: bool = False) -> None:
        """Continue at the offset that the server expects."""
        offset: int = row["offset"]
        if not 0 <= offset <= self._size:
            raise _UploadUnusable(self._offset_error(offset))
        if offset > self._highest:
            self._highest = offset
            self._failures = 0
        elif offset < self._offset:  # the server lost bytes: a failure without progress
            error = self._offset_error(offset)
            self._pause_after(InvalidResponse(200, error.detail, resource=error.resource))
        self._offset = offset
        self._progress.at(offset, is_resumed=is_resumed)

    def _has_moved(self, row: dict[str, Any]) -> bool:
        return bool(row["offset"] != self._offset)

    def _on_sent(self, offset: int) -> None:
        self._progress.at(offset, is_confirmed=False)

    def _offset_error(self, offset: int) -> Conflict:
        return Conflict(
            409,
            f"the server wants byte {offset} next, but {self._offset} of {self._size} were sent",
            hint="Upload the file again.",
            resource=self._source.label,
        )
