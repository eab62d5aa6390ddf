"""Send a file to the presigned URLs that a server gave for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from synapse.errors import ClientError, InvalidResponse
from synapse.transfer.checksum import Checksums, Hasher
from synapse.transfer.file_part import FilePart
from synapse.transfer.local_file import LocalFile
from synapse.transfer.multipart import unwrap_progress_errors
from synapse.transfer.presigned_protocol import PresignedTarget
from synapse.transfer.progress import FileProgress, Progress
from synapse.transfer.retry_delay import retry_transient
from synapse.transfer.upload_state import UploadState
from synapse.transport import Transport

__all__ = ["put_part", "send_presigned"]

_MAX_ATTEMPTS = 5


def send_presigned(
    transport: Transport,
    target: Mapping[str, Any],
    file: LocalFile,
    *,
    content_type: str | None = None,
    retries: int = _MAX_ATTEMPTS - 1,
    checksums: Checksums | None = None,
    progress: FileProgress | None = None,
    state: UploadState | None = None,
    renew: Callable[[str], Mapping[str, Any]] | None = None,
) -> tuple[dict[str, Any], Checksums]:
    """Send a file to presigned URLs. One request, or one for each part. Sends no token.

    Args:
        transport: The transport.
        target: The server's row: `file_key`, and `presigned_url` or `multipart`.
        file: The file.
        content_type: Type that the server was told.
        retries: Further attempts of each request after a transient failure.
        checksums: Checksums of the file, if known; by default computed while sending.
        progress: Progress of the file.
        state: State that stores the parts that were sent, for a later call.
        renew: Function that requests new URLs for a `file_key`; called when the URLs have expired.

    Returns:
        The entry that confirms the file: `file_key`, `checksum` (SHA-1), `size`, `multipart`; and
        the known checksums, or the SHA-1 of the sent bytes.

    Raises:
        InvalidResponse: The row has no URL, the parts don't cover the file, or the storage answered
            a part without an ETag.
        ClientError: The storage refused, or couldn't be reached.
        SynapseError: The file changed while it was sent.
    """
    progress = Progress().file(file.name, file.size) if progress is None else progress
    # A storage's files are known by their SHA-1; a second digest would slow the sending down.
    with Hasher(file.read_at, file.size, algorithm="sha1") as hasher:
        upload = _PresignedUpload(
            transport, target, file, progress, state, content_type=content_type, retries=retries
        )
        if checksums is None:
            upload.on_block = hasher.add
        upload.send_all(renew)
        file.check_unchanged()
        checksums = checksums or hasher.checksums(file.size)
        return upload.describe(checksums), checksums


class _PresignedUpload:
    """One file on the way to a storage."""

    def __init__(
        self,
        transport: Transport,
        row: Mapping[str, Any],
        file: LocalFile,
        progress: FileProgress,
        state: UploadState | None,
        *,
        content_type: str | None,
        retries: int,
    ) -> None:
        self._transport = transport
        self._file = file
        self._progress = progress
        self._state = state
        self._content_type = content_type
        self._retries = retries
        self._target = PresignedTarget.parse(row, file.size, file.label)
        self._etags: dict[int, str] = {}
        self._done = 0
        self.on_block: Callable[[int, bytes], object] | None = None
        self._use(row, {} if state is None else state.etags)

    def send_all(self, renew: Callable[[str], Mapping[str, Any]] | None) -> None:
        """Send the parts that the storage doesn't have, with new URLs when they have expired."""
        last_renewal, restarts_left = None, 1
        while True:
            try:
                return self._send_rest()
            except ClientError as error:
                # New URLs don't help if no part could be sent with the last ones.
                if renew is None or not _has_expired(error) or last_renewal == len(self._etags):
                    raise
                row = renew(self._target.key)
                former = self._target
                self._target = PresignedTarget.parse(row, self._file.size, self._file.label)
                is_same = self._target.is_same_upload(former)
                if not is_same:  # the server began again, and the storage doesn't know the parts
                    restarts_left -= 1
                    if restarts_left < 0:
                        raise
            self._use(row, self._etags if is_same else {})
            last_renewal = len(self._etags)

    def _use(self, row: Mapping[str, Any], etags: Mapping[int, str]) -> None:
        """Begin with a server's row and the parts that the storage has."""
        self._etags = {n: tag for n, tag in etags.items() if 1 <= n <= len(self._target.urls)}
        if self._state is not None and self._target.upload_id is not None:
            self._state.begin_parts(row, keeps_parts=bool(self._etags))
        self._done = sum(len(self._part(number)) for number in self._etags)
        self._progress.at(self._done, is_resumed=bool(self._etags))

    def _send_rest(self) -> None:
        for number, url in enumerate(self._target.urls, 1):
            if number in self._etags:
                continue
            part = self._part(number)
            etag = put_part(
                self._transport,
                url,
                part,
                self._file.label,
                content_type=self._content_type,
                retries=self._retries,
            )
            self._done += len(part)
            self._progress.at(self._done)
            if self._target.upload_id is None:
                return
            if not etag:
                raise InvalidResponse(
                    200,
                    f"the storage answered part {number} without an ETag",
                    resource=self._file.label,
                )
            self._etags[number] = etag
            if self._state is not None:
                self._state.add_part(number, etag)

    def describe(self, checksums: Checksums) -> dict[str, Any]:
        """Return the entry that confirms the file."""
        entry: dict[str, Any] = {
            "file_key": self._target.key,
            "checksum": checksums.sha1,
            "size": self._file.size,
        }
        if self._target.upload_id is not None:
            parts = [{"part_number": n, "etag": tag} for n, tag in sorted(self._etags.items())]
            entry["multipart"] = {"upload_id": self._target.upload_id, "parts": parts}
        return entry

    def _part(self, number: int) -> FilePart:
        size = self._target.part_size
        lead = self._done - (number - 1) * size

        def show(offset: int) -> None:
            self._progress.at(lead + offset, is_confirmed=False)

        return FilePart(self._file, (number - 1) * size, size, on_block=self.on_block, on_sent=show)


def _has_expired(error: ClientError) -> bool:
    """Return whether a storage refused a URL, or doesn't know the upload any more."""
    is_named = error.status_code == 400 and "expired" in str(error.response).lower()
    return error.status_code in (403, 404) or is_named


def put_part(
    transport: Transport,
    url: str,
    body: FilePart,
    resource: str,
    *,
    content_type: str | None = None,
    retries: int = _MAX_ATTEMPTS - 1,
) -> str | None:
    """PUT bytes to a presigned URL, and return the ETag. One request, and retries.

    Args:
        transport: The transport.
        url: The presigned URL.
        body: The bytes.
        resource: Name of the file in messages.
        content_type: Type that the server was told.
        retries: Further attempts after a transient failure: a PUT is idempotent.

    Raises:
        ClientError: The storage refused, or couldn't be reached.
    """
    headers = {"Content-Length": str(len(body))}
    if content_type is not None:
        headers["Content-Type"] = content_type

    def send() -> str | None:
        with unwrap_progress_errors():
            return transport.put(url, body, headers=headers, resource=resource).get("ETag")

    return retry_transient(transport, send, limit=retries + 1)
