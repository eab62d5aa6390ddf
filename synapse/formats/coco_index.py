"""Index of a COCO file: its pictures, and its annotations by picture, on the disk."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import attrs

from synapse._internal.scratch_database import open_scratch_database
from synapse.errors import UsageError
from synapse.formats.json_stream import read_items
from synapse.formats.report import FormatReport
from synapse.formats.samples import check_name

__all__ = ["CocoFile", "CocoIndex", "ImageRow", "read_size_of_row"]

_IMAGE_KEYS = frozenset({"id", "file_name", "width", "height", "source_id"})
_CATEGORY_KEYS = frozenset({"id", "name", "supercategory", "keypoints", "skeleton"})
_LISTS = frozenset({"images", "annotations", "categories"})
# Characters of annotations that wait in memory, so that those of one picture go into one row.
_WAITING = 3 * 2**21

_TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -8000;
CREATE TABLE images (
    file INTEGER, key TEXT, split TEXT, name TEXT, id TEXT, width INTEGER, height INTEGER
);
CREATE UNIQUE INDEX image_keys ON images (file, key);
CREATE INDEX image_names ON images (name, split);
CREATE TABLE annotations (file INTEGER, key TEXT, text TEXT);
"""


@attrs.define
class CocoFile:
    """A COCO file.

    Attributes:
        path: The file.
        split: Name of the part of the data set, or `None`.
        categories: The rows of the categories.
        info: The members `info` and `licenses`, if the file has them.
        has_annotations: Whether the file has a list of annotations.
    """

    path: Path
    split: str | None
    categories: list[Mapping[str, Any]] = attrs.field(factory=list)
    info: dict[str, Any] = attrs.field(factory=dict)
    has_annotations: bool = False


@attrs.frozen
class ImageRow:
    """A picture's row.

    Attributes:
        file: Position of the picture's file in the index.
        key: The picture's id as text, as annotations name it.
        name: Value of `file_name`, with `/`.
        id: Id of the picture.
        size: Width and height, if the row has them.
    """

    file: int
    key: str
    name: str
    id: int | str
    size: tuple[int, int] | None


def read_size_of_row(row: Mapping[str, Any]) -> tuple[int, int] | None:
    """Return width and height of a row, or `None` unless both are whole and positive."""
    sides = [row.get("width"), row.get("height")]
    if not all(
        isinstance(side, (int, float)) and not isinstance(side, bool) and 0 < side < 2**31
        for side in sides
    ):
        return None
    width, height = (int(side) for side in sides if side is not None)
    return (width, height) if [width, height] == sides else None


class CocoIndex:
    """Pictures and annotations of COCO files, in a temporary database.

    Args:
        files: The files; each is read once.
        report: Notes rows that belong to no picture.

    Raises:
        UsageError: A file isn't valid JSON, or not of COCO.
    """

    def __init__(self, files: Iterable[CocoFile], report: FormatReport) -> None:
        self.files = list(files)
        # An empty name is a temporary file, which leaves with the connection.
        self._database = open_scratch_database(self)
        self._database.executescript(_TABLES)
        for position, file in enumerate(self.files):
            self._load(position, file, report)
        self._database.execute("CREATE INDEX annotation_keys ON annotations (file, key)")
        self._has_twins = self._find_twins()
        self._note_orphans(report)

    def __iter__(self) -> Iterator[ImageRow]:
        last = 0
        query = (
            "SELECT file, key, name, id, width, height, rowid FROM images "
            "WHERE rowid > ? ORDER BY rowid LIMIT 1000"
        )
        while rows := self._database.execute(query, (last,)).fetchall():
            last = rows[-1][-1]
            for file, key, name, text, width, height, _ in rows:
                size = None if width is None else (width, height)
                yield ImageRow(file, key, name, json.loads(text), size)

    def read_annotations(self, row: ImageRow) -> list[Any]:
        """Return the rows of a picture's annotations, in the order of the file."""
        query = "SELECT text FROM annotations WHERE file = ? AND key = ? ORDER BY rowid"
        texts = [text for (text,) in self._database.execute(query, (row.file, row.key))]
        rows: list[Any] = json.loads(f"[{','.join(texts)}]") if texts else []
        return rows

    def is_first(self, row: ImageRow) -> bool:
        """Return whether no picture before has the same name in the same split."""
        if not self._has_twins:
            return True
        query = "SELECT file, key FROM images WHERE name = ? AND split = ? ORDER BY rowid LIMIT 1"
        found = self._database.execute(query, (row.name, self.files[row.file].split or ""))
        return bool(found.fetchone() == (row.file, row.key))

    def _find_twins(self) -> bool:
        """Return whether two pictures of a split have one name."""
        query = "SELECT 1 FROM images GROUP BY name, split HAVING count(*) > 1 LIMIT 1"
        return self._database.execute(query).fetchone() is not None

    def make_name(self, row: ImageRow) -> str:
        """Return a name for a picture whose own name is taken."""
        path = PurePosixPath(row.name)
        number = f"{row.key}~{row.file}" if row.file else row.key
        stem = f"{path.stem}~{number}".replace("/", "_").replace("\\", "_")
        while self.has_name(name := str(path.with_name(stem + path.suffix))):
            stem += "_"
        return name

    def has_name(self, name: str) -> bool:
        """Return whether a picture has this name."""
        query = "SELECT 1 FROM images WHERE name = ?"
        return self._database.execute(query, (name,)).fetchone() is not None

    def _load(self, position: int, file: CocoFile, report: FormatReport) -> None:
        waiting: dict[str, list[str]] = {}
        size = 0
        keys: set[str] = set()
        others: set[str] = set()

        def flush() -> None:
            rows = ((position, key, ",".join(texts)) for key, texts in waiting.items())
            self._database.executemany("INSERT INTO annotations VALUES (?, ?, ?)", rows)
            waiting.clear()

        for item in read_items(file.path):
            if item.is_item and item.key == "annotations":
                key = _to_key(item.value.get("image_id")) if type(item.value) is dict else None
                if key is None:
                    report.skip(file.path.name, "no-image", "an annotation names no picture")
                    continue
                waiting.setdefault(key, []).append(item.text)
                size += len(item.text)
                if size >= _WAITING:
                    flush()
                    size = 0
            elif item.is_item and item.key == "images":
                others.update(self._add_image(position, file, item.value, report))
            elif item.is_item and item.key == "categories" and isinstance(item.value, dict):
                file.categories.append(item.value)
                others.update(item.value.keys() - _CATEGORY_KEYS)
            elif item.key == "info" and not item.is_item:
                file.info["info"] = item.value
            elif item.key == "licenses" and item.is_item:
                file.info.setdefault("licenses", []).append(item.value)
            if item.key in _LISTS and not item.is_item and item.value != []:
                raise UsageError(f"{file.path}: {item.key!r} is not a list. Make the file again.")
            keys.add(item.key)
        file.has_annotations = "annotations" in keys
        flush()
        if not keys & {"images", "annotations"}:
            raise UsageError(f"{file.path} has neither 'images' nor 'annotations' of COCO.")
        if others:
            reason = f"keys of pictures or categories without a place: {', '.join(sorted(others))}"
            report.lose(file.path.name, "extra-keys", reason)

    def _add_image(
        self, position: int, file: CocoFile, row: Any, report: FormatReport
    ) -> frozenset[str]:
        """Add a picture, and return the names of the keys without a place."""
        key = _to_key(row.get("id")) if isinstance(row, dict) else None
        name = row.get("file_name") if isinstance(row, dict) else None
        if key is None or not isinstance(name, str) or not _is_text(name.strip("/\\ .")):
            text = json.dumps(row)[:80]
            report.skip(file.path.name, "no-name", f"a picture without id or file_name: {text}")
            return frozenset()
        width, height = read_size_of_row(row) or (None, None)
        name = _make_safe(name.replace("\\", "/"), report)
        values = (position, key, file.split or "", name, json.dumps(row["id"]), width, height)
        cursor = self._database.execute(
            "INSERT OR IGNORE INTO images VALUES (?, ?, ?, ?, ?, ?, ?)", values
        )
        if not cursor.rowcount:
            report.skip(name, "duplicate-image-id", f"another picture has the id {row['id']!r}")
        return frozenset(row.keys() - _IMAGE_KEYS)

    def _note_orphans(self, report: FormatReport) -> None:
        query = (
            "SELECT annotations.file, annotations.key, text FROM annotations LEFT JOIN images "
            "USING (file, key) WHERE images.key IS NULL ORDER BY annotations.rowid"
        )
        for file, key, text in self._database.execute(query):
            for row in json.loads(f"[{text}]"):
                name = self.files[file].path.name
                reason = f"the file has no picture with the id {key}"
                report.skip(name, "no-image", reason, annotation=str(row.get("id")))


def _to_key(value: Any) -> str | None:
    """Return an id as text: files mix numbers and text."""
    if type(value) is int:  # a fast path: data sets have millions of ids
        return str(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    is_id = isinstance(value, (int, str)) and not isinstance(value, bool)
    return str(value) if is_id and _is_text(str(value)) else None


def _is_text(value: str) -> bool:
    """Return whether text isn't empty, and valid Unicode."""
    try:
        return bool(value.encode())
    except UnicodeEncodeError:
        return False


def _make_safe(name: str, report: FormatReport) -> str:
    """Return a name that stays in its folder."""
    try:
        return check_name(name)
    except UsageError:
        last = name.rstrip("/").rpartition("/")[2]
        report.lose(name, "path-outside", f"the name leaves its folder, so {last!r} is used")
        return check_name(last)
