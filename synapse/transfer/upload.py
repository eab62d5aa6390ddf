"""Upload of one file: in one request, or in chunks."""

from __future__ import annotations

from typing import Any

from synapse.errors import (
    ClientError,
    InvalidQuery,
    InvalidResponse,
    PayloadTooLarge,
    RequestTimeout,
)
from synapse.transfer.checksum import Hasher
from synapse.transfer.chunked_upload import CHUNK_SIZE, checked_chunk_size, send_in_chunks
from synapse.transfer.form_upload import check_arrived, send, upload_file
from synapse.transfer.local_file import LocalFile, SourceArgument
from synapse.transfer.progress import FileProgress, ProgressArgument, showing
from synapse.transfer.upload_state import UploadState
from synapse.transport import Transport
from synapse.transport.deadlines import pause

__all__ = ["CHUNK_SIZE", "DIRECT_LIMIT", "upload", "upload_file"]

DIRECT_LIMIT = 50 * 1024 * 1024
"""Bytes up to which a file goes in one request, unless told otherwise."""

_LOST = frozenset({502, 503, 504})
_MOST_TRIES = 4


def upload(
    transport: Transport,
    path: str,
    source: SourceArgument,
    *,
    name: str | None = None,
    chunk_size: int = CHUNK_SIZE,
    chunked: bool | None = None,
    progress: ProgressArgument = None,
    checksum: str | None = None,
    state: bool = True,
) -> dict[str, Any]:
    """Upload a file as a data file. May be called from several threads.

    Up to 50 MiB one request. Beyond, or with `chunked`, one for each chunk and two more; the first
    chunk of a call has at most 1 MiB. A fault costs one more request, which asks for the server's
    position; the same call continues an upload whose process died.

    Args:
        transport: The transport.
        path: Endpoint for data files.
        source: A path, or a file opened for reading bytes with a known length.
        name: The file's name on the server; by default the path's last part.
        chunk_size: Bytes per chunk. Chunks are streamed and needn't fit into memory.
        chunked: Whether to send chunks; by default decided by the size.
        progress: Display, see `synapse.transfer.progress.progress_of`.
        checksum: The file's MD5 in hex, if known; otherwise computed.
        state: Whether to store the state that a later call needs to continue.

    Returns:
        The server's row, with `id`, `checksum` and `size`. `id` is `None` in one case: the response
        was lost, and the server then had the bytes. The server doesn't reveal the id, and a second
        request would create two files.

    Raises:
        UsageError: The file can't be read, has no name, or is empty, which the server's protocol
            can't carry.
        SynapseError: The file changed while being sent; nothing of the upload counts.
        InvalidResponse: The server received other bytes than were sent.
        ClientError: The server refused, or couldn't be reached several times in a row.
    """
    checked_chunk_size(chunk_size)
    with LocalFile(source, name=name) as file, showing(progress) as shown:
        if file.size == 0:
            raise InvalidQuery(
                f"{file.path or file.name} is empty: the server takes no empty files."
            )
        with shown.file(file.name, file.size) as part:
            task = _FileUpload(transport, path, file, part, checksum)
            if not (file.size > DIRECT_LIMIT if chunked is None else chunked):
                try:
                    return task.in_one_request()
                except PayloadTooLarge:
                    if chunked is not None:
                        raise
            return task.in_chunks(chunk_size, keeps_state=state)


class _FileUpload:
    """One upload of a data file."""

    def __init__(
        self,
        transport: Transport,
        path: str,
        source: LocalFile,
        part: FileProgress,
        checksum: str | None,
    ) -> None:
        self._transport = transport
        self._path = path
        self._source = source
        self._part = part
        self._checksum = checksum

    def in_one_request(self) -> dict[str, Any]:
        tries_left = _MOST_TRIES
        while True:
            try:
                row, checksum = send(
                    self._transport, self._path, self._source, self._part, checksum=self._checksum
                )
                break
            except ClientError as error:
                tries_left -= 1
                if not _is_lost(error):
                    raise
                if self._has_arrived(self._md5(), error):
                    return self._without_id(self._md5())
                if not tries_left:
                    raise
                self._part.at(0, is_confirmed=False)
        made = check_arrived(row, checksum, self._source.label)
        self._part.at(self._source.size)
        return made

    def in_chunks(self, chunk_size: int, *, keeps_state: bool) -> dict[str, Any]:
        with UploadState(self._transport, self._source, is_wanted=keeps_state) as memory:
            row = send_in_chunks(
                self._transport,
                self._source,
                self._part,
                memory,
                chunk_size=chunk_size,
                checksum=self._checksum,
            )
            checksum = memory.checksum or self._md5()
            made = self._bound(memory, row.get("id") or memory.upload, checksum)
            memory.forget()
            return made

    def _bound(self, memory: UploadState, upload: Any, checksum: str) -> dict[str, Any]:
        """Create a data file from a complete upload; once, whatever gets lost."""
        body = {"chunked_upload": upload, "meta": {"filename": self._source.name}}
        was_asked = memory.is_binding  # by a process that died before it heard
        memory.note(step="binding")
        if was_asked and self._is_there(checksum):
            return self._without_id(checksum)
        tries_left = _MOST_TRIES
        while True:
            try:
                row = self._transport.request(
                    "POST", self._path, json=body, repeatable=False, resource=self._source.label
                )
                break
            except ClientError as error:
                tries_left -= 1
                if not (_is_lost(error) and tries_left):
                    raise
                if self._has_arrived(checksum, error):
                    return self._without_id(checksum)
        return check_arrived(row, checksum, self._source.label)

    def _has_arrived(self, checksum: str, lost: ClientError) -> bool:
        """Ask whether the server has the bytes after a request without a response.

        Raises:
            ClientError: The error of that request, if the question stays open: that error says that
                the work may have been done.
        """
        try:
            return self._is_there(checksum)
        except ClientError:
            raise lost from None

    def _is_there(self, checksum: str) -> bool:
        """Ask whether the server has the bytes; a lost request may still be running."""
        wait = self._transport.options.retry.base / 2
        for is_last in (False, True):
            answer = self._transport.request(
                "POST",
                f"{self._path}verify_checksums/",
                json={"checksums": [checksum]},
                resource=self._source.label,
            )
            held = answer.get("checksums") if isinstance(answer, dict) else answer
            if isinstance(held, list) and checksum in held:
                return True
            if not is_last and not pause(wait):
                break
        return False

    def _without_id(self, checksum: str) -> dict[str, Any]:
        """Return the known facts of a data file whose row was lost."""
        self._source.check_unchanged()
        self._part.at(self._source.size)
        return {
            "id": None,
            "checksum": checksum,
            "size": self._source.size,
            "meta": {"filename": self._source.name},
            "data_unit_id": None,
        }

    def _md5(self) -> str:
        if self._checksum is None:
            with Hasher(self._source.read_at) as hasher:
                self._checksum = hasher.hexdigest(self._source.size)
        return self._checksum


def _is_lost(error: ClientError) -> bool:
    """Return whether a request without a response may have been processed."""
    is_unanswered = isinstance(error, (RequestTimeout, InvalidResponse))
    return is_unanswered or error.status_code in _LOST
