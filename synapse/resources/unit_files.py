"""The files of a data unit, as tasks, assignments and ground truth have them too."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import attrs

from synapse._internal.redaction import redacted
from synapse.errors import UsageError
from synapse.orm import session_base
from synapse.orm.convert import ValueObject
from synapse.resources.enums import FileType

if TYPE_CHECKING:
    from io import BufferedReader
    from pathlib import Path

    from synapse.transfer.progress import ProgressArgument
    from synapse.transport import Transport

__all__ = ["UnitFile"]


@attrs.frozen(kw_only=True, repr=False)
class UnitFile(ValueObject):
    """A file of a data unit; `open()`, `read()` and `download()` give the bytes.

    Attributes:
        url: URL of the bytes.
        checksum: MD5 of the bytes, in hex; a SHA-1 from servers that give one.
        size: Size in bytes.
        path: Name of the uploaded file.
        file_type: Type of the content.
    """

    url: str | None = attrs.field(default=None, repr=lambda url: repr(url and redacted(url)))
    checksum: str | None = None
    size: int | None = None
    path: str | None = None
    file_type: FileType | str | None = None

    def open(self) -> BufferedReader:
        """Open the file for reading bytes, without storing a copy. One request at the first read.

        A `seek` to another place costs one request more, as does a fault, after which reading goes
        on.

        Returns:
            A binary file, which is a context manager.

        Raises:
            UsageError: The file has no URL.

        Example:
            >>> with unit.files["text"].open() as file:
            ...     file.read(3)
            b'a s'
        """
        from synapse.transfer.remote_file import open_stream

        return open_stream(*self._address(), size=self.size, name=self._name())

    def read(self) -> bytes:
        """Return the bytes, checked against size and checksum. One request.

        Raises:
            UsageError: The file has no URL.
            InvalidResponse: The received bytes aren't the file's.

        Example:
            >>> unit.files["text"].read()
            b'a sample'
        """
        from synapse.transfer.remote_file import read_whole

        address = self._address()
        return read_whole(*address, size=self.size, checksum=self.checksum, name=self._name())

    def download(self, dest: str | os.PathLike[str], *, progress: ProgressArgument = None) -> Path:
        """Download the file. One request; one more after each fault, for the rest.

        The bytes go into a temporary file, which gets the final name when complete and right in
        size and checksum. The same call continues a download whose process died.

        Args:
            dest: Path of the copy, which replaces any file; or a folder.
            progress: `False`, a function of the bytes done and the bytes in all, or a `Progress`;
                by default a bar on a terminal.

        Returns:
            The path of the copy.

        Raises:
            UsageError: The file has no URL.
            InvalidResponse: The received bytes aren't the file's.
            OSError: The copy can't be written.

        Example:
            >>> file = unit.files["text"]
            >>> file.download(Path("copy.txt")).read_bytes()
            b'a sample'
        """
        from synapse.transfer.download import download

        return download(
            *self._address(),
            dest,
            size=self.size,
            checksum=self.checksum,
            name=self.path,
            progress=progress,
        )

    def _address(self) -> tuple[Transport, str]:
        """Return by which session, and from where, the bytes come."""
        if not self.url:
            raise UsageError(f"{self!r} has no URL. Use a file of a unit from the server.")
        # A file that was built or unpickled here has no session.
        session = getattr(self, "_session", None) or session_base.default()
        return session.transport, self.url

    def _name(self) -> str:
        return self.path or str(self.url).partition("?")[0].rpartition("/")[2]
