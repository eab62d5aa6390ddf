"""The upload stages before units are created: look-ups, checksums, bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from synapse.errors import (
    ClientError,
    PayloadTooLarge,
    RateLimited,
    RequestTimeout,
    ServerError,
)
from synapse.transfer.bulk.pipeline import Pipeline
from synapse.transfer.bulk.upload_item import ItemFile, UploadItem
from synapse.transfer.local_file import BLOCK, LocalFile, checked_name
from synapse.transfer.progress import FileProgress, Progress
from synapse.transfer.upload import upload
from synapse.transport import Transport

__all__ = ["FileSender", "hash_file"]

_ASKED_AT_ONCE = 500
_ATTEMPTS = 3
_PAUSE = 0.3


def hash_file(file: ItemFile, check: Callable[[], None]) -> None:
    """Compute a file's MD5, and note size and time.

    Args:
        file: The file.
        check: Called between two blocks; may raise.

    Raises:
        UsageError: The file can't be read, or the name can't be sent.
    """
    checked_name(file.name)  # a unit whose name can't be sent would keep a whole batch from it
    digest = hashlib.md5(usedforsecurity=False)
    with LocalFile(file.path) as source:
        file.size = source.size
        file.changed = source.state[1]
        offset = 0
        while offset < source.size:
            check()
            block = source.read_at(offset, BLOCK)
            if not block:
                break
            digest.update(block)
            offset += len(block)
    file.checksum = digest.hexdigest()


class FileSender:
    """Sends the files that the server lacks.

    Args:
        transport: The transport.
        path: Endpoint for files.
        line: The pipeline, which says when to stop.
        progress: Display of the progress.
        count: Adds to a number of the report.
    """

    def __init__(
        self,
        transport: Transport,
        path: str,
        line: Pipeline,
        progress: Progress,
        count: Callable[[str, int], None],
    ) -> None:
        self._transport = transport
        self._path = path
        self._line = line
        self._progress = _Stoppable(progress, line)
        self._whole = progress
        self._count = count
        self._verifies = True

    def verify(self, records: list[UploadItem]) -> None:
        """Note which files the server has. One request for each 500 of them."""
        files = [file for record in records for file in record.files]
        checksums = list(dict.fromkeys(file.checksum for file in files))
        held: set[str] = set()
        for start in range(0, len(checksums), _ASKED_AT_ONCE):
            held |= self._held(checksums[start : start + _ASKED_AT_ONCE])
        for file in files:
            file.is_held = file.checksum in held

    def _held(self, checksums: list[str]) -> set[str]:
        for _ in range(_ATTEMPTS):
            if not self._verifies:
                break
            try:
                answer = self._transport.request(
                    "POST",
                    f"{self._path}verify_checksums/",
                    json={"checksums": checksums},
                    resource="checksums",
                )
            except PayloadTooLarge:
                middle = len(checksums) // 2
                if not middle:
                    break
                return self._held(checksums[:middle]) | self._held(checksums[middle:])
            except (ServerError, RequestTimeout, RateLimited):
                self._line.wait(_PAUSE)
                continue
            except ClientError as error:
                # An older server takes it for the id of a file, which nothing can be sent to.
                if error.status_code not in (404, 405):
                    raise
                self._verifies = False
                break
            found = answer.get("checksums") if isinstance(answer, dict) else answer
            if not isinstance(found, list):
                break
            return {one for one in found if isinstance(one, str)}
        return set()  # sending a file that is there does no harm

    def send(self, record: UploadItem) -> None:
        """Send an item's files.

        One request for each file that the server lacks, or as chunks need. After a lost response,
        one more asks whether the server has the file.

        Raises:
            SynapseError: A file couldn't be sent.
        """
        for file in record.files:
            self._line.check()
            if file.is_held:
                self.skip(file)
                self._count("files_held", 1)
                continue
            if file.has_changed():
                hash_file(file, self._line.check)
            self._send(record, file)
            self._count("files_sent", 1)
            self._count("bytes", file.size)

    def _send(self, record: UploadItem, file: ItemFile) -> None:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                upload(
                    self._transport,
                    self._path,
                    file.path,
                    name=file.name.rpartition("/")[2],
                    progress=self._progress,
                    checksum=file.checksum,
                )
            except (ServerError, RequestTimeout):
                if attempt == _ATTEMPTS:
                    raise
                self._line.wait(_PAUSE * attempt)
                self.verify([record])
            else:
                file.is_held = True
            if file.is_held:
                return

    def skip(self, file: ItemFile) -> None:
        """Show a file as done that needn't be sent."""
        size = max(file.size, 0)
        with self._whole.file(file.name, size) as one:
            one.at(size, is_resumed=True)


class _Stoppable(Progress):
    """Passes progress on, and ends a transfer when the pipeline is stopped."""

    def __init__(self, whole: Progress, line: Pipeline) -> None:
        super().__init__()
        self._inner = whole
        self._line = line

    def file(self, name: str, size: int) -> FileProgress:
        return _StoppableFile(self._inner.file(name, size), self._line, self)


class _StoppableFile(FileProgress):
    def __init__(self, inner: FileProgress, line: Pipeline, whole: Progress) -> None:
        super().__init__(whole, inner.name, inner.size)
        self._inner = inner
        self._line = line

    def at(self, offset: int, **options: Any) -> None:
        self._line.check()
        self._inner.at(offset, **options)
        self.done, self.confirmed = self._inner.done, self._inner.confirmed

    def finish(self, *, failed: bool = False) -> None:
        self._inner.finish(failed=failed)
