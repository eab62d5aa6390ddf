"""Ray packages: a folder or zip, named by a checksum of the content."""

from __future__ import annotations

import hashlib
import os
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from synapse._internal.user_folders import expand_home
from synapse.errors import UsageError

__all__ = ["RayPackage"]

_PIECE = 1 << 20


class RayPackage:
    """The bytes and the name of a package; iterating reads the bytes from the start.

    Args:
        source: Folder, packed by the rules for plugins, or zip.
        allow_credentials: Whether to pack files that look like credentials.

    Raises:
        UsageError: The source is neither, or a file can't be read or looks like credentials.
    """

    def __init__(self, source: str | os.PathLike[str], *, allow_credentials: bool = False) -> None:
        path = expand_home(source)
        self._file: IO[bytes]
        try:
            if path.is_dir():
                self._file = _zip_folder(path)
            elif path.is_file() and zipfile.is_zipfile(path):
                self._file = path.open("rb")
            else:
                raise UsageError(f"{str(path)!r} is neither a folder nor a zip.")
            if not allow_credentials:
                self._refuse_credentials()
        except OSError as error:
            raise UsageError(f"{str(path)!r} can't be packed: {error}.") from error
        digest = hashlib.sha1(usedforsecurity=False)
        self.size = 0
        for piece in self:
            digest.update(piece)
            self.size += len(piece)
        self.name = f"_ray_pkg_{digest.hexdigest()}.zip"

    def _refuse_credentials(self) -> None:
        from synapse.plugins.packaging import refuse_packed_credentials

        try:
            self._file.seek(0)
            refuse_packed_credentials(self._file)
        except BaseException:
            self._file.close()
            raise

    @property
    def uri(self) -> str:
        """URI of the package for a `runtime_env`."""
        return f"gcs://{self.name}"

    def __iter__(self) -> Iterator[bytes]:
        self._file.seek(0)
        while piece := self._file.read(_PIECE):
            yield piece

    def __enter__(self) -> RayPackage:
        return self

    def __exit__(self, *_: Any) -> None:
        self._file.close()


def _zip_folder(folder: Path) -> IO[bytes]:
    from synapse.plugins.folder import list_files
    from synapse.plugins.packaging import write_zip

    files = list_files(folder)
    archive = tempfile.TemporaryFile()  # noqa: SIM115 # the caller closes the file
    try:
        write_zip(files, archive)
    except BaseException:
        archive.close()
        raise
    return archive
