"""Stages of an upload that hash, verify and send files."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from synapse.errors import (
    BadRequest,
    ClientError,
    PayloadTooLarge,
    RequestTimeout,
    ServerError,
    SynapseError,
)
from synapse.transfer.bulk.pipeline import Pipeline
from synapse.transfer.bulk.report import is_server_failure
from synapse.transfer.bulk.upload_item import ItemFile, UploadItem
from synapse.transfer.checksum import hash_blocks
from synapse.transfer.form_upload import find_stored_checksums
from synapse.transfer.local_file import BLOCK_SIZE, LocalFile, validate_file_name
from synapse.transfer.presigned_protocol import (
    ANNOUNCED_FILES,
    announce,
    confirm,
    describe_file,
    has_presigned_uploads,
    read_confirmation,
)
from synapse.transfer.presigned_upload import send_presigned
from synapse.transfer.progress import FileProgress, Progress
from synapse.transfer.upload import upload
from synapse.transport import Transport

__all__ = ["FileSender", "hash_file"]

_CHECKSUMS_PER_REQUEST = 500
# Files up to this size are announced together; the URLs of larger ones would expire, and are many.
_ANNOUNCED_SIZE = 8 * 1024 * 1024
_ATTEMPTS = 3
_PAUSE = 0.3


def measure_file(file: ItemFile) -> int:
    """Return the size of a file that can be sent.

    Raises:
        UsageError: The file can't be read or is empty, or the name can't be sent.
    """
    with _open_file(file) as source:
        source.refuse_empty()
        return source.size


def _open_file(file: ItemFile) -> LocalFile:
    validate_file_name(file.name)  # an invalid name would make the whole batch of units fail
    return LocalFile(_literal(file.path))


def hash_file(file: ItemFile, check: Callable[[], None]) -> None:
    """Set the checksums, size and time of a file.

    Args:
        file: The file.
        check: Function called between two blocks; may raise.

    Raises:
        UsageError: The file can't be read, or the name can't be sent.
    """

    def read(source: LocalFile) -> Iterator[bytes]:
        offset = 0
        while offset < source.size:
            check()
            # Not a whole block: its buffer would cost more than reading a small file.
            block = source.read_at(offset, min(BLOCK_SIZE, source.size - offset))
            if not block:
                break
            yield block
            offset += len(block)

    with _open_file(file) as source:
        file.size, file.changed, *_ = source.fingerprint
        checksums = hash_blocks(read(source))
    file.checksum, file.sha1, file.server_checksum = checksums.md5, checksums.sha1, ""


class FileSender:
    """Send the files that the server doesn't have.

    Args:
        transport: The transport.
        path: Path of the endpoint for files.
        pipeline: The pipeline, which may stop.
        progress: Progress of the whole upload.
        count: Function that adds to a number of the report.
    """

    def __init__(
        self,
        transport: Transport,
        path: str,
        pipeline: Pipeline,
        progress: Progress,
        count: Callable[[str, int], None],
    ) -> None:
        self._transport = transport
        self._path = path
        self._pipeline = pipeline
        self._progress = progress
        self._stoppable = _StoppableProgress(progress, pipeline)
        self._count = count
        self._can_verify = True
        self._is_presigned = False
        self._has_sha1 = False

    def prepare(self, items: list[UploadItem], *, is_verified: bool) -> None:
        """Find out what is to be sent, and to where.

        One request for each 500 files, and one for each 1,000 files that go to the storage; the
        first call of a session asks for the default storage.

        Args:
            items: The items.
            is_verified: Whether to ask the server for stored files.
        """
        self._is_presigned = has_presigned_uploads(self._transport)
        if is_verified:
            self.verify(items)
        if self._is_presigned:
            self._announce(items)

    def verify(self, items: list[UploadItem]) -> None:
        """Mark the files that the server has. One request for each 500 checksums."""
        files = [file for item in items for file in item.files]
        asked = [file.checksum for file in files]
        # Servers whose storage takes the files may know them by SHA-1 alone.
        if self._is_presigned or self._has_sha1:
            asked += [file.sha1 for file in files]
        checksums = list(dict.fromkeys(filter(None, asked)))
        stored: set[str] = set()
        for start in range(0, len(checksums), _CHECKSUMS_PER_REQUEST):
            stored |= self._find_stored(checksums[start : start + _CHECKSUMS_PER_REQUEST])
        for file in files:
            known = [checksum for checksum in (file.checksum, file.sha1) if checksum in stored]
            file.is_stored = bool(known)
            if known:
                file.server_checksum = known[0]

    def _announce(self, items: list[UploadItem]) -> None:
        """Request presigned URLs for the small files; the large ones ask on their own."""
        files = [
            file
            for item in items
            for file in item.files
            if not file.is_stored and 0 < file.size <= _ANNOUNCED_SIZE
        ]
        for start in range(0, len(files), ANNOUNCED_FILES):
            batch = files[start : start + ANNOUNCED_FILES]
            # A file whose URLs are missing asks again when it is sent, and fails on its own.
            with contextlib.suppress(ClientError):
                rows = announce(
                    self._transport,
                    self._path,
                    [describe_file(file.base_name, file.size) for file in batch],
                    resource=f"{len(batch)} files",
                )
                for file, row in zip(batch, rows, strict=True):
                    file.target = row

    def _find_stored(self, checksums: list[str]) -> set[str]:
        for _ in range(_ATTEMPTS):
            if not self._can_verify:
                break
            try:
                return find_stored_checksums(
                    self._transport, self._path, checksums, resource="checksums"
                )
            except PayloadTooLarge:
                middle = len(checksums) // 2
                if not middle:
                    break
                return self._find_stored(checksums[:middle]) | self._find_stored(checksums[middle:])
            except ClientError as error:
                if is_server_failure(error):
                    self._pipeline.wait(_PAUSE)
                    continue
                # Older servers take the path for the id of a file.
                if error.status_code not in (404, 405):
                    raise
                self._can_verify = False
                break
        return set()  # sending a stored file again does no harm

    def send(self, item: UploadItem) -> None:
        """Send an item's files.

        One request, or one for each chunk, for each file that the server doesn't have. A lost
        response costs one more request, which asks for the file. A small file that goes to the
        storage isn't confirmed yet.

        Raises:
            SynapseError: A file couldn't be sent.
        """
        for file in item.files:
            self._pipeline.check()
            if file.is_stored:
                self.skip(file)
                self._count("files_held", 1)
                continue
            if file.has_changed():
                hash_file(file, self._pipeline.check)
                file.target = None
            if file.target is not None:
                self._send_to_storage(file, file.target)
                continue
            self._send(item, file)
            self._count_sent(file)

    def confirm(self, items: list[UploadItem]) -> dict[int, SynapseError]:
        """Create data files of what the storage has. One request, or more after a failure.

        Args:
            items: The items, whose files went to the storage.

        Returns:
            The errors of the failed items, by `id(item)`.
        """
        failures: dict[int, SynapseError] = {}
        files = [(item, file) for item in items for file in item.files if file.entry is not None]
        for start in range(0, len(files), ANNOUNCED_FILES):
            self._confirm(files[start : start + ANNOUNCED_FILES], failures)
        return failures

    def _confirm(
        self, files: list[tuple[UploadItem, ItemFile]], failures: dict[int, SynapseError]
    ) -> None:
        label = f"{len(files)} uploaded files"
        for attempt in range(1, _ATTEMPTS + 1):
            entries = {file.entry["file_key"]: file.entry for _, file in files if file.entry}
            try:
                results = confirm(self._transport, self._path, [*entries.values()], resource=label)
            except BadRequest as error:
                if len(files) == 1:
                    failures.setdefault(id(files[0][0]), error)
                    return
                middle = len(files) // 2
                self._confirm(files[:middle], failures)
                self._confirm(files[middle:], failures)
                return
            except ClientError as error:
                if attempt == _ATTEMPTS or not is_server_failure(error):
                    for item, _ in files:
                        failures.setdefault(id(item), error)
                    return
                self._pipeline.wait(_PAUSE * attempt)
                self.verify([item for item, _ in files])
                files = [(item, file) for item, file in files if not self._is_done(file)]
                if not files:
                    return
            else:
                break
        for item, file in files:
            if (entry := file.entry) is None:
                continue
            try:
                read_confirmation(results.get(entry["file_key"]), entry, f"file {file.name!r}")
            except ClientError as error:
                failures.setdefault(id(item), error)
            else:
                file.server_checksum, file.is_stored = entry["checksum"], True
                self._is_done(file)

    def _is_done(self, file: ItemFile) -> bool:
        """Return whether the server has a file, which is then counted."""
        if file.is_stored and file.entry is not None:
            file.entry = None
            self._count_sent(file)
        return file.is_stored

    def _count_sent(self, file: ItemFile) -> None:
        self._count("files_sent", 1)
        self._count("bytes", file.size)

    def _send_to_storage(self, file: ItemFile, target: Mapping[str, Any]) -> None:
        """Send a small file by the URLs of its batch; `confirm` does the rest."""
        file.target = None
        about = describe_file(file.base_name, file.size)

        def renew(key: str) -> Any:
            (row,) = announce(
                self._transport,
                self._path,
                [{**about, "file_key": key}],
                resource=f"file {file.name!r}",
            )
            return row

        with (
            LocalFile(_literal(file.path), name=file.base_name) as source,
            self._stoppable.file(file.base_name, file.size) as progress,
        ):
            if source.fingerprint[:2] != (file.size, file.changed):
                raise SynapseError(
                    f"{file.name} changed while it was sent. Upload it again when nothing writes "
                    "to it."
                )
            file.entry, _ = send_presigned(
                self._transport,
                target,
                source,
                content_type=about["content_type"],
                checksums=file.known_checksums,
                progress=progress,
                renew=renew,
            )

    def _send(self, item: UploadItem, file: ItemFile) -> None:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                row = upload(
                    self._transport,
                    self._path,
                    _literal(file.path),
                    name=file.base_name,
                    progress=self._stoppable,
                    checksums=file.known_checksums,
                    is_presigned=self._is_presigned,
                )
            # 500 included: among many files, a rare crash of the server is worth another attempt.
            except (ServerError, RequestTimeout):
                if attempt == _ATTEMPTS:
                    raise
                self._pipeline.wait(_PAUSE * attempt)
                self.verify([item])
            else:
                file.is_stored = True
                file.server_checksum = str(row["checksum"]).lower()
                self._has_sha1 |= file.server_checksum == file.sha1
            if file.is_stored:
                return

    def skip(self, file: ItemFile) -> None:
        """Show a file as finished without sending."""
        size = max(file.size, 0)
        with self._progress.file(file.name, size) as file_progress:
            file_progress.at(size, is_resumed=True)


class _StoppableProgress(Progress):
    """Forward progress, and interrupt a file when the pipeline has stopped."""

    def __init__(self, whole: Progress, pipeline: Pipeline) -> None:
        super().__init__()
        self._inner = whole
        self._pipeline = pipeline

    def file(self, name: str, size: int) -> FileProgress:
        return _StoppableFileProgress(self._inner.file(name, size), self._pipeline, self)


class _StoppableFileProgress(FileProgress):
    def __init__(self, inner: FileProgress, pipeline: Pipeline, whole: Progress) -> None:
        super().__init__(whole, inner.name, inner.size)
        self._inner = inner
        self._pipeline = pipeline

    def at(self, offset: int, **options: Any) -> None:
        self._pipeline.check()
        self._inner.at(offset, **options)
        self.done, self.confirmed = self._inner.done, self._inner.confirmed

    def finish(self, *, failed: bool = False) -> None:
        self._inner.finish(failed=failed)

    def interrupt(self) -> None:
        self._inner.interrupt()


def _literal(path: str) -> str:
    """Return a path of a walk for opening, where a `~` is a folder's name."""
    return os.path.join(os.curdir, path)  # noqa: PTH118 - Path would drop the dot
