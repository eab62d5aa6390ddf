"""The progress of an upload on the disk, so that another run can continue.

An item is identified by its files' names and its metadata, a file by size, time and checksum.
Before units or tasks are requested, the journal notes that: after a lost response, because the
program was killed or the connection broke, the server is asked for what was created.

Only one run at a time uses a journal. The operating system holds the lock, and frees the lock with
the process.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from synapse.errors import InvalidQuery, JournalInUse
from synapse.transfer.bulk.upload_item import PendingCreate, UploadItem

__all__ = ["Journal"]

_MOST_PUT_OFF = 1000
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
CREATE TEMP TABLE seen(key BLOB PRIMARY KEY) WITHOUT ROWID;
"""


class Journal:
    """A journal, open for one run.

    Args:
        path: The journal's file, or `None` for a temporary one.
        collection: The server and the id of the collection.
        created: Distinguishes the collection from a later one with the same id, such as the
            creation time. The journal of another collection starts anew.
        project: The project that gets tasks, if any.

    Raises:
        JournalInUse: Another run is using the journal.
        UsageError: The journal can't be written, or the file is something else, such as the journal
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
        self._project = project
        self._lock = threading.RLock()
        self._done: deque[UploadItem] = deque()
        try:
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._database = sqlite3.connect(
                path or "", timeout=0.1, check_same_thread=False, isolation_level=None
            )
        except (OSError, sqlite3.Error) as error:
            raise InvalidQuery(
                f"The journal {path} can't be opened: {error}. Give another place by journal=, "
                "or by XDG_STATE_HOME."
            ) from error
        try:
            self._begin(collection, created)
        except InvalidQuery:
            self._database.close()
            raise
        except sqlite3.Error as error:
            self._database.close()
            if "locked" in str(error):
                raise JournalInUse(
                    f"Another upload is at it: it has the journal {path}. Wait for its end, or "
                    "give this one a journal= of its own."
                ) from None
            raise InvalidQuery(f"The journal {path} can't be used: {error}.") from error

    def _begin(self, collection: tuple[str, str], created: str) -> None:
        database = self._database
        database.execute("PRAGMA locking_mode=EXCLUSIVE")
        database.execute("BEGIN EXCLUSIVE")  # of which nothing is written to the file
        known = self._about()
        database.execute("COMMIT")
        # What it knows is lost when it is begun anew, and everything then made a second time: that
        # needs a better reason than a path that was given by mistake, or by another SDK.
        if known is not None and known[:2] != [*collection]:
            raise InvalidQuery(
                f"The journal {self._path} is of another collection ({known[1]} of {known[0]}): "
                "give each collection a journal= of its own."
            )
        database.execute("PRAGMA synchronous=NORMAL")
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA cache_size=-1024")
        database.execute("BEGIN EXCLUSIVE")
        for statement in _SCHEMA.split(";"):
            database.execute(statement)
        about = [*collection, created]
        if known != about:
            database.execute("DELETE FROM records")
            database.execute("DELETE FROM tasks")
            new = {"collection": json.dumps(about), "format": _FORMAT}
            database.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", new.items())
        database.execute("COMMIT")

    def _about(self) -> list[str] | None:
        """Return server, id and time of the journal's collection; `None` for a new journal.

        Raises:
            UsageError: The file isn't a journal, or is one of another SDK version.
        """
        tables = {name for (name,) in self._database.execute("SELECT name FROM sqlite_master")}
        if not tables:
            return None
        facts = {}
        if "facts" in tables:
            facts = dict(self._database.execute("SELECT name, value FROM facts"))
        if "format" not in facts or "collection" not in facts:
            raise InvalidQuery(f"The journal {self._path} can't be used: it is something else.")
        if facts["format"] != _FORMAT:
            raise InvalidQuery(
                f"The journal {self._path} was written by another version of the SDK: upload with "
                "that one, or give another journal=, which knows nothing of what is done."
            )
        about: list[str] = json.loads(facts["collection"])
        return about

    # -- What earlier runs did ---------------------------------------------------------------

    def recall(self, records: Sequence[UploadItem], *, is_unique: bool) -> list[bool]:
        """Fill items with the journal's knowledge.

        Args:
            records: Some items, no more than a few hundred.
            is_unique: Whether every item comes only once.

        Returns:
            For each item, whether this run has seen the same one before.
        """
        with self._lock:
            repeated = [False] * len(records) if is_unique else self._note_seen(records)
            keys = [record.key for record in records]
            marks = ",".join("?" * len(keys))
            rows = self._database.execute(
                "SELECT key, stamp, checksums, unit, asked_at, newest FROM records"  # noqa: S608
                f" WHERE key IN ({marks})",
                keys,
            )
            known = {row[0]: row for row in rows}
            tasks = self._tasks(keys) if known and self._project is not None else {}
            for record, is_again in zip(records, repeated, strict=True):
                row = known.get(record.key)
                record.is_noted = row is not None
                if row is not None and not is_again and row[1] == record.stamp:
                    self._take(record, row[2:], tasks.get(record.key))
            return repeated

    def recognise(self, record: UploadItem) -> None:
        """Fill an item, whose files were read, with the knowledge about these checksums."""
        with self._lock:
            row = self._database.execute(
                "SELECT checksums, unit, asked_at, newest FROM records WHERE key = ?",
                (record.key,),
            ).fetchone()
            if row is None:
                return
            if json.loads(row[0]) == record.checksums:
                tasks = self._tasks([record.key]) if self._project is not None else {}
                self._take(record, row, tasks.get(record.key))
                self.sent(record)  # they were written to, but are the same
                return
            # Its files are others now: what was made of the former ones isn't about them.
            self._write("DELETE FROM records WHERE key = ?", [(record.key,)])
            self._write("DELETE FROM tasks WHERE key = ?", [(record.key,)])

    def _note_seen(self, records: Sequence[UploadItem]) -> list[bool]:
        self._database.execute("BEGIN")
        insert = "INSERT OR IGNORE INTO temp.seen VALUES (?)"
        seen = [not self._database.execute(insert, (one.key,)).rowcount for one in records]
        self._database.execute("COMMIT")
        return seen

    def _tasks(self, keys: Sequence[bytes]) -> dict[bytes, tuple[int | None, float | None]]:
        marks = ",".join("?" * len(keys))
        rows = self._database.execute(
            f"SELECT key, task, asked_at FROM tasks WHERE project = ? AND key IN ({marks})",  # noqa: S608
            [self._project, *keys],
        )
        return {key: (task, asked_at) for key, task, asked_at in rows}

    def _take(
        self,
        record: UploadItem,
        row: tuple[str, int | None, float | None, int | None],
        task: tuple[int | None, float | None] | None,
    ) -> None:
        checksums, unit, asked_at, newest = row
        record.unit = unit
        record.is_old = unit is not None
        if unit is None:
            known = json.loads(checksums)
            for file in record.files:
                file.checksum = known.get(file.specification, "")
            if asked_at is not None:
                record.unit_asked = PendingCreate(asked_at, newest or 0)
        elif task is not None:
            record.task = task[0]
            if task[0] is None and task[1] is not None:
                record.task_asked = PendingCreate(task[1], 0)

    # -- What this run does ------------------------------------------------------------------

    def sent(self, record: UploadItem) -> None:
        """Note that the server has an item's files; written together with later notes."""
        self._done.append(record)  # without the lock: whoever sends files doesn't wait here
        if len(self._done) >= _MOST_PUT_OFF:
            self.flush()

    def flush(self) -> None:
        """Write postponed notes."""
        with self._lock:
            done = [self._done.popleft() for _ in range(len(self._done))]
            if done:
                self._write(
                    "INSERT INTO records(key, stamp, checksums) VALUES (?, ?, ?) ON CONFLICT(key)"
                    " DO UPDATE SET stamp = excluded.stamp, checksums = excluded.checksums",
                    ((one.key, one.stamp, json.dumps(one.checksums)) for one in done),
                )

    def asking_units(self, records: Sequence[UploadItem], newest: int) -> PendingCreate:
        """Note that units are about to be asked for."""
        with self._lock:
            self.flush()
            asked = PendingCreate(time.time(), newest)
            self._write(
                "INSERT OR REPLACE INTO records(key, stamp, checksums, asked_at, newest)"
                " VALUES (?, ?, ?, ?, ?)",
                (
                    (one.key, one.stamp, json.dumps(one.checksums), asked.at, newest)
                    for one in records
                ),
                survives=True,
            )
            return asked

    def made_units(self, records: Iterable[UploadItem]) -> None:
        """Note the units' ids."""
        self._write(
            "UPDATE records SET unit = ?, asked_at = NULL WHERE key = ?",
            ((one.unit, one.key) for one in records),
        )

    def no_units(self, records: Iterable[UploadItem]) -> None:
        """Note that units that were asked for weren't made."""
        self._write(
            "UPDATE records SET asked_at = NULL WHERE key = ?", ((one.key,) for one in records)
        )

    def asking_tasks(self, records: Sequence[UploadItem]) -> PendingCreate:
        """Note that tasks are about to be asked for."""
        asked = PendingCreate(time.time(), 0)
        self._write(
            "INSERT OR REPLACE INTO tasks VALUES (?, ?, NULL, ?)",
            ((one.key, self._project, asked.at) for one in records),
            survives=True,
        )
        return asked

    def made_tasks(self, records: Iterable[UploadItem]) -> None:
        """Note the tasks' ids."""
        self._write(
            "UPDATE tasks SET task = ?, asked_at = NULL WHERE key = ? AND project = ?",
            ((one.task, one.key, self._project) for one in records),
        )

    def no_tasks(self, records: Iterable[UploadItem]) -> None:
        """Note that tasks that were asked for weren't made."""
        self._write(
            "DELETE FROM tasks WHERE key = ? AND project = ?",
            ((one.key, self._project) for one in records),
        )

    def knows_unit(self, unit: Any) -> bool:
        """Return whether a unit belongs to an item."""
        with self._lock:
            found = self._database.execute("SELECT 1 FROM records WHERE unit = ?", (unit,))
            return found.fetchone() is not None

    # -- What the server has lost --------------------------------------------------------------

    def counts(self) -> tuple[int, int]:
        """Return the numbers of noted units and tasks."""
        units, tasks = self._database.execute(
            "SELECT (SELECT count(*) FROM records WHERE unit IS NOT NULL),"
            " (SELECT count(*) FROM tasks WHERE task IS NOT NULL AND project = ?)",
            (self._project,),
        ).fetchone()
        return units, tasks

    def keep_units(self, ids: Iterable[Any]) -> None:
        """Forget units, and their tasks, that no longer exist."""
        with self._lock:
            self._gather(ids)
            gone = "unit IS NOT NULL AND unit NOT IN (SELECT id FROM there)"
            self._database.execute(
                f"DELETE FROM tasks WHERE key IN (SELECT key FROM records WHERE {gone})"  # noqa: S608
            )
            self._database.execute(f"UPDATE records SET unit = NULL WHERE {gone}")  # noqa: S608
            self._database.execute("DROP TABLE there")

    def keep_tasks(self, ids: Iterable[Any]) -> None:
        """Forget tasks that no longer exist."""
        with self._lock:
            self._gather(ids)
            self._database.execute(
                "DELETE FROM tasks WHERE project = ? AND task IS NOT NULL"
                " AND task NOT IN (SELECT id FROM there)",
                (self._project,),
            )
            self._database.execute("DROP TABLE there")

    def close(self) -> None:
        """Write postponed notes, and free the journal."""
        with self._lock:
            self.flush()
            self._database.close()

    def _gather(self, ids: Iterable[Any]) -> None:
        self._database.execute("CREATE TEMP TABLE there(id INTEGER PRIMARY KEY)")
        self._write("INSERT OR IGNORE INTO there VALUES (?)", ((one,) for one in ids))

    def _write(
        self, statement: str, rows: Iterable[tuple[Any, ...]], *, survives: bool = False
    ) -> None:
        """Write some rows.

        Args:
            statement: The SQL statement.
            rows: The statement's values.
            survives: Whether the rows must survive a power failure; they survive any other end of
                the program in any case.
        """
        with self._lock:
            self._database.execute(f"PRAGMA synchronous={'FULL' if survives else 'NORMAL'}")
            self._database.execute("BEGIN")
            try:
                self._database.executemany(statement, rows)
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")
