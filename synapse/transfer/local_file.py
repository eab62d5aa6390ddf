"""The file of an upload, read at any position by several threads."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, TypeAlias

from synapse.errors import InvalidQuery, SynapseError

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["BLOCK", "LocalFile", "SourceArgument", "checked_name"]

BLOCK = 1024 * 1024
"""Bytes that are read at once."""

SourceArgument: TypeAlias = "str | os.PathLike[str] | IO[bytes]"
"""What methods take: a path, or a file opened for reading bytes."""


class LocalFile:
    """A file to send, opened until the end of the block. Makes no request.

    Args:
        given: A path, or a file opened for reading bytes, which is read from its position on.
        name: The file's name on the server; by default the path's last part.

    Attributes:
        name: The file's name on the server.
        size: Bytes at the time of opening.
        path: Absolute path, if opened by path.
        state: Size, time of the last write, and inode: they reveal a change.

    Raises:
        UsageError: The file can't be read, has no name, or isn't a file.
    """

    def __init__(self, given: SourceArgument, *, name: str | None = None) -> None:
        self.path: str | None = None
        self._lock = threading.Lock()
        self._descriptor: int | None = None
        self._start = 0
        self._is_ours = isinstance(given, (str, os.PathLike))
        if isinstance(given, (str, os.PathLike)):
            # No `Path`: it keeps every name in a table of the interpreter's, which then grows and
            # leaves holes in the memory as millions of files go by.
            path = os.fspath(given)
            self.name = checked_name(name or os.path.basename(path.rstrip("/")))  # noqa: PTH119
            self._file: IO[bytes] = _opened(path)
            self.path = os.path.abspath(path)  # noqa: PTH100
            if hasattr(os, "pread"):
                self._descriptor = self._file.fileno()
            self.size, *_ = self.state = self._state()
        else:
            if not hasattr(given, "read"):
                raise InvalidQuery(
                    f"A {type(given).__name__} is no file: give a path, or a file opened with "
                    "'rb'; bytes as io.BytesIO(...), with a name=."
                )
            own = getattr(given, "name", None)
            name = name or (Path(own).name if isinstance(own, str) else None)
            if not name:
                raise InvalidQuery(
                    "A file without a name of its own needs one: upload(file, name=...)."
                )
            self.name = checked_name(name)
            self._file = given
            self._start, self.size = _extent(given, name)
            self.state = self._state()

    @property
    def label(self) -> str:
        """Name of the file in messages."""
        return f"file {self.name!r}"

    def read_at(self, offset: int, size: int) -> bytes:
        """Read some bytes, wherever another thread is reading.

        Args:
            offset: The first of them.
            size: How many; fewer come only at the file's end.

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
            raise SynapseError(f"{self.name} can't be read any more: {error}.") from error
        if len(content) < size:
            left = self.size - offset - len(content)
            if not content and left > 0:
                raise SynapseError(
                    f"The file {self.name!r} became shorter while it was sent: {left} of "
                    f"{self.size} bytes are missing. Upload it again when nothing writes to it."
                )
        return content

    def check_unchanged(self) -> None:
        """Check that the file hasn't changed since opening.

        Raises:
            SynapseError: The file has changed: the sent bytes are no state of the file.
        """
        if self._state() != self.state:
            raise SynapseError(
                f"{self.name} changed while it was sent. Upload it again when nothing writes to it."
            )

    def close(self) -> None:
        """Close a file that was opened here."""
        if self._is_ours:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _state(self) -> tuple[int, ...]:
        if self._is_ours:
            status = os.fstat(self._file.fileno())
            return status.st_size, status.st_mtime_ns, status.st_ino
        try:
            with self._lock:
                return (self._file.seek(0, os.SEEK_END) - self._start,)
        except (OSError, ValueError) as error:
            raise SynapseError(f"{self.name} can't be read any more: {error}.") from error


def checked_name(name: str) -> str:
    """Return a file's name, if the name can be sent.

    Raises:
        UsageError: The name isn't valid text.
    """
    try:
        name.encode()
    except UnicodeEncodeError:
        raise InvalidQuery(
            f"The file name {name!r} is not valid text: give another, upload(file, name=...)."
        ) from None
    return name


def _opened(path: str) -> IO[bytes]:
    try:
        # A pipe would be waited for when it is opened.
        is_file = stat.S_ISREG(os.stat(path).st_mode)  # noqa: PTH116
        file = open(path, "rb", buffering=0) if is_file else None  # noqa: PTH123, SIM115
    except OSError as error:
        raise InvalidQuery(f"{path} can't be read: {error.strerror}.") from error
    except ValueError as error:  # a NUL in it, for one
        raise InvalidQuery(f"{path!r} can't be a path: {error}.") from None
    if file is None:
        raise InvalidQuery(f"{path} is not a file.")
    return file


def _extent(file: IO[bytes], name: str) -> tuple[int, int]:
    """Return where a file is, and how many bytes follow."""
    try:
        start = file.tell()
        size = file.seek(0, os.SEEK_END) - start
        file.seek(start)
        is_binary = isinstance(file.read(0), bytes)
    except (AttributeError, OSError, ValueError) as error:
        # A pipe can't tell its size, and a server may take a body without one for an empty one.
        raise InvalidQuery(
            f"The file {name!r} can't be read from its start to its end: {error}."
        ) from error
    if not is_binary:
        raise InvalidQuery(f"The file {name!r} is open for text: open it with 'rb'.")
    return start, size
