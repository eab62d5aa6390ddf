"""Download of one file."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

from synapse._internal.descriptors import write_all
from synapse._internal.file_lock import release_lock
from synapse._internal.interrupts import explain_interrupt
from synapse._internal.part_files import find_part_path, open_part
from synapse._internal.short_traceback import shortened
from synapse._internal.user_folders import expand_home
from synapse.errors import ClientError, InvalidResponse
from synapse.transfer.checksum import Hasher, find_algorithm
from synapse.transfer.filenames import safe_path
from synapse.transfer.progress import (
    GOES_ON,
    FileProgress,
    ProgressArgument,
    describe_stop,
    show_progress,
)
from synapse.transfer.range_request import RangeResponse, request_range
from synapse.transfer.retry_delay import retry_delay
from synapse.transport import Transport
from synapse.transport.deadline_blocks import pause

__all__ = ["download"]


def download(
    transport: Transport,
    url: str,
    dest: str | os.PathLike[str],
    *,
    size: int | None = None,
    checksum: str | None = None,
    name: str | None = None,
    progress: ProgressArgument = None,
) -> Path:
    """Download a file. One request; one more after each failure. Thread-safe.

    The bytes are written to `.name.part` in the same folder; the complete, verified file gets the
    final name. After a failure, only the rest is requested. If the checksum is known, a later call
    resumes from the part file.

    Args:
        transport: The transport. A URL on another host gets no credentials.
        url: Address of the file.
        dest: Path of the file, which is replaced; or an existing folder.
        size: Expected size in bytes.
        checksum: Expected MD5 or SHA-1, in hex.
        name: Name of the file in a folder; by default the last part of the URL. The name is made
            safe, so the file never leaves the folder.
        progress: Progress display, see `synapse.transfer.progress.progress_of`.

    Returns:
        Path of the file.

    Raises:
        UsageError: The URL can't be the address of a file.
        InvalidResponse: The received bytes have another size or checksum; no file is left.
        ClientError: The host refused, or couldn't be reached several times in a row.
        OSError: The file can't be written.
    """
    path = expand_home(dest)
    if path.is_dir():
        path = safe_path(path, name or unquote(urlsplit(url).path.rpartition("/")[2]))
    elif not path.parent.is_dir():
        # Opening the temporary file would report its name instead of the user's.
        raise shortened(
            FileNotFoundError(errno.ENOENT, "The folder does not exist", str(path.parent))
        )
    advice = GOES_ON if checksum else "The same call fetches the file again."
    with (
        show_progress(progress) as shown,
        explain_interrupt(lambda: describe_stop(shown, advice)),
        shown.file(path.name, size or 0) as file_progress,
    ):
        _Download(transport, url, path, file_progress, size, checksum).run()
    return path


class _Download:
    """One download."""

    def __init__(
        self,
        transport: Transport,
        url: str,
        path: Path,
        progress: FileProgress,
        size: int | None,
        checksum: str | None,
    ) -> None:
        self._transport = transport
        self._url = url
        self._path = path
        self._progress = progress
        self._size = size
        self._checksum = checksum.lower() if checksum else None
        self._label = f"file {path.name!r}"
        self._part_path, self._descriptor = open_part(path)
        self._hasher = self._new_hasher()
        self._validator: str | None = None
        self._offset = 0
        self._highest = 0
        self._failures = 0
        self._is_complete = False

    def run(self) -> None:
        """Fetch the file, verify the bytes, and rename the part file."""
        try:
            self._resume()
            self._fetch_all()
            if not self._is_correct():
                self._restart()  # the resumed part belonged to another file, or was damaged
                self._fetch_all()
                if not self._is_correct():
                    raise self._mismatch()
        except BaseException:
            # Only a part that a later call finds, and can verify, is worth keeping.
            is_resumable = self._part_path == find_part_path(self._path)
            self._close(keep=is_resumable and self._checksum is not None and self._offset > 0)
            raise
        if os.name != "nt":  # Windows can't rename an open file
            self._part_path.replace(self._path)  # under the lock, so that no other call resumes it
        self._close(keep=True)
        if os.name == "nt":
            self._part_path.replace(self._path)

    def _resume(self) -> None:
        """Continue an earlier part file, if the checksum can verify the result."""
        size = os.fstat(self._descriptor).st_size
        if self._checksum is None or (self._size is not None and size > self._size):
            self._restart()
        elif size:
            self._offset = self._highest = size
            self._hasher.skip_to(size)
            self._is_complete = size == self._size
            self._progress.at(size, is_resumed=True)

    def _restart(self) -> None:
        os.ftruncate(self._descriptor, 0)
        self._hasher.close()
        self._hasher = self._new_hasher()
        self._offset = 0
        self._validator = None
        self._is_complete = False
        self._progress.at(0)

    def _fetch_all(self) -> None:
        """Request missing bytes until the file ends or differs."""
        while not self._is_complete:
            if self._offset and self._validator is None and self._checksum is None:
                self._restart()  # nothing proves that the rest belongs to the same file
            try:
                with request_range(
                    self._transport,
                    self._url,
                    start=self._offset,
                    validator=self._validator,
                    resource=self._label,
                ) as response:
                    self._write(response)
                return
            except ClientError as error:
                if error.status_code == 416 and self._offset:
                    self._is_complete = True  # the file ends here; the checksum verifies that
                    return
                self._failures += 1
                delay = retry_delay(error, self._failures, self._transport.options.retry)
                if delay is None or not pause(delay):
                    raise

    def _write(self, response: RangeResponse) -> None:
        has_changed = self._validator is not None and response.validator != self._validator
        if self._offset and (response.start != self._offset or has_changed):
            self._restart()
            if response.start:  # a changed file must be sent from its first byte
                raise InvalidResponse(
                    206, "the file changed during the download", resource=self._label
                )
        self._validator = response.validator
        if response.total is not None:
            self._progress.expect(response.total)
            if self._size is not None and response.total != self._size:
                return
        os.lseek(self._descriptor, self._offset, os.SEEK_SET)
        for block in response.blocks():
            write_all(self._descriptor, block)
            if self._checksum is not None:
                self._hasher.add(self._offset, block)
            self._offset += len(block)
            self._progress.at(self._offset)
            if self._offset > self._highest:
                self._highest = self._offset
                self._failures = 0
        self._is_complete = True

    def _is_correct(self) -> bool:
        """Return whether size and checksum are the expected ones."""
        if not self._is_complete or (self._size is not None and self._offset != self._size):
            return False
        checksum = self._checksum
        return checksum is None or self._hasher.checksums(self._offset).matches(checksum)

    def _mismatch(self) -> InvalidResponse:
        self._restart()
        return InvalidResponse(
            200,
            "the received file has another size or checksum than the stored one",
            hint="Download it again; if that doesn't help, its upload went wrong.",
            resource=self._label,
        )

    def _close(self, *, keep: bool) -> None:
        self._hasher.close()
        if not keep:
            with contextlib.suppress(OSError):
                self._part_path.unlink()
        release_lock(self._descriptor)

    def _new_hasher(self) -> Hasher:
        return Hasher(self._read_at, self._size, algorithm=find_algorithm(self._checksum))

    def _read_at(self, offset: int, size: int) -> bytes:
        if hasattr(os, "pread"):
            return os.pread(self._descriptor, size, offset)
        with self._part_path.open("rb") as file:
            file.seek(offset)
            return file.read(size)
