"""The agent's state: jobs, their output, deliveries to the backend, releases.

Everything is in one SQLite file, which one process at a time may use: a new process finds the jobs
that the last one left running.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import attrs

from synapse._internal.private_files import open_database
from synapse.errors import ConfigurationError
from synapse.jobs.spec import Outcome, OutputLine

__all__ = ["FINAL", "KeptJob", "KeptRelease", "Store"]

#: Final states: no transition leaves them.
FINAL = ("completed", "failed", "stopped")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY, code TEXT NOT NULL, version TEXT NOT NULL, action TEXT NOT NULL,
    params TEXT NOT NULL, debug INTEGER NOT NULL, status TEXT NOT NULL, reason TEXT,
    created TEXT NOT NULL, started TEXT, completed TEXT,
    lines INTEGER NOT NULL DEFAULT 0, sent INTEGER NOT NULL DEFAULT 0,
    told TEXT NOT NULL DEFAULT 'queued', is_given_up INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS lines (
    job TEXT NOT NULL, number INTEGER NOT NULL, message TEXT NOT NULL, level TEXT,
    created TEXT NOT NULL, PRIMARY KEY (job, number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS releases (
    code TEXT NOT NULL, version TEXT NOT NULL, id INTEGER, checksum TEXT NOT NULL,
    size INTEGER NOT NULL, config TEXT NOT NULL, created TEXT NOT NULL,
    PRIMARY KEY (code, version)
);
CREATE TABLE IF NOT EXISTS changing_releases (
    code TEXT NOT NULL, version TEXT NOT NULL, PRIMARY KEY (code, version)
) WITHOUT ROWID;
"""
_JOB = (
    "id, code, version, action, params, debug, status, reason, created, started, completed, "
    "lines, sent, told"
)
_RELEASE = "code, version, id, checksum, size, config, created"
_CAN_CHANGE = "(code, version) IN (SELECT code, version FROM changing_releases)"


def _open_database(path: Path) -> sqlite3.Connection:
    db = open_database(path, check_same_thread=False, isolation_level=None, timeout=0.5)
    try:
        # The lock of the whole file keeps a second agent out of the folder.
        db.execute("PRAGMA locking_mode=EXCLUSIVE")
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=NORMAL")
        db.executescript(_SCHEMA)
    except BaseException:
        db.close()
        raise
    return db


def _parse_document(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)
    return found


@attrs.frozen(kw_only=True)
class KeptJob:
    """A stored job.

    Attributes:
        id: The job's id at the backend.
        code: The plugin's code.
        version: The release's version.
        action: Name of the action.
        params: The action's parameters.
        debug: Whether the job runs for debugging.
        status: `queued`, `running`, `completed`, `failed` or `stopped`.
        reason: Reason of a failure or a stop.
        created: Time of arrival, as ISO 8601.
        started: Time when the code began to run.
        completed: Time of the end.
        lines: Number of printed lines.
        sent: Number of lines at the backend.
        told: Status at the backend.
    """

    id: str
    code: str
    version: str
    action: str
    params: Mapping[str, Any] = attrs.field(converter=_parse_document)
    debug: bool = attrs.field(converter=bool)
    status: str
    reason: str | None
    created: str
    started: str | None
    completed: str | None
    lines: int
    sent: int
    told: str

    @property
    def is_final(self) -> bool:
        """True if the job has ended."""
        return self.status in FINAL


@attrs.frozen(kw_only=True)
class KeptRelease:
    """A stored release.

    Attributes:
        code: The plugin's code.
        version: The release's version.
        id: The release's id at the backend.
        checksum: SHA-256 of the zip, in hex.
        size: Bytes of the zip.
        config: Content of the `config.yaml`.
        created: Time of fetching, as ISO 8601.
        can_change: Whether the backend may have another file by now.
    """

    code: str
    version: str
    id: int | None
    checksum: str
    size: int
    config: Mapping[str, Any] = attrs.field(converter=_parse_document)
    created: str
    can_change: bool = attrs.field(converter=bool)

    @property
    def key(self) -> str:
        """The release's key: `code@version`."""
        return f"{self.code}@{self.version}"


class Store:
    """The agent's state on the disk. Safe under threads.

    Args:
        folder: Folder of the state; created for the owner alone.
        keep: Number of ended and fully delivered jobs to keep.

    Raises:
        ConfigurationError: Another agent uses the folder, or the folder can't be written.
    """

    def __init__(self, folder: Path, *, keep: int = 1000) -> None:
        self.folder = folder
        self._keep = keep
        self._lock = threading.Lock()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._db = _open_database(folder / "agent.sqlite3")
        except sqlite3.Error as error:
            if "locked" in str(error):
                raise ConfigurationError(
                    f"Another agent uses {folder}: stop it, or give this one a folder of its own."
                ) from None
            raise ConfigurationError(f"{folder} can't be used: {error}.") from None
        except OSError as error:
            raise ConfigurationError(
                f"{folder} can't be used: {error.strerror or error}."
            ) from error

    def close(self) -> None:
        """Close the file. Later use raises `sqlite3.ProgrammingError`."""
        with self._lock:
            self._db.close()

    def node_id(self) -> str:
        """Return this machine's constant id as the agent's node."""
        with self._transact() as db:
            db.execute("INSERT OR IGNORE INTO about VALUES ('node', ?)", (uuid.uuid4().hex,))
            (found,) = db.execute("SELECT value FROM about WHERE name = 'node'").fetchone()
        return str(found)

    def belong_to(self, owner: str) -> None:
        """Store the backend's identity; the releases of another backend are forgotten.

        `digits@1.0.0` of another backend may be a different release.

        Args:
            owner: A text that differs for each backend.
        """
        with self._transact() as db:
            found = db.execute("SELECT value FROM about WHERE name = 'owner'").fetchone()
            if found is not None and found[0] != owner:
                db.execute("DELETE FROM releases")
            db.execute("INSERT OR REPLACE INTO about VALUES ('owner', ?)", (owner,))

    def setting(self, name: str) -> Any:
        """Return a stored setting of the agent; `None` if never stored."""
        rows = self._rows("SELECT value FROM about WHERE name = ?", (f"setting.{name}",))
        return json.loads(rows[0][0]) if rows else None

    def keep_setting(self, name: str, value: Any) -> None:
        """Store a setting of the agent.

        Args:
            name: Name of the setting.
            value: The value, which JSON can have.
        """
        row = (f"setting.{name}", json.dumps(value))
        with self._transact() as db:
            db.execute("INSERT OR REPLACE INTO about VALUES (?, ?)", row)

    # Jobs.

    def add(
        self,
        job_id: str,
        *,
        code: str,
        version: str,
        action: str,
        params: Mapping[str, Any],
        debug: bool,
    ) -> bool:
        """Store a queued job; return whether the job is new."""
        row = (job_id, code, version, action, json.dumps(dict(params)), debug, "queued", _now())
        with self._transact() as db:
            done = db.execute(
                "INSERT OR IGNORE INTO jobs (id, code, version, action, params, debug, status, "
                "created) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                row,
            )
            return done.rowcount == 1

    def job(self, job_id: str) -> KeptJob | None:
        """Return a job by id, if known."""
        found = self._jobs("WHERE id = ?", (job_id,))
        return found[0] if found else None

    def jobs(
        self, statuses: Sequence[str] = (), *, start: int = 0, limit: int = -1
    ) -> list[KeptJob]:
        """Return jobs, in the order in which they came; those in some states, or all."""
        where = f"WHERE status IN ({_marks(statuses)})" if statuses else ""
        return self._jobs(
            f"{where} ORDER BY created, rowid LIMIT ? OFFSET ?", (*statuses, limit, start)
        )

    def count(self, statuses: Sequence[str] = ()) -> int:
        """Return the number of jobs in some states, or in all."""
        where = f" WHERE status IN ({_marks(statuses)})" if statuses else ""
        ((number,),) = self._rows(f"SELECT count(*) FROM jobs{where}", tuple(statuses))  # noqa: S608 - marks only
        return int(number)

    def begin(self, job_id: str) -> None:
        """Note that a job's code begins to run."""
        with self._transact() as db:
            db.execute(
                "UPDATE jobs SET status = 'running', started = ? WHERE id = ? "
                "AND status = 'queued'",
                (_now(), job_id),
            )

    def append(self, job_id: str, lines: Sequence[OutputLine]) -> None:
        """Add lines to a job's log."""
        with self._transact() as db:
            _append(db, job_id, lines)

    def end(self, job_id: str, outcome: Outcome) -> None:
        """Store a job's outcome, with the reason as the last line; only the first call counts.

        A reason that the job's last line gives already isn't repeated.
        """
        with self._transact() as db:
            done = db.execute(
                f"UPDATE jobs SET status = ?, reason = ?, completed = ? WHERE id = ? "  # noqa: S608 - marks only
                f"AND status NOT IN ({_marks(FINAL)})",
                (outcome.status, outcome.reason, _now(), job_id, *FINAL),
            )
            if done.rowcount and outcome.reason and outcome.reason != _last_line(db, job_id):
                level = "error" if outcome.status == "failed" else "warning"
                _append(db, job_id, [OutputLine(outcome.reason, level, datetime.now(timezone.utc))])
        self._forget_old()

    def lines(self, job_id: str, start: int = 0, limit: int = -1) -> list[OutputLine]:
        """Return lines of a job's log, from the one with the number `start` on."""
        rows = self._rows(
            "SELECT message, level, created FROM lines WHERE job = ? AND number >= ? "
            "ORDER BY number LIMIT ?",
            (job_id, start, limit),
        )
        return [OutputLine(text, level, datetime.fromisoformat(at)) for text, level, at in rows]

    # Events that the backend has.

    def list_unreported(self) -> list[KeptJob]:
        """Return the jobs of which the backend doesn't know everything yet."""
        return self._jobs(
            "WHERE NOT is_given_up AND (sent < lines OR told != status) ORDER BY created, rowid", ()
        )

    def record_sent(self, job_id: str, count: int) -> None:
        """Note how many of a job's lines the backend has."""
        with self._transact() as db:
            db.execute("UPDATE jobs SET sent = ? WHERE id = ?", (count, job_id))

    def record_told(self, job_id: str, status: str) -> None:
        """Note which status of a job the backend has."""
        with self._transact() as db:
            db.execute("UPDATE jobs SET told = ? WHERE id = ?", (status, job_id))

    def give_up(self, job_id: str) -> None:
        """Note that the backend won't be told of a job any more."""
        with self._transact() as db:
            db.execute("UPDATE jobs SET is_given_up = 1 WHERE id = ?", (job_id,))

    # Releases.

    def keep_release(
        self,
        *,
        code: str,
        version: str,
        key: int | None,
        checksum: str,
        size: int,
        config: Mapping[str, Any],
        can_change: bool = False,
    ) -> KeptRelease:
        """Remember a release whose zip is on the disk now."""
        row = (code, version, key, checksum, size, json.dumps(dict(config), default=str), _now())
        with self._transact() as db:
            db.execute("INSERT OR REPLACE INTO releases VALUES (?, ?, ?, ?, ?, ?, ?)", row)
            db.execute(
                "DELETE FROM changing_releases WHERE code = ? AND version = ?", (code, version)
            )
            if can_change:
                db.execute("INSERT INTO changing_releases VALUES (?, ?)", (code, version))
        found = self.release(code, version)
        if found is None:
            raise RuntimeError("the release that was kept a moment ago is gone")
        return found

    def release(self, code: str, version: str) -> KeptRelease | None:
        """Return a stored release, if any."""
        found = self._releases("WHERE code = ? AND version = ?", (code, version))
        return found[0] if found else None

    def release_of_id(self, key: int) -> KeptRelease | None:
        """Return the stored release of a backend's id, if any."""
        found = self._releases("WHERE id = ?", (key,))
        return found[0] if found else None

    def releases(self) -> list[KeptRelease]:
        """Return all releases that are kept, in the order in which they came."""
        return self._releases("ORDER BY created, rowid", ())

    def drop_release(self, code: str, version: str) -> bool:
        """Forget a release; return whether the release was stored."""
        with self._transact() as db:
            done = db.execute(
                "DELETE FROM releases WHERE code = ? AND version = ?", (code, version)
            )
            return done.rowcount > 0

    def _forget_old(self) -> None:
        """Forget the oldest of the jobs that are over and told of."""
        with self._transact() as db:
            old = db.execute(
                f"SELECT id FROM jobs WHERE status IN ({_marks(FINAL)}) "  # noqa: S608 - marks only
                "AND (is_given_up OR (sent = lines AND told = status)) "
                "ORDER BY completed DESC LIMIT -1 OFFSET ?",
                (*FINAL, self._keep),
            ).fetchall()
            for key in old:
                db.execute("DELETE FROM lines WHERE job = ?", key)
                db.execute("DELETE FROM jobs WHERE id = ?", key)

    @contextmanager
    def _transact(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._db.execute("BEGIN")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # some faults, a full disk for one, have ended it
                    self._db.execute("ROLLBACK")
                raise

    def _rows(self, statement: str, values: tuple[Any, ...]) -> list[Any]:
        with self._lock:
            return self._db.execute(statement, values).fetchall()

    def _jobs(self, clauses: str, values: tuple[Any, ...]) -> list[KeptJob]:
        rows = self._rows(f"SELECT {_JOB} FROM jobs {clauses}", values)  # noqa: S608 - our own words
        return [KeptJob(**dict(zip(_JOB.split(", "), row, strict=True))) for row in rows]

    def _releases(self, clauses: str, values: tuple[Any, ...]) -> list[KeptRelease]:
        rows = self._rows(f"SELECT {_RELEASE}, {_CAN_CHANGE} FROM releases {clauses}", values)  # noqa: S608 - our own words
        names = [*_RELEASE.split(", "), "can_change"]
        return [KeptRelease(**dict(zip(names, row, strict=True))) for row in rows]


def _last_line(db: sqlite3.Connection, job_id: str) -> str | None:
    found = db.execute(
        "SELECT message FROM lines WHERE job = ? ORDER BY number DESC LIMIT 1", (job_id,)
    ).fetchone()
    return None if found is None else str(found[0])


def _append(db: sqlite3.Connection, job_id: str, lines: Sequence[OutputLine]) -> None:
    found = db.execute("SELECT lines FROM jobs WHERE id = ?", (job_id,)).fetchone()
    if found is None:
        return
    (start,) = found
    db.executemany(
        "INSERT INTO lines VALUES (?, ?, ?, ?, ?)",
        [
            (
                job_id,
                number,
                _replace_unstorable(line.message),
                line.level,
                line.created.isoformat(),
            )
            for number, line in enumerate(lines, start)
        ],
    )
    db.execute("UPDATE jobs SET lines = lines + ? WHERE id = ?", (len(lines), job_id))


def _replace_unstorable(message: str) -> str:
    """Return a line without NUL and halves of surrogate pairs, which databases refuse."""
    return message.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" * len(values))


def _now() -> str:
    return datetime.now(timezone.utc).isoformat()
