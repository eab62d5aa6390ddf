"""Sources of an upload's items: a folder, a pattern, a manifest, paths or records."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import Any, Protocol

import attrs

from synapse.errors import InvalidQuery, SynapseError
from synapse.transfer.bulk.manifest import is_manifest, read_manifest
from synapse.transfer.bulk.specification_matcher import Matcher
from synapse.transfer.bulk.spool import Entry, Spool, entry_of
from synapse.transfer.bulk.upload_item import ItemFile, UploadItem, shown
from synapse.transfer.bulk.walking import is_pattern, matching, root_of, walk

__all__ = ["WINDOW", "ItemSource", "Refused", "open_source"]

WINDOW = 1000
"""How many records of a source that can be read only once are checked before anything is sent."""

Wire = Callable[[Any], Any]


@attrs.frozen
class Refused:
    """An invalid item, found after others were sent.

    Attributes:
        label: The item's label.
        error: The reason.
    """

    label: str
    error: SynapseError


class ItemSource(Protocol):
    """A source of items.

    Attributes:
        identity: Identifies the source's journal.
        files: Number of files, if known beforehand.
        size: Bytes of all files, if known beforehand.
        ignored: Files that match no specification.
        is_unique: Whether every item comes only once.
    """

    identity: str
    files: int | None
    size: int
    ignored: int
    is_unique: bool

    def check(self) -> None:
        """Check the whole source, or the part that can be checked before sending.

        Raises:
            UsageError: An item lacks a required file.
        """

    def __iter__(self) -> Iterator[UploadItem | Refused]: ...

    def close(self) -> None:
        """Free the source's resources."""


def open_source(source: Any, matcher: Matcher, *, to_wire: Wire) -> ItemSource:
    """Return a source for the user's argument.

    Args:
        source: A folder, a pattern, a manifest, an iterable of paths or of records.
        matcher: Matches files to the collection's specifications.
        to_wire: Converts metadata to JSON.

    Raises:
        UsageError: The argument isn't any of these.
    """
    if isinstance(source, (str, os.PathLike)):
        text = os.fspath(source)
        if not text:
            # `Path` would take it for the working folder, and a variable may be empty by mistake.
            raise InvalidQuery("The source is an empty text: give a folder; this one is '.'.")
        path = Path(text)
        # Not the methods of `Path`: they raise for what is too long, or in a locked folder.
        is_folder, is_file = os.path.isdir(path), os.path.isfile(path)  # noqa: PTH112, PTH113
        if is_folder:
            return _Files(f"folder {path.resolve()}", path, lambda: walk(path), matcher)
        if is_file and is_manifest(path):

            def rows() -> Iterator[tuple[str, Mapping[str, Any]]]:
                return read_manifest(path, matcher.by_name)

            return _Records(f"manifest {path.resolve()}", rows, path.parent, matcher, to_wire)
        if isinstance(text, str) and is_pattern(text) and not is_file:
            root = root_of(text)
            where = f"pattern {root.resolve()} {Path(text).relative_to(root)}"
            return _Files(where, root, lambda: matching(text), matcher, pattern=text)
        if is_file:
            raise InvalidQuery(f"{path} is one file: give a folder, or a list: [{str(path)!r}].")
        raise InvalidQuery(f"There is no folder, manifest or pattern {str(path)!r}.")
    if isinstance(source, (bytes, Mapping)) or not isinstance(source, Iterable):
        raise InvalidQuery(
            f"A source is a folder, a pattern, a manifest, or an iterable of paths or records, not "
            f"a {type(source).__name__}."
        )
    iterator = iter(source)
    first = list(islice(iterator, 1))
    is_once = iterator is source

    def items() -> Iterator[Any]:
        return chain(first, iterator) if is_once else iter(source)

    is_paths = bool(first) and isinstance(first[0], (str, os.PathLike))
    read = _labelled_paths if is_paths else _labelled
    place = matcher if is_paths else None
    return _Records(
        "iterable", lambda: read(items(), place), None, matcher, to_wire, is_once=is_once
    )


class _Files:
    """The files of a folder or a pattern: read as a whole, onto the disk, before anything else."""

    is_unique = True

    def __init__(
        self,
        identity: str,
        root: Path,
        find: Callable[[], Iterator[str]],
        matcher: Matcher,
        *,
        pattern: str | None = None,
    ) -> None:
        self.identity = identity
        self.files: int | None = None
        self.size = 0
        self.ignored = 0
        self._root = root
        self._find = find
        self._matcher = matcher
        self._pattern = pattern
        self._spool = Spool()

    def check(self) -> None:
        self._spool.fill(self._entries())
        self.files, self.size = self._spool.files, self._spool.size
        if self._pattern is not None and not self.files and not self.ignored:
            # A folder may be empty; who writes a pattern has files in mind.
            raise InvalidQuery(f"No file matches the pattern {self._pattern!r}.")
        if self.ignored and not self.files:
            raise InvalidQuery(
                f"None of the {self.ignored} files of {self._root} is for a specification of the "
                f"collection ({', '.join(self._matcher.by_name)}): their extensions don't fit. "
                "Say which is which by match=."
            )
        self._spool.check([] if self._matcher.is_single else self._matcher.required)

    def __iter__(self) -> Iterator[UploadItem | Refused]:
        for entries in self._spool:
            yield UploadItem(shown(entries[0].key or "."), [*map(self._file, entries)], {})

    def close(self) -> None:
        self._spool.close()

    def _entries(self) -> Iterator[Entry]:
        for relative in self._find():
            path = os.path.join(self._root, relative)  # noqa: PTH118 - for millions of files
            placed = self._matcher.place(relative, path)
            if placed is None:
                self.ignored += 1
            else:
                yield entry_of(placed[1], placed[0], relative, path)

    def _file(self, entry: Entry) -> ItemFile:
        path = os.path.join(self._root, entry.relative)  # noqa: PTH118 - for millions of files
        return ItemFile(entry.specification, path, entry.relative, entry.size, entry.changed)


class _Records:
    """Records that are given, one at a time."""

    is_unique = False

    def __init__(
        self,
        identity: str,
        read: Callable[[], Iterator[tuple[str, Any]]],
        folder: Path | None,
        matcher: Matcher,
        to_wire: Wire,
        *,
        is_once: bool = False,
    ) -> None:
        self.identity = identity
        self.files: int | None = None
        self.size = 0
        self.ignored = 0
        self._read = read
        self._folder = folder
        self._matcher = matcher
        self._to_wire = to_wire
        self._is_once = is_once
        self._window: deque[UploadItem] = deque()
        self._rest: Iterator[tuple[str, Any]] = iter(())

    def check(self) -> None:
        if self._is_once:
            self._rest = self._read()
            for label, item in islice(self._rest, WINDOW):
                self._window.append(self._record(label, item))
            return
        self.files = 0
        for label, item in self._read():
            record = _looked_at(self._record(label, item))
            self.files += len(record.files)
            self.size += record.size

    def __iter__(self) -> Iterator[UploadItem | Refused]:
        while self._window:
            yield _looked_at(self._window.popleft())
        for label, item in self._rest if self._is_once else self._read():
            try:
                record = self._record(label, item)
            except SynapseError as error:  # noqa: PERF203
                yield Refused(label, error)
            else:
                yield _looked_at(record)

    def close(self) -> None:
        pass

    def _record(self, label: str, item: Any) -> UploadItem:
        """Check a record and build an item.

        Raises:
            UsageError: The record is malformed, or lacks a required file.
        """
        if isinstance(item, InvalidQuery):
            raise item
        if not isinstance(item, Mapping) or not isinstance(item.get("files"), Mapping):
            raise InvalidQuery(
                f'{label} is no record: it is like {{"files": {{name: path}}, "meta": {{...}}}}.'
            )
        if unknown := [key for key in item if key not in ("files", "meta", "id")]:
            raise InvalidQuery(f"{label} has {unknown[0]!r}; a record has files and meta.")
        meta = item.get("meta") or {}
        if not isinstance(meta, Mapping):
            raise InvalidQuery(f"{label}: its meta is no mapping.")
        self._matcher.check(label, list(item["files"]))
        files = [self._file(label, name, path) for name, path in item["files"].items()]
        record = UploadItem(label, files, dict(self._to_wire(meta)))
        record.check()
        return record

    def _file(self, label: str, name: str, path: Any) -> ItemFile:
        if not isinstance(path, (str, os.PathLike)) or not isinstance(os.fspath(path), str):
            raise InvalidQuery(f"{label}: the file for {name!r} is no path.")
        where = Path(path)
        if self._folder is None:
            origin = os.path.abspath(where)  # noqa: PTH100 - a link stays one
            return ItemFile(name, str(where), where.name, origin=origin)
        given = os.fspath(path).replace(os.sep, "/")
        if where.is_absolute():
            return ItemFile(name, str(where), where.name, origin=str(where))
        return ItemFile(name, str(self._folder / where), given)


def _looked_at(record: UploadItem) -> UploadItem:
    for file in record.files:
        file.look()
    return record


def _labelled(items: Iterable[Any], _: Matcher | None) -> Iterator[tuple[str, Any]]:
    for number, item in enumerate(items):
        yield f"record {number}", item


def _labelled_paths(items: Iterable[Any], matcher: Matcher | None) -> Iterator[tuple[str, Any]]:
    """Group consecutive paths into items by their common part."""
    common: str | None = None
    files: dict[str, Any] = {}
    for number, item in enumerate(items):
        try:
            specification, key = _placed(number, item, matcher)
        except InvalidQuery as error:
            yield f"item {number}", error
            continue
        if files and (key != common or specification in files):
            yield shown(str(common)), {"files": files}
            files = {}
        common = key
        files[specification] = item
    if files:
        yield shown(str(common)), {"files": files}


def _placed(number: int, item: Any, matcher: Matcher | None) -> tuple[str, str]:
    try:
        path = Path(item)
    except TypeError:
        raise InvalidQuery(f"item {number} is no path, as those before it are.") from None
    placed = matcher.place(path.as_posix(), str(path)) if matcher is not None else None
    if placed is None:
        raise InvalidQuery(
            f"{shown(str(path))} is for no specification of the collection: say for which by "
            "match=, or give records."
        )
    return placed
