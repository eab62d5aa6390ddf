"""An upload item: the files and the metadata of one future data unit."""

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
    """A collection's specification of one file per unit.

    Attributes:
        name: Name of the file within a unit.
        file_type: Type of the content, such as `image`.
        is_required: Whether each unit must have the file.
        is_primary: Whether editors show this file.
    """

    name: str
    file_type: str
    is_required: bool = True
    is_primary: bool = False


@attrs.define(eq=False)
class ItemFile:
    """One file of an item.

    Attributes:
        specification: Name of the file specification.
        path: Path on the disk.
        name: Name on the server.
        size: Bytes; -1 before a look at the file, or if that fails.
        changed: Time of the last write, in nanoseconds.
        checksum: MD5 of the bytes, once they were read.
        is_held: Whether the server has the bytes.
        origin: Identity in another run, if that isn't the name.
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
        """Note size and time of an existing file."""
        try:
            status = os.stat(self.path)  # noqa: PTH116 - twice as fast, for millions of files
        except (OSError, ValueError):
            return
        self.size, self.changed = status.st_size, status.st_mtime_ns

    def has_changed(self) -> bool:
        """Return whether an existing file differs from the noted size and time."""
        try:
            status = os.stat(self.path)  # noqa: PTH116 - as above
        except OSError:
            return False
        return (status.st_size, status.st_mtime_ns) != (self.size, self.changed)


@attrs.frozen
class PendingCreate:
    """A create request whose outcome is unknown.

    Attributes:
        at: Time of sending, in seconds since 1970.
        newest: Highest id of that kind before.
    """

    at: float
    newest: int


@attrs.define(eq=False)
class UploadItem:
    """The files and the metadata of one future data unit.

    Attributes:
        label: Name in messages.
        files: The files.
        meta: The unit's metadata.
        number: Position in the source.
        unit: The unit's id, once created.
        unit_asked: The pending request for the unit, if its outcome is unknown.
        task: The task's id, once created.
        task_asked: The pending request for the task.
        lost: Number of responses that this run lost for the item.
        is_noted: Whether the journal has an entry for the key, possibly of other files.
        is_old: Whether an earlier run created the unit.
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
        """The item's identity: its files' names and its metadata."""
        if not self._key:
            parts = sorted(f"{one.specification}\0{one.origin or one.name}" for one in self.files)
            if self.meta:
                parts.append(json.dumps(self.meta, sort_keys=True, allow_nan=False))
            text = "\0\0".join(parts).encode("utf-8", "surrogateescape")
            self._key = hashlib.blake2b(text, digest_size=16).digest()
        return self._key

    def check(self) -> None:
        """Check that the metadata can be sent.

        Raises:
            FieldValueError: The metadata isn't JSON.
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
        """Sizes and times, which show without reading that the files haven't changed."""
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
        """Bytes of all readable files."""
        return sum(max(file.size, 0) for file in self.files)

    def body(self, collection: Any) -> dict[str, Any]:
        """Return the request body of the unit."""
        files = {
            file.specification: {"checksum": file.checksum, "path": file.name}
            for file in self.files
        }
        return {"data_collection": collection, "files": files, "meta": self.meta}

    def is_made_as(self, row: Mapping[str, Any], *, by_name: bool) -> bool:
        """Return whether a unit on the server is this item's.

        Args:
            row: The server's row of the unit.
            by_name: Whether the files' names must agree, too.
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
    """Return a path for a message of one line."""
    return path if path.isprintable() else repr(path)
