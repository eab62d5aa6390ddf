"""What an agent remembers: its jobs, what they printed, what the backend was told, its releases.

Everything is in one SQLite file, which one process at a time may have: what was running when the
last one ended is found here by the next.
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

from synapse.errors import ConfigurationError
from synapse.jobs.spec import Outcome, OutputLine

__all__ = ["FINAL", "KeptJob", "KeptRelease", "Store"]

#: The states that nothing comes after.
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
"""
_JOB = (
    "id, code, version, action, params, debug, status, reason, created, started, completed, "
    "lines, sent, told"
)
_RELEASE = "code, version, id, checksum, size, config, created"


def _opened(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=0.5)
    try:
        # The lock of the whole file is what keeps a second agent out of the folder.
        db.execute("PRAGMA locking_mode=EXCLUSIVE")
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=NORMAL")
        db.executescript(_SCHEMA)
    except BaseException:
        db.close()
        raise
    return db


def _document(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)
    return found


@attrs.frozen(kw_only=True)
class KeptJob:
    """A job as the agent remembers it.

    Attributes:
        id: The job's id, which the backend knows it by.
        code: The plugin's code.
        version: The release's version.
        action: Which of its actions.
        params: What that is given.
        debug: Whether it runs for debugging.
        status: `queued`, `running`, `completed`, `failed` or `stopped`.
        reason: Why it failed or was stopped.
        created: When the agent got it, as ISO 8601.
        started: When its code began to run.
        completed: When it ended.
        lines: How many lines it has printed.
        sent: How many of them the backend has.
        told: Which status the backend has.
    """

    id: str
    code: str
    version: str
    action: str
    params: Mapping[str, Any] = attrs.field(converter=_document)
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
        """Whether it has ended."""
        return self.status in FINAL


@attrs.frozen(kw_only=True)
class KeptRelease:
    """A release that the agent has on its disk.

    Attributes:
        code: The plugin's code.
        version: The release's version.
        id: Its id at the backend.
        checksum: The SHA-256 of the zip, in hex.
        size: The bytes of the zip.
        config: What its `config.yaml` says.
        created: When it was fetched, as ISO 8601.
    """

    code: str
    version: str
    id: int | None
    checksum: str
    size: int
    config: Mapping[str, Any] = attrs.field(converter=_document)
    created: str

    @property
    def key(self) -> str:
        """What it is called: `code@version`."""
        return f"{self.code}@{self.version}"


class Store:
    """The agent's memory. All of it may be used from several threads.

    Args:
        folder: Where it is; made if it isn't there, for its owner alone.
        keep: How many jobs that have ended, and of which the backend knows all, are remembered.

    Raises:
        ConfigurationError: Another agent uses the folder, or it can't be written.
    """

    def __init__(self, folder: Path, *, keep: int = 1000) -> None:
        self.folder = folder
        self._keep = keep
        self._lock = threading.Lock()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._db = _opened(folder / "agent.sqlite3")
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
        """Give the file back. Later use raises `sqlite3.ProgrammingError`."""
        with self._lock:
            self._db.close()

    def node_id(self) -> str:
        """Return the id of this machine as the agent's node; it stays the same."""
        with self._changing() as db:
            db.execute("INSERT OR IGNORE INTO about VALUES ('node', ?)", (uuid.uuid4().hex,))
            (found,) = db.execute("SELECT value FROM about WHERE name = 'node'").fetchone()
        return str(found)

    def belong_to(self, owner: str) -> None:
        """Note for whom the agent works; the releases of another are forgotten.

        What is called `digits@1.0.0` there may be something else here.

        Args:
            owner: A text that differs for each.
        """
        with self._changing() as db:
            found = db.execute("SELECT value FROM about WHERE name = 'owner'").fetchone()
            if found is not None and found[0] != owner:
                db.execute("DELETE FROM releases")
            db.execute("INSERT OR REPLACE INTO about VALUES ('owner', ?)", (owner,))

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
        """Remember a job as queued; say whether it wasn't known before."""
        row = (job_id, code, version, action, json.dumps(dict(params)), debug, "queued", _now())
        with self._changing() as db:
            done = db.execute(
                "INSERT OR IGNORE INTO jobs (id, code, version, action, params, debug, status, "
                "created) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                row,
            )
            return done.rowcount == 1

    def job(self, job_id: str) -> KeptJob | None:
        """Return a job, if there is one of this id."""
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
        """Return how many jobs there are, in some states or in all."""
        where = f" WHERE status IN ({_marks(statuses)})" if statuses else ""
        ((number,),) = self._rows(f"SELECT count(*) FROM jobs{where}", tuple(statuses))  # noqa: S608 - marks only
        return int(number)

    def begin(self, job_id: str) -> None:
        """Note that a job's code begins to run."""
        with self._changing() as db:
            db.execute(
                "UPDATE jobs SET status = 'running', started = ? WHERE id = ? "
                "AND status = 'queued'",
                (_now(), job_id),
            )

    def append(self, job_id: str, lines: Sequence[OutputLine]) -> None:
        """Add lines to a job's log."""
        with self._changing() as db:
            _append(db, job_id, lines)

    def end(self, job_id: str, outcome: Outcome) -> None:
        """Note how a job ended, the reason as its last line; only the first time counts.

        A reason that the job's last line gives already isn't said twice.
        """
        with self._changing() as db:
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

    # What the backend was told.

    def untold(self) -> list[KeptJob]:
        """Return the jobs of which the backend doesn't know everything yet."""
        return self._jobs(
            "WHERE NOT is_given_up AND (sent < lines OR told != status) ORDER BY created, rowid", ()
        )

    def sent(self, job_id: str, count: int) -> None:
        """Note how many of a job's lines the backend has."""
        with self._changing() as db:
            db.execute("UPDATE jobs SET sent = ? WHERE id = ?", (count, job_id))

    def told(self, job_id: str, status: str) -> None:
        """Note which status of a job the backend has."""
        with self._changing() as db:
            db.execute("UPDATE jobs SET told = ? WHERE id = ?", (status, job_id))

    def give_up(self, job_id: str) -> None:
        """Note that the backend won't be told of a job any more."""
        with self._changing() as db:
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
    ) -> KeptRelease:
        """Remember a release whose zip is on the disk now."""
        row = (code, version, key, checksum, size, json.dumps(dict(config), default=str), _now())
        with self._changing() as db:
            db.execute("INSERT OR REPLACE INTO releases VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        found = self.release(code, version)
        if found is None:
            raise RuntimeError("the release that was kept a moment ago is gone")
        return found

    def release(self, code: str, version: str) -> KeptRelease | None:
        """Return a release that is kept, if it is."""
        found = self._releases("WHERE code = ? AND version = ?", (code, version))
        return found[0] if found else None

    def release_of_id(self, key: int) -> KeptRelease | None:
        """Return the release that the backend knows by an id, if it is kept."""
        found = self._releases("WHERE id = ?", (key,))
        return found[0] if found else None

    def releases(self) -> list[KeptRelease]:
        """Return all releases that are kept, in the order in which they came."""
        return self._releases("ORDER BY created, rowid", ())

    def drop_release(self, code: str, version: str) -> bool:
        """Forget a release; say whether it was kept."""
        with self._changing() as db:
            done = db.execute(
                "DELETE FROM releases WHERE code = ? AND version = ?", (code, version)
            )
            return done.rowcount > 0

    def _forget_old(self) -> None:
        """Forget the oldest of the jobs that are over and told of."""
        with self._changing() as db:
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
    def _changing(self) -> Iterator[sqlite3.Connection]:
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
        rows = self._rows(f"SELECT {_RELEASE} FROM releases {clauses}", values)  # noqa: S608 - our own words
        return [KeptRelease(**dict(zip(_RELEASE.split(", "), row, strict=True))) for row in rows]


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
            (job_id, number, _storable(line.message), line.level, line.created.isoformat())
            for number, line in enumerate(lines, start)
        ],
    )
    db.execute("UPDATE jobs SET lines = lines + ? WHERE id = ?", (len(lines), job_id))


def _storable(message: str) -> str:
    """Return a line without what no database takes: NUL, and halves of surrogate pairs."""
    return message.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" * len(values))


def _now() -> str:
    return datetime.now(timezone.utc).isoformat()
