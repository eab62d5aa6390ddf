"""Names that a data set gives once."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import PurePosixPath

__all__ = ["NameRegister", "open_register"]


class NameRegister:
    """Names that are taken, whatever the case; on the disk, since there may be millions."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._database.execute("CREATE TABLE names (name TEXT PRIMARY KEY) WITHOUT ROWID")

    def choose(self, name: str, split: str | None = None) -> str:
        """Return the picture's name, or one like it if a picture of the same stem is there.

        Args:
            name: Relative path of the picture.
            split: Part of the data set, the first one to tell two pictures apart.
        """
        path = PurePosixPath(name)
        for candidate in self._list_candidates(path, split):
            stem = str(candidate.with_suffix("")).casefold()
            cursor = self._database.execute("INSERT OR IGNORE INTO names VALUES (?)", (stem,))
            if cursor.rowcount:
                return str(candidate)
        raise AssertionError("the candidates never end")

    @staticmethod
    def _list_candidates(path: PurePosixPath, split: str | None) -> Iterator[PurePosixPath]:
        yield path
        kind = path.suffix[1:]
        if kind:
            yield path.with_name(f"{path.stem}_{kind}{path.suffix}")
        if split is not None:
            yield path.with_name(f"{split}_{path.name}")
        for number in count(2):
            yield path.with_name(f"{path.stem}_{number}{path.suffix}")


@contextmanager
def open_register() -> Generator[NameRegister, None, None]:
    """Return a register without names, for the time of a block."""
    with closing(sqlite3.connect("")) as database:
        yield NameRegister(database)
