"""The files of a data unit, as tasks, assignments and ground truth have them too."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import attrs

from synapse._internal.redaction import redacted
from synapse.errors import InvalidQuery
from synapse.orm import session_base
from synapse.orm.convert import ValueObject
from synapse.resources.enums import FileType

if TYPE_CHECKING:
    from io import BufferedReader
    from pathlib import Path

    from synapse.transfer.progress import ProgressArgument
    from synapse.transport import Transport

__all__ = ["UnitFile"]


@attrs.frozen(kw_only=True)
class UnitFile(ValueObject):
    """A file of a data unit. Its bytes come by `open()`, `read()` and `download()`.

    Attributes:
        url: Where its bytes are.
        checksum: Their MD5, in hex.
        size: How many there are.
        path: Its name, as it was uploaded.
        file_type: What it holds.
    """

    url: str | None = attrs.field(default=None, repr=lambda url: repr(url and redacted(url)))
    checksum: str | None = None
    size: int | None = None
    path: str | None = None
    file_type: FileType | str | None = None

    def open(self) -> BufferedReader:
        """Open it for reading bytes, without storing it. One request, when the first is read.

        A `seek` to another place costs one request more, as does a fault, after which reading
        goes on where it was.

        Returns:
            A binary file, which is a context manager.

        Raises:
            InvalidQuery: It has no URL.

        Example:
            >>> unit = getfixture("unit")
            >>> with unit.files["text"].open() as file:
            ...     file.read(3)
            b'a s'
        """
        from synapse.transfer.remote_file import open_stream  # only who needs the bytes needs it

        return open_stream(*self._address(), size=self.size, name=self._name())

    def read(self) -> bytes:
        """Return its bytes, checked against size and checksum. One request.

        Raises:
            InvalidQuery: It has no URL.
            InvalidResponse: What arrived isn't the file.

        Example:
            >>> getfixture("unit").files["text"].read()
            b'a sample'
        """
        from synapse.transfer.remote_file import read_whole

        where = self._address()
        return read_whole(*where, size=self.size, checksum=self.checksum, name=self._name())

    def download(self, dest: str | os.PathLike[str], *, progress: ProgressArgument = None) -> Path:
        """Download it. One request; one more after each fault, which asks for the rest.

        The bytes are written beside, and get the final name when they are all there and agree
        with size and checksum. A call that died can be made again, and goes on where it was.

        Args:
            dest: The path that it gets, whatever is there; or a folder.
            progress: How to show it: `False`, a function of the bytes done and the bytes in all,
                or a `Progress`; by default as a bar, on a terminal.

        Returns:
            The file's path.

        Raises:
            InvalidQuery: It has no URL.
            InvalidResponse: What arrived isn't the file.
            OSError: It can't be written.

        Example:
            >>> file = getfixture("unit").files["text"]
            >>> file.download(getfixture("tmp_path") / "copy.txt").read_bytes()
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
            raise InvalidQuery(f"{self!r} has no URL: it isn't a file that the server has sent.")
        # One that was made or unpickled here belongs to whoever uses it.
        session = getattr(self, "_context", None) or session_base.default()
        return session.transport, self.url

    def _name(self) -> str:
        return self.path or str(self.url).partition("?")[0].rpartition("/")[2]
