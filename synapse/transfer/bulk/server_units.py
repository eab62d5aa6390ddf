"""Units and tasks of the server, and the state of each key in a sync, in a temporary database."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

import attrs

from synapse._internal.scratch_database import open_scratch_database
from synapse.errors import SynapseError
from synapse.transfer.bulk.sync_key import SyncKey
from synapse.transfer.bulk.upload_item import ExistingUnit, UploadItem

__all__ = ["FormerUnit", "ServerUnits", "State", "SyncEntries", "SyncEntry"]

State = Literal["new", "changed", "unchanged", "gone", "twice", "failed", "read"]

# Characters of an MD5 and of a SHA-1.
_LENGTHS = (32, 40)
_SCHEMA = """
PRAGMA journal_mode=OFF;
PRAGMA synchronous=OFF;
PRAGMA cache_size=-4096;
CREATE TABLE units(unit INTEGER PRIMARY KEY, key BLOB, checksums TEXT, meta TEXT);
CREATE INDEX by_key ON units(key);
CREATE TABLE tasks(task INTEGER PRIMARY KEY, unit INTEGER);
CREATE INDEX by_unit ON tasks(unit);
CREATE TABLE entries(
    number INTEGER PRIMARY KEY, key BLOB, state TEXT, unit INTEGER, task INTEGER,
    is_deleted INTEGER DEFAULT 0, is_twice INTEGER DEFAULT 0, UNIQUE(key, is_twice)
);
CREATE INDEX by_state ON entries(state, number);
"""
_ENTRIES = (
    "SELECT number, key, unit, task, is_deleted FROM entries WHERE state = ? AND number > ?"
    " ORDER BY number LIMIT 1000 OFFSET ?"
)
# Units that existed when the run began, and that another unit of the same key replaces.
_FORMER = """
SELECT one.unit, one.key, entries.unit, one.checksums = new.checksums, entries.state = 'changed'
FROM units AS one JOIN entries USING (key) LEFT JOIN units AS new ON new.unit = entries.unit
WHERE entries.state IN ('changed', 'unchanged') AND entries.unit IS NOT NULL
AND one.unit != entries.unit AND one.unit <= ? AND one.unit > ? ORDER BY one.unit LIMIT ?
"""


@attrs.frozen
class SyncEntry:
    """A unit in the report of a sync.

    Attributes:
        key: The unit's key: the path, or the value of `meta`.
        unit: Id of the unit; the newest, if the server has several; `None` if there is none yet.
        task: Id of the unit's task in the project, if known.
        is_deleted: Whether the sync deleted the unit.
    """

    key: str
    unit: int | None = None
    task: int | None = None
    is_deleted: bool = False


@attrs.frozen
class FormerUnit:
    """A unit whose key has another unit now.

    Attributes:
        unit: Id of the former unit.
        key: The key.
        replacement: Id of the other unit.
        is_same: Whether both have the same files.
        is_changed: Whether this run made the replacement, for changed files.
    """

    unit: int
    key: str
    replacement: int
    is_same: bool
    is_changed: bool


class SyncEntries(Sequence[SyncEntry]):
    """Entries of a report, read from the disk when used.

    Args:
        units: The units that hold the entries.
        state: State of the entries.
    """

    def __init__(self, units: ServerUnits, state: State) -> None:
        self._units = units
        self._state = state

    def __len__(self) -> int:
        return self._units.count_entries(self._state)

    def __iter__(self) -> Iterator[SyncEntry]:
        return self._units.read_entries(self._state)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            numbers = range(*index.indices(len(self)))
            return [self[number] for number in numbers]
        number = range(len(self))[index]
        return next(self._units.read_entries(self._state, number))

    def __repr__(self) -> str:
        return f"<{len(self):,} {self._state} units>"


class ServerUnits:
    """Units, tasks and entries in a temporary database, so that memory stays flat.

    Args:
        key: Reader of the units' keys.
    """

    def __init__(self, key: SyncKey) -> None:
        self._key = key
        self._lock = threading.RLock()
        # A SQLite database without a name is a temporary file that SQLite removes.
        self._database = open_scratch_database(self)
        self._database.executescript(_SCHEMA)

    # -- The server ----------------------------------------------------------------------------

    def add_units(self, rows: Iterable[Mapping[str, Any]]) -> int:
        """Add units of the server; return the highest id."""
        newest = 0
        for row in rows:
            unit, key = int(row["id"]), self._key.read_row(row)
            newest = max(newest, unit)
            checksums = ExistingUnit.from_row(unit, row).checksums
            values = (
                unit,
                None if key is None else _encode(key),
                json.dumps(checksums, sort_keys=True),
                json.dumps(row.get("meta") or {}, sort_keys=True),
            )
            with self._lock:
                self._database.execute("INSERT OR IGNORE INTO units VALUES (?, ?, ?, ?)", values)
        return newest

    def add_tasks(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add tasks of the project."""
        for row in rows:
            if isinstance(row.get("data_unit"), int):
                with self._lock:
                    self._database.execute(
                        "INSERT OR IGNORE INTO tasks VALUES (?, ?)", (row["id"], row["data_unit"])
                    )

    def find_units(self, item: UploadItem) -> tuple[int | None, list[int]]:
        """Return the first unit with an item's key and content, if any, and all of the key.

        Raises:
            SynapseError: A unit's content can't be compared.
        """
        rows = self._fetch(
            "SELECT unit, checksums, meta FROM units WHERE key = ? ORDER BY unit",
            _encode(item.sync_key),
        )
        units = [row[0] for row in rows]
        for unit, text, meta in rows:
            checksums = json.loads(text)
            if item.is_equal(checksums) and item.is_meta_in(json.loads(meta)):
                return unit, units
            # Otherwise each run would create the unit again.
            if any(len(checksum) not in _LENGTHS for checksum in checksums.values()):
                raise SynapseError(
                    f"{item.label} can't be compared with unit {unit}: its checksum "
                    f"{min(checksums.values(), key=len)!r} is neither MD5 nor SHA-1. Sync after "
                    "the server has processed the file, or delete the unit."
                )
        return None, units

    def find_task(self, units: Iterable[int]) -> int | None:
        """Return the first task of the project for units, if any."""
        for unit in units:
            for (task,) in self._fetch(
                "SELECT task FROM tasks WHERE unit = ? ORDER BY task LIMIT 1", unit
            ):
                return int(task)
        return None

    def count_units(self, newest: int) -> int:
        """Return the number of units up to an id whose key has an entry."""
        query = "SELECT count(*) FROM units WHERE unit <= ? AND key IN (SELECT key FROM entries)"
        return int(self._fetch(query, newest)[0][0])

    def read_keys_without_entry(self, newest: int) -> Iterator[tuple[str, int, int]]:
        """Yield the keys that the source lacks, with the newest unit and the number of units."""
        query = (
            "SELECT key, max(unit), count(*) FROM units WHERE key > ? AND unit <= ?"
            " AND NOT EXISTS (SELECT 1 FROM entries WHERE entries.key = units.key)"
            " GROUP BY key ORDER BY key LIMIT 1000"
        )
        last = b""
        while rows := self._fetch(query, last, newest):
            for key, unit, count in rows:
                yield _decode(key), unit, count
            last = rows[-1][0]

    def read_units(self, key: str, newest: int) -> list[int]:
        """Return all units of a key, up to an id."""
        query = "SELECT unit FROM units WHERE key = ? AND unit <= ?"
        return [unit for (unit,) in self._fetch(query, _encode(key), newest)]

    def read_former(self, newest: int, after: int, count: int) -> list[FormerUnit]:
        """Return units that other units of the same key replace, in the order of their ids."""
        return [
            FormerUnit(unit, _decode(key), replacement, bool(is_same), bool(is_changed))
            for unit, key, replacement, is_same, is_changed in self._fetch(
                _FORMER, newest, after, count
            )
        ]

    def note_twice(self) -> None:
        """Make entries for keys with several equal units."""
        with self._lock:
            self._database.execute(
                "INSERT OR IGNORE INTO entries(key, state, unit, is_twice) SELECT key, 'twice',"
                " max(unit), 1 FROM units WHERE key IS NOT NULL"
                " GROUP BY key, checksums, meta HAVING count(*) > 1"
            )

    # -- Entries -------------------------------------------------------------------------------

    def add_entry(self, key: str, state: State = "read", unit: int | None = None) -> bool:
        """Add an entry; return whether the key is new."""
        with self._lock:
            insert = "INSERT OR IGNORE INTO entries(key, state, unit) VALUES (?, ?, ?)"
            return bool(self._database.execute(insert, (_encode(key), state, unit)).rowcount)

    def set_state(self, item: UploadItem, state: State, unit: int | None = None) -> None:
        """Set the state, the unit and the task of an item's entry; `unit` is a former one."""
        with self._lock:
            self._database.execute(
                "UPDATE entries SET state = ?, unit = ?, task = ? WHERE key = ?",
                (state, item.unit or unit, item.task, _encode(item.sync_key)),
            )

    def set_ids(self, items: Iterable[UploadItem]) -> None:
        """Set the units and tasks of items' entries."""
        rows = [(item.unit, item.task, _encode(item.sync_key)) for item in items]
        with self._lock:
            self._database.executemany("UPDATE entries SET unit = ?, task = ? WHERE key = ?", rows)

    def mark_deleted(self, key: str) -> None:
        """Mark a key's units as deleted."""
        with self._lock:
            update = "UPDATE entries SET is_deleted = 1 WHERE key = ?"
            self._database.execute(update, (_encode(key),))

    def count_entries(self, state: State) -> int:
        """Return the number of entries in a state."""
        return int(self._fetch("SELECT count(*) FROM entries WHERE state = ?", state)[0][0])

    def read_entries(self, state: State, skipped: int = 0) -> Iterator[SyncEntry]:
        """Yield the entries in a state, in the order of the source."""
        last = 0
        while rows := self._fetch(_ENTRIES, state, last, skipped):
            for number, key, unit, task, is_deleted in rows:
                yield SyncEntry(_decode(key), unit, task, bool(is_deleted))
                last = number
            skipped = 0

    def _fetch(self, query: str, *values: Any) -> list[Any]:
        with self._lock:
            return self._database.execute(query, values).fetchall()


def _encode(key: str) -> bytes:
    return key.encode("utf-8", "surrogatepass")


def _decode(key: bytes) -> str:
    return key.decode("utf-8", "surrogatepass")
