"""Journal of an upload on disk, from which another run continues.

Items are identified by file names and `meta`, files by size, time and checksum. Each create request
is written to the journal before it is sent. If the response is lost, because the program was killed
or the connection broke, the next run asks the server for the result.

The journal also has the collection's other units, which came from other journals or programs: an
item with the same content gets such a unit. So a new journal makes nothing twice.

One run at a time has a journal. The lock is the operating system's, and ends with the process.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

from synapse._internal.private_files import open_database
from synapse.errors import JournalInUse, UsageError
from synapse.transfer.bulk.upload_item import ExistingUnit, PendingCreate, UploadItem

__all__ = ["Journal", "Kind", "is_damage"]

Kind = Literal["unit", "task"]

_MAX_DEFERRED = 1000
_FORMAT = "1"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS facts(name TEXT PRIMARY KEY, value TEXT);
CREATE TABLE IF NOT EXISTS records(
    key BLOB PRIMARY KEY, stamp TEXT NOT NULL, checksums TEXT NOT NULL,
    unit INTEGER, asked_at REAL, newest INTEGER
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_unit ON records(unit) WHERE unit IS NOT NULL;
CREATE TABLE IF NOT EXISTS tasks(
    key BLOB, project TEXT, task INTEGER, asked_at REAL, PRIMARY KEY(key, project)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS existing(
    unit INTEGER PRIMARY KEY, content BLOB NOT NULL, first TEXT, checksums TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS by_content ON existing(content, first);
CREATE TEMP TABLE seen(key BLOB PRIMARY KEY) WITHOUT ROWID;
"""

_SENT = (
    "INSERT INTO records(key, stamp, checksums) VALUES (:key, :stamp, :checksums) ON CONFLICT(key)"
    " DO UPDATE SET stamp = excluded.stamp, checksums = excluded.checksums"
)
_FOUND = (
    "INSERT OR REPLACE INTO records(key, stamp, checksums, unit)"
    " VALUES (:key, :stamp, :checksums, :unit)"
)
_EXISTING = (
    "INSERT OR IGNORE INTO existing SELECT :unit, :content, :first, :checksums"
    " WHERE NOT EXISTS (SELECT 1 FROM records WHERE unit = :unit)"
)
_REQUEST = {
    "unit": "INSERT OR REPLACE INTO records(key, stamp, checksums, asked_at, newest)"
    " VALUES (:key, :stamp, :checksums, :at, :newest)",
    "task": "INSERT OR REPLACE INTO tasks VALUES (:key, :project, NULL, :at)",
}
_CREATE = {
    "unit": "UPDATE records SET unit = :unit, asked_at = NULL WHERE key = :key",
    "task": "INSERT OR REPLACE INTO tasks VALUES (:key, :project, :task, NULL)",
}
_REFUSE = {
    "unit": "UPDATE records SET asked_at = NULL WHERE key = :key",
    "task": "DELETE FROM tasks WHERE key = :key AND project = :project",
}


def is_damage(error: sqlite3.Error) -> bool:
    """Return whether an error says that a file isn't a sound database."""
    return any(text in str(error) for text in ("not a database", "malformed"))


class Journal:
    """A journal, open for one run.

    Args:
        path: Path of the file, or `None` for a temporary journal.
        collection: The server, and the id of the collection.
        created: Creation time of the collection, which distinguishes a later collection with the
            same id. The journal of the former collection is emptied.
        project: The project of the tasks, if any.

    Attributes:
        is_trusted: Whether the journal's units exist; a sync asks the server.

    Raises:
        JournalInUse: Another run has the journal.
        UsageError: The journal can't be written, or the file is another file, such as the journal
            of another collection.
    """

    def __init__(
        self,
        path: Path | None,
        *,
        collection: tuple[str, str],
        created: str,
        project: str | None,
    ) -> None:
        self._path = path
        self.is_trusted = True
        self._project = project
        self._lock = threading.RLock()
        self._deferred: deque[UploadItem] = deque()
        try:
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._database = open_database(
                path or "", timeout=0.1, check_same_thread=False, isolation_level=None
            )
        except (OSError, sqlite3.Error) as error:
            raise UsageError(
                f"The journal {path} can't be opened: {error}. Pass another path as journal=, or "
                "set XDG_STATE_HOME."
            ) from error
        try:
            self._initialize(collection, created)
        except UsageError:
            self._database.close()
            raise
        except sqlite3.Error as error:
            self._database.close()
            if "locked" in str(error):
                raise JournalInUse(
                    f"Another upload is using the journal {path}. Wait for it to finish, then run "
                    "the same call again; two at once would create everything twice."
                ) from None
            if is_damage(error):
                raise self.make_damage_error(error) from error
            raise UsageError(
                f"The journal {path} can't be used: {error}. Pass another path as journal=."
            ) from error

    def _initialize(self, collection: tuple[str, str], created: str) -> None:
        database = self._database
        database.execute("PRAGMA locking_mode=EXCLUSIVE")
        database.execute("BEGIN EXCLUSIVE")  # locks the file without a write
        header = self._read_header()
        database.execute("COMMIT")
        # Emptying a journal makes an upload create everything again, so a path that was given by
        # mistake is refused instead.
        if header is not None and header[:2] != [*collection]:
            raise UsageError(
                f"The journal {self._path} is of another collection ({header[1]} of {header[0]}). "
                "Pass another journal= for each collection."
            )
        database.execute("PRAGMA synchronous=NORMAL")
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA cache_size=-1024")
        database.execute("BEGIN EXCLUSIVE")
        for statement in _SCHEMA.split(";"):
            database.execute(statement)
        new_header = [*collection, created]
        if header != new_header:
            for table in ("records", "tasks", "existing", "facts"):
                database.execute(f"DELETE FROM {table}")  # noqa: S608 - no text from outside
            facts = {"collection": json.dumps(new_header), "format": _FORMAT}
            database.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", facts.items())
        database.execute("COMMIT")

    def make_damage_error(self, error: Exception) -> UsageError:
        """Return the error for a journal that can't be read."""
        return UsageError(
            f"The journal {self._path} is damaged, or is another file ({error}). Move the file "
            "away, or pass another path as journal=, then run the same call again: units that the "
            "collection has aren't created again."
        )

    def _read_header(self) -> list[str] | None:
        """Return server, id and creation time of the collection, if stored.

        Raises:
            UsageError: The file is not a journal, or another version of the SDK wrote the journal.
        """
        tables = {name for (name,) in self._database.execute("SELECT name FROM sqlite_master")}
        if not tables:
            return None
        facts = {}
        if "facts" in tables:
            facts = dict(self._database.execute("SELECT name, value FROM facts"))
        if "format" not in facts or "collection" not in facts:
            raise UsageError(
                f"The journal {self._path} can't be used, because the file is another database. "
                "Pass another path as journal=."
            )
        if facts["format"] != _FORMAT:
            raise UsageError(
                f"The journal {self._path} was written by another version of the SDK. Upload with "
                "that version, or pass another journal=: units that the collection has aren't "
                "created again."
            )
        try:
            server, collection, created = json.loads(facts["collection"])
        except (TypeError, ValueError) as error:
            raise self.make_damage_error(error) from error
        return [server, collection, created]

    # -- Results of earlier runs -------------------------------------------------------------

    def load(self, items: Sequence[UploadItem], *, is_unique: bool) -> list[bool]:
        """Set the results of earlier runs on items.

        Args:
            items: Up to a few hundred items.
            is_unique: Whether the source can't have an item twice.

        Returns:
            For each item, whether this run has seen the same item before.
        """
        with self._lock:
            repeated = [False] * len(items) if is_unique else self._mark_seen(items)
            keys = [item.key for item in items]
            marks = ",".join("?" * len(keys))
            rows = self._database.execute(
                "SELECT key, stamp, checksums, unit, asked_at, newest FROM records"  # noqa: S608
                f" WHERE key IN ({marks})",
                keys,
            )
            by_key = {row[0]: row for row in rows}
            tasks = self._load_tasks(keys) if by_key and self._project is not None else {}
            for item, is_repeated in zip(items, repeated, strict=True):
                row = by_key.get(item.key)
                item.is_in_journal = row is not None
                if row is not None and not is_repeated and row[1] == item.stamp:
                    self._apply(item, row[2:], tasks.get(item.key))
            return repeated

    def load_by_checksums(self, item: UploadItem) -> None:
        """Set the results of earlier runs on a hashed, unchanged item."""
        with self._lock:
            row = self._database.execute(
                "SELECT checksums, unit, asked_at, newest FROM records WHERE key = ?",
                (item.key,),
            ).fetchone()
            if row is None:
                return
            if item.has_checksums(row[0]):
                tasks = self._load_tasks([item.key]) if self._project is not None else {}
                self._apply(item, row, tasks.get(item.key))
                self.mark_sent(item)  # stores the new stamp
                return
            # The unit of the former content isn't this item's.
            item.is_in_journal = False
            self._write("DELETE FROM records WHERE key = ?", [(item.key,)])
            self._write("DELETE FROM tasks WHERE key = ?", [(item.key,)])

    def _mark_seen(self, items: Sequence[UploadItem]) -> list[bool]:
        self._database.execute("BEGIN")
        insert = "INSERT OR IGNORE INTO temp.seen VALUES (?)"
        seen = [not self._database.execute(insert, (item.key,)).rowcount for item in items]
        self._database.execute("COMMIT")
        return seen

    def _load_tasks(self, keys: Sequence[bytes]) -> dict[bytes, tuple[int | None, float | None]]:
        marks = ",".join("?" * len(keys))
        rows = self._database.execute(
            f"SELECT key, task, asked_at FROM tasks WHERE project = ? AND key IN ({marks})",  # noqa: S608
            [self._project, *keys],
        )
        return {key: (task, requested_at) for key, task, requested_at in rows}

    def _apply(
        self,
        item: UploadItem,
        row: tuple[str, int | None, float | None, int | None],
        task: tuple[int | None, float | None] | None,
    ) -> None:
        checksums, unit, requested_at, newest = row
        item.unit = unit
        item.is_from_earlier_run = unit is not None and self.is_trusted
        if not item.is_from_earlier_run:
            item.load_checksums(checksums)
        if unit is None:
            if requested_at is not None:
                item.pending_unit = PendingCreate(requested_at, newest or 0)
        elif task is not None:
            item.task = task[0]
            if task[0] is None and task[1] is not None:
                item.pending_task = PendingCreate(task[1], 0)

    # -- Results of this run -----------------------------------------------------------------

    def mark_sent(self, item: UploadItem) -> None:
        """Mark an item's files as stored on the server; written in batches."""
        self._deferred.append(item)  # without the lock, so that senders don't wait
        if len(self._deferred) >= _MAX_DEFERRED:
            self.flush()

    def flush(self) -> None:
        """Write deferred items."""
        with self._lock:
            self._flush()

    def _flush(self, request_items: Sequence[UploadItem] = ()) -> None:
        """Write deferred items, but not those that a request for units writes."""
        deferred = [self._deferred.popleft() for _ in range(len(self._deferred))]
        request_ids = set(map(id, request_items))
        items = [item for item in deferred if id(item) not in request_ids]
        if items:
            self._update(_SENT, items)

    def request(self, kind: Kind, items: Sequence[UploadItem], newest: int = 0) -> PendingCreate:
        """Write that units or tasks are about to be requested.

        Args:
            kind: The kind of resource.
            items: The items.
            newest: Highest id before the request.
        """
        with self._lock:
            # The request for a unit writes the whole row of an item, its files included.
            self._flush(items if kind == "unit" else ())
            request = PendingCreate(time.time(), newest)
            self._update(_REQUEST[kind], items, request, is_durable=True)
            return request

    def create(self, kind: Kind, items: Sequence[UploadItem]) -> None:
        """Write the ids of created units or tasks."""
        self._update(_CREATE[kind], items)
        if kind == "unit":
            # An earlier run, whose response was lost, may have created them.
            units = [(item.unit,) for item in items]
            self._write("DELETE FROM existing WHERE unit = ?", units)

    def refuse(self, kind: Kind, items: Iterable[UploadItem]) -> None:
        """Write that requested units or tasks were not created."""
        self._update(_REFUSE[kind], items)

    def has_unit(self, unit: Any) -> bool:
        """Return whether a unit belongs to an item."""
        with self._lock:
            rows = self._database.execute("SELECT 1 FROM records WHERE unit = ?", (unit,))
            return rows.fetchone() is not None

    # -- Units of other uploads --------------------------------------------------------------

    def has_seen(self, newest: int, count: int) -> bool:
        """Return whether the journal has all units of the collection.

        Args:
            newest: Highest id of a unit.
            count: Number of units.
        """
        query = "SELECT 1 FROM existing WHERE unit = ?"
        is_known = self.has_unit(newest) or self._database.execute(query, (newest,)).fetchone()
        return not count or (bool(is_known) and count <= self.count_known()[0])

    @property
    def newest_seen(self) -> int:
        """Id up to which the journal has all units of the collection."""
        row = self._database.execute("SELECT value FROM facts WHERE name = 'seen'").fetchone()
        return int(row[0]) if row else 0

    def add_existing(self, units: Iterable[ExistingUnit], newest: int) -> None:
        """Add units that may be of other uploads.

        Args:
            units: All units of the collection above `newest_seen`.
            newest: Highest id of a unit before the units were read.
        """
        rows = (
            {
                "unit": unit.unit,
                "content": unit.content,
                "first": min(unit.checksums.items(), default=("", ""))[1],
                "checksums": json.dumps(unit.checksums),
            }
            for unit in units
        )
        self._write(_EXISTING, rows)
        self._write("INSERT OR REPLACE INTO facts VALUES ('seen', ?)", [(str(newest),)])

    def claim(self, items: Sequence[UploadItem]) -> list[UploadItem]:
        """Assign units of other uploads to hashed items with the same content, one to each.

        Returns:
            The items that got a unit.
        """
        with self._lock:
            if not self._database.execute("SELECT 1 FROM existing LIMIT 1").fetchone():
                return []
            # Two items may have the same content: a unit is taken before the next item looks.
            found = [item for item in items if self._claim(item)]
            self._update(_FOUND, found)
            return found

    def assign(self, items: Sequence[UploadItem]) -> None:
        """Write the units that the server has for hashed items."""
        self._update(_FOUND, items)

    def _claim(self, item: UploadItem) -> bool:
        first = min(item.files, key=lambda file: file.specification)
        rows = self._database.execute(
            "SELECT unit, checksums FROM existing WHERE content = ? AND first IN (?, ?)"
            " ORDER BY unit",
            (item.content, first.checksum, first.sha1),
        )
        for unit, checksums in rows:
            if item.is_equal(json.loads(checksums)):
                item.unit, item.is_from_earlier_run = unit, True
                self._database.execute("DELETE FROM existing WHERE unit = ?", (unit,))
                return True
        return False

    # -- Losses of the server ----------------------------------------------------------------

    def count_known(self) -> tuple[int, int]:
        """Return the numbers of known units and tasks."""
        units, tasks = self._database.execute(
            "SELECT (SELECT count(*) FROM records WHERE unit IS NOT NULL)"
            " + (SELECT count(*) FROM existing),"
            " (SELECT count(*) FROM tasks WHERE task IS NOT NULL AND project = ?)",
            (self._project,),
        ).fetchone()
        return units, tasks

    def retain_units(self, ids: Iterable[Any]) -> None:
        """Forget units, and their tasks, whose ids the server doesn't have."""
        with self._lock:
            self._load_ids(ids)
            is_gone = "unit IS NOT NULL AND unit NOT IN (SELECT id FROM existing_ids)"
            self._database.execute(
                f"DELETE FROM tasks WHERE key IN (SELECT key FROM records WHERE {is_gone})"  # noqa: S608
            )
            self._database.execute(f"UPDATE records SET unit = NULL WHERE {is_gone}")  # noqa: S608
            self._database.execute(
                "DELETE FROM existing WHERE unit NOT IN (SELECT id FROM existing_ids)"
            )
            self._database.execute("DROP TABLE existing_ids")

    def retain_tasks(self, ids: Iterable[Any]) -> None:
        """Forget tasks whose ids the server doesn't have."""
        with self._lock:
            self._load_ids(ids)
            self._database.execute(
                "DELETE FROM tasks WHERE project = ? AND task IS NOT NULL"
                " AND task NOT IN (SELECT id FROM existing_ids)",
                (self._project,),
            )
            self._database.execute("DROP TABLE existing_ids")

    def close(self) -> None:
        """Write deferred items, and release the lock."""
        with self._lock:
            try:
                self.flush()
            finally:
                self._database.close()

    def _load_ids(self, ids: Iterable[Any]) -> None:
        self._database.execute("CREATE TEMP TABLE existing_ids(id INTEGER PRIMARY KEY)")
        self._write("INSERT OR IGNORE INTO existing_ids VALUES (?)", ((number,) for number in ids))

    def _update(
        self,
        statement: str,
        items: Iterable[UploadItem],
        request: PendingCreate | None = None,
        *,
        is_durable: bool = False,
    ) -> None:
        has_files = ":checksums" in statement  # dumping the checksums takes longer than the rest
        rows = (
            {
                "key": item.key,
                "stamp": item.stamp if has_files else None,
                "checksums": item.dump_checksums() if has_files else None,
                "unit": item.unit,
                "task": item.task,
                "project": self._project,
                "at": request and request.at,
                "newest": request and request.newest,
            }
            for item in items
        )
        self._write(statement, rows, is_durable=is_durable)

    def _write(self, statement: str, rows: Iterable[Any], *, is_durable: bool = False) -> None:
        """Write rows in one transaction.

        Args:
            statement: The SQL statement.
            rows: Values of the statement.
            is_durable: Whether the rows must survive a power failure; they survive the process in
                any case.
        """
        with self._lock:
            self._database.execute(f"PRAGMA synchronous={'FULL' if is_durable else 'NORMAL'}")
            self._database.execute("BEGIN")
            try:
                self._database.executemany(statement, rows)
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")
