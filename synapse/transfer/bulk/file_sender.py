"""Stages of an upload that hash, verify and send files."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from typing import Any

from synapse.errors import ClientError, PayloadTooLarge, RequestTimeout, ServerError
from synapse.transfer.bulk.pipeline import Pipeline
from synapse.transfer.bulk.report import is_server_failure
from synapse.transfer.bulk.upload_item import ItemFile, UploadItem
from synapse.transfer.form_upload import find_stored_checksums
from synapse.transfer.local_file import BLOCK_SIZE, LocalFile, validate_file_name
from synapse.transfer.progress import FileProgress, Progress
from synapse.transfer.upload import upload
from synapse.transport import Transport

__all__ = ["FileSender", "hash_file"]

_CHECKSUMS_PER_REQUEST = 500
_ATTEMPTS = 3
_PAUSE = 0.3


def hash_file(file: ItemFile, check: Callable[[], None]) -> None:
    """Set the MD5, size and time of a file.

    Args:
        file: The file.
        check: Function called between two blocks; may raise.

    Raises:
        UsageError: The file can't be read, or the name can't be sent.
    """
    validate_file_name(file.name)  # an invalid name would make the whole batch of units fail
    digest = hashlib.md5(usedforsecurity=False)
    with LocalFile(_literal(file.path)) as source:
        file.size, file.changed, *_ = source.fingerprint
        offset = 0
        while offset < source.size:
            check()
            block = source.read_at(offset, BLOCK_SIZE)
            if not block:
                break
            digest.update(block)
            offset += len(block)
    file.checksum = digest.hexdigest()


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

    def verify(self, items: list[UploadItem]) -> None:
        """Mark the files that the server has. One request for each 500 files."""
        files = [file for item in items for file in item.files]
        checksums = list(dict.fromkeys(file.checksum for file in files))
        stored: set[str] = set()
        for start in range(0, len(checksums), _CHECKSUMS_PER_REQUEST):
            stored |= self._find_stored(checksums[start : start + _CHECKSUMS_PER_REQUEST])
        for file in files:
            file.is_stored = file.checksum in stored

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
        response costs one more request, which asks for the file.

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
            self._send(item, file)
            self._count("files_sent", 1)
            self._count("bytes", file.size)

    def _send(self, item: UploadItem, file: ItemFile) -> None:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                upload(
                    self._transport,
                    self._path,
                    _literal(file.path),
                    name=file.name.rpartition("/")[2],
                    progress=self._stoppable,
                    checksum=file.checksum,
                )
            # 500 included: among many files, a rare crash of the server is worth another attempt.
            except (ServerError, RequestTimeout):
                if attempt == _ATTEMPTS:
                    raise
                self._pipeline.wait(_PAUSE * attempt)
                self.verify([item])
            else:
                file.is_stored = True
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
