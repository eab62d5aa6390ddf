"""Read upload items from folders, patterns, manifests, paths or records."""

from __future__ import annotations

import os
import unicodedata
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import Any

from synapse._internal.json_values import to_json
from synapse._internal.user_folders import expand_home
from synapse.errors import FieldValueError, SynapseError, UsageError
from synapse.transfer.bulk.file_source import FileSource
from synapse.transfer.bulk.file_walk import glob_files, is_pattern, pattern_root, walk_files
from synapse.transfer.bulk.item_source import ItemSource, RefusedItem
from synapse.transfer.bulk.manifest import is_manifest, read_manifest
from synapse.transfer.bulk.specification_matcher import Matcher, Placement
from synapse.transfer.bulk.upload_item import ItemFile, UploadItem, quote_path
from synapse.transfer.filenames import compose

__all__ = ["LOOKAHEAD", "ItemSource", "RefusedItem", "open_source"]

LOOKAHEAD = 1000
"""Items of an iterator that are checked before anything is sent."""


def open_source(
    source: Any,
    matcher: Matcher,
    *,
    ignore: str | Iterable[str] | None = None,
    columns: Mapping[str, str] | None = None,
) -> ItemSource:
    """Return the source for the user's argument.

    Args:
        source: A folder, a pattern, a manifest, or an iterable of paths or records.
        matcher: Matcher of the collection's specifications.
        ignore: Patterns of paths that are left out, of a folder or pattern.
        columns: Specifications by the columns of a manifest.

    Raises:
        UsageError: The source is none of these, or an argument isn't for such a source.
    """
    if isinstance(source, (str, os.PathLike)):
        text = os.path.expanduser(os.fspath(source))  # noqa: PTH111 - keeps `./~`
        return _open_path(text, matcher, ignore, columns)
    _refuse_argument("ignore", ignore, "a folder or pattern")
    _refuse_argument("columns", columns, "a manifest")
    if isinstance(source, (bytes, Mapping)) or not isinstance(source, Iterable):
        raise UsageError(
            f"A {type(source).__name__} is not a valid source. Pass a folder, a pattern, a "
            "manifest, or an iterable of paths or records."
        )
    iterator = iter(source)
    first = list(islice(iterator, 1))
    is_iterator = iterator is source

    def read() -> Iterator[tuple[str, Any]]:
        values = chain(first, iterator) if is_iterator else iter(source)
        if first and isinstance(first[0], (str, os.PathLike)):
            return _group_paths(values, matcher)
        return ((f"record {number}", value) for number, value in enumerate(values))

    return _RecordSource("iterable", read, None, matcher, is_iterator=is_iterator)


def _refuse_argument(name: str, value: object, source: str) -> None:
    if value:
        raise UsageError(f"{name}= is for {source}. Leave {name}= out, or pass {source}.")


def _open_path(
    text: Any,
    matcher: Matcher,
    ignore: str | Iterable[str] | None,
    columns: Mapping[str, str] | None,
) -> ItemSource:
    if not text:
        # `Path` would take an empty variable for the current folder.
        raise UsageError("The source is an empty text. Pass a folder; the current one is '.'.")
    path = Path(text)
    # Methods of `Path` raise for long names and locked folders.
    is_folder, is_file = os.path.isdir(path), os.path.isfile(path)  # noqa: PTH112, PTH113
    if is_file and is_manifest(path):
        _refuse_argument("ignore", ignore, "a folder or pattern")
        notes: dict[str, None] = {}
        return _RecordSource(
            f"manifest {path.resolve()}",
            lambda: read_manifest(path, matcher.by_name, notes.setdefault, columns),
            path.parent,
            matcher,
            notes=notes,
        )
    _refuse_argument("columns", columns, "a manifest")
    patterns = [ignore] if isinstance(ignore, str) else list(ignore or ())
    if is_folder:
        return FileSource(f"folder {path.resolve()}", path, walk_files, path, matcher, patterns)
    if isinstance(text, str) and is_pattern(text) and not is_file:
        root = pattern_root(text)
        identity = f"pattern {root.resolve()} {Path(text).relative_to(root)}"
        return FileSource(identity, root, glob_files, text, matcher, patterns)
    if is_file:
        raise UsageError(f"{path} is one file. Pass a folder, or a list: [{str(path)!r}].")
    raise UsageError(f"No folder, manifest or pattern {str(path)!r} exists. Check the path.")


class _RecordSource(ItemSource):
    """Records of a manifest or an iterable, one at a time."""

    def __init__(
        self,
        identity: str,
        read: Callable[[], Iterator[tuple[str, Any]]],
        folder: Path | None,
        matcher: Matcher,
        *,
        is_iterator: bool = False,
        notes: Mapping[str, None] | None = None,
    ) -> None:
        super().__init__(identity)
        self._read = read
        self._notes = {} if notes is None else notes
        self._folder = folder
        self._matcher = matcher
        self._is_iterator = is_iterator
        self._checked: deque[UploadItem] = deque()
        self._rest: Iterator[tuple[str, Any]] = iter(())

    def check(self) -> None:
        if self._is_iterator:
            self._rest = self._read()
            for label, record in islice(self._rest, LOOKAHEAD):
                self._checked.append(self._build_item(label, record))
            return
        self.files = 0
        for label, record in self._read():
            item = _with_status(self._build_item(label, record))
            self.files += len(item.files)
            self.size += item.size
        self.notes = list(self._notes)

    def __iter__(self) -> Iterator[UploadItem | RefusedItem]:
        while self._checked:
            yield _with_status(self._checked.popleft())
        for label, record in self._rest if self._is_iterator else self._read():
            try:
                item = self._build_item(label, record)
            except SynapseError as error:  # noqa: PERF203
                yield RefusedItem(label, error)
            else:
                yield _with_status(item)

    def _build_item(self, label: str, record: Any) -> UploadItem:
        """Validate a record and build the item.

        Raises:
            UsageError: The record is invalid.
        """
        if isinstance(record, UsageError):
            raise record
        if not isinstance(record, Mapping) or not isinstance(record.get("files"), Mapping):
            raise UsageError(
                f'{label} is not a valid record. Pass {{"files": {{name: path}}, "meta": {{...}}}}.'
            )
        if unknown := [key for key in record if key not in ("files", "meta", "id", "task")]:
            raise UsageError(
                f"{label} has {unknown[0]!r}; a record has files, meta and task. Move it to meta."
            )
        task = record.get("task") or {}
        if not isinstance(task, Mapping) or {"project", "data_unit"} & set(task):
            raise UsageError(
                f"{label}: its task is not a mapping of a task's values, without project and unit. "
                'Pass {"data": {...}, "status": "completed"} for example.'
            )
        meta = record.get("meta") or {}
        if not isinstance(meta, Mapping):
            raise UsageError(f"{label}: its meta is not a mapping. Pass a dict.")
        self._matcher.check(label, list(record["files"]))
        files = [self._build_file(label, name, path) for name, path in record["files"].items()]
        try:
            return UploadItem(
                label, files, to_json(meta, "meta"), task_values=to_json(task, "task")
            )
        except FieldValueError as error:
            raise FieldValueError(f"{label}: {error}") from None

    def _build_file(self, label: str, name: str, value: Any) -> ItemFile:
        if not isinstance(value, (str, os.PathLike)) or not isinstance(os.fspath(value), str):
            raise UsageError(f"{label}: the file for {name!r} is not a path. Pass a str or Path.")
        text = os.path.expanduser(os.fspath(value))  # noqa: PTH111
        if self._folder is None:
            path = Path(text)
            origin = os.path.abspath(path)  # noqa: PTH100 - doesn't resolve links
            return ItemFile(name, str(path), path.name, origin=origin)
        text = _find_spelling(self._folder, text)
        path = Path(text)
        if path.is_absolute():
            return ItemFile(name, str(path), path.name, origin=str(path))
        return ItemFile(name, str(self._folder / path), text.replace(os.sep, "/"))


def _find_spelling(folder: Path, path: str) -> str:
    r"""Return the spelling of a manifest's path that exists, by default the path itself.

    Manifests come from other systems: with `\`, with another form of a letter, with blanks.
    """
    slashed = path.replace("\\", "/")
    forms = (path, slashed, compose(slashed), unicodedata.normalize("NFD", slashed))
    spellings = dict.fromkeys((*forms, *(form.strip() for form in forms)))
    if len(spellings) > 1:
        for spelling in spellings:
            if os.path.lexists(folder / spelling):
                return spelling
    return path


def _with_status(item: UploadItem) -> UploadItem:
    for file in item.files:
        file.read_status()
    return item


def _group_paths(paths: Iterable[Any], matcher: Matcher) -> Iterator[tuple[str, Any]]:
    """Group consecutive paths of one unit into a record."""
    keys: set[str] = set()
    files: dict[str, Any] = {}
    for number, path in enumerate(paths):
        try:
            place = _match_path(number, path, matcher)
        except UsageError as error:
            yield f"item {number}", error
            continue
        shared = keys & {place.key, place.short}
        if files and (not shared or place.specification in files):
            yield _build_label(keys), {"files": files}
            files, shared = {}, set()
        keys = shared or {place.key, place.short}
        files[place.specification] = path
    if files:
        yield _build_label(keys), {"files": files}


def _build_label(keys: set[str]) -> str:
    return quote_path(min(keys, key=len))


def _match_path(number: int, value: Any, matcher: Matcher) -> Placement:
    try:
        path = expand_home(value)
    except TypeError:
        raise UsageError(
            f"item {number} is not a path, but earlier items are. Pass only paths, or only records."
        ) from None
    place = matcher.place(path.as_posix(), str(path))
    if place is None:
        raise UsageError(
            f"{quote_path(str(path))} is for no specification of the collection. Pass match= to "
            "assign the file, or pass records."
        )
    return place
