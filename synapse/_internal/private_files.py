"""Files that only their owner can read, whatever the folder and the umask."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlite3

__all__ = [
    "make_database_private",
    "make_file_private",
    "make_folder_private",
    "open_database",
    "open_private",
]

_OTHERS = 0o077


def open_private(path: Path, mode: str) -> IO[Any]:
    """Open a file as `open` does; a created file is its owner's alone."""
    encoding = None if "b" in mode else "utf-8"
    return open(path, mode, encoding=encoding, opener=_open)


def _open(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def make_file_private(path: Path) -> None:
    """Create a file, or take an existing one's rights from everyone but the owner.

    A file of another owner stays as it is.

    Raises:
        OSError: The file can't be created.
    """
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))
    _take_rights(path)


def make_folder_private(folder: Path) -> None:
    """Create a folder of our own, or take an existing one's rights from everyone but the owner.

    Raises:
        OSError: The folder can't be created.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _take_rights(folder)


def open_database(path: str | os.PathLike[str], **options: Any) -> sqlite3.Connection:
    """Open an SQLite file, private with its journals; an empty path is a temporary database.

    Raises:
        OSError: The file can't be created.
        sqlite3.Error: The file can't be opened.
    """
    import sqlite3  # a tenth of the package's time to load, and profiles need none

    if path:
        make_database_private(Path(path))
    database: sqlite3.Connection = sqlite3.connect(path, **options)
    return database


def make_database_private(path: Path) -> None:
    """Create an SQLite file, or take an existing one's rights, with those of its journals.

    Raises:
        OSError: The file can't be created.
    """
    make_file_private(path)
    # SQLite gives new journals the rights of the database, and leaves existing ones.
    for suffix in ("-wal", "-shm", "-journal"):
        _take_rights(Path(f"{path}{suffix}"))


def _take_rights(path: Path) -> None:
    if os.name != "posix":
        return
    with contextlib.suppress(OSError):
        rights = path.stat().st_mode
        if rights & _OTHERS:
            path.chmod(rights & 0o700)
