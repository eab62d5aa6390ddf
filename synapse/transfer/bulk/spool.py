"""A sorted list of files on the disk, which may be longer than the memory.

A folder is listed completely before anything is sent: sorted by name, with the files of one unit
side by side whatever the file system's order, and checked as a whole.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator

import attrs

from synapse.errors import InvalidQuery
from synapse.transfer.bulk.upload_item import shown

__all__ = ["Entry", "Spool", "entry_of"]

_BATCH = 1000
_SHOWN = 3


@attrs.frozen
class Entry:
    """A file of the listing.

    Attributes:
        key: Key of the file's unit.
        specification: Name of the specification.
        relative: Path below the source.
        size: Bytes; -1 for an unreadable file.
        changed: Time of the last write, in nanoseconds.
    """

    key: str
    specification: str
    relative: str
    size: int
    changed: int


class Spool:
    """Files, sorted by the key of their unit.

    Attributes:
        files: Number of files.
        size: Bytes of all files.
    """

    def __init__(self) -> None:
        # A database without a name is a file that goes away by itself.
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

    def fill(self, entries: Iterable[Entry]) -> None:
        """Read the entries."""
        batch: list[tuple[bytes, str, bytes, int, int]] = []
        for entry in entries:
            self.files += 1
            self.size += max(entry.size, 0)
            batch.append(
                (
                    os.fsencode(entry.key),
                    entry.specification,
                    os.fsencode(entry.relative),
                    entry.size,
                    entry.changed,
                )
            )
            if len(batch) >= _BATCH:
                self._insert(batch)
                batch.clear()
        self._insert(batch)

    def check(self, required: Iterable[str]) -> None:
        """Check that each unit has each required file once.

        Args:
            required: Names of the required specifications.

        Raises:
            UsageError: Units lack files; the message names some units and their number.
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

    def __iter__(self) -> Iterator[list[Entry]]:
        """Yield the files of each unit."""
        rows = self._database.execute("SELECT * FROM files ORDER BY key, specification, relative")
        entries: list[Entry] = []
        for key, specification, relative, size, changed in rows:
            text = os.fsdecode(key)
            if entries and entries[0].key != text:
                yield entries
                entries = []
            entries.append(Entry(text, specification, os.fsdecode(relative), size, changed))
        if entries:
            yield entries

    def close(self) -> None:
        """Free the disk space."""
        self._database.close()

    def _insert(self, batch: list[tuple[bytes, str, bytes, int, int]]) -> None:
        self._database.executemany("INSERT OR IGNORE INTO files VALUES (?, ?, ?, ?, ?)", batch)

    def _refuse(self, query: str, values: tuple[str, ...], what: str) -> None:
        count = self._database.execute(f"SELECT count(*) FROM ({query})", values).fetchone()[0]  # noqa: S608 - no text from outside
        if not count:
            return
        found = self._database.execute(f"{query} LIMIT {_SHOWN}", values)
        names = ", ".join(
            " ".join([shown(os.fsdecode(key)) or "the folder itself", *(f"({x})" for x in rest)])
            for key, *rest in found
        )
        more = ", ..." if count > _SHOWN else ""
        units = "1 record has" if count == 1 else f"{count:,} records have"
        raise InvalidQuery(f"{units} {what}: {names}{more}. Nothing was sent.")


def entry_of(key: str, specification: str, relative: str, path: str) -> Entry:
    """Build the entry of a file."""
    try:
        status = os.stat(path)  # noqa: PTH116 - twice as fast, for millions of files
    except (OSError, ValueError):
        return Entry(key, specification, relative, -1, -1)
    return Entry(key, specification, relative, status.st_size, status.st_mtime_ns)
