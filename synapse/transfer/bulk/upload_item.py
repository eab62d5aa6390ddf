"""The files and `meta` that become one data unit."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import attrs

from synapse.transfer.checksum import Checksums
from synapse.transfer.filenames import compose

__all__ = [
    "ExistingUnit",
    "ItemFile",
    "PendingCreate",
    "Specification",
    "UploadItem",
    "quote_path",
]


@attrs.frozen
class Specification:
    """A collection's specification of one file per unit.

    Attributes:
        name: Name of the file within each unit.
        file_type: Type of the content, such as `image`.
        is_required: Whether each unit must have the file.
        is_primary: Whether the file is the one that is displayed.
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
        path: Local path.
        name: Name on the server.
        size: Size in bytes; -1 if unknown.
        changed: Time of the last write, in nanoseconds; -1 if unknown.
        checksum: MD5 in hex, once computed.
        sha1: SHA-1 in hex, once computed.
        server_checksum: Checksum by which the server knows the file; by default the MD5.
        is_stored: Whether the server has the bytes.
        origin: Identity of the file in later runs, if that isn't the name.
        target: The server's row with the presigned URLs, before the file is sent.
        entry: What confirms the file, after the storage got the bytes.
    """

    specification: str
    path: str
    name: str
    size: int = -1
    changed: int = -1
    checksum: str = ""
    sha1: str = ""
    server_checksum: str = ""
    is_stored: bool = False
    origin: str = ""
    target: Mapping[str, Any] | None = attrs.field(default=None, repr=False)
    entry: dict[str, Any] | None = attrs.field(default=None, repr=False)

    @property
    def base_name(self) -> str:
        """The last part of the name."""
        return self.name.rpartition("/")[2]

    @property
    def known_checksums(self) -> Checksums:
        """Both checksums, as far as computed."""
        return Checksums(self.checksum, self.sha1)

    def read_status(self) -> None:
        """Set size and time of the last write, if the file exists."""
        try:
            status = os.stat(self.path)  # noqa: PTH116 - twice as fast, for millions of files
        except (OSError, ValueError):
            return
        self.size, self.changed = status.st_size, status.st_mtime_ns

    def has_changed(self) -> bool:
        """Return whether the file exists with another size or time than before."""
        try:
            status = os.stat(self.path)  # noqa: PTH116 - as above
        except OSError:
            return False
        return (status.st_size, status.st_mtime_ns) != (self.size, self.changed)


@attrs.frozen
class PendingCreate:
    """A create request whose outcome is unknown.

    Attributes:
        at: Time of the request, in seconds since 1970; 0 if another upload may have sent one.
        newest: Highest id before the request.
    """

    at: float
    newest: int


@attrs.frozen
class ExistingUnit:
    """A unit of the collection that no item of the journal has.

    Attributes:
        unit: Id of the unit.
        content: Digest of the files' names and `meta`, see `UploadItem.content`.
        checksums: The server's checksums of the files by specification.
    """

    unit: int
    content: bytes
    checksums: dict[str, str]

    @classmethod
    def from_row(cls, unit: int, row: Mapping[str, Any]) -> ExistingUnit:
        """Build the unit of a server's row. A row of another form equals no item."""
        files, meta = row.get("files"), row.get("meta") or {}
        if not isinstance(files, Mapping) or not isinstance(meta, Mapping):
            return cls(unit, b"", {})
        entries = {name: file for name, file in files.items() if isinstance(file, Mapping)}
        names = {name: str(file.get("path")) for name, file in entries.items()}
        checksums = {name: str(file.get("checksum")).lower() for name, file in entries.items()}
        return cls(unit, _digest_content(names, meta), checksums)


@attrs.define(eq=False)
class UploadItem:
    """The files and metadata of one data unit.

    Attributes:
        label: Name of the item in messages.
        files: The files.
        meta: The unit's `meta`.
        task_values: Values of the unit's task, such as `data` and `status`.
        number: Position in the source.
        unit: Id of the unit, once created.
        pending_unit: Request for the unit whose outcome is unknown.
        task: Id of the task, once created.
        pending_task: Request for the task whose outcome is unknown.
        lost: Number of lost responses about the item in this run.
        is_in_journal: Whether the journal has an entry for the key, possibly of other content.
        is_from_earlier_run: Whether the unit was there before this run.
        has_earlier_task: Whether the task was there before this run, from another upload.
        sync_key: The unit's key in a sync.
    """

    label: str
    files: list[ItemFile]
    meta: dict[str, Any]
    task_values: dict[str, Any] = attrs.field(factory=dict, kw_only=True)
    number: int = 0
    unit: int | None = None
    pending_unit: PendingCreate | None = None
    task: int | None = None
    pending_task: PendingCreate | None = None
    lost: int = 0
    is_in_journal: bool = False
    is_from_earlier_run: bool = False
    has_earlier_task: bool = False
    sync_key: str = ""
    _key: bytes = b""

    @property
    def key(self) -> bytes:
        """Identity across runs: a digest of the files' names and `meta`."""
        if not self._key:
            parts = sorted(
                f"{file.specification}\0{compose(file.origin or file.name)}" for file in self.files
            )
            if self.meta:
                parts.append(json.dumps(self.meta, sort_keys=True, allow_nan=False))
            text = "\0\0".join(parts).encode("utf-8", "surrogateescape")
            self._key = hashlib.blake2b(text, digest_size=16).digest()
        return self._key

    @property
    def content(self) -> bytes:
        """Identity across journals: a digest of the names on the server and `meta`."""
        return _digest_content({file.specification: file.name for file in self.files}, self.meta)

    def is_equal(self, checksums: Mapping[str, str]) -> bool:
        """Return whether the files have these checksums of the server."""
        by_specification = {file.specification: file for file in self.files}
        return checksums.keys() == by_specification.keys() and all(
            by_specification[name].known_checksums.matches(checksum)
            for name, checksum in checksums.items()
        )

    def is_meta_in(self, meta: Mapping[str, Any]) -> bool:
        """Return whether a unit's `meta` has the item's values; others may have been added."""
        return all(
            key in meta and _normalize(meta[key]) == _normalize(value)
            for key, value in self.meta.items()
        )

    @property
    def stamp(self) -> str:
        """Sizes and times of the files, which show a change."""
        return " ".join(
            f"{file.size}.{file.changed}"
            for file in sorted(self.files, key=lambda file: file.specification)
        )

    @property
    def checksums(self) -> dict[str, str]:
        """MD5s of the files by specification."""
        return {file.specification: file.checksum for file in self.files}

    def dump_checksums(self) -> str:
        """Return all checksums of the files as text, for the journal."""
        return json.dumps(
            {
                file.specification: [file.checksum, file.sha1, file.server_checksum]
                for file in self.files
            }
        )

    def load_checksums(self, text: str) -> None:
        """Set the checksums that `dump_checksums` returned; older journals have the MD5 alone."""
        by_specification = json.loads(text)
        for file in self.files:
            value = by_specification.get(file.specification, "")
            values = value if isinstance(value, list) else [value, "", ""]
            file.checksum, file.sha1, file.server_checksum = values

    def has_checksums(self, text: str) -> bool:
        """Return whether the files' MD5s are those that `dump_checksums` returned."""
        by_specification = json.loads(text)
        md5s = {
            name: value[0] if isinstance(value, list) else value
            for name, value in by_specification.items()
        }
        return md5s == self.checksums

    @property
    def size(self) -> int:
        """Bytes of all files, as far as known."""
        return sum(max(file.size, 0) for file in self.files)

    def body(self, collection: Any) -> dict[str, Any]:
        """Return the body of the request that creates the unit."""
        files = {
            file.specification: {
                "checksum": file.server_checksum or file.checksum,
                "path": file.name,
            }
            for file in self.files
        }
        return {"data_collection": collection, "files": files, "meta": self.meta}

    def matches(self, row: Mapping[str, Any], *, by_name: bool) -> bool:
        """Return whether a unit of the server has this item's content.

        Args:
            row: The server's row of the unit.
            by_name: Whether the files' names must match, too.
        """
        files, meta = row.get("files"), row.get("meta") or {}
        if not isinstance(files, Mapping) or not isinstance(meta, Mapping):
            return False
        if set(files) != {file.specification for file in self.files}:
            return False
        for file in self.files:
            stored = files[file.specification]
            if not isinstance(stored, Mapping):
                return False
            if not file.known_checksums.matches(stored.get("checksum")):
                return False
            if by_name and stored.get("path") != file.name:
                return False
        # The server may have added keys of its own.
        sent = json.loads(json.dumps(self.meta))
        return all(key in meta and meta[key] == value for key, value in sent.items())


def _digest_content(names: Mapping[str, str], meta: Mapping[str, Any]) -> bytes:
    parts = [sorted((key, compose(name)) for key, name in names.items()), _normalize(meta)]
    text = json.dumps(parts, sort_keys=True)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _normalize(value: Any) -> Any:
    """Return JSON in which equal numbers have one text, as databases rewrite numbers."""
    if isinstance(value, Mapping):
        return {key: _normalize(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_normalize(part) for part in value]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value
    text = f"{Decimal(repr(value)) if isinstance(value, float) else Decimal(value):f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return f"\0{'0' if text == '-0' else text}"


def quote_path(path: str) -> str:
    """Return a path for a message of one line, quoted if necessary."""
    return path if path.isprintable() else repr(path)
