"""Upload one file as a form, or in chunks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from synapse._internal.interrupts import explain_interrupt
from synapse._internal.validate import validate_int
from synapse.errors import (
    ClientError,
    InvalidResponse,
    NotFound,
    PayloadTooLarge,
    RateLimited,
    SynapseError,
    ValidationError,
)
from synapse.transfer.checksum import Checksums, Hasher
from synapse.transfer.chunked_upload import CHUNK_SIZE, send_in_chunks
from synapse.transfer.form_upload import (
    find_stored_checksums,
    send_form,
    upload_file,
    validate_stored,
)
from synapse.transfer.local_file import LocalFile, SourceArgument
from synapse.transfer.presigned_protocol import (
    announce,
    confirm,
    describe_file,
    has_presigned_uploads,
    read_confirmation,
)
from synapse.transfer.presigned_upload import send_presigned
from synapse.transfer.progress import (
    GOES_ON,
    FileProgress,
    ProgressArgument,
    describe_stop,
    show_progress,
)
from synapse.transfer.upload_state import UploadState
from synapse.transport import Transport
from synapse.transport.deadline_blocks import pause

__all__ = ["CHUNK_SIZE", "DIRECT_LIMIT", "upload", "upload_file"]

DIRECT_LIMIT = 50 * 1024 * 1024
"""Largest size of a file that is sent in one request, in bytes, by default."""

_MAX_ATTEMPTS = 4


def upload(
    transport: Transport,
    path: str,
    source: SourceArgument,
    *,
    name: str | None = None,
    chunk_size: int = CHUNK_SIZE,
    chunked: bool | None = None,
    progress: ProgressArgument = None,
    checksums: Checksums | None = None,
    state: bool = True,
    is_presigned: bool | None = False,
) -> dict[str, Any]:
    """Create a data file from a local file. Thread-safe.

    With presigned URLs, two requests, and one for the file or for each of the parts that the server
    chooses. Else one request up to 50 MiB; beyond, or with `chunked`, one for each chunk and two
    more; the first chunk of a call has at most 1 MiB. A failure costs one more request, which asks
    for the server's state; after a crash, the same call sends only the missing bytes.

    Args:
        transport: The transport.
        path: Path of the endpoint that creates data files.
        source: A path, or a seekable file opened for reading bytes.
        name: Name of the file on the server; by default the last part of the path.
        chunk_size: Bytes per chunk. Chunks are streamed and needn't fit into memory.
        chunked: Whether to send chunks; by default decided by the size.
        progress: Progress display, see `synapse.transfer.progress.progress_of`.
        checksums: Checksums of the file, if known; by default computed while sending.
        state: Whether to store the upload's state on disk, so that a later call can resume.
        is_presigned: Whether the file goes to the server's storage by presigned URLs; `None` for
            what the storage asks for, which one more request finds out for each session. `chunked`
            sends it to the server in any case.

    Returns:
        The server's row, with `id`, `checksum` and `size`. `id` is `None` in one case: the response
        was lost, and the server has the bytes. The server doesn't report the id, and repeating the
        request would create a second data file.

    Raises:
        UsageError: The file can't be read, has no name, or is empty, which the server's protocol
            can't carry.
        SynapseError: The file changed while it was sent; the upload is discarded.
        InvalidResponse: The stored bytes differ from the sent ones.
        ClientError: The server refused, or couldn't be reached several times in a row.
    """
    validate_int("chunk_size", chunk_size)
    advice = "The same call sends the file again."
    with (
        LocalFile(source, name=name) as file,
        show_progress(progress) as shown,
        explain_interrupt(lambda: describe_stop(shown, advice)),
    ):
        file.refuse_empty()
        with shown.file(file.name, file.size) as file_progress:
            task = _FileUpload(transport, path, file, file_progress, checksums)
            if chunked is None and is_presigned is None:
                is_presigned = has_presigned_uploads(transport)
            can_resume = state and file.path is not None
            if chunked is None and is_presigned:
                advice = GOES_ON if can_resume else advice
                return task.send_to_storage(is_stored=state)
            if not (file.size > DIRECT_LIMIT if chunked is None else chunked):
                try:
                    return task.send_form()
                except PayloadTooLarge:
                    if chunked is not None:
                        raise
            advice = GOES_ON if can_resume else advice
            return task.send_chunks(chunk_size, is_stored=state)


class _FileUpload:
    """One upload."""

    def __init__(
        self,
        transport: Transport,
        path: str,
        source: LocalFile,
        progress: FileProgress,
        checksums: Checksums | None,
    ) -> None:
        self._transport = transport
        self._path = path
        self._source = source
        self._progress = progress
        self._known_checksums = checksums
        self._algorithm = "md5"

    def send_form(self) -> dict[str, Any]:
        """Send the file in one request."""

        def send() -> tuple[Any, Checksums]:
            self._progress.at(0, is_confirmed=False)
            return send_form(
                self._transport,
                self._path,
                self._source,
                self._progress,
                checksums=self._known_checksums,
            )

        return self._create(send)

    def send_chunks(self, chunk_size: int, *, is_stored: bool) -> dict[str, Any]:
        """Send the file in chunks, and create a data file from the upload."""
        with UploadState(self._transport, self._source, is_stored=is_stored) as state:
            row = send_in_chunks(
                self._transport,
                self._source,
                self._progress,
                state,
                chunk_size=chunk_size,
                checksums=self._known_checksums,
            )
            self._known_checksums = state.checksums_with("md5") or self._checksums()
            data_file = self._create_from_upload(state, row.get("id") or state.upload_id)
            state.clear()
            return data_file

    def send_to_storage(self, *, is_stored: bool) -> dict[str, Any]:
        """Send the file by presigned URLs, and create a data file from what the storage has."""
        self._algorithm = "sha1"
        with UploadState(self._transport, self._source, is_stored=is_stored) as state:
            if state.may_have_created and self._is_stored():
                state.clear()
                return self._row_without_id()
            target = state.target or self._announce()
            try:
                return self._send_to_storage(state, target)
            except (NotFound, ValidationError):
                pass  # the upload has expired, or the server has removed what an earlier call sent
            except ClientError:
                raise
            except SynapseError:
                state.clear()  # the file changed
                raise
            key = (state.target or target)["file_key"]
            renewed = self._announce(key)
            if renewed.get("file_key") != key:
                state.clear()
            try:
                return self._send_to_storage(state, renewed)
            except (NotFound, ValidationError, InvalidResponse):
                state.clear()  # a later call shall not meet the same refusal
                raise

    def _send_to_storage(self, state: UploadState, target: Mapping[str, Any]) -> dict[str, Any]:
        entry, checksums = send_presigned(
            self._transport,
            target,
            self._source,
            content_type=describe_file(self._source.name, self._source.size)["content_type"],
            checksums=self._known_checksums or state.checksums_with("sha1"),
            progress=self._progress,
            state=state,
            renew=self._announce,
        )
        self._known_checksums = checksums
        if "multipart" in entry:
            state.save(checksum=checksums.md5, sha1=checksums.sha1, step="binding")

        def send() -> tuple[Any, Checksums]:
            label = self._source.label
            results = confirm(self._transport, self._path, [entry], resource=label)
            key = read_confirmation(results.get(entry["file_key"]), entry, label)
            return {**self._row_without_id(), "id": key}, checksums

        data_file = self._create(send)
        state.clear()
        return data_file

    def _announce(self, key: str | None = None) -> dict[str, Any]:
        """Request presigned URLs, or new ones for an upload."""
        file = describe_file(self._source.name, self._source.size)
        if key is not None:
            file["file_key"] = key
        (row,) = announce(self._transport, self._path, [file], resource=self._source.label)
        return dict(row)

    def _create_from_upload(self, state: UploadState, upload_id: Any) -> dict[str, Any]:
        """Create one data file from a complete upload, even if responses are lost."""
        body = {"chunked_upload": upload_id, "meta": {"filename": self._source.name}}
        may_exist = state.may_have_created
        state.save(step="binding")
        if may_exist and self._is_stored():
            return self._row_without_id()

        def send() -> tuple[Any, Checksums]:
            row = self._transport.request(
                "POST", self._path, json=body, repeatable=False, resource=self._source.label
            )
            return row, self._checksums()

        return self._create(send)

    def _create(self, send: Callable[[], tuple[Any, Checksums]]) -> dict[str, Any]:
        """Send a request until the server has stored the file."""
        attempts = 0
        while True:
            attempts += 1
            try:
                row, checksums = send()
                break
            except ClientError as error:
                # The transport has already waited for a throttling server.
                if not error.is_transient or isinstance(error, RateLimited):
                    raise
                try:
                    if self._is_stored():
                        return self._row_without_id()
                except ClientError:
                    raise error from None  # the error that says that the file may be stored
                if attempts == _MAX_ATTEMPTS:
                    raise
        data_file = validate_stored(row, checksums, self._source)
        self._progress.at(self._source.size)
        return data_file

    def _is_stored(self) -> bool:
        """Return whether the server has the bytes. At most two requests.

        The second one, after a pause, finds a request that the server was still processing.
        """
        checksum, label = self._checksum(), self._source.label
        for is_second in (False, True):
            if is_second and not pause(self._transport.options.retry.base / 2):
                break
            if checksum in find_stored_checksums(
                self._transport, self._path, [checksum], resource=label
            ):
                return True
        return False

    def _row_without_id(self) -> dict[str, Any]:
        """Build the row of a stored data file whose response was lost."""
        self._source.check_unchanged()
        self._progress.at(self._source.size)
        return {
            "id": None,
            "checksum": self._checksum(),
            "size": self._source.size,
            "meta": {"filename": self._source.name},
            "data_unit_id": None,
        }

    def _checksum(self) -> str:
        """Return the checksum by which the server knows the file."""
        return str(getattr(self._checksums(), self._algorithm))

    def _checksums(self) -> Checksums:
        if self._known_checksums is None:
            with Hasher(self._source.read_at) as hasher:
                self._known_checksums = hasher.checksums(self._source.size)
        return self._known_checksums
