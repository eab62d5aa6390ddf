"""Files that an export wrote, so that the next one into the folder can remove the old ones."""

from __future__ import annotations

import json
import os
import unicodedata
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path, PurePosixPath
from typing import IO

from synapse._internal.scratch_database import open_scratch_database
from synapse.errors import UsageError
from synapse.formats.samples import check_name

__all__ = ["WrittenFiles", "keep", "record", "recording"]

# The files of the last finished export, and those of one that hasn't finished. A line for each.
_LIST = ".synapse-files.jsonl"
_JOURNAL = ".synapse-writing.jsonl"

_active: ContextVar[WrittenFiles | None] = ContextVar("synapse_written_files", default=None)


@contextmanager
def recording(folder: Path) -> Generator[None, None, None]:
    """Note the files that are written in a block; at its end, remove those of an earlier export.

    After an error in the block nothing is removed, and the next export still knows all files.
    """
    with closing(WrittenFiles(folder)) as files:
        token = _active.set(files)
        try:
            yield
        finally:
            _active.reset(token)
        files.finish()


def record(path: Path) -> None:
    """Note a file or folder that is about to be written.

    Raises:
        UsageError: The file is there, and no export wrote it.
    """
    files = _active.get()
    if files is not None:
        files.add(path)


def keep(path: Path) -> None:
    """Keep a file of an earlier export, if it is one."""
    files = _active.get()
    if (
        files is not None
        and files.has_earlier
        and files.has(path.relative_to(files.folder).as_posix())
    ):
        files.add(path)


class WrittenFiles:
    """The files of a folder's exports; in a temporary file, since there may be millions.

    Attributes:
        folder: The folder.
        has_earlier: Whether an earlier export wrote files into the folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._journal = folder / _JOURNAL
        self._file: IO[str] | None = None
        self._database = open_scratch_database(self)
        self._database.executescript(
            "CREATE TABLE files (name TEXT PRIMARY KEY, folded TEXT, is_new INTEGER) WITHOUT ROWID;"
            "CREATE INDEX folded ON files (folded)"
        )
        self.has_earlier = False
        for path in (folder / _LIST, self._journal):
            for name in _read_names(path):
                self._insert(name, is_new=False)
                self.has_earlier = True

    def close(self) -> None:
        """Remove the temporary file, and close the journal."""
        self._database.close()
        if self._file is not None:
            self._file.close()

    def has(self, name: str) -> bool:
        """Return whether an export wrote the file of a relative path."""
        query = "SELECT 1 FROM files WHERE name = ?"
        return self._database.execute(query, (json.dumps(name),)).fetchone() is not None

    def add(self, path: Path) -> None:
        """Note a file or folder of this export."""
        name = path.relative_to(self.folder).as_posix()
        is_own = self.has(name)
        if not is_own and os.path.lexists(path) and not path.is_dir():
            raise UsageError(
                f"{path} would be overwritten, and no export wrote it. Pass an empty folder."
            )
        self._insert(name, is_new=True)
        if not is_own:
            if self._file is None:
                self._file = self._journal.open("a", encoding="ascii", buffering=1)
            self._file.write(f"{json.dumps(name)}\n")

    def finish(self) -> None:
        """Remove the files that only earlier exports wrote, and list those of this one."""
        for name in self._iterate(is_new=False):
            self._remove(name)
        path = self.folder / _LIST
        part = path.with_name(f"{path.name}.part")
        with part.open("w", encoding="ascii", newline="\n") as file:
            file.writelines(f"{json.dumps(name)}\n" for name in self._iterate(is_new=True))
        part.replace(path)
        if self._file is not None:
            self._file.close()
        self._journal.unlink(missing_ok=True)

    def _insert(self, name: str, *, is_new: bool) -> None:
        self._database.execute(
            "INSERT INTO files VALUES (?, ?, ?) ON CONFLICT (name) "
            "DO UPDATE SET is_new = max(is_new, excluded.is_new)",
            (json.dumps(name), json.dumps(_fold(name)), is_new),
        )

    def _iterate(self, *, is_new: bool) -> Iterator[str]:
        # A folder comes after its files.
        order = "ASC" if is_new else "DESC"
        query = f"SELECT name FROM files WHERE is_new = ? ORDER BY name {order}"  # noqa: S608 - two fixed words
        for (name,) in self._database.execute(query, (is_new,)):
            yield json.loads(name)

    def _remove(self, name: str) -> None:
        path = self.folder / name
        # The list may come from elsewhere, and a folder on the way may be a link.
        root = self.folder.resolve()
        if not path.parent.resolve().is_relative_to(root) or self._is_replaced(name):
            return
        with suppress(OSError):
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            else:
                path.unlink(missing_ok=True)
        for parent in PurePosixPath(name).parents:
            if parent == PurePosixPath() or self._is_new(str(parent)):
                return
            try:
                (self.folder / parent).rmdir()
            except OSError:  # not empty, or gone
                return

    def _is_new(self, name: str) -> bool:
        query = "SELECT 1 FROM files WHERE name = ? AND is_new"
        return self._database.execute(query, (json.dumps(name),)).fetchone() is not None

    def _is_replaced(self, name: str) -> bool:
        """Return whether a new file has the same place, as `a.jpg` and `A.jpg` on macOS."""
        query = "SELECT 1 FROM files WHERE folded = ? AND is_new"
        row = self._database.execute(query, (json.dumps(_fold(name)),)).fetchone()
        lists = (_LIST.swapcase(), _JOURNAL.swapcase())
        return row is not None and any((self.folder / each).exists() for each in lists)


def _read_names(path: Path) -> Iterator[str]:
    """Yield the names in a list; other lines are ignored."""
    with suppress(FileNotFoundError), path.open(encoding="ascii", errors="replace") as file:
        for line in file:
            with suppress(ValueError, RecursionError):
                name = json.loads(line)
                if isinstance(name, str):
                    yield check_name(name)


def _fold(name: str) -> str:
    """Return a name as file systems see it that ignore case and the form of accents."""
    return unicodedata.normalize("NFC", name).casefold()
