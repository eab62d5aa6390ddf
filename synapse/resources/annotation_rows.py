"""Annotations of many documents as a table: one row for each annotation."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from synapse._internal.described import Described, Description
from synapse._internal.json_values import to_json
from synapse._internal.lazy_import import load
from synapse.orm.fields import MISSING
from synapse.orm.frame_source import FrameSource, Origin
from synapse.orm.plain_column import PlainColumn
from synapse.orm.query import Query
from synapse.orm.resource import Resource

if TYPE_CHECKING:
    from synapse.annotations import Annotation
    from synapse.orm.frames import TableColumn

__all__ = ["AnnotationRows", "AnnotationRowsMixin"]

T = TypeVar("T", bound=Resource)

# Names and Arrow types of the columns after the owner's id.
_COLUMNS = {
    "id": "string",
    "class": "category",
    "tool": "category",
    "medium": "string",
    "file": "string",
    "x": "float64",
    "y": "float64",
    "width": "float64",
    "height": "float64",
    "area": "float64",
    "geometry": "string",
    "attributes": "string",
}


class AnnotationRows(Described, FrameSource):
    """The annotations of a query's objects as dicts, or as a table by `to_pandas()` and others.

    Each row has the object's id under the class's name, such as `task`, and of the annotation `id`,
    `class`, `tool`, `medium`; `file`, the name of the annotated file, if the server sends files;
    `x`, `y`, `width` and `height` of the smallest upright box around, if the annotation has a
    place; `area` in square pixels; `geometry` and `attributes` as JSON text.

    Each loop makes one request for each page, and one for each document that the server stores in a
    file. One page at a time is in memory.

    Args:
        query: The query.
    """

    def __init__(self, query: Query[Any]) -> None:
        self._query = query

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for page in self._plain_pages():
            yield from page

    def _columns(self) -> Sequence[TableColumn]:
        schema = self._query._resource.__schema__
        kind = "int64" if int in schema.fields[schema.key].id_types else "string"
        pairs = {self._owner(): kind, **_COLUMNS}
        return [PlainColumn(name, kind) for name, kind in pairs.items()]

    def _owner(self) -> str:
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", self._query._resource.__schema__.name).lower()

    def _plain_pages(self) -> Iterator[list[dict[str, Any]]]:
        owner, fields = self._owner(), self._query._resource.__schema__.fields
        names = [name for name in ("id", "data", "files") if name in fields]
        for page in self._query.only(*names).pages():
            rows = []
            for one in page:
                said = fields["files"].raw(one._raw) if "files" in fields else None
                files = said if said is not MISSING and isinstance(said, dict) else {}
                rows += [{owner: one._key, **_to_row(each, files)} for each in one.annotations]
            if rows:
                yield rows

    def _origin(self) -> Origin | None:
        origin = self._query._origin()
        return origin and origin._replace(column=self._owner(), wrap=AnnotationRows)

    def __repr__(self) -> str:
        return f"<annotations of {self._query!r}>"

    def _describe(self) -> Description:
        fields = [("query", repr(self._query)[1:-1])]
        notes = ["Not read yet. A loop sends requests."]
        return Description("AnnotationRows", fields=fields, notes=notes)


class AnnotationRowsMixin(Query[T]):
    """Adds `annotations` to a manager."""

    __slots__ = ()

    @property
    def annotations(self) -> AnnotationRows:
        """Annotations of all objects of the query, as rows. Makes no request.

        Reading the rows makes one request for each page, and one for each document that the server
        stores in a file. A document of an unknown form then raises `UnknownDocument`, which names
        the object.

        Example:
            >>> from synapse.annotations import Box
            >>> tasks = project.tasks
            >>> task = tasks[0].annotate([Box(10, 20, 30, 40, label="car")])
            >>> frame = tasks.annotations.to_pandas()
            >>> frame[["class", "tool", "area"]].to_dict("records")
            [{'class': 'car', 'tool': 'bounding_box', 'area': 1200.0}]
        """
        return AnnotationRows(self)


def _to_row(each: Annotation, files: Mapping[str, Any]) -> dict[str, Any]:
    shared = {field.name for field in attrs.fields(_annotation_class())}
    geometry = {
        field.name: getattr(each, field.name)
        for field in attrs.fields(type(each))
        if field.name not in shared
    }
    x, y, width, height = each.bounds or (None, None, None, None)
    return {
        "id": each.id,
        "class": each.label,
        "tool": each.tool,
        "medium": each.medium,
        "file": _find_file(each.medium, files),
        "x": x,
        "y": y,
        "width": width,
        "height": height,
        "area": each.area,
        "geometry": _to_text(geometry),
        "attributes": _to_text(each.attributes),
    }


def _annotation_class() -> Any:
    return load("synapse.annotations").Annotation


def _to_text(value: Any) -> str:
    return json.dumps(to_json(value), ensure_ascii=False, separators=(",", ":"))


def _find_file(medium: str | None, files: Mapping[str, Any]) -> str | None:
    """Return the name of a medium's file: `image_2` is the second image."""
    found = files.get(medium or "")
    if found is None:
        kind, _, number = (medium or "").rpartition("_")
        same = [file for file in files.values() if _get(file, "file_type") == kind]
        if not same and len(files) == 1:
            same = list(files.values())
        at = int(number) - 1 if number.isascii() and number.isdecimal() else 0
        found = same[at] if 0 <= at < len(same) else None
    path = _get(found, "path")
    return path if isinstance(path, str) else None


def _get(file: Any, key: str) -> Any:
    return file.get(key) if isinstance(file, Mapping) else None
