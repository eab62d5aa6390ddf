"""Rows on disk, while a file is being made of them.

The rows are appended to `.NAME.part`, block by block: a line with size, checksum and place, then
the content. A killed program leaves whole blocks and perhaps a piece of one, which the next call
cuts off. When all rows are present, the file is made of the blocks and gets the final name.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from synapse._internal.descriptors import write_all
from synapse._internal.file_lock import release_lock
from synapse._internal.key_order import Place
from synapse._internal.part_files import find_part_path, open_part
from synapse.errors import UsageError

__all__ = ["BlockFile", "StoredBlock", "digest_facts"]

_VERSION = 1
_LONGEST_LINE = 1 << 20


class StoredBlock(NamedTuple):
    """Rows that one call of `add_block` stored.

    Attributes:
        content: The rows, in the caller's form.
        rows: Number of rows.
        place: The place after them; `None` if no call can go on from there.
        end: Position after the block in the file.
    """

    content: bytes
    rows: int
    place: Place | None
    end: int


class BlockFile:
    """Blocks of rows on disk, locked until closed. A thread may append while another closes.

    Args:
        target: Path of the final file.
        identity: Facts about the rows by name, which the call that goes on must share. Messages
            show all but `digest`.

    Attributes:
        target: Path of the final file.
        rows: Number of rows.
        place: The place after the last row; `None` if no call can go on from there.

    Raises:
        OSError: The file can't be created.
    """

    def __init__(self, target: Path, identity: Mapping[str, str]) -> None:
        self.rows = 0
        self.place: Place | None = None
        self.target = target
        self._identity = {"version": _VERSION, **identity}
        self._path, self._descriptor = open_part(target, mode=0o600)
        self._complete = self._path.with_suffix(".new")
        self._end = 0
        self._lock = threading.Lock()

    @property
    def is_resumable(self) -> bool:
        """Whether another call can go on after the rows."""
        return self.place is not None and self._path == find_part_path(self.target)

    def resume(self) -> None:
        """Go on after the whole blocks of an earlier call, or begin.

        Raises:
            UsageError: The earlier call wrote other rows.
        """
        other = self._read_identity()
        for block in self.blocks():
            self.rows += block.rows
            self.place, self._end = block.place, block.end
        if self.place is None:
            self.clear()
        elif other != self._identity:
            raise UsageError(self._describe_other(other))
        else:
            self._truncate(self._end)

    def clear(self) -> None:
        """Remove all rows."""
        self.rows, self.place = 0, None
        self._truncate(0)
        self._write(_encode(self._identity))

    def add_block(self, content: bytes, rows: int, place: Place | None) -> None:
        """Append rows.

        Args:
            content: The rows, in the caller's form.
            rows: Number of rows.
            place: The place after them; `None` if no call can go on from there.

        Raises:
            OSError: The rows can't be written.
        """
        line = [len(content), zlib.crc32(content), rows, place]
        self._write(_encode(line) + content)
        self.rows += rows
        self.place = place

    def blocks(self) -> Iterator[StoredBlock]:
        """Yield the whole blocks."""
        with self._path.open("rb") as file:
            file.readline(_LONGEST_LINE)
            while True:
                match _decode(file.readline(_LONGEST_LINE)):
                    case [int(size), int(checksum), int(rows), place]:
                        content = file.read(size)
                        if len(content) != size or zlib.crc32(content) != checksum:
                            return
                        yield StoredBlock(content, rows, place and Place(*place), file.tell())
                        del content  # before the next one is read
                    case _:
                        return

    def publish(self, write: Callable[[Path], int]) -> None:
        """Make the final file, and remove the rows on disk.

        Args:
            write: Writes the file of the rows to a path, and returns the number of rows.

        Raises:
            OSError: The file can't be written, or the rows can't be read.
        """
        self._complete.unlink(missing_ok=True)  # of a killed program
        if write(self._complete) != self.rows:
            raise OSError(errno.EIO, "The stored rows have been damaged", str(self._path))
        if os.name == "nt":  # Windows can't remove an open file
            self._release()
        # First: rows that outlive the file would come into the file of the next call.
        self._path.unlink()
        self._complete.replace(self.target)
        self._release()

    def close(self, *, keep: bool) -> None:
        """Release the lock.

        Args:
            keep: Whether to keep the rows if another call can go on after them.
        """
        if self._descriptor < 0:
            return
        keep = keep and self.is_resumable
        with contextlib.suppress(OSError):
            if not keep:
                self._truncate(0)  # Windows doesn't remove what another program has open
        if os.name == "nt":
            self._release()
        with contextlib.suppress(OSError):
            self._complete.unlink(missing_ok=True)
            if not keep:
                self._path.unlink(missing_ok=True)
        self._release()

    def _release(self) -> None:
        with self._lock:
            descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            release_lock(descriptor)

    def _truncate(self, end: int) -> None:
        with self._lock:
            os.ftruncate(self._descriptor, end)
            self._end = end

    def _write(self, content: bytes) -> None:
        with self._lock:  # a closed descriptor's number may be that of another file
            os.lseek(self._descriptor, self._end, os.SEEK_SET)
            write_all(self._descriptor, content)
            self._end += len(content)

    def _read_identity(self) -> dict[str, Any]:
        with self._path.open("rb") as file:
            identity = _decode(file.readline(_LONGEST_LINE))
        return identity if isinstance(identity, dict) else {}

    def _describe_other(self, other: Mapping[str, Any]) -> str:
        mine = self._identity
        names = [name for name in mine if name != "digest" and other.get(name) != mine[name]]
        differences = " and ".join(f"another {name} ({other.get(name)})" for name in names)
        return (
            f"{self.target.name} is unfinished: a call with {differences or 'other arguments'} has "
            f"stored {self.rows:,} rows. Repeat that call to go on, or pass resume=False to remove "
            "the rows and begin anew."
        )


def digest_facts(facts: object) -> str:
    """Return a digest of facts that a file's identity doesn't show."""
    return hashlib.sha256(json.dumps(facts, default=str).encode()).hexdigest()


def _encode(line: Any) -> bytes:
    return json.dumps(line).encode() + b"\n"


def _decode(line: bytes) -> Any:
    """Return a line's value; `None` for a piece of a line."""
    try:
        return json.loads(line) if line.endswith(b"\n") else None
    except ValueError:
        return None
