"""Annotation documents: read every form that the platform has, write version 1."""

from __future__ import annotations

import copy
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar, overload

import attrs

from synapse._internal.described import Described, DescribedTable, Description, brief, cut
from synapse._internal.short_traceback import shortened
from synapse._internal.validate import is_number
from synapse.annotations.base import Annotation, Json, Source
from synapse.annotations.links import Group, OtherAnnotation, Relation
from synapse.annotations.other_media import (
    Answer,
    BoxTrack,
    Cuboid,
    FrameSection,
    NamedEntity,
    PointSet,
    Prompt,
    TimeRange,
    TimeSection,
)
from synapse.annotations.shapes import VISIBILITIES, Box, Keypoint, Label, Mask, Polygon, Polyline
from synapse.annotations.versions import TOOL_ALIASES, find_media, natural_key, to_version_1
from synapse.errors import FieldValueError, UnknownDocument, UsageError

__all__ = ["Annotations", "read_document", "write_document"]

Size = tuple[int, int]
T = TypeVar("T", bound=Annotation)

_BY_TOOL: dict[str, tuple[type[Annotation], ...]] = {}
for _shape in (
    *(Box, BoxTrack, Polygon, Polyline, Keypoint, Mask, FrameSection, TimeSection, Label),
    *(Relation, Group, Cuboid, PointSet, NamedEntity, Prompt, Answer, TimeRange),
):
    _BY_TOOL[_shape.TOOL] = (*_BY_TOOL.get(_shape.TOOL, ()), _shape)

_NEW_ENTRY = {"isLocked": False, "isVisible": True, "isValid": False, "isDrawCompleted": True}
# Above every side of a picture; infinity is no size.
_LARGEST = 1 << 31
_MOST_SHOWN = 20
_SHARED = {field.name for field in attrs.fields(Annotation)}


class Annotations(Described, Sequence[Annotation]):
    """The annotations of one document, in order. Unchangeable: assign a changed list instead.

    Args:
        items: Annotations.
        sizes: Width and height of the media in pixels, by id of the medium.

    Example:
        >>> found = Annotations([Box(10, 20, 30, 40, label="car"), Label(label="night")])
        >>> found.of(Box)[0].xyxy
        (10, 20, 40, 60)
    """

    __slots__ = ("_items", "sizes")

    def __init__(
        self, items: Iterable[Annotation] = (), *, sizes: Mapping[str, Size] | None = None
    ) -> None:
        self._items: tuple[Annotation, ...] = _check_items(items)
        self.sizes = dict(sizes or {})

    @overload
    def __getitem__(self, index: int) -> Annotation: ...
    @overload
    def __getitem__(self, index: slice) -> Annotations: ...
    def __getitem__(self, index: int | slice) -> Annotation | Annotations:
        if isinstance(index, slice):
            return Annotations(self._items[index], sizes=self.sizes)
        return self._items[index]

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Annotation]:
        return iter(self._items)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, (Annotations, list, tuple)):
            return self._items == tuple(other)
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self._items)

    def __repr__(self) -> str:
        counts = Counter(type(each).__name__ for each in self._items)
        return f"<{', '.join(f'{n} {name}' for name, n in counts.items()) or 'no'} annotations>"

    def _describe(self) -> Description:
        labels = Counter(each.label for each in self._items)
        rows = [
            ("(no class)" if label is None else cut(label, 80), f"{number:,}")
            for label, number in labels.most_common(_MOST_SHOWN)
        ]
        return Description(
            repr(self)[1:-1],
            table=DescribedTable(("class", "annotations"), rows, len(labels)) if rows else None,
            document=self,
        )

    def __getattr__(self, name: str) -> Any:
        advice = ""
        if hasattr(list, name):
            advice = ". Annotations can't change: assign a new list, [*task.annotations, box]"
        raise shortened(AttributeError(f"Annotations has no {name!r}{advice}", name=name, obj=self))

    def of(self, kind: type[T]) -> list[T]:
        """Return the annotations of a class, such as `Box`.

        Raises:
            UsageError: The argument isn't a class of annotations.
        """
        if not (isinstance(kind, type) and issubclass(kind, Annotation)):
            raise UsageError(
                f"of({brief(kind)}): not a class of annotations. Pass a class of "
                "synapse.annotations, such as of(Box)."
            )
        return [each for each in self._items if isinstance(each, kind)]

    def by_id(self, name: str) -> Annotation:
        """Return the annotation with an id.

        Raises:
            KeyError: No annotation has the id.
        """
        for each in self._items:
            if each.id == name:
                return each
        raise shortened(KeyError(f"No annotation has the id {name!r}."))

    def group_of(self, annotation: Annotation) -> Group | None:
        """Return the group that an annotation is in, or `None`."""
        for group in self.of(Group):
            if annotation.id in group.members and annotation.medium == group.medium:
                return group
        return None

    def replace(self, changed: Annotation) -> Annotations:
        """Return these annotations with another one in the place of that with the same id.

        Raises:
            KeyError: No annotation has the id.

        Example:
            >>> found = Annotations([Box(0, 0, 5, 5, id="a")])
            >>> found.replace(attrs.evolve(found[0], x=3))[0].xywh
            (3, 0, 5, 5)
        """
        old = self.by_id(changed.id)
        items = (changed if each is old else each for each in self._items)
        return Annotations(items, sizes=self.sizes)

    def __synapse_json__(self) -> dict[str, Any]:
        return write_document(self)


def read_document(document: Any) -> Annotations:
    """Read a document of any form. Makes no request.

    Args:
        document: A document, or `None` for a task without one.

    Returns:
        The annotations by medium, in the document's order; groups and relations come last.

    Raises:
        UnknownDocument: The document has none of the forms.
    """
    if document is None or document == {}:
        return Annotations()
    plain = to_version_1(document)
    if plain is None:
        raise UnknownDocument(
            "The document has none of the forms of annotations that the platform's editors write; "
            f"its keys are {_names(document)}. Read it as JSON instead, task.data."
        )
    sizes = _read_sizes(plain)
    items: list[Annotation] = []
    geometries = dict(find_media(plain, "annotationsData"))
    for medium, entries in find_media(plain, "annotations"):
        partners = _by_id(geometries.get(medium, []))
        for entry in entries:
            data = _next_partner(partners, entry)
            items.append(_read_one(medium, Source("annotations", entry, data), sizes))
    for place in ("annotationGroups", "relations"):
        for medium, entries in find_media(plain, place):
            items += [_read_one(medium, Source(place, entry), sizes) for entry in entries]
    return Annotations(items, sizes=sizes)


def write_document(
    annotations: Iterable[Annotation],
    like: Any = None,
    *,
    sizes: Mapping[str, Size] | None = None,
) -> dict[str, Any]:
    """Write a document of version 1. Makes no request.

    Annotations that were read and not changed are written as they were, with unknown keys; of
    changed ones, only the changed keys differ.

    Args:
        annotations: The annotations, in order. Those that are left out are gone.
        like: The former document, whose other parts stay: `extra`, unknown keys.
        sizes: Width and height of media in pixels, by id of the medium.

    Returns:
        The document, which shares no list or mapping with the arguments.

    Raises:
        UsageError: The value isn't a list of annotations.
        FieldValueError: An element isn't an annotation.
        UnknownDocument: The former document has none of the known forms.
    """
    items = list(_check_items(annotations))
    former = {} if like is None or like == {} else to_version_1(like)
    if former is None:
        raise UnknownDocument(
            "The object has a document of an unknown form, which would be lost; its keys are "
            f"{_names(like)}. To replace it, assign task.data = write_document(annotations)."
        )
    known = dict(annotations.sizes) if isinstance(annotations, Annotations) else {}
    return _Writer(copy.deepcopy(former), items).write({**known, **(sizes or {})})


def _check_items(annotations: Any) -> tuple[Annotation, ...]:
    if isinstance(annotations, (str, Mapping)) or not isinstance(annotations, Iterable):
        given = (
            f"a {type(annotations).__name__}" if annotations is not None else "None; [] has none"
        )
        raise UsageError(
            "Annotations are a list, such as [Box(10, 20, 30, 40, label='car')]; this is "
            f"{given}. Pass a list."
        )
    items = tuple(annotations)
    for at, each in enumerate(items):
        if not isinstance(each, Annotation):
            raise FieldValueError(
                f"annotations[{at}] is a {type(each).__name__}. Give objects of "
                "synapse.annotations, such as Box(10, 20, 30, 40, label='car')."
            )
    return items


def _names(document: Any) -> str:
    if not isinstance(document, Mapping):
        return f"those of a {type(document).__name__}"
    names = [repr(key) for key in list(document)[:8]]
    return ", ".join(names) or "none"


# -- Reading --------------------------------------------------------------------------------------


def _id_of(entry: Json) -> Any:
    """Return the id that joins two entries, also one of a type that a document shouldn't have."""
    found = entry.get("id")
    return found if isinstance(found, (str, int, float, type(None))) else repr(found)


def _by_id(entries: Iterable[Any]) -> dict[Any, list[Any]]:
    result: dict[Any, list[Any]] = defaultdict(list)
    for entry in entries:
        if isinstance(entry, Mapping):
            result[_id_of(entry)].append(entry)
    return result


def _next_partner(partners: dict[Any, list[Any]], entry: Any) -> Json | None:
    """Return the first unused entry of `annotationsData` with the same id."""
    same = partners.get(_id_of(entry)) if isinstance(entry, Mapping) else None
    return same.pop(0) if same else None


def _read_sizes(document: Json) -> dict[str, Size]:
    extra = document.get("extra")
    result: dict[str, Size] = {}
    for medium, one in extra.items() if isinstance(extra, Mapping) else ():
        lengths = (
            [one.get(name) for name in ("width", "height")] if isinstance(one, Mapping) else []
        )
        known = [
            int(each) for each in lengths if isinstance(each, (int, float)) and 0 < each < _LARGEST
        ]
        if len(known) == 2:
            result[medium] = (known[0], known[1])
    return result


def _read_one(medium: str, source: Source, sizes: Mapping[str, Size]) -> Annotation:
    """Read an annotation; one that can't be read is kept as it is."""
    common: dict[str, Any] = {"medium": medium, "source": source}
    entry: Any = source.entry
    if not isinstance(entry, Mapping):
        return OtherAnnotation(id="", **common)
    data = entry if source.data is None else source.data
    common["id"] = entry.get("id") if isinstance(entry.get("id"), str) else ""
    classes = entry.get("classification")
    classes = dict(classes) if isinstance(classes, Mapping) else {}
    label = classes.pop("class", None)
    shown = entry.get("label")
    if label is None and isinstance(shown, list) and shown and isinstance(shown[0], str):
        label = shown[0]
    if is_number(label):
        label = str(label)  # as other writers name classes by numbers
    common["label"] = label if isinstance(label, str) else None
    if label is not None and common["label"] is None:
        classes["class"] = label
    tool = {"annotationGroups": "group", "relations": "relation"}.get(
        source.place, str(entry.get("tool"))
    )
    for cls in _BY_TOOL.get(TOOL_ALIASES.get(tool, tool), ()):
        own = dict(classes)
        try:
            read = cls._read(data)
            if cls is Keypoint and own.get("visibility") in VISIBILITIES:
                read["visibility"] = own.pop("visibility")
            if cls is Mask:
                read["size"] = sizes.get(medium)
            return cls(attributes=own, **read, **common)
        except (KeyError, TypeError, ValueError, AttributeError):
            continue  # another class of the tool, or none
    return OtherAnnotation(attributes=classes, **common)


# -- Writing --------------------------------------------------------------------------------------


class _Writer:
    """Puts annotations into a former document.

    Args:
        document: The former document, in version 1; changed in place.
        items: The annotations.
    """

    def __init__(self, document: dict[str, Any], items: list[Annotation]) -> None:
        self._document = document
        self._items = items
        media = [name for name, _ in find_media(document, "annotations")]
        if not media:
            media = sorted(_read_sizes(document), key=natural_key)
        first = next((each.medium for each in items if each.medium is not None), None)
        self._default = media[0] if media else first

    def write(self, sizes: Mapping[str, Size]) -> dict[str, Any]:
        """Return the document."""
        places: dict[str, dict[str, list[Any]]] = {
            place: defaultdict(list) for place in ("annotations", "annotationGroups", "relations")
        }
        written: dict[str, dict[Any, list[Any]]] = defaultdict(lambda: defaultdict(list))
        for each in self._items:
            medium = self._default if each.medium is None else each.medium
            medium = f"{each.MEDIUM}_1" if medium is None else medium
            place, entry, data = _write_one(each)
            places[place][medium].append(entry)
            if data is not None:
                written[medium][_id_of(data)].append(data)
        before = dict(find_media(self._document, "annotations"))
        self._check_ids(places["annotations"], before)
        for place, media in places.items():
            self._put(place, media)
        self._put_data(before, written)
        extra = self._document.get("extra")
        for medium, (width, height) in sizes.items():
            if _read_sizes(self._document).get(medium) != (width, height):
                extra = self._document.setdefault("extra", {}) or {}
                extra[medium] = {**extra.get(medium, {}), "width": width, "height": height}
                self._document["extra"] = extra
        return self._document

    @staticmethod
    def _check_ids(after: Mapping[str, list[Any]], before: Mapping[str, list[Any]]) -> None:
        """Refuse two annotations of one id, unless the former document has them."""
        for medium, entries in after.items():
            had, has = (
                Counter(_id_of(entry) for entry in these if isinstance(entry, Mapping))
                for these in (before.get(medium, []), entries)
            )
            for key, number in has.items():
                if number > max(1, had[key]) and key:
                    raise FieldValueError(
                        f"{number} annotations of {medium} have the id {key!r}, which joins an "
                        "annotation with its place. Give copies a new one: attrs.evolve(box, "
                        "id=make_id())."
                    )

    def _put(self, place: str, media: Mapping[str, list[Any]]) -> None:
        former = self._document.get(place)
        if not isinstance(former, dict):
            if not media and place != "annotations":
                return
            former = self._document[place] = {}
        for medium, entries in former.items():
            if isinstance(entries, list):
                former[medium] = media.get(medium, [])
        former.update(
            {medium: entries for medium, entries in media.items() if medium not in former}
        )

    def _put_data(
        self, before: Mapping[str, list[Any]], written: Mapping[str, dict[Any, list[Any]]]
    ) -> None:
        """Write `annotationsData` in its former order; entries without a partner stay."""
        former = self._document.setdefault("annotationsData", {})
        media = [*former, *(medium for medium in written if medium not in former)]
        for medium in media:
            entries = former.get(medium, [])
            if not isinstance(entries, list):
                continue
            had = Counter(
                _id_of(entry) for entry in before.get(medium, []) if isinstance(entry, Mapping)
            )
            left = {key: list(these) for key, these in written.get(medium, {}).items()}
            result: list[Any] = []
            for entry in entries:
                if not isinstance(entry, Mapping):
                    result.append(entry)
                    continue
                key = _id_of(entry)
                if left.get(key):
                    result.append(left[key].pop(0))
                elif had[key] <= 0:  # else the annotation was left out
                    result.append(entry)
                had[key] -= 1
            former[medium] = result + [entry for these in left.values() for entry in these]


def _write_one(each: Annotation) -> tuple[str, Any, dict[str, Any] | None]:
    """Return the place, the entry and the geometry of an annotation."""
    source = each.source
    if source is None:
        place = {Group: "annotationGroups", Relation: "relations"}.get(type(each), "annotations")
        source, original = Source(place, {}, None if place != "annotations" else {}), None
    else:
        original = _read_one(each.medium or "", source, {})
        if type(original) is not type(each):
            source, original = attrs.evolve(source, entry={}, data={}), None
    if original is not None and original == attrs.evolve(each, medium=original.medium):
        return source.place, copy.deepcopy(source.entry), copy.deepcopy(source.data)  # type: ignore[return-value] # a mapping of the document
    entry = dict(copy.deepcopy(source.entry))
    data = None if source.data is None else dict(copy.deepcopy(source.data))
    geometry = {field.name for field in attrs.fields(type(each))} - _SHARED - {"visibility"}
    has_moved = original is None or _differs(each, original, geometry)
    if original is None:
        _begin_entry(each, entry, source.place)
    if original is None or _differs(each, original, {"label", "attributes", "visibility"}):
        _write_classes(each, entry)
    if original is None or each.id != original.id:
        entry["id"] = each.id
    if source.place == "annotations" and (data is not None or has_moved):
        data = {"id": entry.get("id"), **(data or {})}
        if "id" in entry:
            data["id"] = entry["id"]
    if has_moved:
        each._write(entry if data is None else data)
    return source.place, entry, data


def _differs(one: Annotation, other: Annotation, names: set[str]) -> bool:
    return any(getattr(one, name, None) != getattr(other, name, None) for name in names)


def _begin_entry(each: Annotation, entry: dict[str, Any], place: str) -> None:
    entry["id"] = each.id
    if place != "annotationGroups":
        entry["tool"] = each.tool
    if place == "annotations":
        entry.update(_NEW_ENTRY)


def _write_classes(each: Annotation, entry: dict[str, Any]) -> None:
    """Write label and attributes; the entry's keys keep their order."""
    new: dict[str, Any] = {} if each.label is None else {"class": each.label}
    new.update(each.attributes)
    if isinstance(each, Keypoint) and each.visibility is not None:
        new["visibility"] = each.visibility
    if isinstance(each, Group) and not new:
        return
    old = entry.get("classification")
    kept = [key for key in old if key in new] if isinstance(old, Mapping) else []
    entry["classification"] = {key: new[key] for key in [*kept, *new]} or None
    if each.label is not None and not isinstance(each, (Group, Relation)):
        entry["label"] = [each.label]
