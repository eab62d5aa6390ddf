"""A folder or zip as Ray keeps it on a cluster: a package, named by what is in it."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from synapse.errors import InvalidQuery

__all__ = ["Package"]

_PIECE = 1 << 20
_LEFT_OUT = {".git", ".hg", ".svn", ".venv", "__pycache__", ".mypy_cache", ".pytest_cache"}
# The earliest time that a zip can hold: the same files make the same bytes, whenever.
_TIME = (1980, 1, 1, 0, 0, 0)


class Package:
    """The bytes of a package, which can be read again, and its name.

    Args:
        source: A folder, of which caches and version control are left out, or a zip.

    Raises:
        InvalidQuery: It is neither, or a file of it can't be read.
    """

    def __init__(self, source: str | os.PathLike[str]) -> None:
        path = Path(source)
        self._file: IO[bytes]
        try:
            if path.is_dir():
                self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
                _zip_folder(path, self._file)
            elif path.is_file() and zipfile.is_zipfile(path):
                self._file = path.open("rb")
            else:
                raise InvalidQuery(f"{str(path)!r} is neither a folder nor a zip.")
        except OSError as error:
            raise InvalidQuery(f"{str(path)!r} can't be packed: {error}.") from error
        digest = hashlib.sha1(usedforsecurity=False)
        self.size = 0
        for piece in self:
            digest.update(piece)
            self.size += len(piece)
        self.name = f"_ray_pkg_{digest.hexdigest()}.zip"

    @property
    def uri(self) -> str:
        """What a `runtime_env` calls it."""
        return f"gcs://{self.name}"

    def __iter__(self) -> Iterator[bytes]:
        self._file.seek(0)
        while piece := self._file.read(_PIECE):
            yield piece

    def __enter__(self) -> Package:
        return self

    def __exit__(self, *_: Any) -> None:
        self._file.close()


def _zip_folder(folder: Path, to: IO[bytes]) -> None:
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in _files_of(folder):
            info = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _TIME)
            is_executable = path.stat().st_mode & stat.S_IXUSR
            info.external_attr = (stat.S_IFREG | (0o755 if is_executable else 0o644)) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            with path.open("rb") as source, archive.open(info, "w", force_zip64=True) as entry:
                while piece := source.read(_PIECE):
                    entry.write(piece)


def _files_of(folder: Path) -> list[Path]:
    found = []
    for at, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in _LEFT_OUT]
        found += [Path(at, name) for name in files if not name.endswith(".pyc")]
    return sorted((path for path in found if path.is_file()), key=lambda path: path.as_posix())
