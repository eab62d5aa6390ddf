"""List local files: below a folder, of a pattern, or sorted on disk.

A folder is listed as a whole before anything is sent. `FileListing` sorts the files by unit,
whatever the order of the file system, and needs no memory for them.
"""

from __future__ import annotations

import glob
import os
import sqlite3
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from synapse.errors import UsageError
from synapse.transfer.bulk.upload_item import ItemFile, quote_path

__all__ = [
    "FileListing",
    "glob_files",
    "is_pattern",
    "pattern_root",
    "walk_files",
]

_BATCH_SIZE = 1000
_MAX_SHOWN = 3


class FileListing:
    """Sort the files below a folder by unit, on disk.

    Args:
        root: The folder.

    Attributes:
        files: Number of files.
        size: Bytes of all files.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        # A SQLite database without a name is a temporary file that SQLite removes.
        self._database = sqlite3.connect("", check_same_thread=False)
        self._database.execute("PRAGMA journal_mode=OFF")
        self._database.execute("PRAGMA synchronous=OFF")
        self._database.execute("PRAGMA cache_size=-1024")
        self._database.execute(
            "CREATE TABLE files(key BLOB, specification TEXT, relative BLOB, size INTEGER,"
            " changed INTEGER, PRIMARY KEY(key, specification, relative)) WITHOUT ROWID"
        )
        self.files = 0
        self.size = 0

    def fill(self, files: Iterable[tuple[str, ItemFile]]) -> None:
        """Add files, each with a unit key."""
        batch: list[tuple[bytes, str, bytes, int, int]] = []
        for key, file in files:
            self.files += 1
            self.size += max(file.size, 0)
            name = os.fsencode(file.name)
            batch.append((os.fsencode(key), file.specification, name, file.size, file.changed))
            if len(batch) >= _BATCH_SIZE:
                self._insert(batch)
                batch.clear()
        self._insert(batch)

    def check(self, required: Iterable[str]) -> None:
        """Check that each unit has the required files, and none twice.

        Args:
            required: Names of the required specifications.

        Raises:
            UsageError: Some units lack a file; the message has their number and some names.
        """
        for name in required:
            self._refuse(
                "SELECT key FROM files GROUP BY key HAVING sum(specification = ?) = 0",
                (name,),
                f"no file for {name!r}, which is required",
            )
        self._refuse(
            "SELECT key, specification FROM files GROUP BY key, specification HAVING count(*) > 1",
            (),
            "more than one file for a specification",
        )

    def __iter__(self) -> Iterator[tuple[str, list[ItemFile]]]:
        """Yield the key and the files of each unit."""
        rows = self._database.execute("SELECT * FROM files ORDER BY key, specification, relative")
        for key, group in groupby(rows, key=itemgetter(0)):
            yield os.fsdecode(key), [self._build_file(*row[1:]) for row in group]

    def close(self) -> None:
        """Remove the temporary file."""
        self._database.close()

    def _build_file(self, specification: str, name: bytes, size: int, changed: int) -> ItemFile:
        relative = os.fsdecode(name)
        path = os.path.join(self._root, relative)  # noqa: PTH118 - for millions of files
        return ItemFile(specification, path, relative, size, changed)

    def _insert(self, batch: list[tuple[bytes, str, bytes, int, int]]) -> None:
        self._database.executemany("INSERT OR IGNORE INTO files VALUES (?, ?, ?, ?, ?)", batch)

    def _refuse(self, query: str, values: tuple[str, ...], problem: str) -> None:
        count = self._database.execute(f"SELECT count(*) FROM ({query})", values).fetchone()[0]  # noqa: S608 - no text from outside
        if not count:
            return
        rows = self._database.execute(f"{query} LIMIT {_MAX_SHOWN}", values)
        names = ", ".join(
            " ".join(
                [quote_path(os.fsdecode(key)) or "the folder itself", *(f"({x})" for x in rest)]
            )
            for key, *rest in rows
        )
        more = ", ..." if count > _MAX_SHOWN else ""
        units = "1 record has" if count == 1 else f"{count:,} records have"
        raise UsageError(f"{units} {problem}: {names}{more}. Nothing was sent.")


def walk_files(root: Path) -> Iterator[str]:
    """Yield the relative paths of the files below a folder, with `/`.

    Names that begin with a dot are skipped. Links are followed, except into their own parents.

    Raises:
        UsageError: A folder can't be read.
    """
    pending: list[tuple[str, tuple[tuple[int, int], ...]]] = [("", ())]
    while pending:
        below, parents = pending.pop()
        folder = root / below if below else root
        try:
            status = folder.stat()
            identity = (status.st_dev, status.st_ino)
            if identity in parents:
                continue
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    relative = f"{below}/{entry.name}" if below else entry.name
                    if _is_folder(entry):
                        pending.append((relative, (*parents, identity)))
                    else:
                        yield relative
        except OSError as error:
            raise UsageError(f"{folder} can't be read: {error.strerror}.") from error


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself: listed as a file that can't be read
        return False


def is_pattern(source: str) -> bool:
    """Return whether a source is a pattern, such as `photos/**/*.png`."""
    return glob.has_magic(source)


def pattern_root(pattern: str) -> Path:
    """Return the folder before the first wildcard of a pattern."""
    parts = Path(pattern).parts
    plain = next((n for n, part in enumerate(parts) if glob.has_magic(part)), len(parts) - 1)
    return Path(*parts[:plain])


def glob_files(pattern: str) -> Iterator[str]:
    """Yield the relative paths of a pattern's files; `**` matches any folders."""
    root = pattern_root(pattern)
    rest = str(Path(pattern).relative_to(root))
    for relative in glob.iglob(rest, root_dir=root, recursive=True):  # noqa: PTH207 - keeps the user's spelling
        if not os.path.isdir(root / relative):  # noqa: PTH112
            yield relative.replace(os.sep, "/")
