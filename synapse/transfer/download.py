"""Download of one file."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
from pathlib import Path
from urllib.parse import unquote, urlsplit

from synapse.errors import ClientError, InvalidResponse, RateLimited
from synapse.transfer.checksum import Hasher
from synapse.transfer.file_lock import NoLocks, locked, unlock
from synapse.transfer.filenames import LONGEST_NAME, inside
from synapse.transfer.progress import FileProgress, ProgressArgument, showing
from synapse.transfer.range_request import Arriving, arriving, is_passing
from synapse.transport import Transport
from synapse.transport.deadlines import pause

__all__ = ["download"]

_MOST_FAILURES = 5


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
    """Download a file. One request; one more after each fault. May be called from several threads.

    The bytes go into `.name.part`, which gets the final name when complete and right. After a fault
    the rest is requested. With a known checksum, a later call continues an earlier one's file.

    Args:
        transport: The transport. A URL on another host gets no credentials.
        url: URL of the file.
        dest: Path of the copy, which replaces any file; or a folder.
        size: Required size in bytes.
        checksum: Required MD5, in hex.
        name: The file's name in a folder; by default the last part of the URL. Any name stays
            inside the folder.
        progress: Display, see `synapse.transfer.progress.progress_of`.

    Returns:
        The path of the copy.

    Raises:
        UsageError: No file can be fetched from the URL.
        InvalidResponse: Other bytes arrived than expected; no copy exists then.
        ClientError: The host refused, or couldn't be reached several times in a row.
        OSError: The copy can't be written.
    """
    path = Path(dest)
    if path.is_dir():
        path = inside(path, name or unquote(urlsplit(url).path.rpartition("/")[2]))
    elif not path.parent.is_dir():
        # Opening the file beside would say so of a hidden name that nobody gave.
        raise FileNotFoundError(errno.ENOENT, "There is no such folder", str(path.parent))
    with showing(progress) as shown, shown.file(path.name, size or 0) as part:
        _Download(transport, url, path, part, size, checksum).run()
    return path


class _Download:
    """One download."""

    def __init__(
        self,
        transport: Transport,
        url: str,
        path: Path,
        part: FileProgress,
        size: int | None,
        checksum: str | None,
    ) -> None:
        self._transport = transport
        self._url = url
        self._path = path
        self._part = part
        self._size = size
        self._checksum = checksum.lower() if checksum else None
        self._label = f"file {path.name!r}"
        self._beside, self._descriptor = _part_of(path)
        self._hasher = self._new_hasher()
        self._validator: str | None = None
        self._offset = 0
        self._highest = 0
        self._failures = 0
        self._is_whole = False

    def run(self) -> None:
        """Fetch the file and give the final name, or leave nothing under that name."""
        try:
            self._resume()
            self._fetch_all()
            if not self._is_right():
                self._begin_anew()  # what an earlier call left was of another file, or damaged
                self._fetch_all()
                if not self._is_right():
                    raise self._wrong()
        except BaseException:
            # What can be gone on with stays, unless it is known to be wrong.
            is_found_again = self._beside == _beside(self._path)
            self._close(keep=is_found_again and self._checksum is not None and self._offset > 0)
            raise
        if os.name != "nt":  # else an open file can't be renamed
            self._beside.replace(self._path)  # while it is locked: nobody goes on with it
        self._close(keep=True)
        if os.name == "nt":
            self._beside.replace(self._path)

    def _resume(self) -> None:
        """Continue an earlier call's file, if the checksum can prove the result."""
        found = os.fstat(self._descriptor).st_size
        if self._checksum is None or (self._size is not None and found > self._size):
            self._begin_anew()
        elif found:
            self._offset = self._highest = found
            self._hasher.skip_to(found)
            self._is_whole = found == self._size
            self._part.at(found, is_resumed=True)

    def _begin_anew(self) -> None:
        os.ftruncate(self._descriptor, 0)
        self._hasher.close()
        self._hasher = self._new_hasher()
        self._offset = 0
        self._validator = None
        self._is_whole = False
        self._part.at(0)

    def _fetch_all(self) -> None:
        """Request the missing bytes, until the end or the response of another file."""
        while not self._is_whole:
            if self._offset and self._validator is None and self._checksum is None:
                self._begin_anew()  # nothing would tell whether the rest is of the same file
            error = self._fault()
            if error is None:
                return
            if error.status_code == 416 and self._offset:
                self._is_whole = True  # it ends here; or it is another, as the checksum will say
                return
            self._failures += 1
            if not is_passing(error) or self._failures >= _MOST_FAILURES:
                raise error
            asked = error.retry_after if isinstance(error, RateLimited) else None
            wait = self._transport.options.retry.delay(self._failures, asked)
            if wait is None or not pause(wait if self._failures > 1 or asked is not None else 0):
                raise error

    def _fault(self) -> ClientError | None:
        """Request the missing bytes once, write them, and return the fault, if any."""
        try:
            with arriving(
                self._transport,
                self._url,
                start=self._offset,
                validator=self._validator,
                resource=self._label,
            ) as answer:
                self._take(answer)
        except ClientError as error:
            return error
        return None

    def _take(self, answer: Arriving) -> None:
        is_other = self._validator is not None and answer.validator != self._validator
        if self._offset and (answer.start != self._offset or is_other):
            self._begin_anew()
            if answer.start:  # it should have begun with the file, as that is another by now
                raise InvalidResponse(206, "the file changed on the way", resource=self._label)
        self._validator = answer.validator
        if answer.total is not None:
            self._part.expect(answer.total)
            if self._size is not None and answer.total != self._size:
                return
        os.lseek(self._descriptor, self._offset, os.SEEK_SET)
        for block in answer.blocks():
            _write(self._descriptor, block)
            if self._checksum is not None:
                self._hasher.add(self._offset, block)
            self._offset += len(block)
            self._part.at(self._offset)
            if self._offset > self._highest:
                self._highest = self._offset
                self._failures = 0
        self._is_whole = True

    def _is_right(self) -> bool:
        """Compare the whole file with the known size and checksum."""
        if not self._is_whole or (self._size is not None and self._offset != self._size):
            return False
        return self._checksum is None or self._hasher.hexdigest(self._offset) == self._checksum

    def _wrong(self) -> InvalidResponse:
        self._begin_anew()
        return InvalidResponse(
            200,
            "what arrived isn't the file: its size or checksum differs",
            hint="Download it again; if that doesn't help, its upload went wrong.",
            resource=self._label,
        )

    def _close(self, *, keep: bool) -> None:
        self._hasher.close()
        if not keep:
            with contextlib.suppress(OSError):
                self._beside.unlink()
        unlock(self._descriptor)

    def _new_hasher(self) -> Hasher:
        return Hasher(self._read_at, self._size)

    def _read_at(self, offset: int, size: int) -> bytes:
        if hasattr(os, "pread"):
            return os.pread(self._descriptor, size, offset)
        with self._beside.open("rb") as file:
            file.seek(offset)
            return file.read(size)


def _write(descriptor: int, block: bytes) -> None:
    left = memoryview(block)
    while left:
        left = left[os.write(descriptor, left) :]


def _beside(path: Path) -> Path:
    """Return the path of the temporary file, which a later call continues."""
    name = f".{path.name}.part"
    if len(os.fsencode(name)) > LONGEST_NAME:
        mark = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]
        name = f".{mark}.part"
    return path.with_name(name)


def _part_of(path: Path) -> tuple[Path, int]:
    """Open the temporary file, or a private one while another process writes there."""
    with contextlib.suppress(NoLocks):
        descriptor = locked(_beside(path), mode=0o666)
        if descriptor is not None:
            return _beside(path), descriptor
    other = path.with_name(f".{secrets.token_hex(8)}.part")
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    return other, os.open(other, flags, 0o666)
