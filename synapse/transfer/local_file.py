"""Read a local file at any offset, from several threads."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path
from typing import IO, TypeAlias

from synapse._internal.closing import Closing
from synapse.errors import SynapseError, UsageError

__all__ = ["BLOCK_SIZE", "LocalFile", "SourceArgument", "validate_file_name"]

BLOCK_SIZE = 1024 * 1024
"""Bytes per read."""

SourceArgument: TypeAlias = "str | os.PathLike[str] | IO[bytes]"
"""Files that methods accept: a path, or a file opened for reading bytes."""


class LocalFile(Closing):
    """A file to upload, open until the end of the block. Makes no request.

    Args:
        source: A path, or a file opened for reading bytes, from the current position on.
        name: Name on the server; by default the last part of the path.

    Attributes:
        name: Name on the server.
        size: Size in bytes when the file was opened.
        path: Absolute path, if the file was given by path.
        fingerprint: Size, time of the last write and inode, by which a change shows.

    Raises:
        UsageError: The source can't be read, has no name, or isn't a file.
    """

    def __init__(self, source: SourceArgument, *, name: str | None = None) -> None:
        self.path: str | None = None
        self._lock = threading.Lock()
        self._descriptor: int | None = None
        self._start = 0
        self._owns_file = isinstance(source, (str, os.PathLike))
        if isinstance(source, (str, os.PathLike)):
            # No `Path`: it interns every name, which costs memory over millions of files.
            path = os.path.expanduser(os.fspath(source))  # noqa: PTH111
            self.name = validate_file_name(name or os.path.basename(path.rstrip("/")))  # noqa: PTH119
            self._file: IO[bytes] = _open(path)
            self.path = os.path.abspath(path)  # noqa: PTH100
            if hasattr(os, "pread"):
                self._descriptor = self._file.fileno()
            self.size, *_ = self.fingerprint = self._fingerprint()
        else:
            if not hasattr(source, "read"):
                raise UsageError(
                    f"A {type(source).__name__} can't be uploaded. Pass a path, a file opened with "
                    "'rb', or bytes as io.BytesIO(...) with a name=."
                )
            own_name = getattr(source, "name", None)
            name = name or (Path(own_name).name if isinstance(own_name, str) else None)
            if not name:
                raise UsageError("The file has no name. Pass one: upload(file, name=...).")
            self.name = validate_file_name(name)
            self._file = source
            self._start, self.size = _measure(source, name)
            self.fingerprint = self._fingerprint()

    @property
    def label(self) -> str:
        """Name of the file in messages."""
        return f"file {self.name!r}"

    def refuse_empty(self) -> None:
        """Refuse an empty file, which the server's protocol can't carry.

        Raises:
            UsageError: The file is empty.
        """
        if self.size == 0:
            raise UsageError(f"{self.path or self.name} is empty. The server takes no empty files.")

    def read_at(self, offset: int, size: int) -> bytes:
        """Read bytes at an offset, independently of other threads.

        Args:
            offset: Offset of the first byte.
            size: Number of bytes; fewer are returned only at the end of the file.

        Raises:
            SynapseError: The file became shorter, or can't be read any more.
        """
        try:
            if self._descriptor is not None:
                content = os.pread(self._descriptor, size, offset)
            else:
                with self._lock:
                    self._file.seek(self._start + offset)
                    content = self._file.read(size)
        except (OSError, ValueError) as error:
            raise self._unreadable(error) from error
        missing = self.size - offset
        if not content and size and missing > 0:
            raise SynapseError(
                f"The file {self.name!r} became shorter while it was sent: {missing} of "
                f"{self.size} bytes are missing. Upload it again when nothing writes to it."
            )
        return content

    def check_unchanged(self) -> None:
        """Check that the open file hasn't changed.

        Raises:
            SynapseError: The file changed, so the sent bytes may mix two versions.
        """
        if self._fingerprint() != self.fingerprint:
            raise SynapseError(
                f"{self.name} changed while it was sent. Upload it again when nothing writes to it."
            )

    def close(self) -> None:
        """Close a file that was opened here."""
        if self._owns_file:
            self._file.close()

    def _fingerprint(self) -> tuple[int, ...]:
        if self._owns_file:
            status = os.fstat(self._file.fileno())
            return status.st_size, status.st_mtime_ns, status.st_ino
        try:
            with self._lock:
                return (self._file.seek(0, os.SEEK_END) - self._start,)
        except (OSError, ValueError) as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: Exception) -> SynapseError:
        return SynapseError(f"{self.name} can't be read any more: {error}.")


def validate_file_name(name: str) -> str:
    """Return a file name that can be sent to the server.

    Raises:
        UsageError: The name isn't valid text.
    """
    try:
        name.encode()
    except UnicodeEncodeError:
        raise UsageError(
            f"The file name {name!r} is not valid text. Pass another: upload(file, name=...)."
        ) from None
    return name


def _open(path: str) -> IO[bytes]:
    try:
        # Opening a pipe would block.
        is_file = stat.S_ISREG(os.stat(path).st_mode)  # noqa: PTH116
        file = open(path, "rb", buffering=0) if is_file else None  # noqa: PTH123, SIM115
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}.") from error
    except ValueError as error:  # a NUL character, for example
        raise UsageError(f"{path!r} is not a valid path: {error}.") from None
    if file is None:
        raise UsageError(f"{path} is not a file.")
    return file


def _measure(file: IO[bytes], name: str) -> tuple[int, int]:
    """Return a file's position and the number of bytes after it."""
    try:
        start = file.tell()
        size = file.seek(0, os.SEEK_END) - start
        file.seek(start)
        is_binary = isinstance(file.read(0), bytes)
    except (AttributeError, OSError, ValueError) as error:
        # A pipe has no size, and a server may take a body without a length for an empty one.
        raise UsageError(
            f"The file {name!r} can't be read from its start to its end: {error}. "
            "Pass a path, or a seekable file."
        ) from error
    if not is_binary:
        raise UsageError(f"The file {name!r} is open for text. Open it with 'rb'.")
    return start, size
