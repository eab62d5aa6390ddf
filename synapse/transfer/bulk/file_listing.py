"""Sort local files by unit, on the disk.

A folder is listed as a whole before anything is sent. `FileListing` sorts the files by unit,
whatever the order of the file system, and needs no memory for them.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path, PurePosixPath

from synapse._internal.scratch_database import open_scratch_database
from synapse.errors import UsageError
from synapse.transfer.bulk.specification_matcher import Placement, find_core, find_mask_folder
from synapse.transfer.bulk.upload_item import ItemFile, quote_path
from synapse.transfer.filenames import fold

__all__ = ["FileListing", "join_names"]

_BATCH_SIZE = 1000
_MAX_SHOWN = 3
_SCHEMA = """
PRAGMA journal_mode=OFF;
PRAGMA synchronous=OFF;
PRAGMA cache_size=-1024;
CREATE TABLE files(
    key BLOB, specification TEXT, relative BLOB, size INTEGER, changed INTEGER, short BLOB,
    target BLOB, doubt BLOB, PRIMARY KEY(key, specification, relative)
) WITHOUT ROWID;
"""
# Files without a partner whose short key is free for their specification.
_MOVES = """
CREATE TEMP TABLE moves AS SELECT key, specification, relative, short FROM files AS one
WHERE short IS NOT NULL
AND NOT EXISTS (SELECT 1 FROM files WHERE key = one.key AND relative != one.relative)
AND NOT EXISTS (SELECT 1 FROM files WHERE key = one.short AND specification = one.specification);
DELETE FROM moves WHERE (short, specification) IN
    (SELECT short, specification FROM moves GROUP BY short, specification HAVING count(*) > 1);
UPDATE files SET key = short WHERE (key, specification, relative) IN
    (SELECT key, specification, relative FROM moves);
DROP TABLE moves;
"""


class FileListing:
    """Sort the files below a folder by unit, on disk.

    Args:
        root: The folder.

    Attributes:
        notes: Remarks on files that were left out, and on units that may belong together.
        left_out: Number of files that were left out.
        doubtful: Folders of masks that were left out.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._real_root = os.path.realpath(root)
        self.notes: list[str] = []
        self.left_out = 0
        self.doubtful: list[str] = []
        self._database = open_scratch_database(self)
        self._database.executescript(_SCHEMA)
        self._database.create_function("fold_key", 1, _fold_key, deterministic=True)
        self._database.create_function("core", 1, _core, deterministic=True)

    @property
    def files(self) -> int:
        """Number of files."""
        return int(self._fetch_value("SELECT count(*) FROM files"))

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return int(self._fetch_value("SELECT coalesce(sum(max(size, 0)), 0) FROM files"))

    def list_specifications(self) -> set[str]:
        """Return the names of the specifications that have files."""
        rows = self._database.execute("SELECT DISTINCT specification FROM files")
        return {name for (name,) in rows}

    def has_pairs(self) -> bool:
        """Return whether a unit has several files."""
        query = "SELECT EXISTS (SELECT 1 FROM files GROUP BY key HAVING count(*) > 1)"
        return bool(self._fetch_value(query))

    def fill(self, files: Iterable[tuple[Placement, ItemFile, bool]]) -> None:
        """Add files, each with the place, and whether a link leads to the file."""
        batch: list[tuple[object, ...]] = []
        for place, file, is_linked in files:
            batch.append(
                (
                    os.fsencode(place.key),
                    place.specification,
                    os.fsencode(file.name),
                    file.size,
                    file.changed,
                    os.fsencode(place.short) if place.short != place.key else None,
                    self._find_target(file) if is_linked else None,
                    os.fsencode(find_mask_folder(file.name)) if place.is_doubtful else None,
                )
            )
            if len(batch) >= _BATCH_SIZE:
                self._insert(batch)
                batch.clear()
        self._insert(batch)

    def settle(self) -> None:
        """Pair the files, and leave out masks without a specification and linked copies."""
        self._leave_out_doubtful()
        self._database.executescript(_MOVES)
        self._leave_out_copies()

    def check(self, required: Iterable[str]) -> None:
        """Check that each unit has the required files, and none twice.

        Args:
            required: Names of the required specifications.

        Raises:
            UsageError: Some units lack a file; the message has their number and some names.
        """
        self._note_near_misses()
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
        rows = self._database.execute(
            "SELECT key, specification, relative, size, changed FROM files"
            " ORDER BY key, specification, relative"
        )
        for key, group in groupby(rows, key=itemgetter(0)):
            yield os.fsdecode(key), [self._build_file(*row[1:]) for row in group]

    def close(self) -> None:
        """Remove the temporary file."""
        self._database.close()

    def _build_file(self, specification: str, name: bytes, size: int, changed: int) -> ItemFile:
        relative = os.fsdecode(name)
        path = os.path.join(self._root, relative)  # noqa: PTH118 - for millions of files
        return ItemFile(specification, path, relative, size, changed)

    def _find_target(self, file: ItemFile) -> bytes:
        """Return the file behind links, relative to the root as far as possible."""
        target = os.path.realpath(file.path)
        return os.fsencode(os.path.relpath(target, self._real_root).replace(os.sep, "/"))

    def _insert(self, batch: list[tuple[object, ...]]) -> None:
        statement = "INSERT OR IGNORE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        self._database.executemany(statement, batch)

    def _fetch_value(self, query: str) -> int:
        value: int = self._database.execute(query).fetchone()[0]
        return value

    def _leave_out_doubtful(self) -> None:
        """Leave out folders of masks that lie beside the pictures, and have their names."""
        execute = self._database.execute
        if not self._fetch_value("SELECT count(*) FROM files WHERE doubt IS NOT NULL"):
            return
        execute("CREATE TEMP TABLE cores(core BLOB PRIMARY KEY)")
        execute("INSERT OR IGNORE INTO cores SELECT core(relative) FROM files WHERE doubt IS NULL")
        rows = execute(
            "SELECT doubt, count(*) FROM files WHERE doubt IS NOT NULL GROUP BY doubt"
            " HAVING 2 * sum(core(relative) IN (SELECT core FROM cores)) >= count(*)"
        ).fetchall()
        for folder, _ in rows:
            execute("DELETE FROM files WHERE doubt = ?", (folder,))
        if rows:
            self.left_out += sum(count for _, count in rows)
            self.doubtful = [os.fsdecode(folder) for folder, _ in rows]
            folders = join_names([f"{folder}/" for folder in self.doubtful])
            self.notes.append(
                f"{folders}: masks were not taken ({self.left_out:,}), because the names promise "
                "annotations of pictures that are elsewhere. Name the folder after a "
                "specification, or pass match=."
            )
        execute("DROP TABLE cores")

    def _leave_out_copies(self) -> None:
        """Leave out units of links whose files another unit has, too."""
        execute = self._database.execute
        rows = execute("SELECT DISTINCT key FROM files WHERE target IS NOT NULL").fetchall()
        if not rows:
            return
        execute("CREATE INDEX by_target ON files(coalesce(target, relative))")
        copies = 0
        # The longest paths first: of several ways to a file, the shortest stays.
        for (key,) in sorted(rows, key=lambda row: (-len(row[0]), row[0])):
            targets = self._fetch_targets(key)
            others = execute(
                "SELECT DISTINCT key FROM files WHERE coalesce(target, relative) = ? AND key != ?",
                (targets[0][1], key),
            ).fetchall()
            if any(self._fetch_targets(other) == targets for (other,) in others):
                copies += 1
                self.left_out += execute("DELETE FROM files WHERE key = ?", (key,)).rowcount
        if copies:
            records = "1 record was" if copies == 1 else f"{copies:,} records were"
            self.notes.append(
                f"{records} left out, because links lead to the same files as other records."
            )

    def _fetch_targets(self, key: bytes) -> list[tuple[str, bytes]]:
        return self._database.execute(
            "SELECT specification, coalesce(target, relative) FROM files WHERE key = ? ORDER BY 1",
            (key,),
        ).fetchall()

    def _note_near_misses(self) -> None:
        """Note units that only differ in spelling, and would be one unit together."""
        if self._fetch_value("SELECT count(DISTINCT specification) FROM files") < 2:
            return
        rows = self._database.execute(
            "SELECT min(key), max(key) FROM files GROUP BY fold_key(key)"
            " HAVING min(key) != max(key) AND count(DISTINCT specification) = count(*)"
        ).fetchall()
        if rows:
            pairs = "1 group" if len(rows) == 1 else f"{len(rows):,} groups"
            names = join_names([" and ".join(map(os.fsdecode, row)) for row in rows])
            self.notes.append(
                f"{pairs} of records differ only in spelling and stay apart: {names}. Give the "
                "files of a record the same name."
            )

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
        reasons = " ".join([f"{units} {problem}: {names}{more}. Nothing was sent.", *self.notes])
        raise UsageError(reasons)


def join_names(names: list[str], count: int = _MAX_SHOWN) -> str:
    """Return the first names for a message."""
    shown = ", ".join(map(quote_path, names[:count]))
    return f"{shown}, ..." if len(names) > count else shown


# Functions for SQLite, whose text can't hold each name.


def _core(relative: bytes) -> bytes:
    return os.fsencode(find_core(fold(PurePosixPath(os.fsdecode(relative)).stem)))


def _fold_key(key: bytes) -> bytes:
    """Return a key without differences that people overlook: `a/1`, `A/001`, `a/1.nii`."""
    folder, _, name = fold(unicodedata.normalize("NFKC", os.fsdecode(key))).rpartition("/")
    name = re.sub(r"[\s_.-]+", "_", name.partition(".")[0] or name)
    name = re.sub(r"(?<!\d)0+(?=\d)", "", name)
    return os.fsencode(f"{folder}/{name}")
