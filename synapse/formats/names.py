"""Names of an export's files: safe, visible, and each given once."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import chain, count
from pathlib import PurePosixPath

from synapse._internal.scratch_database import open_scratch_database
from synapse.errors import UsageError
from synapse.formats.report import FormatReport
from synapse.formats.samples import Sample

__all__ = ["NameRegister", "check_split", "make_class_lines", "open_register", "unhide"]


def check_split(sample: Sample, reserved: frozenset[str]) -> None:
    """Refuse a split whose name the format uses for something else.

    Raises:
        UsageError: The name is one of those.
    """
    if sample.split in reserved:
        raise UsageError(
            f"{sample.name}: split={sample.split!r} can't name a folder. Use train, val or test."
        )


def make_class_lines(names: Iterable[str], place: str, report: FormatReport) -> list[str]:
    """Return names of classes that a file with one class in a line can hold, and note changes.

    Args:
        names: Names of the classes.
        place: Name of the file, for the report.
        report: Notes names that get other characters.
    """
    known = list(names)
    taken = set(known)
    lines: list[str] = []
    for name in known:
        line = " ".join(name.splitlines()).strip()
        if line != name or not line:
            stem = line or "_"
            candidates = chain([stem], (f"{stem}_{number}" for number in count(2)))
            line = next(each for each in candidates if each not in taken)
            taken.add(line)
            report.lose(place, "characters", f"The class {name!r} is written as {line!r}.")
        lines.append(line)
    return lines


def unhide(name: str) -> str:
    """Return a relative path of which no part is hidden: `.a.jpg` becomes `_a.jpg`."""
    return "/".join(re.sub(r"^\.", "_", part) for part in name.split("/"))


class NameRegister:
    """Names that are taken, whatever the case; on the disk, since there may be millions."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._database.execute("CREATE TABLE names (name TEXT PRIMARY KEY) WITHOUT ROWID")

    def choose(self, name: str, split: str | None = None, *, by_stem: bool = True) -> str:
        """Return the picture's name, or one like it if a picture of the same stem is there.

        Args:
            name: Relative path of the picture.
            split: Part of the data set, the first one to tell two pictures apart.
            by_stem: Whether two pictures that differ only in their suffix are told apart.
        """
        path = PurePosixPath(name)
        candidates = self._list_candidates(path, split)
        return str(next(each for each in candidates if self._take(each, by_stem=by_stem)))

    def _take(self, path: PurePosixPath, *, by_stem: bool) -> bool:
        """Take a name unless another picture has the name; return whether it was free."""
        key = str(path.with_suffix("") if by_stem else path).casefold()
        cursor = self._database.execute("INSERT OR IGNORE INTO names VALUES (?)", (key,))
        return cursor.rowcount > 0

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
    with closing(open_scratch_database()) as database:
        yield NameRegister(database)
