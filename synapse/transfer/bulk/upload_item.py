"""What becomes one data unit: its files, and what is kept with them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from typing import Any

import attrs

from synapse.errors import FieldValueError

__all__ = ["ItemFile", "PendingCreate", "Specification", "UploadItem", "shown"]


@attrs.frozen
class Specification:
    """What a collection says of one file of its units.

    Attributes:
        name: The name by which a unit's files are told apart.
        file_type: What it holds, such as `image`.
        is_required: Whether each unit must have it.
        is_primary: Whether it is the one that is shown.
    """

    name: str
    file_type: str
    is_required: bool = True
    is_primary: bool = False


@attrs.define(eq=False)
class ItemFile:
    """One file of a record.

    Attributes:
        specification: The name of its file specification.
        path: Where it is.
        name: What the server is told that it is called.
        size: Bytes; -1 before it was looked at, or when it can't be.
        changed: When it was written to, in nanoseconds.
        checksum: The MD5 of its bytes, once they were read.
        is_held: Whether the server has them.
        origin: By what it is known again in another run, if that isn't its name.
    """

    specification: str
    path: str
    name: str
    size: int = -1
    changed: int = -1
    checksum: str = ""
    is_held: bool = False
    origin: str = ""

    def look(self) -> None:
        """Take note of its size, and of when it was written to, if it is there."""
        try:
            status = os.stat(self.path)  # noqa: PTH116 - twice as fast, for millions of files
        except (OSError, ValueError):
            return
        self.size, self.changed = status.st_size, status.st_mtime_ns

    def has_changed(self) -> bool:
        """Say whether it is there, and isn't any more what it was when it was looked at."""
        try:
            status = os.stat(self.path)  # noqa: PTH116 - as above
        except OSError:
            return False
        return (status.st_size, status.st_mtime_ns) != (self.size, self.changed)


@attrs.frozen
class PendingCreate:
    """A request to make something whose answer isn't known.

    Attributes:
        at: When it was sent, in seconds since 1970.
        newest: The highest id of its kind before.
    """

    at: float
    newest: int


@attrs.define(eq=False)
class UploadItem:
    """What becomes one data unit.

    Attributes:
        label: What it is called in messages.
        files: Its files.
        meta: What is kept with the unit.
        number: Its place in the source.
        unit: The unit's id, once it is made.
        unit_asked: How it was asked for, when it isn't known whether it was made.
        task: Its task's id, once that is made.
        task_asked: How that was asked for.
        lost: How often this run has lost an answer about it.
        is_noted: Whether the journal has an entry for its key, possibly of other files.
        is_old: Whether an earlier run made the unit.
    """

    label: str
    files: list[ItemFile]
    meta: dict[str, Any]
    number: int = 0
    unit: int | None = None
    unit_asked: PendingCreate | None = None
    task: int | None = None
    task_asked: PendingCreate | None = None
    lost: int = 0
    is_noted: bool = False
    is_old: bool = False
    _key: bytes = b""

    @property
    def key(self) -> bytes:
        """By what the record is known again: its files' names and its meta."""
        if not self._key:
            parts = sorted(f"{one.specification}\0{one.origin or one.name}" for one in self.files)
            if self.meta:
                parts.append(json.dumps(self.meta, sort_keys=True, allow_nan=False))
            text = "\0\0".join(parts).encode("utf-8", "surrogateescape")
            self._key = hashlib.blake2b(text, digest_size=16).digest()
        return self._key

    def check(self) -> None:
        """Check that what is kept with the unit can be sent.

        Raises:
            FieldValueError: It isn't JSON.
        """
        try:
            self.key  # noqa: B018
            # Half a pair of surrogates is text to JSON, and can't be sent.
            json.dumps(self.meta, ensure_ascii=False).encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise FieldValueError(
                f"{self.label}: its meta can't be sent as JSON: {error}"
            ) from None

    @property
    def stamp(self) -> str:
        """By what it is seen, without reading them, that its files haven't changed."""
        if len(self.files) == 1:
            return f"{self.files[0].size}.{self.files[0].changed}"
        return " ".join(
            f"{file.size}.{file.changed}"
            for file in sorted(self.files, key=lambda file: file.specification)
        )

    @property
    def checksums(self) -> dict[str, str]:
        """The files' checksums by specification."""
        return {file.specification: file.checksum for file in self.files}

    @property
    def size(self) -> int:
        """Bytes of all its files, as far as they could be looked at."""
        return sum(max(file.size, 0) for file in self.files)

    def body(self, collection: Any) -> dict[str, Any]:
        """Return what a unit is made of."""
        files = {
            file.specification: {"checksum": file.checksum, "path": file.name}
            for file in self.files
        }
        return {"data_collection": collection, "files": files, "meta": self.meta}

    def is_made_as(self, row: Mapping[str, Any], *, by_name: bool) -> bool:
        """Say whether a unit of the server is what this record becomes.

        Args:
            row: The server's record of the unit.
            by_name: Whether the files' names must be the same, too.
        """
        files, meta = row.get("files"), row.get("meta") or {}
        if not isinstance(files, Mapping) or not isinstance(meta, Mapping):
            return False
        if set(files) != {file.specification for file in self.files}:
            return False
        for file in self.files:
            there = files[file.specification]
            if not isinstance(there, Mapping):
                return False
            if str(there.get("checksum")).lower() != file.checksum:
                return False
            if by_name and there.get("path") != file.name:
                return False
        # The server may have added something of its own.
        sent = json.loads(json.dumps(self.meta))
        return all(key in meta and meta[key] == value for key, value in sent.items())


def shown(path: str) -> str:
    """Return a path as a message of one line can have it."""
    return path if path.isprintable() else repr(path)
